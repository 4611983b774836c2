//! Content that is held until its parameters were looked at: what waits for it, what ends it, and how it goes on.

use std::time::Duration;

use crate::auth::Grant;
use crate::connection::Next;
use crate::deadline::Deadline;
use crate::exchange::Outcome;
use crate::inspect::{Glob, ParamRules, Policy};
use crate::quota::Holds;
use crate::reject::UpstreamFault;
use crate::routing::EndpointPattern;
use crate::rules::Rules;
use crate::settings::Provider;
use crate::testing::{Message, Pair, Split, grant, ok, provider, request, rules_for};

const JSON: &str = "Content-Type: application/json\r\n";
const CHUNKED: &str = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";

fn listing() -> Provider {
    let params = ParamRules::new(vec![("model".to_owned(), vec![Glob::new("gpt-4o")])]);
    Provider { inspection: Policy { params, uninspected: Vec::new() }, ..provider() }
}

fn rules_listing() -> Rules {
    rules_for(listing())
}

/// A pair whose provider has a list, and what its holds hold.
fn pair_with(rules: Rules) -> (Pair, Holds) {
    let holds = rules.holds.clone();
    (Pair::with(rules, Some(grant())), holds)
}

/// A POST of JSON of a known length.
fn post(content: &str) -> String {
    request("POST /v1/x", &format!("{JSON}Content-Length: {}\r\n", content.len()), content)
}

/// An allowed document of that size.
fn document(size: usize) -> String {
    let frame = r#"{"a":"","model":"gpt-4o"}"#;
    let text: String = (0..size - frame.len()).map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0))).collect();
    format!(r#"{{"a":"{text}","model":"gpt-4o"}}"#)
}

