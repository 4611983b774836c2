//! Which fields of a request go upstream, and which are ours.

use crate::reject::Dialect;
use crate::settings::KeyPlacement;
use crate::testing::{KEY, Message, Pair, TOKEN, get, grant, ok, provider, request, rules, rules_for};

/// What the upstream hears of a request with those field lines.
fn sent(fields: &str) -> Message {
    let mut pair = Pair::default();
    pair.client(request("GET /v1/x", fields, ""));
    pair.request()
}

#[test]
fn what_is_hop_by_hop_ends_here() {
    let heard = sent(
        "Connection: x-mine, close\r\nX-Mine: a\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nUpgrade: h2c\r\n\
         Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nX-Stays: b\r\n",
    );
    for gone in ["connection", "x-mine", "keep-alive", "te", "upgrade", "proxy-connection", "proxy-authorization"] {
        assert_eq!(heard.all(gone), Vec::<&str>::new(), "{gone}");
    }
    assert_eq!(heard.only("X-Stays"), Some("b"));
}

#[test]
fn whatever_begins_with_proxy_ends_here_however_long_it_is() {
    for suffix in ["a", "ab", "abc", "abcd", "abcde", "authorization"] {
        let heard = sent(&format!("PROXY-{suffix}: x\r\n"));
        assert_eq!(heard.all(&format!("proxy-{suffix}")), Vec::<&str>::new(), "{suffix}");
    }
}

#[test]
fn a_nomination_takes_no_field_away_on_which_framing_depends() {
    let mut pair = Pair::default();
    pair.client(request("POST /v1/x", "Content-Length: 3\r\nConnection: content-length, host\r\n", "abc"));
    let heard = pair.request();
    assert_eq!(
        (heard.only("content-length"), heard.only("host"), heard.text()),
        (Some("3"), Some("up.test"), "abc".into())
    );
    let mut pair = Pair::default();
    pair.client(request(
        "POST /v1/x",
        "Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n",
        "1\r\na\r\n0\r\n\r\n",
    ));
    assert_eq!(pair.request().text(), "a");
}

