//! When an upstream is left alone: what counts against it, what does not, and what is said meanwhile.

use std::time::Duration;

use crate::auth::Grant;
use crate::exchange::Outcome;
use crate::proxy::Transition;
use crate::reject::UpstreamFault;
use crate::rules::Rules;
use crate::testing::{Pair, get, grant, ok, post, request, rules};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Another connection to the same program.
fn again(rules: &Rules) -> Pair {
    Pair::with(rules.clone(), Some(grant()))
}

/// The same, after so many seconds.
fn later(rules: &Rules, after: u64) -> Pair {
    let mut pair = again(rules);
    pair.now.mono = pair.now.mono + seconds(after);
    pair
}

/// Lets so many requests fail, each on a connection of its own, or fewer if the breaker opens. What the last one changed.
fn fail(rules: &Rules, times: usize) -> Option<Transition> {
    let mut last = None;
    for _ in 0..times {
        let mut pair = again(rules);
        pair.connects = false;
        pair.client(get("/v1/x"));
        if pair.asked.0 == 0 {
            break;
        }
        pair.refuse_connection(UpstreamFault::Unreachable);
        assert_eq!(pair.response().code(), "upstream_unreachable");
        last = pair.ended[0].breaker.as_ref().map(|turn| turn.transition);
    }
    last
}

/// Whether the next request would be let through.
fn is_closed(rules: &Rules) -> bool {
    let mut pair = again(rules);
    pair.client(get("/v1/x"));
    pair.asked.0 == 1
}

/// Four failures, then what `exchange` does on a connection with one that is reused, then whether that was a fifth.
fn is_failure(exchange: impl FnOnce(&mut Pair)) -> bool {
    let rules = rules();
    fail(&rules, 4);
    let mut pair = again(&rules);
    exchange(&mut pair);
    drop(pair);
    !is_closed(&rules)
}

/// Whether the count begins anew after what `exchange` does.
fn is_success(exchange: impl FnOnce(&mut Pair)) -> bool {
    let rules = rules();
    fail(&rules, 4);
    exchange(&mut again(&rules));
    fail(&rules, 4);
    is_closed(&rules)
}

#[test]
fn after_five_failures_requests_are_refused_at_once() {
    let rules = rules();
    assert_eq!((fail(&rules, 4), is_closed(&rules)), (None, true));
    assert_eq!(fail(&rules, 1), Some(Transition::Opened));
    let mut pair = again(&rules);
    pair.client(post("/v1/x", "abc"));
    let heard = pair.response();
    assert_eq!((heard.status(), &*heard.code(), pair.asked.0), (503, "circuit_open", 0));
    assert_eq!((heard.only("retry-after"), heard.only("retry-after-ms")), (Some("31"), Some("30001")));
    assert_eq!((pair.ended[0].outcome, pair.noted.len()), (Outcome::Refused, 0));
}

#[test]
fn what_is_refused_spends_nothing_and_holds_no_place() {
    let rules = Rules { concurrency: crate::quota::Concurrency::new(1), ..rules() };
    fail(&rules, 5);
    let mut pair = Pair::with(rules, Some(Grant { max_requests: Some(9), ..grant() }));
    pair.store.left = 9;
    for _ in 0..3 {
        pair.client(get("/v1/x"));
        assert_eq!(pair.responses().last().unwrap().code(), "circuit_open");
    }
    assert_eq!((pair.store.left, pair.store.asked.contains(&"spend")), (9, false));
}

#[test]
fn what_would_be_refused_anyway_is_refused_for_its_own_reason() {
    let rules = rules();
    fail(&rules, 5);
    for (bytes, code) in [(get("/v2/x"), "endpoint_not_found"), (request("PATCH /v1/x", "", ""), "method_not_allowed")]
    {
        let mut pair = again(&rules);
        pair.client(bytes);
        assert_eq!(pair.response().code(), code);
    }
}

