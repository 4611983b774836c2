//! Machines print states and counts, and nothing that a client, an upstream or an operator said.

use crate::testing::{KEY, MANAGEMENT_TOKEN, Pair, TOKEN};

const CANARY: &str = "canary-content-of-a-body";

#[track_caller]
fn assert_silent(pair: &Pair) {
    let printed = format!("{:?} {:#?}", pair.session, pair.session);
    // Bytes print as numbers where somebody derives `Debug` over them.
    let numbers = |text: &str| format!("{:?}", text.as_bytes()).trim_matches(['[', ']']).to_owned();
    for secret in [TOKEN, KEY, MANAGEMENT_TOKEN, CANARY] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
        assert!(!printed.contains(&numbers(&secret[4..12])), "the bytes of {secret} in {printed}");
    }
}

#[test]
fn a_session_prints_no_secret_at_any_stage_of_an_exchange() {
    let mut pair = Pair::default();
    (pair.connects, pair.client_reads) = (false, false);
    let length = CANARY.len() * 2;
    pair.client(format!("POST /v1/x HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {TOKEN}\r\nContent-Le"));
    assert_silent(&pair);
    pair.client(format!("ngth: {length}\r\n\r\n{CANARY}"));
    assert_silent(&pair);
    pair.connect(false);
    pair.client(CANARY);
    assert_silent(&pair);
    pair.upstream(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nX-Echo: {KEY}\r\n\r\n{CANARY}"));
    assert_silent(&pair);
}

#[test]
fn a_session_prints_nothing_of_a_management_call() {
    let mut pair = Pair::default();
    pair.store_answers = false;
    let body = format!("{{\"name\":\"n\",\"api_key\":\"{CANARY}\"}}");
    pair.client(format!(
        "POST /manage/projects HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    pair.client(&body[..body.len() - 1]);
    assert_silent(&pair);
    pair.client("}");
    assert_silent(&pair);
}
