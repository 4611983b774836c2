//! Before the store is open: alive, not ready, and no token is called wrong. Then everything works by itself.

use crate::auth::{TokenKey, TokenKeySlot};
use crate::connection::Next;
use crate::rules::Rules;
use crate::testing::{Pair, TOKEN, grant, rules};

/// A connection whose store is not open, and the place for its key.
fn starting() -> (Pair, TokenKeySlot) {
    let slot = TokenKeySlot::default();
    let mut pair = Pair::with(Rules { token_key: slot.clone(), ..rules() }, Some(grant()));
    pair.store.is_down = true;
    (pair, slot)
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: p\r\n{fields}\r\n")
}

#[test]
fn the_program_is_alive_but_not_ready_until_the_key_is_there() {
    let (mut pair, slot) = starting();
    let mut ask = |path: &str| {
        pair.client(get(path, ""));
        let heard = pair.responses().pop().unwrap();
        (heard.status(), heard.text())
    };
    assert_eq!(ask("/live"), (200, "alive".into()));
    assert_eq!(ask("/ready"), (503, "starting".into()));
    let (status, health) = ask("/health");
    assert_eq!(status, 503);
    assert!(health.contains(r#""status":"degraded""#) && health.contains(r#""store":"#), "{health}");
    slot.fill(TokenKey::new(&[7; 32]));
    assert_eq!(ask("/ready"), (200, "ready".into()));
}

#[test]
fn a_stop_that_begins_while_starting_counts_more() {
    let (mut pair, _slot) = starting();
    pair.client("GET /ready HTTP/1.1\r\nHost: p\r\n");
    pair.drain_starts();
    pair.client("\r\n");
    assert_eq!((pair.response().status(), pair.response().text()), (503, "draining".into()));
}

#[test]
fn no_token_is_judged_before_the_key_is_there() {
    for fields in [format!("Authorization: Bearer {TOKEN}\r\n"), "x-api-key: nonsense\r\n".into(), String::new()] {
        let (mut pair, _slot) = starting();
        pair.client(get("/v1/x", &fields));
        let heard = pair.response();
        assert_eq!((heard.status(), &*heard.code(), heard.only("retry-after")), (503, "store_unavailable", Some("5")));
        assert!(heard.only("www-authenticate").is_none(), "{fields}");
        assert_eq!((pair.store.asked.len(), pair.asked.0, pair.next()), (0, 0, Next::Continue), "{fields}");
    }
}

#[test]
fn a_connection_that_was_refused_while_starting_is_served_once_the_key_is_there() {
    let (mut pair, slot) = starting();
    let request = get("/v1/x", &format!("Authorization: Bearer {TOKEN}\r\n"));
    pair.client(&request);
    assert_eq!(pair.response().status(), 503);
    slot.fill(TokenKey::new(&[7; 32]));
    pair.store.is_down = false;
    pair.client(&request);
    assert_eq!((pair.store.asked.as_slice(), pair.asked.0), (&["grant"][..], 1));
}

#[test]
fn a_management_call_is_answered_like_any_other_that_needs_the_store() {
    let (mut pair, _slot) = starting();
    pair.client(get("/manage/tokens", "Authorization: Bearer management-token-0123\r\n"));
    assert_eq!((pair.response().status(), &*pair.response().code()), (503, "store_unavailable"));
}
