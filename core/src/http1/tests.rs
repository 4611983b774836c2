//! What the decoders do over several messages and calls, which the table of single messages does not show.

use bytes::{Bytes, BytesMut};
use http::Method;

use super::{
    BodyDecoder, BodyLimits, BodyPart, Fields, Framing, HeadDecoder, HeadLimits, Malformed, RequestHead, Version,
    request_framing, response_framing,
};

fn request(wire: &[u8]) -> RequestHead {
    HeadDecoder::new(HeadLimits::default()).request(&mut BytesMut::from(wire)).expect("well formed").expect("complete")
}

fn chunked() -> BodyDecoder {
    BodyDecoder::new(Framing::Chunked, BodyLimits::default())
}

#[test]
fn one_decoder_reads_heads_one_after_another() {
    let mut decoder = HeadDecoder::new(HeadLimits::default());
    let mut buf = BytesMut::from("\r\nGET /a HTTP/1.0\r\nX: y\r\n\r\n\r\nGET /b HTTP/1.0\r\n\r\nGE");
    let targets = [(); 2].map(|()| decoder.request(&mut buf).unwrap().unwrap().target().to_owned());
    assert_eq!(targets, ["/a", "/b"]);
    assert!(decoder.request(&mut buf).unwrap().is_none());
    assert_eq!(buf, "GE");
}

#[test]
fn empty_lines_are_counted_for_each_request_anew() {
    let mut decoder = HeadDecoder::new(HeadLimits::default());
    let mut buf = BytesMut::from(&b"\r\n\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n".repeat(3)[..]);
    for _ in 0..3 {
        assert!(decoder.request(&mut buf).unwrap().is_some());
    }
}

