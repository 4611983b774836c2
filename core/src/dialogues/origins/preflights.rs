//! What a browser asks before a script may send: the answer, without a token, and whose list decides.

use super::{APP, FROM_APP, FROM_EVIL, add, answered, assert_silent, listing, origins, pair, preflight, said, two};
use crate::audit::{Action, Actor, Outcome};
use crate::connection::Next;
use crate::settings::Provider;
use crate::testing::{Pair, get, grant, ok, provider, request, rules_for};

#[test]
fn a_preflight_of_a_listed_origin_is_answered_without_a_token() {
    let mut pair = pair();
    let headers = "Access-Control-Request-Headers: authorization,content-type, x-stainless-os\r\n";
    pair.client(preflight("/v1/x", &format!("{FROM_APP}{headers}")));
    let answer = pair.response();
    let date = answer.only("date").unwrap();
    assert_eq!(
        pair.client_heard(),
        format!(
            "HTTP/1.1 204 No Content\r\nDate: {date}\r\n\
             Access-Control-Allow-Origin: https://app.example.com\r\n\
             Access-Control-Allow-Methods: GET, POST, PUT, HEAD\r\n\
             Access-Control-Allow-Headers: authorization, content-type, x-stainless-os\r\n\
             Access-Control-Max-Age: 600\r\n\
             Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n\
             X-Proxy-Request-ID: {id}\r\nX-Request-ID: {id}\r\n\r\n",
            id = answer.only("x-request-id").unwrap()
        )
    );
    assert_eq!((pair.store.asked.len(), pair.asked.0, pair.noted.len()), (0, 0, 0));
    assert_eq!(pair.ended[0].outcome, crate::exchange::Outcome::Completed);
    pair.client(get("/v1/x"));
    pair.upstream(ok("a"));
    assert_eq!((pair.response().status(), pair.next()), (200, Next::Continue), "the connection goes on");
}

#[test]
fn a_preflight_that_names_no_headers_or_odd_ones_is_told_the_usual() {
    for headers in ["", "Access-Control-Request-Headers:\r\n", "Access-Control-Request-Headers: a, b c\r\n"] {
        let answer = answered(pair(), &preflight("/v1/x", &format!("{FROM_APP}{headers}")), "");
        let allowed = answer.only("access-control-allow-headers").unwrap();
        assert!(
            allowed.starts_with("Authorization, Content-Type, X-API-Key, ") && !allowed.contains("b c"),
            "{allowed}"
        );
    }
}

#[test]
fn the_headers_of_a_preflight_may_stand_in_several_lines() {
    let headers = "Access-Control-Request-Headers: x-a,\r\nAccess-Control-Request-Headers: x-b\r\n";
    let answer = answered(pair(), &preflight("/v1/x", &format!("{FROM_APP}{headers}")), "");
    assert_eq!(answer.only("access-control-allow-headers"), Some("x-a, x-b"));
}

#[test]
fn a_preflight_of_another_origin_is_refused_and_noted() {
    for from in [FROM_EVIL, "Origin: null\r\n", "Origin:\r\n", &FROM_APP.repeat(2)] {
        let mut pair = pair();
        pair.client(preflight("/v1/x", from));
        let answer = pair.response();
        assert_eq!((answer.status(), &*answer.code()), (403, "origin_not_allowed"), "{from}");
        assert_eq!(said(&answer), (None, None, vec!["Origin"]), "{from}");
        let [event] = &pair.noted[..] else { panic!("one event: {:?}", pair.noted) };
        let what = (event.action, event.actor, event.outcome, event.reason);
        assert_eq!(what, (Action::ProxyRequest, Actor::Anonymous, Outcome::Denied, Some("origin_not_allowed")));
    }
}

#[test]
fn a_preflight_tells_nothing_of_paths() {
    let start = |path: &str, from: &str| {
        let answer = answered(pair(), &preflight(path, from), "");
        (answer.status(), answer.only("access-control-allow-methods").map(str::to_owned))
    };
    for path in ["/v1/y", "/nowhere", "/v1/%zz", "/../v1", "*"] {
        assert_eq!(start(path, FROM_APP), start("/v1/x", FROM_APP), "{path}");
        assert_eq!(start(path, FROM_EVIL), start("/v1/x", FROM_EVIL), "{path}");
    }
}

#[test]
fn options_without_all_of_a_preflight_is_an_ordinary_request() {
    for fields in [FROM_APP, "Access-Control-Request-Method: POST\r\n"] {
        let answer = answered(pair(), &request("OPTIONS /v1/x", fields, ""), "");
        assert_eq!((answer.status(), answer.code().as_str()), (405, "method_not_allowed"));
    }
    let asking = format!("{FROM_APP}Access-Control-Request-Method: POST\r\n");
    let answer = answered(pair(), &request("GET /v1/x", &asking, ""), &ok("a"));
    assert_eq!(answer.status(), 200, "only OPTIONS asks");
}

#[test]
fn where_no_origins_are_listed_a_preflight_is_an_ordinary_request() {
    for path in ["/v1/x", "/nowhere"] {
        let answer = answered(Pair::default(), &preflight(path, FROM_APP), "");
        assert_eq!((answer.status(), answer.code().as_str()), (401, "missing_token"));
        assert_silent(&answer);
    }
    let mut open = provider();
    open.methods.push(http::Method::OPTIONS);
    let mut pair = Pair::with(rules_for(open), Some(grant()));
    pair.client(request("OPTIONS /v1/x", &format!("{FROM_APP}Access-Control-Request-Method: PUT\r\n"), ""));
    pair.upstream("HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\n\r\n");
    assert_eq!(pair.request().only("origin"), Some(APP));
    assert_eq!(said(&pair.response()), (Some("*"), None, vec![]));
}

#[test]
fn the_candidate_is_the_default_provider_or_the_only_one_with_the_path() {
    let app = || origins(&[APP]);
    let other = || origins(&["https://other.example"]);
    let from_other = "Origin: https://other.example\r\n";
    for (rules, path, from, status) in [
        (two(listing(), other()), "/v1/x", FROM_APP, 204),
        (two(listing(), other()), "/v1/x", from_other, 403),
        (two(listing(), other()), "/v2/x", from_other, 204),
        (two(listing(), other()), "/v2/x", FROM_APP, 403),
        (two(listing(), other()), "/v3/x", FROM_APP, 204),
        (two(listing(), other()), "/v3/x", from_other, 403),
        (two(listing(), other()), "/v2/%zz", FROM_APP, 204),
        (two(listing(), None), "/v2/x", FROM_APP, 401),
        (two(provider(), app()), "/v2/x", FROM_APP, 204),
        (two(provider(), app()), "/v1/x", FROM_APP, 401),
        (two(provider(), app()), "/v3/x", FROM_APP, 401),
    ] {
        let answer = answered(Pair::with(rules, Some(grant())), &preflight(path, from), "");
        assert_eq!(answer.status(), status, "{path} {from}");
    }
    let rules = two(listing(), other());
    let third = Provider { name: "third".into(), ..Provider::clone(&rules.providers.load().by_name["other"]) };
    add(&rules, third);
    let answer = answered(Pair::with(rules, Some(grant())), &preflight("/v2/x", FROM_APP), "");
    assert_eq!(answer.status(), 204, "of two that have the path neither is meant");
}
