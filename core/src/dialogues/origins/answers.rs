//! What answers say of origins, the upstream's and ours.

use std::time::Duration;

use super::{APP, EXPOSED, FROM_APP, FROM_EVIL, answered, assert_for_app, assert_silent, listing, origins, pair};
use super::{preflight, said, two};
use crate::auth::Grant;
use crate::quota::Concurrency;
use crate::reject::UpstreamFault;
use crate::rules::Rules;
use crate::settings::{Origins, Provider};
use crate::testing::{Pair, get, grant, ok, provider, request, rules_for};

#[test]
fn an_answer_names_the_origin_and_what_its_scripts_may_read() {
    for pair in [pair(), pair().relayed()] {
        let answer = answered(pair, &request("GET /v1/x", FROM_APP, ""), &ok("a"));
        assert_for_app(&answer);
        assert_eq!(answer.only("access-control-allow-credentials"), None);
    }
}

#[test]
fn where_every_origin_is_listed_each_is_named_all_the_same() {
    let open = Provider { allowed_origins: Some(Origins::Any), ..provider() };
    for origin in ["https://a.example", "null"] {
        let pair = || Pair::with(rules_for(open.clone()), Some(grant()));
        let from = format!("Origin: {origin}\r\n");
        let answer = answered(pair(), &request("GET /v1/x", &from, ""), &ok("a"));
        assert_eq!(said(&answer), (Some(origin), Some(EXPOSED), vec!["Origin"]));
        let answer = answered(pair(), &preflight("/v1/x", &from), "");
        assert_eq!(answer.only("access-control-allow-origin"), Some(origin));
    }
}

#[test]
fn the_upstreams_own_cors_fields_give_way_and_its_vary_stays() {
    let upstreams = "Access-Control-Allow-Origin: *\r\naccess-control-expose-headers: x-theirs\r\n\
                     Access-Control-Allow-Credentials: true\r\nAccess-Control-Max-Age: 9\r\n";
    for (vary, all) in [
        ("", vec!["Origin"]),
        ("Vary: Accept-Encoding\r\n", vec!["Accept-Encoding", "Origin"]),
        ("Vary: Origins, x-origin\r\n", vec!["Origins, x-origin", "Origin"]),
        ("Vary: Accept, origin\r\n", vec!["Accept, origin"]),
        ("Vary: Accept\r\nVary: ORIGIN\r\n", vec!["Accept", "ORIGIN"]),
        ("Vary: *\r\n", vec!["*"]),
        ("Vary: origin\r\nX-Other: a\r\n", vec!["origin"]),
    ] {
        let upstream = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{upstreams}{vary}\r\n");
        let answer = answered(pair(), &request("GET /v1/x", FROM_APP, ""), &upstream);
        assert_eq!(said(&answer), (Some(APP), Some(EXPOSED), all.clone()), "{vary}");
        assert_eq!(
            (answer.all("access-control-max-age"), answer.all("access-control-allow-credentials")),
            (vec![], vec![])
        );
        let answer = answered(pair(), &get("/v1/x"), &upstream);
        assert_eq!(said(&answer), (None, None, all), "{vary}");
    }
}

#[test]
fn a_vary_that_ends_at_this_hop_does_not_count() {
    let upstream = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: vary\r\nVary: Origin\r\n\r\n";
    assert_for_app(&answered(pair(), &request("GET /v1/x", FROM_APP, ""), upstream));
}

