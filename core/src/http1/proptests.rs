//! Laws of the message syntax. Those that hold for any bytes are written in `crate::fuzzing`; here bytes are made for
//! them that look like messages, and often are.

use http::Method;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::replay::{Kind, Message, Outcome, replay, write};
use super::{Framing, is_field_value};
use crate::fuzzing;

/// Pieces of messages, right ones and wrong ones, from which messages are put together at random.
const PIECES: &[&[u8]] = &[
    b"GET ",
    b"POST ",
    b"OPTIONS ",
    b"/",
    b"*",
    b"http://h",
    b"?q",
    b" ",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b"HTTP/1.1 ",
    b"200 OK\r\n",
    b"204 \r\n",
    b"304\r\n",
    b"Host: h\r\n",
    b"Host",
    b":",
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"\t",
    b"a",
    b"\xff",
    b"Content-Length: ",
    b"3",
    b"0",
    b",",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: ",
    b"chunked",
    b"1\r\nx\r\n",
    b"0\r\n\r\n",
    b"0\r\n",
    b";a=\"b\"",
    b";",
    b"\"",
    b"\\",
    b"X: y\r\n",
    b"\r\n\r\n",
    b"\x16\x03\x01",
];

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    vec(select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

const REQUESTS: &[&[u8]] =
    &[b"GET / HTTP/1.1\r\nHost: h\r\n", b"POST http://h HTTP/1.1\r\nHost: h\r\n", b"PUT /a HTTP/1.0\r\n"];

const RESPONSES: &[&[u8]] = &[b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 204\r\n", b"HTTP/1.0 529 \r\n", b"HTTP/1.1 101 \r\n"];

/// The right beginning of a message, then pieces.
fn nearly(starts: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    (select(starts), pieces()).prop_map(|(start, pieces)| [start, &pieces[..]].concat())
}

fn trailers() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let name = "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}".prop_map(String::into_bytes);
    let value = vec(any::<u8>().prop_filter("no control", |byte| is_field_value(&[*byte])), 0..12);
    vec((name, value.prop_map(|value| value.trim_ascii().to_vec())), 0..4)
}

/// Cuts `data` at random places.
fn cut(data: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len() + 1)).collect();
    places.sort_unstable();
    let starts = [0].into_iter().chain(places.iter().copied());
    starts.zip(places.iter().copied().chain([data.len()])).map(|(start, end)| data[start..end].to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_keep_the_laws(data in vec(any::<u8>(), 0..200)) {
        fuzzing::wire_request(&data);
        fuzzing::wire_response(&data);
        fuzzing::chunked(&data);
    }

    #[test]
    fn pieces_of_messages_keep_the_laws(data in pieces()) {
        fuzzing::wire_request(&data);
        fuzzing::wire_response(&data);
        fuzzing::chunked(&data);
    }

    #[test]
    fn near_messages_keep_the_laws(request in nearly(REQUESTS), response in nearly(RESPONSES)) {
        fuzzing::wire_request(&request);
        fuzzing::wire_response(&response);
    }

    #[test]
    fn it_does_not_matter_where_the_bytes_are_cut(data in nearly(REQUESTS), cuts in vec(any::<prop::sample::Index>(), 0..6)) {
        let pieces = cut(&data, &cuts);
        prop_assert_eq!(
            replay(&Kind::Request, pieces.iter().map(Vec::as_slice)),
            replay(&Kind::Request, [&data[..]])
        );
    }

    #[test]
    fn a_body_survives_the_chunked_coding(
        body in vec(any::<u8>(), 0..300),
        trailers in trailers(),
        chunk in 1usize..40,
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let message = Message { start: Vec::new(), fields: Vec::new(), framing: Framing::Chunked, body, trailers };
        let wire = [write(&Kind::Chunked, &message, chunk), b"next".to_vec()].concat();
        let pieces = cut(&wire, &cuts);
        let outcome = replay(&Kind::Chunked, pieces.iter().map(Vec::as_slice));
        prop_assert_eq!(outcome, Outcome::Message(message, b"next".to_vec()));
    }

    #[test]
    fn a_response_of_any_length_ends_where_it_says(body in vec(any::<u8>(), 1..300), more in vec(any::<u8>(), 0..20)) {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let wire = [head.as_bytes(), &body, &more].concat();
        let Outcome::Message(message, rest) = replay(&Kind::Response(Method::GET), [&wire[..]]) else {
            return Err(TestCaseError::fail("not accepted"));
        };
        prop_assert_eq!(message.framing, Framing::Length(body.len() as u64));
        prop_assert_eq!((message.body, rest), (body, more));
    }
}
