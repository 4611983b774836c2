//! Origins: who is let in by them, and what answers say to browsers of which.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::audit::{Action, Actor, Outcome};
use crate::auth::Grant;
use crate::connection::Next;
use crate::quota::Concurrency;
use crate::reject::UpstreamFault;
use crate::routing::EndpointPattern;
use crate::rules::Rules;
use crate::settings::{OriginPattern, Origins, Provider};
use crate::testing::{Message, Pair, TOKEN, get, grant, ok, post, provider, request, rules_for};

const APP: &str = "https://app.example.com";
const FROM_APP: &str = "Origin: https://app.example.com\r\n";
const FROM_EVIL: &str = "Origin: https://app.example.com.evil.test\r\n";
const EXPOSED: &str = "X-Proxy-Request-ID, X-Request-ID, Request-ID, Server-Timing, Cache-Status, Retry-After, \
                       retry-after-ms, x-should-retry, RateLimit, RateLimit-Policy, WWW-Authenticate";

fn origins(texts: &[&str]) -> Option<Origins> {
    Some(Origins::Listed(texts.iter().map(|text| OriginPattern::parse(text).unwrap()).collect()))
}

/// The provider of every dialogue, which lists [`APP`].
fn listing() -> Provider {
    Provider { allowed_origins: origins(&[APP]), ..provider() }
}

fn requiring(names: &[&str], provider: Provider) -> Provider {
    Provider { required_headers: names.iter().map(|name| Arc::from(*name)).collect(), ..provider }
}

fn pair() -> Pair {
    Pair::with(rules_for(listing()), Some(grant()))
}

/// The default provider and another one, `other`, at `/v2`.
fn two(default: Provider, other: Option<Origins>) -> Rules {
    let mut rules = rules_for(default);
    let other = Provider {
        name: "other".into(),
        endpoints: vec![EndpointPattern::parse("/v2").unwrap()],
        allowed_origins: other,
        ..provider()
    };
    rules.providers.by_name.insert("other".into(), Arc::new(other));
    rules
}

fn preflight(path: &str, fields: &str) -> String {
    format!("OPTIONS {path} HTTP/1.1\r\nHost: proxy\r\nAccess-Control-Request-Method: POST\r\n{fields}\r\n")
}

/// Origin, exposed fields and variation, as an answer says them.
fn said(answer: &Message) -> (Option<&str>, Option<&str>, Vec<&str>) {
    (answer.only("access-control-allow-origin"), answer.only("access-control-expose-headers"), answer.all("vary"))
}

const TO_APP: (Option<&str>, Option<&str>) = (Some(APP), Some(EXPOSED));

fn assert_for_app(answer: &Message) {
    let (origin, exposed, vary) = said(answer);
    assert_eq!(((origin, exposed), vary), (TO_APP, vec!["Origin"]), "{answer:?}");
}

fn assert_silent(answer: &Message) {
    assert_eq!(said(answer), (None, None, vec![]), "{answer:?}");
}

/// Plays one exchange in which the upstream answers that, and gives what the client heard.
fn answered(mut pair: Pair, request: &str, answer: &str) -> Message {
    pair.client(request);
    pair.upstream(answer);
    pair.response()
}

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
    let mut rules = two(listing(), other());
    let third = Provider { name: "third".into(), ..(*rules.providers.by_name["other"]).clone() };
    rules.providers.by_name.insert("third".into(), Arc::new(third));
    let answer = answered(Pair::with(rules, Some(grant())), &preflight("/v2/x", FROM_APP), "");
    assert_eq!(answer.status(), 204, "of two that have the path neither is meant");
}

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
fn posts_with_content_pass_as_before() {
    let bytes = post("/v1/x", "abc").replace("Host: proxy\r\n", &format!("Host: proxy\r\n{FROM_APP}"));
    let mut pair = pair();
    pair.client(bytes);
    assert_eq!((pair.request().text(), pair.request().only("origin")), ("abc".into(), Some(APP)));
}