#[test]
fn faults_before_an_answer_are_failures() {
    for fault in [UpstreamFault::Unreachable, UpstreamFault::ConnectTimeout] {
        assert!(is_failure(|pair| {
            pair.connects = false;
            pair.client(get("/v1/x"));
            pair.refuse_connection(fault);
        }));
    }
    let faults: [fn(&mut Pair); 5] = [
        Pair::upstream_ends,
        Pair::upstream_breaks,
        |pair| {
            pair.upstream("HTTP/1.1 200 OK\r\nContent-Le");
            pair.upstream_ends();
        },
        |pair| {
            pair.upstream("SSH-2.0-OpenSSH_9.6\r\n\r\n");
        },
        |pair| drop(pair.advance(seconds(60))),
    ];
    for fault in faults {
        assert!(is_failure(|pair| {
            pair.client(get("/v1/x"));
            fault(pair);
            assert!(pair.response().status() >= 500);
        }));
    }
}

#[test]
fn a_connection_that_is_not_made_in_time_is_a_failure() {
    assert!(is_failure(|pair| {
        pair.connects = false;
        pair.client(get("/v1/x"));
        pair.advance(seconds(10));
        assert_eq!(pair.response().status(), 504);
    }));
}

#[test]
fn an_upstream_that_takes_nothing_until_the_end_is_a_failure() {
    assert!(is_failure(|pair| {
        pair.upstream_reads = false;
        pair.client(request("POST /v1/x", "Content-Length: 200000\r\n", &"a".repeat(60_000)));
        while pair.client("a".repeat(1000)) > 0 {}
        pair.advance(seconds(200));
        assert_eq!(pair.response().code(), "upstream_timeout");
    }));
}

#[test]
fn an_upstream_that_a_slow_client_left_no_time_has_not_failed() {
    assert!(!is_failure(|pair| {
        pair.client(request("POST /v1/x", "Content-Length: 6\r\n", ""));
        for _ in 0..6 {
            pair.advance(seconds(19));
            pair.client("a");
        }
        pair.advance(seconds(6));
        assert_eq!(pair.response().code(), "upstream_timeout");
    }));
}

#[test]
fn answers_of_a_server_that_can_do_nothing_are_failures_and_others_are_not() {
    for (status, fails) in
        [(502, true), (503, true), (504, true), (200, false), (302, false), (404, false), (429, false), (500, false)]
    {
        let answer = |pair: &mut Pair| {
            pair.client(get("/v1/x"));
            pair.upstream(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));
            assert_eq!(pair.response().status(), status);
        };
        assert_eq!((is_failure(answer), is_success(answer)), (fails, !fails), "{status}");
    }
}

#[test]
fn an_interim_answer_says_nothing_yet() {
    let early = |pair: &mut Pair| {
        pair.client(get("/v1/x"));
        pair.upstream("HTTP/1.1 103 Early Hints\r\n\r\n");
    };
    assert!(!is_success(early));
    assert!(is_failure(|pair| {
        early(pair);
        pair.upstream_ends();
    }));
}