#[test]
fn interim_responses_come_before_the_final_one() {
    let mut decoder = HeadDecoder::new(HeadLimits::default());
    let mut buf = BytesMut::from("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let interim = decoder.response(&mut buf).unwrap().unwrap();
    let last = decoder.response(&mut buf).unwrap().unwrap();
    assert_eq!((interim.status().as_u16(), interim.reason()), (100, &b"Continue"[..]));
    assert_eq!(response_framing(&Method::GET, &interim), Ok(Framing::Empty));
    assert_eq!(response_framing(&Method::GET, &last), Ok(Framing::Length(2)));
    assert_eq!(buf, "ok");
}

#[test]
fn a_complete_request_line_is_judged_before_the_head_is_complete() {
    let mut decoder = HeadDecoder::new(HeadLimits::default());
    let mut buf = BytesMut::from("GET / HTTP/2.0\r\nHo");
    assert_eq!(decoder.request(&mut buf).err(), Some(Malformed::Version));
}

#[test]
fn limits_are_those_that_were_given() {
    let mut decoder = HeadDecoder::new(HeadLimits { bytes: 20, fields: 1 });
    assert!(decoder.request(&mut BytesMut::from("GET / HTTP/1.0\r\n\r\n")).unwrap().is_some());
    assert_eq!(decoder.request(&mut BytesMut::from("GET /abc HTTP/1.0\r\n\r\n")).err(), Some(Malformed::HeadTooLarge));
}

#[test]
fn a_head_gives_its_parts_in_the_senders_bytes() {
    let head = request(b"GET /a%20b?c=d?e HTTP/1.1\r\nHOST:  h \r\nx-Y:z\r\nX-y: \xff\r\n\r\n");
    assert_eq!((head.path(), head.query(), head.version()), ("/a%20b", Some("c=d?e"), Version::Http11));
    let lines: Vec<_> = head.fields().iter().map(|field| field.line).collect();
    assert_eq!(lines, [&b"HOST:  h \r\n"[..], b"x-Y:z\r\n", b"X-y: \xff\r\n"]);
    assert_eq!(head.fields().get_all("X-Y").collect::<Vec<_>>(), [&b"z"[..], b"\xff"]);
}

#[test]
fn a_missing_path_is_made_up_without_touching_a_field() {
    let head = request(b"GET http://host?q HTTP/1.1\r\nHost: host\r\n\r\n");
    assert_eq!((head.target(), head.path(), head.query()), ("/?q", "/", Some("q")));
    assert_eq!(head.fields().get("host"), Some(&b"host"[..]));
}

#[test]
fn decoded_data_shares_the_buffer() {
    let wire = b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n";
    let mut buf = BytesMut::from(&wire[..]);
    let memory = buf.as_ptr().addr();
    let place = |slice: &[u8]| slice.as_ptr().addr() - memory;
    let sent = |bytes: &[u8]| memchr::memmem::find(wire, bytes).expect("sent");
    let head = HeadDecoder::new(HeadLimits::default()).request(&mut buf).unwrap().unwrap();
    let mut body = BodyDecoder::new(request_framing(&head).unwrap(), BodyLimits::default());
    assert_eq!(place(head.fields().get("host").unwrap()), sent(b"h\r\n"));
    let Ok(BodyPart::Data(data)) = body.decode(&mut buf) else { panic!("no data") };
    assert_eq!((place(&data), &data[..]), (sent(b"abc"), &b"abc"[..]));
    let Ok(BodyPart::End(trailers)) = body.decode(&mut buf) else { panic!("no end") };
    assert_eq!(place(trailers.get("x").unwrap()), sent(b"y\r\n"));
}

#[test]
fn the_end_of_a_body_is_said_again_without_trailers() {
    let mut body = chunked();
    let mut buf = BytesMut::from("0\r\nX: y\r\n\r\n");
    assert!(!body.is_complete());
    assert!(matches!(body.decode(&mut buf), Ok(BodyPart::End(trailers)) if trailers.len() == 1));
    assert!(body.is_complete());
    buf.extend_from_slice(b"next");
    assert_eq!(body.decode(&mut buf), Ok(BodyPart::End(Fields::default())));
    assert_eq!((body.end_of_input(), &buf[..]), (Ok(()), &b"next"[..]));
}

#[test]
fn a_chunk_is_handed_out_before_all_of_it_is_there() {
    let mut body = chunked();
    let mut buf = BytesMut::from("5\r\nab");
    assert_eq!(body.decode(&mut buf), Ok(BodyPart::Data(Bytes::from("ab"))));
    assert_eq!(body.decode(&mut buf), Ok(BodyPart::NeedMore));
    buf.extend_from_slice(b"cde\r");
    assert_eq!(body.decode(&mut buf), Ok(BodyPart::Data(Bytes::from("cde"))));
    assert_eq!(body.decode(&mut buf), Ok(BodyPart::NeedMore));
}

#[test]
fn only_a_body_until_close_may_end_with_the_input() {
    let limits = BodyLimits::default();
    let mut until_close = BodyDecoder::new(Framing::UntilClose, limits);
    assert!(!until_close.is_complete());
    assert_eq!(until_close.decode(&mut BytesMut::new()), Ok(BodyPart::NeedMore));
    assert_eq!(until_close.end_of_input(), Ok(()));
    assert_eq!(until_close.decode(&mut BytesMut::new()), Ok(BodyPart::End(Fields::default())));
    assert_eq!(BodyDecoder::new(Framing::Empty, limits).end_of_input(), Ok(()));
    for framing in [Framing::Length(1), Framing::Chunked] {
        assert_eq!(BodyDecoder::new(framing, limits).end_of_input(), Err(Malformed::BodyCutOff));
    }
}

#[test]
fn a_length_of_zero_is_complete_at_once() {
    for framing in [Framing::Empty, Framing::Length(0)] {
        let mut body = BodyDecoder::new(framing, BodyLimits::default());
        assert!(body.is_complete());
        assert_eq!(body.decode(&mut BytesMut::from("next")), Ok(BodyPart::End(Fields::default())));
    }
}

#[test]
fn a_section_is_parsed_only_if_it_ends_where_the_bytes_end() {
    let parse = |bytes: &'static [u8]| Fields::parse(Bytes::from_static(bytes)).map(|fields| fields.len());
    assert_eq!(parse(b"\r\n"), Ok(0));
    assert_eq!(parse(b"A: b\r\nC: d\r\n\r\n"), Ok(2));
    assert_eq!(parse(b""), Err(Malformed::FieldLine));
    assert_eq!(parse(b"A: b\r\n"), Err(Malformed::FieldLine));
    assert_eq!(parse(b"A: b\r\n\r\nC: d\r\n\r\n"), Err(Malformed::FieldLine));
    assert_eq!(parse(b"A: b\r\n c\r\n\r\n"), Err(Malformed::ObsFold));
    assert_eq!(parse(b"A: b\n\r\n"), Err(Malformed::BareLf));
}

#[test]
fn nothing_that_prints_shows_a_value_or_a_target() {
    let head = request(b"GET /secret HTTP/1.1\r\nHost: h\r\nAuthorization: secret\r\n\r\n");
    let field = head.fields().iter().last().expect("a field");
    let printed = format!("{head:?} {:?} {field:?} {:?}", head.fields(), HeadDecoder::new(HeadLimits::default()));
    assert!(!printed.contains("secret"), "{printed}");
}
