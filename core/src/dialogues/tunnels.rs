//! Upgrades to WebSocket, and the tunnels that they become.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::audit;
use crate::auth::Grant;
use crate::connection::{Next, Relay, SessionInput};
use crate::deadline::Deadline;
use crate::exchange::{FromUpstream, Outcome, ToClient, ToUpstream};
use crate::quota::Concurrency;
use crate::rules::Rules;
use crate::testing::{
    KEY, MANAGEMENT_TOKEN, Message, Pair, Split, TOKEN, UseEnd, WEBSOCKET_FIELDS, get, grant, ok, request, rules,
    switching, websocket,
};
use crate::time::Timestamp;

const AGE: Duration = Duration::from_secs(5);

/// A pair whose tunnel stands, and that has heard all of it.
fn tunnel() -> Pair {
    open(Pair::default())
}

fn open(mut pair: Pair) -> Pair {
    pair.client(websocket("/v1/x"));
    pair.upstream(switching(""));
    assert!(pair.client_heard().starts_with("HTTP/1.1 101 "));
    assert!(pair.upstream_heard().starts_with("GET /v1/x HTTP/1.1\r\n"));
    pair
}

fn limited(left: u64) -> Pair {
    let mut pair = Pair::with(rules(), Some(Grant { max_requests: Some(left), ..grant() }));
    pair.store.left = left;
    pair
}

/// A request without other credential than those subprotocols.
fn offering(subprotocols: &str) -> String {
    format!("GET /v1/x HTTP/1.1\r\nHost: p\r\n{WEBSOCKET_FIELDS}Sec-WebSocket-Protocol: {subprotocols}\r\n\r\n")
}

fn asked(client: impl AsRef<[u8]>) -> Message {
    let mut pair = Pair::default();
    pair.client(client);
    pair.request()
}

fn refused(client: impl AsRef<[u8]>) -> (u16, String) {
    let mut pair = Pair::default();
    pair.client(client);
    assert!(pair.uses.is_empty(), "it reached an upstream");
    (pair.response().status(), pair.response().code())
}