#[test]
fn an_answer_that_breaks_after_its_head_was_a_success() {
    for head in ["Content-Length: 10", "Content-Type: text/event-stream"] {
        assert!(is_success(|pair| {
            pair.client(get("/v1/x"));
            pair.upstream(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nabc"));
            pair.upstream_breaks();
        }));
    }
}

#[test]
fn an_upstream_that_closes_while_content_comes_has_failed() {
    assert!(is_failure(|pair| {
        pair.client(request("POST /v1/x", "Content-Length: 10\r\n", "abc"));
        pair.upstream_ends();
    }));
}

#[test]
fn what_a_client_does_is_neither_failure_nor_success() {
    let half = || request("POST /v1/x", "Content-Length: 10\r\n", "abc");
    let deeds: [&dyn Fn(&mut Pair); 8] = [
        &|pair| {
            pair.client(get("/v1/x"));
            pair.client_ends();
        },
        &|pair| {
            pair.client(get("/v1/x"));
            pair.client_breaks();
        },
        &|pair| {
            pair.client(half());
            pair.advance(seconds(30));
            assert_eq!(pair.response().code(), "request_timeout");
        },
        &|pair| {
            pair.client(half());
            pair.advance(seconds(5));
            pair.upstream_ends();
            assert_eq!(pair.response().code(), "upstream_unreachable");
        },
        // It is this program that has no open file.
        &|pair| {
            pair.connects = false;
            pair.client(get("/v1/x"));
            pair.refuse_connection(UpstreamFault::NoOpenFile);
            assert_eq!(pair.response().code(), "overloaded");
        },
        &|pair| {
            pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", "x"));
            assert_eq!(pair.response().status(), 400);
        },
        &|pair| {
            pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", "200000\r\n"));
            for _ in 0..20 {
                pair.client("a".repeat(64 * 1024));
            }
            assert_eq!(pair.response().code(), "request_too_large");
        },
        &|pair| {
            pair.client(get("/v2/x"));
        },
    ];
    for (at, deed) in deeds.iter().enumerate() {
        assert!(!is_failure(deed), "{at} is a failure");
        assert!(!is_success(deed), "{at} is a success");
    }
}

#[test]
fn a_reused_connection_that_was_closed_is_no_failure_if_the_second_attempt_works() {
    let reused = |pair: &mut Pair| {
        pair.idle = 1;
        pair.client(get("/v1/x"));
        pair.upstream_ends();
        assert_eq!(pair.asked, (2, 1));
    };
    assert!(!is_failure(reused));
    assert!(is_success(|pair| {
        reused(pair);
        pair.upstream(ok("a"));
    }));
    assert!(is_failure(|pair| {
        reused(pair);
        pair.upstream_ends();
        assert_eq!(pair.response().status(), 502);
    }));
}

#[test]
fn after_the_time_one_request_probes_and_its_success_lets_all_through() {
    let rules = rules();
    fail(&rules, 5);
    let mut probe = later(&rules, 31);
    probe.client(get("/v1/x"));
    let mut other = later(&rules, 31);
    other.client(get("/v1/x"));
    assert_eq!((probe.asked.0, other.response().code()), (1, "circuit_open".into()));
    probe.upstream(ok("a"));
    assert_eq!(
        probe.ended[0].breaker.as_ref().map(|turn| (&*turn.provider, turn.transition)),
        Some(("mock", Transition::Closed))
    );
    assert!(is_closed(&rules));
}

#[test]
fn a_probe_that_gives_up_makes_room_for_the_next() {
    let rules = rules();
    fail(&rules, 5);
    for leave in [Pair::client_ends, Pair::client_breaks] {
        let mut probe = later(&rules, 31);
        probe.client(get("/v1/x"));
        assert_eq!(probe.asked.0, 1);
        leave(&mut probe);
    }
    let mut exhausted = Pair::with(rules.clone(), Some(Grant { max_requests: Some(9), ..grant() }));
    exhausted.now.mono = exhausted.now.mono + seconds(31);
    exhausted.client(get("/v1/x"));
    assert_eq!(exhausted.response().code(), "quota_exceeded");
    let mut probe = later(&rules, 31);
    probe.client(get("/v1/x"));
    assert_eq!(probe.asked.0, 1);
}

#[test]
fn health_names_the_breakers_that_are_not_closed_and_stays_well() {
    let rules = rules();
    let health = |after: u64| {
        let mut pair = later(&rules, after);
        pair.client("GET /health HTTP/1.1\r\nHost: p\r\n\r\n");
        let heard = pair.response();
        let body: serde_json::Value = serde_json::from_slice(&heard.content).unwrap();
        assert_eq!((heard.status(), &body["status"]), (200, &"ok".into()));
        body.get("breakers").cloned()
    };
    assert_eq!(health(0), None);
    fail(&rules, 5);
    assert_eq!(health(0), Some(serde_json::json!({"mock": "open"})));
    assert_eq!(health(29), Some(serde_json::json!({"mock": "open"})));
    assert_eq!(health(31), Some(serde_json::json!({"mock": "half_open"})));
}