#[test]
fn interim_answers_say_nothing_of_origins() {
    let mut pair = pair();
    pair.client(request("GET /v1/x", FROM_APP, ""));
    pair.upstream("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    pair.upstream(ok("a"));
    let [hints, answer] = &pair.responses()[..] else { panic!("two responses") };
    assert_silent(hints);
    assert_for_app(answer);
}

#[test]
fn a_stream_says_it_too() {
    let upstream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_for_app(&answered(pair(), &request("POST /v1/x", FROM_APP, ""), upstream));
}

#[test]
fn refusals_before_the_provider_is_known_say_it_too() {
    let from_app = |line: &str, credential: &str| format!("{line} HTTP/1.1\r\nHost: p\r\n{FROM_APP}{credential}\r\n");
    for (grant, bytes, status) in [
        (Some(grant()), from_app("GET /v1/x", ""), 401),
        (Some(grant()), from_app("GET /nowhere", ""), 401),
        (Some(grant()), from_app("GET /v1/%zz", ""), 401),
        (Some(grant()), from_app("GET /v1/x", "Authorization: Bearer sk-odd\r\n"), 401),
        (Some(grant()), from_app("GET /v1/x", "api-key: a\r\nx-api-key: b\r\n"), 400),
        (None, request("GET /v1/x", FROM_APP, ""), 401),
    ] {
        let answer = answered(Pair::with(rules_for(listing()), grant), &bytes, "");
        assert_eq!(answer.status(), status, "{bytes}");
        assert_for_app(&answer);
    }
    let answer = answered(pair(), "GET /v1/x HTTP/1.1\r\nHost: p\r\nOrigin: https://evil.test\r\n\r\n", "");
    assert_eq!((answer.status(), said(&answer)), (401, (None, None, vec!["Origin"])));
}

#[test]
fn a_store_that_is_down_is_told_to_scripts_too() {
    let mut down = pair();
    down.store.is_down = true;
    down.client(request("GET /v1/x", FROM_APP, ""));
    assert_eq!(down.response().status(), 503);
    assert_for_app(&down.response());

    let mut silent = pair();
    silent.store_answers = false;
    silent.client(request("GET /v1/x", FROM_APP, ""));
    silent.advance(Duration::from_secs(5));
    assert_eq!(silent.response().status(), 503);
    assert_for_app(&silent.response());
}

#[test]
fn refusals_of_a_known_token_say_it_too() {
    let limited = || Grant { max_requests: Some(1), ..grant() };
    let large = format!("{FROM_APP}Content-Length: 9999999\r\n");
    for (grant, bytes, status) in [
        (Grant { token_active: false, ..grant() }, request("GET /v1/x", FROM_APP, ""), 401),
        (Grant { project_active: false, ..grant() }, request("GET /v1/x", FROM_APP, ""), 403),
        (Grant { provider: "gone".into(), ..grant() }, request("GET /v1/x", FROM_APP, ""), 404),
        (grant(), request("GET /v1/%zz", FROM_APP, ""), 400),
        (grant(), request("GET /v2/x", FROM_APP, ""), 404),
        (grant(), request("PATCH /v1/x", FROM_APP, ""), 405),
        (grant(), request("POST /v1/x", &large, ""), 413),
        (limited(), request("GET /v1/x", FROM_APP, ""), 429),
    ] {
        let answer = answered(Pair::with(rules_for(listing()), Some(grant)), &bytes, "");
        assert_eq!(answer.status(), status, "{bytes}");
        assert_for_app(&answer);
    }
    let rules = Rules { concurrency: Concurrency::new(1), ..rules_for(listing()) };
    let _other = rules.concurrency.enter();
    let answer = answered(Pair::with(rules, Some(grant())), &request("GET /v1/x", FROM_APP, ""), "");
    assert_eq!(answer.status(), 503);
    assert_for_app(&answer);
}

#[test]
fn failures_of_the_upstream_say_it_too() {
    let mut unreachable = pair();
    unreachable.connects = false;
    unreachable.client(request("GET /v1/x", FROM_APP, ""));
    unreachable.refuse_connection(UpstreamFault::Unreachable);
    let mut broken = pair();
    broken.client(request("GET /v1/x", FROM_APP, ""));
    broken.upstream("nonsense\r\n\r\n");
    let mut slow = pair();
    slow.client(request("GET /v1/x", FROM_APP, ""));
    slow.advance(Duration::from_secs(61));
    for (pair, status) in [(unreachable, 502), (broken, 502), (slow, 504)] {
        assert_eq!(pair.response().status(), status);
        assert_for_app(&pair.response());
    }
}

#[test]
fn content_that_is_too_much_or_wrong_midway_says_it_too() {
    let fields = format!("{FROM_APP}Transfer-Encoding: chunked\r\n");
    for (rest, status) in [("zz\r\n", 400), ("200000\r\n", 413)] {
        let mut pair = pair();
        pair.client(request("POST /v1/x", &fields, "3\r\nabc\r\n"));
        pair.client(rest);
        pair.client("x".repeat(0x20_0000));
        assert_eq!(pair.response().status(), status);
        assert_for_app(&pair.response());
    }
}

#[test]
fn an_answer_goes_by_the_list_of_the_tokens_provider() {
    let at_other = || Some(Grant { provider: "other".into(), ..grant() });
    let bytes = request("GET /v2/x", FROM_APP, "");
    let answer = answered(Pair::with(two(listing(), None), at_other()), &bytes, &ok("a"));
    assert_eq!(answer.status(), 200);
    assert_silent(&answer);
    let answer = answered(Pair::with(two(listing(), None), at_other()), &request("GET /v1/x", FROM_APP, ""), "");
    assert_eq!(answer.status(), 404);
    assert_silent(&answer);
    let answer = answered(Pair::with(two(provider(), origins(&[APP])), at_other()), &bytes, &ok("a"));
    assert_for_app(&answer);
}

#[test]
fn our_own_routes_say_nothing_of_origins() {
    for line in
        ["GET /health", "GET /ready", "GET /live", "POST /health", "GET /manage/projects", "GET /manage/nothing"]
    {
        let answer = answered(pair(), &format!("{line} HTTP/1.1\r\nHost: p\r\n{FROM_APP}\r\n"), "");
        assert_silent(&answer);
    }
    for path in ["/health", "/manage/projects"] {
        let answer = answered(pair(), &preflight(path, FROM_APP), "");
        assert_ne!(answer.status(), 204, "{path}");
        assert_silent(&answer);
    }
}

#[test]
fn without_a_list_the_upstreams_own_words_pass() {
    let upstream = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\nVary: Accept\r\n\r\n";
    let answer = answered(Pair::default(), &request("GET /v1/x", FROM_EVIL, ""), upstream);
    assert_eq!((answer.status(), said(&answer)), (200, (Some("*"), None, vec!["Accept"])));
}
