//! Bytes to exchanges and back.
//!
//! - [`ClientConnection`] and [`UpstreamConnection`] turn one socket's bytes into messages and messages into bytes.
//! - [`Pool`] says which idle upstream connection to reuse or close.
//! - [`Idlers`] says which client connection goes when there is no room for another.
//! - [`Session`] is what a driver of sockets holds: one client connection, the exchange that runs on it, and the
//!   upstream connection that the exchange uses, pumped as one machine.
//! - [`Relay`] is a message between those machines, for a driver that carries each through HTTP libraries of its own.
//!
//! It decides how long a connection lives and what may wait in it. It never decides what a request may do, and never
//! lets a byte of one exchange be seen in another.
//!
//! # How to drive it
//! One loop per accepted connection:
//!
//! 1. perform what [`Session::poll_effect`] gives until it gives nothing, and report what becomes of it;
//! 2. write [`Session::client_out`] and [`Session::upstream_out`] as far as the sockets take them, and report how far;
//! 3. do what [`Session::next`] says;
//! 4. read where [`Session::wants_client`] and [`Session::wants_upstream`] say so, and report how much, or the end;
//! 5. if nothing moved, wait: for a socket, for an outcome, or for the instant of [`Session::poll_timeout`].
//!
//! Here both peers are bytes in memory, and nothing has to be waited for:
//!
//! ```
//! # use std::{io::IoSlice, net::{IpAddr, Ipv4Addr}, sync::Arc};
//! # use llm_proxy_core::auth::{Grant, TokenKey};
//! use llm_proxy_core::connection::{MAX_SLICES, Next, OutQueue, Session, SessionEffect, SessionInput};
//! use llm_proxy_core::exchange::{Outcome, StoreEffect, StoreOutcome};
//! # use llm_proxy_core::{http1::HeadLimits, ids::{ProjectId, TokenId}, quota::{Concurrency, Holds, RateLimits}};
//! # use llm_proxy_core::{rules::{Patience, Rules}, secret::Secret};
//! # use llm_proxy_core::settings::{Networks, ProviderDefaults, parse_providers};
//! # use llm_proxy_core::time::{Now, Timestamp};
//! #
//! # let file = "apis: {openai: {base_url: 'https://up.test', allowed_endpoints: [/v1/models]}}";
//! # let rules = Arc::new(Rules {
//! #     providers: parse_providers(file, &ProviderDefaults::default())?.into(),
//! #     management_token: Secret::new("management-token-0123".to_owned()),
//! #     token_key: TokenKey::new(&[7; 32]).into(),
//! #     enforce_project_active: true,
//! #     forward_client_ip: false,
//! #     trusted_proxies: Networks::default(),
//! #     concurrency: Concurrency::new(0),
//! #     holds: Holds::default(),
//! #     rates: RateLimits::default(),
//! #     head_limits: HeadLimits::default(),
//! #     patience: Patience::default(),
//! #     grant_max_age: std::time::Duration::from_secs(5),
//! #     version: "0.0.0",
//! # });
//! # let now = Now::default();
//! # let grant = Arc::new(Grant {
//! #     token_id: TokenId::new(now.wall, &[1; 10]),
//! #     project_id: ProjectId::new(now.wall, &[2; 10]),
//! #     provider: "openai".into(),
//! #     upstream_key: Secret::new("real-key".to_owned()),
//! #     token_active: true,
//! #     project_active: true,
//! #     expires_at: Timestamp::from_micros(1),
//! #     max_requests: None,
//! #     requests_per_minute: None,
//! # });
//! # let client_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
//! let mut client_says = &b"GET /v1/models HTTP/1.1\r\nHost: proxy.test\r\nConnection: close\r\n\
//!     Authorization: Bearer sk-AAECAwQFBgcICQoLDA0ODw\r\n\r\n"[..];
//! let mut upstream_says = &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"[..];
//! let (mut client_hears, mut upstream_hears) = (Vec::new(), Vec::new());
//!
//! /// Writes what waits, and says how much that was: a socket may take less.
//! fn write(queue: &OutQueue, peer: &mut Vec<u8>) -> usize {
//!     let mut slices = [IoSlice::new(&[]); MAX_SLICES];
//!     let filled = queue.fill(&mut slices);
//!     slices[..filled].iter().for_each(|slice| peer.extend_from_slice(slice));
//!     slices[..filled].iter().map(|slice| slice.len()).sum()
//! }
//!
//! let mut session = Session::new(rules, client_ip, 42, now);
//! loop {
//!     // 1.
//!     while let Some(effect) = session.poll_effect() {
//!         match effect {
//!             SessionEffect::Store(id, StoreEffect::FindGrant(_)) => {
//!                 let found = StoreOutcome::Grant(Ok(Some(grant.clone())));
//!                 session.handle(SessionInput::Store(id, found), now)?;
//!             }
//!             SessionEffect::Store(_, other) => panic!("this exchange never asks {other:?}"),
//!             SessionEffect::Connect(_) => session.handle(SessionInput::Connected { reused: false }, now)?,
//!             SessionEffect::Release(provider) => println!("one more idle connection to {}", provider.name),
//!             SessionEffect::Audit(draft) => println!("denied: {:?}", draft.reason),
//!             SessionEffect::GiveBack(token) => println!("one more request for {token}"),
//!             SessionEffect::CloseUpstream => println!("the connection is dropped"),
//!             SessionEffect::Ended(ended) => assert_eq!(ended.outcome, Outcome::Completed),
//!         }
//!     }
//!     // 2.
//!     let (to_client, to_upstream) = (session.client_out().len(), session.upstream_out().len());
//!     if to_client > 0 {
//!         let n = write(session.client_out(), &mut client_hears);
//!         session.handle(SessionInput::ClientWrote(n), now)?;
//!     }
//!     if session.is_connected() && to_upstream > 0 {
//!         let n = write(session.upstream_out(), &mut upstream_hears);
//!         session.handle(SessionInput::UpstreamWrote(n), now)?;
//!     }
//!     // 3.
//!     match session.next() {
//!         Next::Continue | Next::ShutdownWrite => {}
//!         Next::Close | Next::Reset => break,
//!     }
//!     // 4.
//!     if session.is_connected() && session.wants_upstream() && to_upstream == 0 && !upstream_says.is_empty() {
//!         let bytes = std::mem::take(&mut upstream_says);
//!         session.upstream_buffer().extend_from_slice(bytes);
//!         session.handle(SessionInput::UpstreamRead(bytes.len()), now)?;
//!     } else if session.wants_client() && !client_says.is_empty() {
//!         let bytes = std::mem::take(&mut client_says);
//!         session.client_buffer().extend_from_slice(bytes);
//!         session.handle(SessionInput::ClientRead(bytes.len()), now)?;
//!     } else if session.next() == Next::ShutdownWrite {
//!         // The client has heard the end, and closes too.
//!         session.handle(SessionInput::ClientEnded, now)?;
//!     }
//!     // 5. Nothing has to be waited for here.
//! }
//!
//! let (client_heard, upstream_heard) = (String::from_utf8(client_hears)?, String::from_utf8(upstream_hears)?);
//! assert!(upstream_heard.starts_with("GET /v1/models HTTP/1.1\r\nHost: up.test\r\nAuthorization: Bearer real-key\r\n"));
//! assert!(client_heard.starts_with("HTTP/1.1 200 OK\r\n") && client_heard.ends_with("\r\n\r\n{}"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body_writer;
mod client;
mod idlers;
mod out_queue;
mod pool;
mod pump;
mod read_buffer;
mod relay;
mod session;
mod session_deadlines;
mod upstream;

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;

pub use client::{ClientConnection, ClientEvent};
pub use idlers::{Candidate, GRACE, IdlerKey, Idlers, Standing};
pub use out_queue::{MAX_SLICES, OutQueue};
pub use pool::Pool;
pub use relay::Relay;
pub use session::{EffectId, Next, Session, SessionEffect, SessionInput};
pub use upstream::UpstreamConnection;
