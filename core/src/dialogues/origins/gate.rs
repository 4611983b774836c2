//! The rule of the gate: required headers, and origins that are not listed.

use proptest::prelude::*;

use super::{APP, FROM_APP, FROM_EVIL, answered, assert_silent, listing, origins, pair, requiring, said};
use crate::auth::Grant;
use crate::settings::Provider;
use crate::testing::{Pair, TOKEN, get, grant, ok, post, provider, request, rules_for};

#[test]
fn a_request_of_another_origin_is_refused_after_the_token_and_noted() {
    for from in
        [FROM_EVIL, "Origin: null\r\n", "Origin:\r\n", &FROM_APP.repeat(2), "Origin: HTTPS://APP.example.com\r\n"]
    {
        let mut pair = Pair::with(rules_for(listing()), Some(Grant { max_requests: Some(1), ..grant() }));
        pair.store.left = 1;
        pair.client(request("GET /v1/x", from, ""));
        let answer = pair.response();
        assert_eq!((answer.status(), &*answer.code()), (403, "origin_not_allowed"), "{from}");
        assert_eq!(said(&answer), (None, None, vec!["Origin"]), "{from}");
        assert_eq!((pair.asked.0, pair.store.left, &pair.store.asked[..]), (0, 1, &["grant"][..]));
        let [event] = &pair.noted[..] else { panic!("one event: {:?}", pair.noted) };
        assert_eq!((event.token_id, event.reason), (Some(grant().token_id), Some("origin_not_allowed")));
    }
}

#[test]
fn a_request_without_an_origin_passes_unless_it_is_required() {
    let answer = answered(pair(), &get("/v1/x"), &ok("a"));
    assert_eq!((answer.status(), said(&answer)), (200, (None, None, vec!["Origin"])));
    for provider in [requiring(&["Origin"], listing()), requiring(&["origin"], provider())] {
        for (fields, code) in [("", "origin_required"), ("Origin:\r\n", "origin_required")] {
            let answer =
                answered(Pair::with(rules_for(provider.clone()), Some(grant())), &request("GET /v1/x", fields, ""), "");
            assert_eq!((answer.status(), &*answer.code()), (400, code), "{fields}");
        }
        let pair = Pair::with(rules_for(provider), Some(grant()));
        assert_eq!(answered(pair, &request("GET /v1/x", FROM_APP, ""), &ok("a")).status(), 200);
    }
}

#[test]
fn a_required_header_must_be_there_and_not_empty() {
    let pair = || Pair::with(rules_for(requiring(&["X-Team", "x-app"], provider())), Some(grant()));
    for (fields, missing) in [
        ("X-App: a\r\n", "X-Team"),
        ("X-Team:\r\nX-App: a\r\n", "X-Team"),
        ("X-Team:  \r\nX-App: a\r\n", "X-Team"),
        ("x-team: a\r\n", "x-app"),
        ("X-Teams: a\r\nx-app: a\r\n", "X-Team"),
    ] {
        let mut pair = pair();
        pair.client(request("GET /v1/x", fields, ""));
        let answer = pair.response();
        assert_eq!((answer.status(), &*answer.code()), (400, "bad_request"), "{fields}");
        assert!(answer.text().contains(&format!("the header {missing} is required here")), "{answer:?}");
        assert_eq!((pair.noted.len(), pair.noted[0].reason, pair.asked.0), (1, Some("bad_request"), 0));
        assert_silent(&answer);
    }
    for fields in ["x-team: a\r\nX-APP: b\r\n", "X-Team:\r\nX-Team: a\r\nX-App: b\r\n"] {
        assert_eq!(answered(pair(), &request("GET /v1/x", fields, ""), &ok("a")).status(), 200, "{fields}");
    }
}

#[test]
fn the_origin_is_looked_at_after_path_method_and_size() {
    let large = format!("Content-Length: 9999999\r\n{FROM_EVIL}");
    for (line, fields, status) in [
        ("GET /v2/x", FROM_EVIL, 404),
        ("PATCH /v1/x", FROM_EVIL, 405),
        ("POST /v1/x", &large, 413),
        ("GET /v1/x", FROM_EVIL, 403),
    ] {
        assert_eq!(answered(pair(), &request(line, fields, ""), "").status(), status, "{line}");
    }
}

/// Origins that look like the listed one, and any other text.
fn origin_like() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(APP.to_owned()),
        "[ -~]{0,24}",
        "(https?|HTTPS|null|\\*)(://)?(app|a\\.b|\\*|APP)?\\.?(example\\.com|sub\\.test)(:443|:80|/|\\.|\\.evil\\.test)?",
    ]
}

proptest! {
    #[test]
    fn only_a_listed_origin_is_ever_allowed(
        origin in origin_like(),
        method in prop_oneof!["GET", "OPTIONS", "PATCH"],
        path in prop_oneof!["/v1/x", "/v2/x", "/v1/%zz", "/x"],
        has_token in any::<bool>(),
    ) {
        let listing = Provider { allowed_origins: origins(&[APP, "https://*.sub.test"]), ..provider() };
        let mut pair = Pair::with(rules_for(listing), Some(grant()));
        let token = if has_token { format!("Authorization: Bearer {TOKEN}\r\n") } else { String::new() };
        pair.client(format!(
            "{method} {path} HTTP/1.1\r\nHost: p\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: GET\r\n{token}\r\n"
        ));
        pair.upstream("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\n\r\n");
        let answer = pair.response();
        let origin = origin.trim();
        let name = origin.strip_prefix("https://").and_then(|rest| rest.strip_suffix(".sub.test"));
        let listed = origin == APP || name.is_some_and(|name| ["app", "a.b"].contains(&name));
        prop_assert_eq!(answer.only("access-control-allow-origin"), listed.then_some(origin), "{:?}", answer);
        prop_assert!(!answer.all("vary").is_empty());
        prop_assert!(listed || pair.asked.0 == 0, "{} reached the upstream", origin);
    }
}

#[test]
fn a_listed_origin_goes_upstream_as_it_came() {
    let bytes = post("/v1/x", "abc").replace("Host: proxy\r\n", &format!("Host: proxy\r\n{FROM_APP}"));
    let mut pair = pair();
    pair.client(bytes);
    assert_eq!((pair.request().text(), pair.request().only("origin")), ("abc".into(), Some(APP)));
}