#[test]
fn a_nomination_takes_no_id_and_no_key_of_ours_away() {
    let heard = sent("X-Request-ID: r1\r\nConnection: x-request-id, x-correlation-id, authorization, via\r\n");
    assert_eq!((heard.only("x-request-id"), heard.only("x-correlation-id")), (Some("r1"), Some("r1")));
    assert_eq!(heard.only("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(heard.only("via"), Some("1.1 llm-proxy"));
}

#[test]
fn no_credential_goes_up_wherever_it_stands() {
    let heard = sent(&format!("x-api-key: {TOKEN}\r\nAPI-KEY: {TOKEN}\r\nx-goog-api-key: {TOKEN}\r\n"));
    for place in ["x-api-key", "api-key", "x-goog-api-key"] {
        assert_eq!(heard.all(place), Vec::<&str>::new(), "{place}");
    }
    assert_eq!(heard.all("authorization"), [&*format!("Bearer {KEY}")]);
}

#[test]
fn the_token_goes_up_in_no_field_at_all() {
    let heard =
        sent(&format!("Sec-WebSocket-Protocol: openai-insecure-api-key.{TOKEN}\r\nX-Copy: {TOKEN}\r\nX-Stays: b\r\n"));
    assert!(!format!("{heard:?}").contains(TOKEN), "{heard:?}");
    assert_eq!(heard.only("x-stays"), Some("b"));
}

#[test]
fn the_token_goes_up_in_no_trailer() {
    let mut pair = Pair::default();
    let content = format!("1\r\na\r\n0\r\nX-Copy: {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\nX-Sum: 1\r\n\r\n");
    pair.client(request("POST /v1/x", "Transfer-Encoding: chunked\r\n", &content));
    assert_eq!(pair.request().trailers, [("X-Sum".to_owned(), "1".to_owned())]);
}

#[test]
fn nothing_that_names_the_client_goes_up() {
    let names = [
        "X-Forwarded-For",
        "x-forwarded-proto",
        "X-Forwarded-Anything",
        "Forwarded",
        "X-Real-IP",
        "X-Client-IP",
        "CF-Connecting-IP",
        "cf-ray",
    ];
    for name in names {
        assert_eq!(sent(&format!("{name}: 192.0.2.1\r\n")).all(name), Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn the_clients_address_goes_up_only_where_that_is_wanted() {
    let mut rules = rules();
    rules.forward_client_ip = true;
    let mut pair = Pair::with(rules, Some(grant()));
    pair.client(request("GET /v1/x", "X-Forwarded-For: 203.0.113.9\r\n", ""));
    assert_eq!(pair.request().all("x-forwarded-for"), ["192.0.2.7"]);
}

#[test]
fn all_else_passes_in_order_with_the_clients_casing() {
    let mut pair = Pair::default();
    pair.client(request("GET /v1/x", "aCCept:  a ;q=1 \r\nX-B: \r\naccept: c\r\nOpenAI-Beta: x\r\n", ""));
    let heard = pair.upstream_heard();
    assert!(heard.contains("aCCept:  a ;q=1 \r\nX-B: \r\naccept: c\r\nOpenAI-Beta: x\r\n"), "{heard}");
}

#[test]
fn the_key_goes_where_the_provider_wants_it() {
    let places = [
        (KeyPlacement::Bearer, "authorization", format!("Bearer {KEY}")),
        (KeyPlacement::XApiKey, "x-api-key", KEY.to_owned()),
        (KeyPlacement::ApiKey, "api-key", KEY.to_owned()),
        (KeyPlacement::XGoogApiKey, "x-goog-api-key", KEY.to_owned()),
    ];
    for (auth, place, value) in &places {
        let mut provider = provider();
        provider.auth = *auth;
        let mut pair = Pair::with(rules_for(provider), Some(grant()));
        pair.client(get("/v1/x"));
        for (_, other, _) in &places {
            let expected = if other == place { vec![value.as_str()] } else { Vec::new() };
            assert_eq!(pair.request().all(other), expected, "{auth:?}");
        }
    }
}

#[test]
fn the_base_urls_path_goes_before_the_clients() {
    let mut provider = provider();
    let mut base = (*provider.base).clone();
    base.path_prefix = "/gateway/a".to_owned();
    base.authority = "up.test:8080".to_owned();
    provider.base = base.into();
    let mut pair = Pair::with(rules_for(provider), Some(grant()));
    pair.client(get("/v1/x?q=1&q=2"));
    assert_eq!(pair.request().start, "GET /gateway/a/v1/x?q=1&q=2 Http11");
    assert_eq!(pair.request().only("host"), Some("up.test:8080"));
}

#[test]
fn a_key_parameter_is_removed_towards_gemini_only() {
    let cases = [
        ("key=a", ""),
        ("key=a&alt=sse", "?alt=sse"),
        ("alt=sse&%6bey=a&key&x=key", "?alt=sse&x=key"),
        ("keys=a&Key=b", "?keys=a&Key=b"),
    ];
    for (query, left) in cases {
        let mut provider = provider();
        provider.dialect = Dialect::Gemini;
        let mut pair = Pair::with(rules_for(provider), Some(grant()));
        pair.client(get(&format!("/v1/x?{query}")));
        assert_eq!(pair.request().start, format!("GET /v1/x{left} Http11"));
        let mut pair = Pair::default();
        pair.client(get(&format!("/v1/x?{query}")));
        assert_eq!(pair.request().start, format!("GET /v1/x?{query} Http11"));
    }
}

#[test]
fn a_usable_id_of_the_client_goes_up_and_an_unusable_one_is_replaced() {
    assert_eq!(sent("X-Request-ID: r1\r\nX-Correlation-ID: c1\r\n").only("x-correlation-id"), Some("c1"));
    let long = "r".repeat(129);
    for id in ["", "two words", "\u{e9}", &long] {
        let heard = sent(&format!("X-Request-ID: {id}\r\n"));
        let made = heard.only("x-request-id").unwrap_or_default();
        assert_eq!(uuid::Uuid::parse_str(made).map(|id| id.get_version_num()), Ok(7), "{id}");
        assert_eq!(heard.only("x-correlation-id"), Some(made));
    }
    assert_eq!(sent(&format!("X-Request-ID: {}\r\n", &long[1..])).only("x-request-id"), Some(&long[1..]));
}

#[test]
fn two_ids_are_two_opinions_and_neither_counts() {
    for second in ["r1", "r2"] {
        let heard = sent(&format!("X-Request-ID: r1\r\nX-Request-ID: {second}\r\n"));
        let made = heard.only("x-request-id").unwrap_or_default();
        assert_eq!(made.len(), 36, "{made}");
    }
}

#[test]
fn via_says_in_which_version_the_request_came_and_keeps_those_before() {
    assert_eq!(sent("Via: 1.1 edge\r\n").all("via"), ["1.1 edge", "1.1 llm-proxy"]);
    let mut pair = Pair::default();
    pair.client(format!("GET /v1/x HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"));
    let heard = pair.request();
    assert_eq!((heard.all("via"), heard.all("host")), (vec!["1.0 llm-proxy"], vec!["up.test"]));
    assert!(heard.start.ends_with("Http11"), "we speak 1.1 whatever the client speaks");
}

#[test]
fn dot_segments_never_go_up() {
    let mut pair = Pair::default();
    pair.client(get("/v1/a/../x?y=/../z"));
    assert_eq!(pair.request().start, "GET /v1/x?y=/../z Http11");
}

#[test]
fn a_redirect_is_passed_back_and_never_followed() {
    let mut pair = Pair::default();
    pair.client(get("/v1/x"));
    pair.upstream("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://other.test/\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((pair.response().status(), pair.response().only("location")), (307, Some("http://other.test/")));
    assert_eq!(pair.asked.0, 1);
    pair.client(get("/v1/y"));
    pair.upstream(ok(""));
    assert_eq!(pair.ended.len(), 2);
}

#[test]
fn the_token_is_never_taken_for_an_id() {
    let mut pair = Pair::default();
    pair.client(request("GET /v1/x", &format!("X-Request-ID: {TOKEN}\r\nX-Correlation-ID: a-{TOKEN}\r\n"), ""));
    pair.upstream(ok("a"));
    assert!(!pair.upstream_heard().contains(TOKEN));
    assert!(!pair.client_heard().contains(TOKEN));
    assert!(!format!("{:?}", pair.ended).contains(TOKEN));
}