#[test]
fn nothing_goes_upstream_before_the_content_is_whole() {
    let (mut pair, holds) = pair_with(rules_listing());
    let request = post(r#"{"model":"gpt-4o"}"#);
    let (most, last) = request.split_at(request.len() - 1);
    pair.client(most);
    assert_eq!((pair.asked.0, holds.held()), (0, 17));
    pair.client(last);
    pair.upstream(ok("a"));
    assert_eq!((pair.request().text(), holds.held()), (r#"{"model":"gpt-4o"}"#.into(), 0));
    assert_eq!(pair.ended[0].bytes.0, 18);
}

#[test]
fn what_needs_no_look_is_streamed_as_ever() {
    let rules = rules_for(Provider { inspection: Policy::default(), ..listing() });
    let (mut pair, holds) = pair_with(rules);
    pair.client(request("POST /v1/x", &format!("{JSON}Content-Length: 9\r\n"), "abc"));
    assert!(pair.upstream_heard().ends_with("abc"));
    assert_eq!(holds.held(), 0);
}

#[test]
fn a_client_that_waits_for_a_100_gets_ours_and_the_upstream_hears_of_no_expectation() {
    let (mut pair, _) = pair_with(rules_listing());
    pair.client(request("POST /v1/x", &format!("{JSON}Content-Length: 2\r\nExpect: 100-continue\r\n"), ""));
    assert_eq!((pair.client_heard(), pair.asked.0), ("HTTP/1.1 100 Continue\r\n\r\n".into(), 0));
    pair.client("{}");
    pair.upstream(ok("a"));
    assert_eq!((pair.request().only("expect"), pair.request().text()), (None, "{}".into()));
    assert_eq!(pair.responses().iter().map(Message::status).collect::<Vec<_>>(), [100, 200]);
}

#[test]
fn a_client_of_http_1_0_gets_no_100() {
    let (mut pair, _) = pair_with(rules_listing());
    let head = request("POST /v1/x", &format!("{JSON}Content-Length: 2\r\nExpect: 100-continue\r\n"), "");
    pair.client(head.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(pair.client_heard(), "");
}

#[test]
fn a_request_that_is_refused_by_its_head_is_told_so_and_not_to_continue() {
    let (mut pair, _) = pair_with(rules_listing());
    pair.client(request("POST /v1/x?model=o3", &format!("{JSON}Content-Length: 2\r\nExpect: 100-continue\r\n"), ""));
    assert_eq!(pair.responses().iter().map(Message::status).collect::<Vec<_>>(), [400]);
    assert_eq!((pair.response().only("connection"), pair.next()), (Some("close"), Next::ShutdownWrite));
}

#[test]
fn a_refusal_comes_with_the_byte_that_is_wrong() {
    let (mut pair, holds) = pair_with(rules_listing());
    pair.client(request("POST /v1/x", &format!("{JSON}Content-Length: 900000\r\n"), "{\"model\":\"o3\""));
    assert_eq!((pair.response().status(), pair.response().code()), (400, "param_not_allowed".into()));
    assert_eq!((pair.ended[0].outcome, holds.held()), (Outcome::Refused, 0));
    let body: serde_json::Value = serde_json::from_slice(&pair.response().content).unwrap();
    assert_eq!(body["error"]["param"], "model");
}

#[test]
fn the_limit_of_the_endpoint_holds_for_what_is_held() {
    let (mut pair, _) = pair_with(rules_for(Provider { max_request_default: 30, ..listing() }));
    pair.client(request("POST /v1/x", CHUNKED, "1e\r\n{\"model\":\"gpt-4o\"             \r\n"));
    assert!(pair.responses().is_empty());
    pair.client("1\r\n}\r\n");
    assert_eq!((pair.response().status(), pair.asked.0), (413, 0));
}

#[test]
fn more_than_may_be_held_of_one_request_is_not_inspectable() {
    let rules = || Rules { holds: Holds::new(20, 1000), ..rules_listing() };
    let (mut pair, holds) = pair_with(rules());
    pair.client(request("POST /v1/x", &format!("{JSON}Content-Length: 21\r\n"), ""));
    assert_eq!((pair.response().code(), holds.held()), ("body_not_inspectable".into(), 0));
    let (mut pair, holds) = pair_with(rules());
    pair.client(request("POST /v1/x", CHUNKED, "14\r\n{\"model\":\"gpt-4o\"   \r\n"));
    assert_eq!((pair.responses().len(), holds.held()), (0, 20));
    pair.client("1\r\n}\r\n");
    assert_eq!((pair.response().code(), holds.held()), ("body_not_inspectable".into(), 0));
    assert_eq!(pair.noted.len(), 1);
}

#[test]
fn more_than_may_be_held_of_all_requests_is_overload() {
    let rules = Rules { holds: Holds::new(20, 30), ..rules_listing() };
    let (mut first, holds) = pair_with(rules.clone());
    let (mut second, _) = pair_with(rules);
    for pair in [&mut first, &mut second] {
        pair.client(request("POST /v1/x", CHUNKED, "10\r\n{\"a\":           \r\n"));
    }
    assert_eq!((second.response().status(), second.response().code()), (503, "overloaded".into()));
    assert!(second.noted.is_empty() && first.responses().is_empty());
    assert_eq!(holds.held(), 16);
    first.client_breaks();
    assert_eq!(holds.held(), 0);
}

#[test]
fn a_client_that_stops_in_the_middle_is_too_slow() {
    let (mut pair, holds) = pair_with(rules_listing());
    pair.client(request("POST /v1/x", &format!("{JSON}Content-Length: 9\r\n"), "{"));
    assert_eq!(pair.advance(Duration::from_secs(30)), [Deadline::ClientBody]);
    assert_eq!((pair.response().status(), pair.response().code()), (408, "request_timeout".into()));
    assert_eq!((pair.ended[0].outcome, pair.ended[0].deadline), (Outcome::TimedOut, Some(Deadline::ClientBody)));
    assert_eq!(holds.held(), 0);
}

#[test]
fn a_client_that_drips_is_too_slow_in_the_end() {
    let (mut pair, _) = pair_with(rules_listing());
    pair.client(request("POST /v1/x", &format!("{JSON}Content-Length: 900\r\n"), "{"));
    for _ in 0..5 {
        assert!(pair.advance(Duration::from_secs(20)).is_empty());
        pair.client(" ");
    }
    assert_eq!(pair.advance(Duration::from_secs(20)), [Deadline::Exchange]);
    assert_eq!((pair.response().status(), pair.response().code()), (408, "request_timeout".into()));
}

#[test]
fn a_client_that_leaves_in_the_middle_ends_it_and_nothing_is_spent() {
    for leave in [Pair::client_ends, Pair::client_breaks] {
        let rules = rules_listing();
        let holds = rules.holds.clone();
        let mut pair = Pair::with(rules, Some(Grant { max_requests: Some(9), ..grant() }));
        pair.store.left = 1;
        pair.client(request("POST /v1/x", &format!("{JSON}Content-Length: 9\r\n"), "{"));
        leave(&mut pair);
        assert_eq!((pair.ended[0].outcome, pair.asked.0, pair.store.left), (Outcome::ClientGone, 0, 1));
        assert_eq!(holds.held(), 0);
    }
}

#[test]
fn broken_chunks_in_the_middle_are_malformed() {
    let (mut pair, _) = pair_with(rules_listing());
    pair.client(request("POST /v1/x", CHUNKED, "1\r\n{\r\nzz\r\n"));
    assert_eq!((pair.response().status(), pair.response().code()), (400, "bad_request".into()));
}

#[test]
fn only_what_is_allowed_is_spent() {
    for (model, left) in [("gpt-4o", 1), ("o3", 2)] {
        let mut pair = Pair::with(rules_listing(), Some(Grant { max_requests: Some(9), ..grant() }));
        pair.store.left = 2;
        pair.client(post(&format!("{{\"model\":\"{model}\"}}")));
        assert_eq!(pair.store.left, left, "{model}");
    }
}

#[test]
fn an_upstream_that_takes_little_holds_the_rest_back_and_gets_all_of_it() {
    for relayed in [false, true] {
        let (mut pair, holds) = pair_with(rules_listing());
        if relayed {
            pair = pair.relayed();
        }
        let content = document(900_000);
        (pair.upstream_reads, pair.split, pair.write_size) = (false, Split::Every(1500), 7000);
        pair.client(post(&content));
        let waiting = pair.session.upstream_out().len();
        assert!(waiting <= 96 * 1024, "{waiting} bytes wait for the socket");
        let beside = holds.held() + waiting as u64 - 900_000;
        assert!(beside < 1000, "all is either held or waits, with a head of {beside} bytes");
        pair.upstream_reads = true;
        pair.drain();
        assert_eq!((pair.request().text() == content, holds.held()), (true, 0));
        pair.upstream(ok("a"));
        assert_eq!((pair.response().status(), pair.released), (200, 1));
    }
}

#[test]
fn an_upstream_that_is_slow_to_take_it_is_not_the_clients_fault() {
    let (mut pair, _) = pair_with(rules_listing());
    pair.upstream_reads = false;
    pair.client(post(&document(500_000)));
    assert_eq!(pair.advance(Duration::from_secs(200)), [Deadline::Exchange]);
    assert_eq!((pair.response().status(), pair.response().code()), (504, "upstream_timeout".into()));
}

#[test]
fn the_head_of_the_answer_is_waited_for_from_the_contents_end() {
    let (mut pair, _) = pair_with(rules_listing());
    pair.client(post(&document(500_000)));
    assert!(pair.advance(Duration::from_secs(59)).is_empty());
    assert_eq!(pair.advance(Duration::from_secs(1)), [Deadline::ResponseHead]);
}

#[test]
fn an_answer_before_the_contents_end_passes() {
    let (mut pair, holds) = pair_with(rules_listing());
    (pair.upstream_reads, pair.write_size) = (false, 1000);
    pair.client(post(&document(500_000)));
    pair.upstream("HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!((pair.response().status(), pair.response().text()), (400, "no".into()));
    assert_eq!((pair.closed, pair.released, holds.held()), (1, 0, 0));
}

#[test]
fn content_at_hand_goes_to_a_second_connection_where_the_first_took_nothing() {
    for relayed in [false, true] {
        let (mut pair, _) = pair_with(rules_listing());
        if relayed {
            pair = pair.relayed();
        }
        let content = document(300_000);
        (pair.idle, pair.upstream_reads) = (1, false);
        pair.client(post(&content));
        pair.connects = false;
        pair.upstream_breaks();
        assert!(pair.is_connecting());
        pair.upstream_reads = true;
        pair.connect(false);
        pair.upstream(ok("a"));
        assert_eq!((pair.request().text() == content, pair.response().status()), (true, 200));
        assert_eq!(pair.asked, (2, 1));
    }
}

#[test]
fn content_that_was_written_is_not_sent_again() {
    let (mut pair, _) = pair_with(rules_listing());
    pair.idle = 1;
    pair.client(post("{}"));
    pair.upstream_breaks();
    assert_eq!((pair.response().status(), pair.asked), (502, (1, 0)));
}

#[test]
fn a_connection_that_cannot_be_made_costs_nothing() {
    let rules = rules_listing();
    let holds = rules.holds.clone();
    let mut pair = Pair::with(rules, Some(Grant { max_requests: Some(9), ..grant() }));
    (pair.store.left, pair.connects) = (1, false);
    pair.client(post("{}"));
    pair.refuse_connection(UpstreamFault::Unreachable);
    assert_eq!((pair.response().status(), pair.store.left, holds.held()), (502, 1, 0));
}

#[test]
fn the_next_request_on_the_connection_is_looked_at_anew() {
    let (mut pair, _) = pair_with(rules_listing());
    for (content, status) in [("{}", 200), (r#"{"model":"gpt-4o"}"#, 200), (r#"{"model":"o3"}"#, 400)] {
        pair.client(post(content));
        pair.upstream(ok("a"));
        assert_eq!(pair.response().status(), status, "{content}");
    }
    assert_eq!(pair.next(), Next::ShutdownWrite, "the rest of what is refused is not read");
}

#[test]
fn an_endpoint_that_is_not_looked_into_is_streamed_but_its_path_and_query_count() {
    let mut provider = listing();
    provider.inspection.uninspected = vec![EndpointPattern::parse("/v1/batches").unwrap()];
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    for (line, fields, content, code) in [
        ("POST /v1/batches", "Content-Length: 9\r\n", "abc", ""),
        ("GET /v1/batches/rt?model=gpt-4o", upgrade, "", ""),
        ("POST /v1/batches?model=o3", "Content-Length: 9\r\n", "abc", "param_not_allowed"),
        ("POST /v1/batches/models/o3", "Content-Length: 9\r\n", "abc", "param_not_allowed"),
        ("GET /v1/batches/rt?model=o3", upgrade, "", "param_not_allowed"),
        ("POST /v1/other", "Content-Length: 9\r\n", "abc", "body_not_inspectable"),
    ] {
        let (mut pair, holds) = pair_with(rules_for(provider.clone()));
        pair.client(request(line, fields, content));
        let refused = pair.responses().pop().map(|response| response.code()).unwrap_or_default();
        assert_eq!((refused.as_str(), holds.held()), (code, 0), "{line}");
        assert_eq!(pair.upstream_heard().ends_with("abc"), code.is_empty() && content == "abc", "{line}");
        assert_eq!(pair.asked.0 == 1, code.is_empty(), "{line}");
    }
}

#[test]
fn a_provider_with_other_lists_does_not_mind_models() {
    let mut provider = listing();
    provider.inspection.params = ParamRules::new(vec![("voice".to_owned(), vec![Glob::new("a")])]);
    for (line, code) in [
        ("POST /v1/batches", ""),
        ("POST /v1/models/o3", ""),
        ("POST /v1/x?model=o3", ""),
        ("POST /v1/x?voice=b", "param_not_allowed"),
    ] {
        let (mut pair, _) = pair_with(rules_for(provider.clone()));
        pair.client(request(line, &format!("{JSON}Content-Length: 2\r\n"), "{}"));
        let refused = pair.responses().pop().map(|response| response.code()).unwrap_or_default();
        assert_eq!(refused, code, "{line}");
    }
}

#[test]
fn nothing_that_is_held_is_printed() {
    let (mut pair, _) = pair_with(rules_listing());
    pair.client(request("POST /v1/x", &format!("{JSON}Content-Length: 900\r\n"), "{\"a\":\"canary"));
    assert!(!format!("{:?}", pair.session).contains("canary"));
}
