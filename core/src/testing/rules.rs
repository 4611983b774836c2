//! Rules and a grant that every dialogue can start from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::auth::{Grant, TokenKey};
use crate::http1::HeadLimits;
use crate::ids::{ProjectId, TokenId};
use crate::inspect::Policy;
use crate::proxy::{Breaker, BreakerLimits};
use crate::quota::{Concurrency, Holds, RateLimits};
use crate::reject::Dialect;
use crate::routing::EndpointPattern;
use crate::rules::{Patience, Rules};
use crate::secret::Secret;
use crate::settings::{BaseUrl, ConnectionLimits, KeyPlacement, Networks, Provider, Providers, Scheme, Timeouts};
use crate::time::Timestamp;

/// The client's token in every dialogue.
pub const TOKEN: &str = "sk-AAECAwQFBgcICQoLDA0ODw";
/// The upstream key that no client may ever see.
pub const KEY: &str = "real-upstream-key";
/// The operator's credential.
pub const MANAGEMENT_TOKEN: &str = "management-token-0123";

/// Rules with one provider `mock` at `http://up.test`, OpenAI's dialect, everything below `/v1` allowed.
#[must_use]
pub fn rules() -> Rules {
    rules_for(provider())
}

/// The provider of [`rules`].
#[must_use]
pub fn provider() -> Provider {
    Provider {
        name: "mock".into(),
        base: Arc::new(BaseUrl {
            scheme: Scheme::Http,
            host: "up.test".to_owned(),
            port: 80,
            authority: "up.test".to_owned(),
            path_prefix: String::new(),
        }),
        dialect: Dialect::OpenAi,
        auth: KeyPlacement::Bearer,
        endpoints: vec![EndpointPattern::parse("/v1").unwrap()],
        methods: vec![Method::GET, Method::POST, Method::PUT],
        max_request_size: Vec::new(),
        max_request_default: 1024 * 1024,
        inspection: Policy::default(),
        timeouts: Timeouts {
            request: Duration::from_secs(120),
            response_header: Duration::from_secs(60),
            stream_idle: Duration::from_secs(120),
            idle_connection: Duration::from_secs(90),
            connect: Duration::from_secs(10),
        },
        connection: ConnectionLimits { max_idle: 10, max_idle_per_host: 10 },
        allowed_origins: None,
        required_headers: Vec::new(),
        breaker: Arc::new(Breaker::new(BreakerLimits::default())),
    }
}

/// Rules with that provider, which must be named `mock`.
#[must_use]
pub fn rules_for(provider: Provider) -> Rules {
    let by_name = BTreeMap::from([(provider.name.clone(), Arc::new(provider))]);
    Rules {
        providers: Providers { default: "mock".into(), by_name }.into(),
        management_token: Secret::new(MANAGEMENT_TOKEN.to_owned()),
        token_key: TokenKey::new(&[7; 32]).into(),
        enforce_project_active: true,
        forward_client_ip: false,
        trusted_proxies: Networks::default(),
        concurrency: Concurrency::new(0),
        holds: Holds::default(),
        rates: RateLimits::default(),
        head_limits: HeadLimits::default(),
        patience: Patience::default(),
        grant_max_age: Duration::from_secs(5),
        version: "0.0.0",
    }
}

/// A grant that allows everything, for [`TOKEN`].
#[must_use]
pub fn grant() -> Grant {
    let at = Timestamp::from_micros(1_790_000_000_000_000);
    Grant {
        token_id: TokenId::new(at, &[1; 10]),
        project_id: ProjectId::new(at, &[2; 10]),
        provider: "mock".into(),
        upstream_key: Secret::new(KEY.to_owned()),
        token_active: true,
        project_active: true,
        expires_at: at.plus(Duration::from_secs(3600)),
        max_requests: None,
        requests_per_minute: None,
    }
}
