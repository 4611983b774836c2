//! A call alone: messages go through surf and come out as they were.

use std::task::Waker;

use bytes::{Bytes, BytesMut};
use llm_proxy_core::http1::{HeadDecoder, HeadLimits};
use llm_proxy_core::settings::{ProviderDefaults, parse_providers};
use llm_proxy_runtime_common::Seats;

use super::*;
use crate::upstream::Connector;

const SIZES: [usize; 6] = [1, 5, 8191, 8192, 8193, 65536];

/// A call that surf is sending, and that has no connection yet.
fn started(base: &str) -> Option<Call> {
    let file = format!("default_api: a\napis: {{a: {{base_url: '{base}', allowed_endpoints: [/v1]}}}}\n");
    let providers = parse_providers(&file, &ProviderDefaults::default()).unwrap();
    let provider = providers.by_name.values().next().unwrap().clone();
    let seats = Seats::of_workers(1).next().unwrap();
    let carrier = Carrier(Arc::new(Upstreams::new(Connector::new(None).unwrap(), seats)));
    let client = Arc::new(surf::Client::with_http_client(carrier));
    let mut call = Call::start(client, &ConnectRequest { provider, fresh: false, counts: None })?;
    assert!(call.poll_connected(&mut Context::from_waker(Waker::noop())).unwrap().is_none());
    Some(call)
}

fn polled(call: &mut Call) -> Option<Relay> {
    call.poll(&mut Context::from_waker(Waker::noop())).unwrap()
}

fn content(size: usize) -> Bytes {
    (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn head(text: &'static str) -> ResponseHead {
    HeadDecoder::new(HeadLimits::default()).response(&mut BytesMut::from(text)).unwrap().unwrap()
}

#[test]
fn content_for_the_upstream_passes_part_by_part() {
    let mut call = started("http://up.test:8080/base").unwrap();
    for size in SIZES {
        assert!(call.say(ToUpstream::Content(content(size))).is_none());
        let Some(Relay::ToUpstream(ToUpstream::Content(data))) = polled(&mut call) else { panic!("{size}") };
        assert_eq!(data, content(size));
        assert!(polled(&mut call).is_none(), "one part comes out once");
    }
    assert!(call.say(ToUpstream::End(Fields::default())).is_none());
    assert!(matches!(polled(&mut call), Some(Relay::ToUpstream(ToUpstream::End(_)))));
}

#[test]
fn an_answer_passes_before_the_request_is_complete() {
    let mut call = started("https://[::1]").unwrap();
    assert!(call.hear(FromUpstream::Head(head("HTTP/1.1 529 \r\nX: 1\r\n\r\n"), Framing::Chunked)).is_none());
    let Some(Relay::FromUpstream(FromUpstream::Head(said, Framing::Chunked))) = polled(&mut call) else {
        panic!("no head")
    };
    assert_eq!(said.status().as_u16(), 529);
    for size in SIZES {
        assert!(call.hear(FromUpstream::Content(content(size))).is_none());
        let Some(Relay::FromUpstream(FromUpstream::Content(data))) = polled(&mut call) else { panic!("{size}") };
        assert_eq!(data, content(size));
    }
    assert!(call.say(ToUpstream::Content(content(7))).is_none());
    assert!(matches!(polled(&mut call), Some(Relay::ToUpstream(ToUpstream::Content(_)))));
    assert!(call.hear(FromUpstream::End(Fields::default())).is_none());
    assert!(matches!(polled(&mut call), Some(Relay::FromUpstream(FromUpstream::End(_)))));
}

#[test]
fn what_surf_cannot_say_goes_beside_it() {
    let mut call = started("http://up.test").unwrap();
    let interim = FromUpstream::Interim(head("HTTP/1.1 103 Hints\r\n\r\n"));
    assert!(matches!(call.hear(interim), Some(Relay::FromUpstream(FromUpstream::Interim(_)))));
}
