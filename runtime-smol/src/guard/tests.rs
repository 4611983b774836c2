//! The guard alone: messages go in, and come out as they were, whatever async-h1's buffers do to them.

use std::task::Waker;

use bytes::BytesMut;
use llm_proxy_core::http1::request_framing;

use super::*;

/// Sizes around the buffers of async-h1 and of the session.
const SIZES: [usize; 8] = [1, 5, 4096, 8180, 8191, 8192, 8193, 65536];

fn begun(fields: &str, method: &str) -> Guard {
    let mut bytes = BytesMut::from(format!("{method} /v1/x HTTP/1.1\r\nHost: p\r\n{fields}\r\n").as_bytes());
    let head = HeadDecoder::new(HeadLimits::default()).request(&mut bytes).unwrap().unwrap();
    let framing = request_framing(&head).unwrap();
    let mut guard = Guard::default();
    assert!(guard.take_in(ClientEvent::Request(Box::new(head), framing)).is_none());
    let Some(Relay::FromClient(ClientEvent::Request(head, _))) = polled(&mut guard) else { panic!("no request") };
    assert_eq!(head.method().as_str(), method);
    guard
}

fn polled(guard: &mut Guard) -> Option<Relay> {
    guard.poll(&mut Context::from_waker(Waker::noop())).unwrap()
}

fn content(size: usize) -> Bytes {
    (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn a_requests_content_passes_under_each_framing() {
    let total: usize = SIZES.iter().sum();
    for fields in [format!("Content-Length: {total}\r\n"), "Transfer-Encoding: chunked\r\n".to_owned()] {
        let mut guard = begun(&fields, "POST");
        for size in SIZES {
            assert!(guard.take_in(ClientEvent::Data(content(size))).is_none());
            let Some(Relay::FromClient(ClientEvent::Data(data))) = polled(&mut guard) else { panic!("{size}") };
            assert_eq!(data, content(size));
            assert!(polled(&mut guard).is_none(), "one part comes out once");
        }
        assert!(guard.take_in(ClientEvent::End(Fields::default())).is_none());
        assert!(matches!(polled(&mut guard), Some(Relay::FromClient(ClientEvent::End(_)))));
    }
}

#[test]
fn an_answers_content_passes_part_by_part() {
    let mut guard = begun("", "GET");
    let head = Bytes::from_static(b"HTTP/1.1 529 \r\nX: caf\xe9\r\n\r\n");
    assert!(guard.answer(ToClient::Head(head.clone(), Framing::Chunked)).is_none());
    let Some(Relay::ToClient(ToClient::Head(said, Framing::Chunked))) = polled(&mut guard) else { panic!("no head") };
    assert_eq!(said, head);
    for size in SIZES {
        assert!(guard.answer(ToClient::Content(content(size))).is_none());
        let Some(Relay::ToClient(ToClient::Content(data))) = polled(&mut guard) else { panic!("{size}") };
        assert_eq!(data, content(size));
    }
    assert!(guard.answer(ToClient::End(Fields::default())).is_none());
    assert!(matches!(polled(&mut guard), Some(Relay::ToClient(ToClient::End(_)))));
}

#[test]
fn an_answer_to_head_has_no_content_of_async_h1s_own() {
    let mut guard = begun("", "HEAD");
    let head = Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert!(guard.answer(ToClient::Head(head, Framing::Empty)).is_none());
    assert!(matches!(polled(&mut guard), Some(Relay::ToClient(ToClient::Head(..)))));
    assert!(guard.answer(ToClient::End(Fields::default())).is_none());
    assert!(matches!(polled(&mut guard), Some(Relay::ToClient(ToClient::End(_)))));
}

#[test]
fn a_whole_answer_passes_while_the_request_is_unread() {
    for size in SIZES {
        let mut guard = begun("Content-Length: 100\r\n", "POST");
        let message = [b"HTTP/1.1 429 Slow\r\nX: y\r\n\r\n", &content(size)[..]].concat();
        assert!(guard.answer(ToClient::Whole(message.clone().into())).is_none());
        let Some(Relay::ToClient(ToClient::Whole(said))) = polled(&mut guard) else { panic!("no answer") };
        assert_eq!(said, message);
    }
}

#[test]
fn what_async_h1_cannot_say_goes_beside_it() {
    let mut guard = begun("", "GET");
    let interim = ToClient::Interim(Bytes::from_static(b"HTTP/1.1 103 Hints\r\n\r\n"));
    assert!(matches!(guard.answer(interim), Some(Relay::ToClient(ToClient::Interim(_)))));
    assert!(matches!(guard.answer(ToClient::Abort), Some(Relay::ToClient(ToClient::Abort))));
}
