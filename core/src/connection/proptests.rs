//! Laws of a session under any bytes. Those for arbitrary conversations are in `crate::fuzzing`; here conversations are
//! made that look right, and mostly are.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::fuzzing;
use crate::testing::{Pair, Split, check, get, ok, post, request, settle};

/// A change of a message's bytes.
#[derive(Clone, Debug)]
enum Damage {
    Overwrite(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, usize),
    CutAfter(Index),
    Repeat(Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let pieces: &[&[u8]] = &[
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b":",
        b" ",
        b"\r\n\r\n",
        b"0\r\n\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"ffffffffffffffff\r\n",
        b"\xff",
    ];
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Overwrite(at, byte)),
        (any::<Index>(), select(pieces)).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (any::<Index>(), 1_usize..40).prop_map(|(at, size)| Damage::Remove(at, size)),
        any::<Index>().prop_map(Damage::CutAfter),
        (any::<Index>(), 1_usize..40).prop_map(|(at, size)| Damage::Repeat(at, size)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let span = |at: &Index, size: usize| at.index(bytes.len())..(at.index(bytes.len()) + size).min(bytes.len());
    match damage {
        Damage::Overwrite(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Damage::Insert(at, piece) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, piece.iter().copied());
        }
        Damage::Remove(at, size) => {
            bytes.drain(span(at, *size));
        }
        Damage::CutAfter(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Repeat(at, size) => {
            let piece = bytes[span(at, *size)].to_vec();
            let at = at.index(bytes.len());
            bytes.splice(at..at, piece);
        }
    }
}

fn client_says() -> impl Strategy<Value = Vec<u8>> {
    let valid = vec![
        get("/v1/x"),
        post("/v1/x", "hello"),
        request("POST /v1/x", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"),
        request("HEAD /v1/x", "", ""),
        request("GET /v1/x", "Connection: close\r\n", ""),
        get("/v1/x").replace("HTTP/1.1", "HTTP/1.0"),
        get("/v1/x") + &post("/v1/y", "abc") + "GET /live HTTP/1.1\r\nHost: p\r\n\r\n",
    ];
    damaged(valid)
}

fn upstream_says() -> impl Strategy<Value = Vec<u8>> {
    let valid = vec![
        ok("hello"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n".to_owned(),
        "HTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n".to_owned(),
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        ok("a") + &ok("b"),
    ];
    damaged(valid)
}

fn damaged(valid: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    (select(valid), vec(damage(), 0..3)).prop_map(|(bytes, damages)| {
        let mut bytes = bytes.into_bytes();
        damages.iter().for_each(|damage| apply(&mut bytes, damage));
        bytes
    })
}

proptest! {
    #[test]
    fn any_conversation_keeps_the_laws(data in vec(any::<u8>(), 0..500)) {
        fuzzing::exchange(&data);
    }

    #[test]
    fn whatever_comes_in_only_well_formed_messages_go_out(
        turns in vec((client_says(), upstream_says(), any::<bool>()), 1..5),
        split in select(vec![Split::Whole, Split::Every(1), Split::Every(5)]),
        write_size in select(vec![1_usize, 3, usize::MAX]),
        idle in 0_usize..3,
    ) {
        let mut pair = Pair::default();
        (pair.split, pair.write_size, pair.idle) = (split, write_size, idle);
        for (client, upstream, ends) in turns {
            pair.client(client);
            pair.upstream(upstream);
            if ends {
                pair.upstream_ends();
            }
        }
        settle(&mut pair);
        check(&pair);
    }

    /// Each exchange's content says which it is, and the upstream also says things that nobody asked for.
    #[test]
    fn no_byte_of_one_exchange_is_seen_in_another(
        exchanges in vec((0_usize..3, 0_usize..4, any::<bool>()), 1..6),
        split in select(vec![Split::Whole, Split::Every(1), Split::Every(7)]),
        pipelined in any::<bool>(),
    ) {
        let mut pair = Pair::default();
        let requests: Vec<_> = exchanges.iter().enumerate().map(|(n, (kind, ..))| tagged_request(n, *kind)).collect();
        pair.split = split;
        if pipelined {
            pair.client(requests.concat());
        }
        for (n, (_, kind, garbage)) in exchanges.iter().enumerate() {
            if !pipelined {
                pair.client(&requests[n]);
            }
            // Garbage that comes apart from the response would meet the next request, and be its answer.
            pair.split = if *garbage { Split::Whole } else { split };
            let garbage = if *garbage { ok("wrong") } else { String::new() };
            pair.upstream(tagged_response(n, *kind) + &garbage);
            if *kind == 3 {
                pair.upstream_ends();
            }
        }
        let (asked, heard) = (pair.requests(), pair.responses());
        prop_assert_eq!((asked.len(), heard.len()), (exchanges.len(), exchanges.len()));
        for (n, (asked, heard)) in asked.iter().zip(&heard).enumerate() {
            prop_assert_eq!(asked.only("x-tag"), Some(&*format!("request {n}")));
            prop_assert!([String::new(), format!("content {n}")].contains(&asked.text()), "{:?}", asked);
            prop_assert_eq!(heard.only("x-tag"), Some(&*format!("response {n}")));
            // What lasts until close has no end before it, so garbage is content there.
            let garbage = exchanges[n].1 == 3 && exchanges[n].2;
            prop_assert!(garbage || [String::new(), format!("answer {n}")].contains(&heard.text()), "{:?}", heard);
        }
        settle(&mut pair);
        check(&pair);
    }
}

fn tagged_request(n: usize, kind: usize) -> String {
    let content = format!("content {n}");
    let tag = format!("X-Tag: request {n}\r\n");
    match kind {
        0 => request("GET /v1/x", &tag, ""),
        1 => request("POST /v1/x", &format!("{tag}Content-Length: {}\r\n", content.len()), &content),
        _ => {
            let chunk = format!("{:x}\r\n{content}\r\n0\r\n\r\n", content.len());
            request("POST /v1/x", &format!("{tag}Transfer-Encoding: chunked\r\n"), &chunk)
        }
    }
}

fn tagged_response(n: usize, kind: usize) -> String {
    let content = format!("answer {n}");
    let head = format!("HTTP/1.1 200 OK\r\nX-Tag: response {n}\r\n");
    match kind {
        0 => format!("{head}Content-Length: {}\r\n\r\n{content}", content.len()),
        1 => format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{content}\r\n0\r\n\r\n", content.len()),
        2 => format!("{head}Content-Length: 0\r\n\r\n"),
        _ => format!("{head}\r\n{content}"),
    }
}