#[test]
fn the_upstream_is_asked_for_a_websocket() {
    let heard = asked(websocket("/v1/x"));
    assert_eq!((heard.only("connection"), heard.only("upgrade")), (Some("Upgrade"), Some("websocket")));
    assert_eq!(heard.only("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(heard.only("sec-websocket-version"), Some("13"));
    assert_eq!(heard.only("authorization"), Some(&*format!("Bearer {KEY}")));
}

#[test]
fn fields_of_the_websocket_pass_byte_for_byte() {
    let odd = "sec-WebSocket-Extensions:permessage-deflate;  a=\"b\"\r\nSec-WebSocket-Protocol:  realtime ,x\r\n";
    let mut pair = Pair::default();
    pair.client(request("GET /v1/x", &format!("{WEBSOCKET_FIELDS}{odd}"), ""));
    assert!(pair.upstream_heard().contains(odd));
}

#[test]
fn of_several_protocols_only_the_websocket_is_offered_on() {
    let heard = asked(websocket("/v1/x").replace("Upgrade: websocket", "Upgrade: h2c, WebSocket"));
    assert_eq!(heard.only("upgrade"), Some("websocket"));
}

#[test]
fn what_does_not_ask_for_a_websocket_is_no_upgrade() {
    let fields = WEBSOCKET_FIELDS;
    for client in [
        websocket("/v1/x").replace("websocket", "h2c"),
        websocket("/v1/x").replace("Connection: Upgrade\r\n", ""),
        websocket("/v1/x").replace("HTTP/1.1", "HTTP/1.0"),
        request("POST /v1/x", fields, "").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
        request("GET /v1/x", &format!("{fields}Content-Length: 1\r\n"), "a"),
        request("GET /v1/x", &format!("{fields}Transfer-Encoding: chunked\r\n"), "0\r\n\r\n"),
    ] {
        let mut pair = Pair::default();
        pair.client(&client);
        assert_eq!(pair.request().all("upgrade"), Vec::<&str>::new(), "{client}");
        pair.upstream(switching(""));
        assert_eq!(pair.response().status(), 502, "a 101 answers nothing: {client}");
    }
}

#[test]
fn a_credential_among_the_subprotocols_is_taken_out_of_the_list() {
    for (offered, left) in [
        (
            format!("realtime, openai-insecure-api-key.{TOKEN}, openai-beta.realtime-v1"),
            Some("realtime, openai-beta.realtime-v1"),
        ),
        (format!("openai-insecure-api-key.{TOKEN}"), None),
        (format!(" ,OpenAI-Insecure-API-Key.{TOKEN} ,,x"), Some("x")),
    ] {
        let heard = asked(offering(&offered));
        assert_eq!(heard.only("sec-websocket-protocol"), left, "{offered}");
        assert_eq!(heard.only("authorization"), Some(&*format!("Bearer {KEY}")));
    }
}

#[test]
fn the_subprotocol_is_a_credential_only_where_a_websocket_is_asked_for() {
    let offered = offering(&format!("openai-insecure-api-key.{TOKEN}"));
    assert_eq!(refused(offered.replace("Connection: Upgrade", "Connection: x")), (401, "missing_token".into()));
    assert_eq!(refused(offering("openai-insecure-api-key.")), (401, "missing_token".into()));
    assert_eq!(refused(offering("openai-insecure-api-key.sk-no")), (401, "invalid_token".into()));
}

#[test]
fn two_different_credentials_are_refused() {
    let other = "sk-AAECAwQFBgcICQoLDA0ODg";
    let field = format!("{WEBSOCKET_FIELDS}Sec-WebSocket-Protocol: openai-insecure-api-key.{other}\r\n");
    assert_eq!(refused(request("GET /v1/x", &field, "")).0, 400);
    let both = format!("openai-insecure-api-key.{TOKEN}, openai-insecure-api-key.{other}");
    assert_eq!(refused(offering(&both)).0, 400);
    let same = field.replace(other, TOKEN);
    assert_eq!(asked(request("GET /v1/x", &same, "")).all("sec-websocket-protocol"), Vec::<&str>::new());
}

#[test]
fn a_denial_tells_nobody_the_token_of_the_subprotocol() {
    let mut pair = Pair::with(rules(), None);
    let asking = offering(&format!("openai-insecure-api-key.{TOKEN}")).replace("/v1/x", &format!("/v1/{TOKEN}"));
    pair.client(asking.replace("Host: p", &format!("Host: p\r\nUser-Agent: a{TOKEN}b\r\nX-Request-ID: {TOKEN}")));
    assert_eq!(pair.response().code(), "invalid_token");
    let event = format!("{:?}", pair.noted);
    assert!(event.contains("[redacted]") && !event.contains(&TOKEN[3..]), "{event}");
}

#[test]
fn the_client_hears_the_101_and_then_every_byte() {
    let mut pair = Pair::default();
    pair.client(websocket("/v1/x") + "early");
    pair.upstream(
        switching("Sec-WebSocket-Protocol: realtime\r\nContent-Length: 0\r\nX-Request-ID: up\r\n") + "\0first",
    );
    let heard = pair.response();
    assert_eq!(
        (heard.status(), heard.only("connection"), heard.only("upgrade")),
        (101, Some("Upgrade"), Some("websocket"))
    );
    assert_eq!(heard.only("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!((heard.only("sec-websocket-protocol"), heard.only("x-request-id")), (Some("realtime"), Some("up")));
    assert!(heard.only("x-proxy-request-id").is_some() && heard.only("via").is_some());
    assert_eq!((heard.only("content-length"), heard.only("transfer-encoding")), (None, None));
    assert_eq!((heard.text().as_str(), pair.request().text().as_str()), ("\0first", "early"));
    for (client, upstream) in [("HTTP/1.1 200 OK\r\n\r\n", "0\r\n\r\n"), ("\r\n\r\n", "\n"), ("", "x"), ("y", "")] {
        drop((pair.client_heard(), pair.upstream_heard()));
        pair.client(client);
        pair.upstream(upstream);
        assert_eq!((pair.upstream_heard().as_str(), pair.client_heard().as_str()), (client, upstream));
    }
}

#[test]
fn another_answer_is_an_ordinary_one() {
    for status in ["401 Unauthorized", "403 Forbidden", "426 Upgrade Required", "500 No", "200 OK"] {
        let mut pair = Pair::default();
        pair.client(websocket("/v1/x") + &get("/v1/y"));
        pair.upstream(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nUpgrade: websocket\r\n\r\nno"));
        pair.upstream(ok("b"));
        let texts: Vec<_> = pair.responses().iter().map(Message::text).collect();
        assert_eq!((texts, pair.released, pair.next()), (vec!["no".into(), "b".into()], 2, Next::Continue));
    }
}

#[test]
fn a_101_to_another_protocol_or_with_content_is_a_fault() {
    for answer in [
        switching("").replace("websocket", "h2c"),
        switching("").replace("Upgrade: websocket\r\n", ""),
        switching("Content-Length: 5\r\n"),
        switching("Transfer-Encoding: chunked\r\n"),
    ] {
        let mut pair = Pair::default();
        pair.client(websocket("/v1/x"));
        pair.upstream(&answer);
        assert_eq!((pair.response().status(), pair.ended[0].outcome), (502, Outcome::UpstreamBroke), "{answer}");
    }
}

#[test]
fn the_upstreams_end_reaches_the_client_behind_its_last_byte() {
    let mut pair = tunnel();
    pair.client_reads = false;
    pair.client("abc");
    pair.upstream("last");
    pair.upstream_ends();
    assert_eq!(pair.next(), Next::Continue, "its last bytes wait");
    pair.client_reads = true;
    pair.drain();
    assert_eq!((pair.client_heard().as_str(), pair.next()), ("last", Next::ShutdownWrite));
    let ended = &pair.ended[0];
    assert_eq!((ended.outcome, ended.bytes, ended.code), (Outcome::Completed, (3, 4), None));
    assert_eq!((pair.released, pair.uses[0].end), (0, Some(UseEnd::Closed)));
}

#[test]
fn the_clients_end_counts_once_all_before_it_is_written() {
    let mut pair = tunnel();
    pair.upstream_reads = false;
    pair.client("last words");
    pair.client_ends();
    pair.advance(Duration::from_secs(60));
    assert!(pair.ended.is_empty(), "its last words wait");
    pair.upstream_reads = true;
    pair.drain();
    assert_eq!(pair.upstream_heard(), "last words");
    pair.upstream("answer");
    assert_eq!(pair.client_heard(), "answer");
    assert_eq!(pair.advance(Duration::from_secs(2)), [Deadline::TunnelEnd]);
    assert_eq!((pair.ended[0].outcome, pair.ended[0].bytes), (Outcome::Completed, (10, 6)));
    assert_eq!((pair.uses[0].end, pair.next()), (Some(UseEnd::Closed), Next::Close));
}

#[test]
fn an_upstream_that_goes_on_after_the_clients_end_is_not_heard_for_ever() {
    let mut pair = tunnel();
    pair.client_ends();
    let mut seconds = 0;
    while pair.ended.is_empty() {
        pair.upstream("a");
        pair.advance(Duration::from_secs(1));
        seconds += 1;
    }
    assert_eq!((seconds, pair.ended[0].outcome), (30, Outcome::Completed));
}

#[test]
fn what_breaks_off_looks_broken() {
    let mut pair = tunnel();
    pair.upstream("half");
    pair.upstream_breaks();
    assert_eq!((pair.client_heard().as_str(), pair.next()), ("half", Next::Reset));
    assert_eq!((pair.ended[0].outcome, pair.closed), (Outcome::UpstreamBroke, 1));
    let mut pair = tunnel();
    pair.client_breaks();
    assert_eq!((pair.ended[0].outcome, pair.closed, pair.next()), (Outcome::ClientGone, 1, Next::Reset));
}

#[test]
fn neither_side_is_read_while_the_other_takes_nothing() {
    let mut pair = tunnel();
    (pair.client_reads, pair.upstream_reads) = (false, false);
    let piece = "a".repeat(16 * 1024);
    let fill = |pair: &mut Pair, say: fn(&mut Pair, &str) -> usize| (0..1000).map(|_| say(pair, &piece)).sum::<usize>();
    let up = fill(&mut pair, |pair, piece| pair.client(piece));
    let down = fill(&mut pair, |pair, piece| pair.upstream(piece));
    assert!(up <= 256 * 1024 && down <= 256 * 1024, "{up} and {down} bytes are held");
    assert!(!pair.session.watches_client(), "its end must come behind its bytes");
    (pair.client_reads, pair.upstream_reads) = (true, true);
    pair.drain();
    assert_eq!((pair.upstream_heard().len(), pair.client_heard().len()), (up, down));
}

#[test]
fn a_tunnel_lasts_as_long_as_bytes_move_in_either_direction() {
    let mut pair = tunnel();
    for round in 0..20 {
        pair.advance(Duration::from_secs(119));
        if round % 2 == 0 {
            pair.client("a")
        } else {
            pair.upstream("b")
        };
        assert!(pair.ended.is_empty());
    }
    assert_eq!(pair.advance(Duration::from_secs(120)).last(), Some(&Deadline::StreamIdle));
    let ended = &pair.ended[0];
    assert_eq!((ended.outcome, ended.deadline), (Outcome::TimedOut, Some(Deadline::StreamIdle)));
    assert_eq!((ended.bytes, pair.next()), ((10, 10), Next::ShutdownWrite));
}

#[test]
fn the_token_is_looked_at_again_as_often_as_the_grant_age_says() {
    let mut pair = tunnel();
    assert_eq!(pair.advance(AGE * 3), [Deadline::TokenCheck; 3]);
    assert_eq!(pair.store.asked, ["grant", "grant anew", "grant anew", "grant anew"]);
    pair.client("a");
    assert_eq!(pair.upstream_heard(), "a");
}

type Change = fn(&mut Grant);

#[test]
fn a_tunnel_whose_token_may_no_longer_is_cut_at_the_next_look() {
    let changes: [(Option<Change>, &str); 4] = [
        (Some(|grant| grant.token_active = false), "token_inactive"),
        (Some(|grant| grant.project_active = false), "project_inactive"),
        (Some(|grant| grant.expires_at = Timestamp::from_micros(1)), "token_expired"),
        (None, "invalid_token"),
    ];
    for (change, code) in changes {
        let mut pair = tunnel();
        match change {
            Some(change) => pair.store.grant.iter_mut().for_each(change),
            None => pair.store.grant = None,
        }
        assert_eq!(pair.advance(AGE), [Deadline::TokenCheck]);
        let ended = &pair.ended[0];
        assert_eq!((ended.outcome, ended.code, ended.deadline), (Outcome::Refused, Some(code), None));
        assert_eq!((pair.client_heard().as_str(), pair.upstream_heard().as_str()), ("", ""), "bytes are invented");
        assert_eq!((pair.next(), pair.uses[0].end), (Next::ShutdownWrite, Some(UseEnd::Closed)));
        let event = &pair.noted[0];
        assert_eq!((event.outcome, event.reason, pair.noted.len()), (audit::Outcome::Denied, Some(code), 1));
        assert_eq!((event.token_id, event.project_id), (Some(grant().token_id), Some(grant().project_id)));
        let shown = format!("{event:?}");
        assert!(![TOKEN, KEY, MANAGEMENT_TOKEN].iter().any(|secret| shown.contains(secret)), "{shown}");
    }
}

#[test]
fn a_tunnel_is_cut_at_the_moment_at_which_its_token_expires() {
    let rules = Rules { grant_max_age: Duration::from_secs(3600), ..rules() };
    let expires_at = grant().expires_at.plus(Duration::from_secs(7)).plus(Duration::from_micros(1));
    let mut pair = Pair::with(rules, Some(Grant { expires_at, ..grant() }));
    pair = open(pair);
    for _ in 0..36 {
        pair.advance(Duration::from_secs(100));
        pair.client("a");
    }
    pair.advance(Duration::from_secs(7));
    assert!(pair.ended.is_empty());
    assert!(pair.advance(Duration::from_micros(2)).contains(&Deadline::TokenExpiry));
    assert_eq!((pair.ended[0].outcome, pair.ended[0].code), (Outcome::Refused, Some("token_expired")));
    assert_eq!(pair.noted[0].reason, Some("token_expired"));
}

#[test]
fn a_token_that_is_made_to_last_longer_or_shorter_does() {
    let mut pair = tunnel();
    let start = Timestamp::from_micros(1_790_000_000_000_000);
    let until = |pair: &mut Pair, seconds| {
        pair.store.grant = Some(Grant { expires_at: start.plus(Duration::from_secs(seconds)), ..grant() });
    };
    until(&mut pair, 4000);
    for _ in 0..39 {
        pair.advance(Duration::from_secs(100));
        pair.client("a");
    }
    assert!(pair.ended.is_empty(), "it ends when it first would have");
    until(&mut pair, 3907);
    pair.advance(Duration::from_secs(6));
    assert!(pair.ended.is_empty());
    assert_eq!(pair.advance(Duration::from_secs(1)).last(), Some(&Deadline::TokenExpiry));
}

#[test]
fn a_store_that_cannot_answer_cuts_no_tunnel_and_is_asked_again() {
    let mut pair = tunnel();
    pair.store.is_down = true;
    assert_eq!(pair.advance(AGE * 3), [Deadline::TokenCheck; 3]);
    (pair.store.is_down, pair.store_answers) = (false, false);
    assert_eq!(pair.advance(AGE * 3), [Deadline::TokenCheck; 3], "an answer that never comes is not waited for");
    assert!(pair.ended.is_empty());
    pair.store.grant = None;
    assert_eq!(pair.answer_store(), 3);
    assert_eq!((pair.ended.len(), pair.ended[0].outcome), (1, Outcome::Refused), "only the last answer counts");
}

#[test]
fn a_tunnel_is_one_request_that_is_spent_once() {
    let mut pair = open(limited(2));
    pair.client("a");
    pair.advance(AGE * 2);
    pair.upstream_ends();
    assert_eq!((pair.store.spent, pair.ended.len()), (1, 1));
    let mut pair = limited(1);
    pair.upstream_reads = false;
    pair.client(websocket("/v1/x"));
    pair.client_breaks();
    assert_eq!((pair.store.spent, pair.store.left), (0, 1), "no byte of it reached an upstream");
}

#[test]
fn a_tunnel_keeps_its_place_among_the_requests_that_run() {
    let concurrency = Concurrency::new(1);
    let rules = || Rules { concurrency: concurrency.clone(), ..rules() };
    let mut held = open(Pair::with(rules(), Some(grant())));
    held.client("a");
    let other = || {
        let mut pair = Pair::with(rules(), Some(grant()));
        pair.client(get("/v1/x"));
        pair.uses.len()
    };
    assert_eq!(other(), 0);
    held.upstream_ends();
    assert_eq!(other(), 1);
}

#[test]
fn a_tunnel_outlives_the_beginning_of_the_stop() {
    let mut pair = tunnel();
    pair.drain_starts();
    pair.client("a");
    pair.upstream("b");
    assert_eq!((pair.upstream_heard().as_str(), pair.client_heard().as_str()), ("a", "b"));
    assert_eq!((pair.next(), pair.ended.len()), (Next::Continue, 0));
    pair.upstream_ends();
    assert_eq!(pair.ended[0].outcome, Outcome::Completed);
}

#[test]
fn an_upgrade_is_tried_again_where_a_reused_connection_was_closed() {
    let mut pair = Pair::default();
    pair.idle = 1;
    pair.client(websocket("/v1/x"));
    pair.upstream_ends();
    pair = open_after(pair);
    pair.client("a");
    assert_eq!((pair.request().text().as_str(), pair.asked), ("a", (2, 1)));
}

fn open_after(mut pair: Pair) -> Pair {
    pair.upstream(switching(""));
    assert_eq!(pair.response().status(), 101);
    pair
}

#[test]
fn in_a_relayed_session_a_tunnel_takes_no_detour() {
    let mut pair = Pair::default().relayed();
    pair.carries = false;
    pair.client(websocket("/v1/x"));
    let mut lanes = Vec::new();
    for answer in [switching("") + "first", String::new()] {
        while let Some(relay) = pair.session.poll_relay() {
            lanes.push(match &relay {
                Relay::FromClient(_) => "from client",
                Relay::ToUpstream(ToUpstream::Upgrade(_)) => "upgrade",
                Relay::FromUpstream(FromUpstream::Switched(_)) => "switched",
                Relay::ToClient(ToClient::Switched(_)) => "switched for the client",
                Relay::ToUpstream(_) | Relay::FromUpstream(_) | Relay::ToClient(_) => "other",
            });
            pair.give(SessionInput::Relayed(relay));
        }
        pair.upstream(answer);
    }
    assert_eq!(lanes, ["from client", "upgrade", "switched", "switched for the client"]);
    pair.client("up");
    pair.upstream("down");
    assert_eq!((pair.request().text().as_str(), pair.response().text().as_str()), ("up", "firstdown"));
    pair.upstream_ends();
    assert_eq!(pair.ended[0].outcome, Outcome::Completed);
}

proptest! {
    /// Whatever the bytes are, however they are cut, written and relayed, each side hears all of the other's.
    #[test]
    fn every_byte_arrives_in_order(
        turns in vec((vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..40)), 0..8),
        size in 1_usize..9,
        write_size in select(vec![1_usize, 3, usize::MAX]),
        relayed in any::<bool>(),
    ) {
        let mut pair = if relayed { Pair::default().relayed() } else { Pair::default() };
        (pair.split, pair.write_size) = (Split::Every(size), write_size);
        pair.client(websocket("/v1/x"));
        pair.upstream(switching(""));
        for (up, down) in &turns {
            pair.client(up);
            pair.upstream(down);
        }
        let (up, down): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
        prop_assert_eq!(pair.request().content, up.concat());
        prop_assert_eq!(pair.response().content, down.concat());
        let lengths = (up.concat().len() as u64, down.concat().len() as u64);
        pair.upstream_ends();
        prop_assert_eq!((pair.ended[0].outcome, pair.ended[0].bytes), (Outcome::Completed, lengths));
    }

    /// Wherever the client puts its token, beside the path, no upstream hears it.
    #[test]
    fn no_upstream_hears_the_token(
        before in "[a-z ,]{0,9}", after in "[a-z ,]{0,9}", name in "[Oo]penai-insecure-API-key", copy in any::<bool>(),
    ) {
        let copy = if copy { format!("X-Copy: {TOKEN}\r\nX-Request-ID: a{TOKEN}\r\n") } else { String::new() };
        let offered = offering(&format!("{before},{name}.{TOKEN},{after},y{TOKEN}"));
        let mut pair = Pair::default();
        pair.client(offered.replace("Host: p\r\n", &format!("Host: p\r\n{copy}")));
        let heard = pair.upstream_heard();
        prop_assert!(heard.contains(KEY) && !heard.contains(TOKEN), "{}", heard);
    }
}
