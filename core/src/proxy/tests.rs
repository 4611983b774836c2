//! Rewriting, case by case, where a dialogue would not show it. Most rules are in `crate::dialogues`.

use bytes::Bytes;

use super::{IdSource, RequestIds, client_framing, is_event_stream, passes_in_trailer, passing_trailers};
use crate::http1::{Fields, Framing, Version};
use crate::time::Timestamp;

fn ids(fields: &[(&str, &str)]) -> RequestIds {
    RequestIds::of(&Fields::for_tests(fields), Timestamp::default(), &mut IdSource::new(7))
}

#[test]
fn ids_that_are_made_differ() {
    let mut source = IdSource::new(7);
    let made: Vec<_> = (0..1000).map(|_| RequestIds::made(Timestamp::default(), &mut source)).collect();
    let unique: std::collections::BTreeSet<_> = made.iter().map(RequestIds::request).collect();
    assert_eq!(unique.len(), 1000);
}

#[test]
fn one_seed_makes_one_sequence_of_ids() {
    assert_eq!(ids(&[]), ids(&[]));
}

#[test]
fn ids_of_the_client_are_kept_up_to_the_limit() {
    let (longest, longer) = ("a".repeat(128), "a".repeat(129));
    assert_eq!(ids(&[("x-request-id", &longest)]).request(), longest);
    assert_ne!(ids(&[("x-request-id", &longer)]).request(), longer);
    assert_eq!(ids(&[("X-Correlation-Id", "c")]).correlation(), "c");
    assert_ne!(ids(&[("X-Correlation-Id", "c")]).request(), "c");
}

#[test]
fn an_id_that_begins_as_keys_do_is_not_kept() {
    for key in ["sk-AAAAAAAAAAAAAAAAAAAAAA", "a-sk-proj-THEREALKEYabcdefgh", "gsk_0123456789abcdef0123"] {
        assert_ne!(ids(&[("x-request-id", key)]).request(), key);
        assert_ne!(ids(&[("x-correlation-id", key)]).correlation(), key);
    }
    for id in [
        "task-00000000-0000-7000-8000-000000000000",
        "disk-0123456789",
        "00000000-0000-7000-8000-000000000000",
        "0af7651916cd43dd8448eb211c80319c",
    ] {
        assert_eq!(ids(&[("x-request-id", id)]).request(), id);
    }
}

#[test]
fn only_a_close_is_framed_anew_and_never_a_length() {
    for version in [Version::Http10, Version::Http11] {
        assert_eq!(client_framing(Framing::Length(3), version), Framing::Length(3));
        assert_eq!(client_framing(Framing::Empty, version), Framing::Empty);
    }
    assert_eq!(client_framing(Framing::UntilClose, Version::Http11), Framing::Chunked);
    assert_eq!(client_framing(Framing::Chunked, Version::Http10), Framing::UntilClose);
}

#[test]
fn a_stream_of_events_is_known_by_its_type_alone() {
    for (value, is_stream) in [
        (&b"text/event-stream"[..], true),
        (b" TEXT/Event-Stream ; charset=utf-8", true),
        (b"text/event-streamx", false),
        (b"application/json; x=text/event-stream", false),
        (b"", false),
    ] {
        assert_eq!(is_event_stream(value), is_stream, "{}", value.escape_ascii());
    }
}

#[test]
fn trailers_that_frame_route_or_authenticate_do_not_pass() {
    for name in [
        "host",
        "Content-Length",
        "transfer-encoding",
        "content-encoding",
        "Authorization",
        "x-api-key",
        "set-cookie",
        "proxy-x",
        "te",
    ] {
        assert!(!passes_in_trailer(name.as_bytes()), "{name}");
    }
    assert!(passes_in_trailer(b"x-checksum") && passes_in_trailer(b"server-timing"));
}

#[test]
fn only_the_lines_that_show_the_secret_are_taken_out() {
    let section = Bytes::from_static(b"A: 1\r\nB: real-key\r\nC:2\r\nreal-key: 3\r\n\r\n");
    let left = passing_trailers(Fields::parse(section.clone()).unwrap(), None, b"real-key");
    let lines: Vec<_> = left.iter().map(|field| field.line).collect();
    assert_eq!(lines, [&b"A: 1\r\n"[..], b"C:2\r\n"]);
    assert_eq!(passing_trailers(Fields::parse(section).unwrap(), None, b"").len(), 4);
}

#[test]
fn trailers_that_the_head_nominates_end_here() {
    let section = Bytes::from_static(b"A: 1\r\nX-Hop: 2\r\n\r\n");
    let head = Fields::for_tests(&[("Connection", "x-hop")]);
    let left = passing_trailers(Fields::parse(section).unwrap(), Some(&head), b"");
    assert_eq!(left.iter().map(|field| field.name).collect::<Vec<_>>(), [b"A"]);
}
