//! What async-h1 and http-types get wrong, shown on them alone: each is a reason for the guard. A version that does
//! better fails here, and then the guard may do less. That none of it reaches anybody is asserted by the black-box tests
//! (`tests/list/library_faults.rs`).

use std::future::Future as _;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_h1::server::{ConnectionStatus, Server};
use futures_lite::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use http_types::headers::HeaderValue;
use http_types::{Request, Response, StatusCode};

/// A connection in memory: pieces to read one by one, then its end; and what was written.
#[derive(Clone)]
struct Memory {
    pieces: Arc<Mutex<Vec<&'static [u8]>>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Memory {
    fn saying(pieces: &[&'static [u8]]) -> Self {
        let pieces = pieces.iter().rev().copied().collect();
        Self { pieces: Arc::new(Mutex::new(pieces)), written: Arc::default() }
    }

    fn written(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }
}

impl AsyncRead for Memory {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let piece = self.pieces.lock().unwrap().pop().unwrap_or_default();
        buf[..piece.len()].copy_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.written.lock().unwrap().extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a server made of those pieces.
struct Served {
    /// The content of each request that its endpoint got.
    contents: Vec<String>,
    /// How it ended; `None` if it waits for ever, since nobody will wake it.
    end: Option<http_types::Result<()>>,
    /// All that it wrote.
    written: String,
}

/// Lets async-h1 serve a connection, and answer each request with that status.
fn serve(pieces: &[&'static [u8]], status: StatusCode) -> Served {
    let (memory, contents) = (Memory::saying(pieces), Arc::new(Mutex::new(Vec::new())));
    let got = contents.clone();
    let endpoint = move |mut request: Request| {
        let got = got.clone();
        async move {
            let mut content = String::new();
            request.take_body().read_to_string(&mut content).await?;
            got.lock().unwrap().push(content);
            Ok(Response::new(status))
        }
    };
    let mut server = Server::new(memory.clone(), endpoint);
    let serving = pin!(async {
        while server.accept_one().await? == ConnectionStatus::KeepAlive {}
        http_types::Result::Ok(())
    });
    let end = match serving.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    };
    let contents = contents.lock().unwrap().clone();
    Served { contents, end, written: memory.written() }
}

fn contents(request: &'static [u8]) -> Vec<String> {
    serve(&[request], StatusCode::Ok).contents
}

#[test]
fn it_takes_the_last_of_two_lengths() {
    assert_eq!(contents(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), ["ab"]);
}

#[test]
fn it_takes_a_length_with_a_sign() {
    assert_eq!(contents(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello"), ["hello"]);
}

#[test]
fn it_takes_a_second_coding_for_no_content() {
    let request = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    assert_eq!(contents(request), [""]);
}

#[test]
fn it_takes_content_that_was_cut_for_whole() {
    assert_eq!(contents(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"), ["half"]);
}

#[test]
fn it_loses_requests_that_come_together() {
    let served = serve(&[b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"], StatusCode::Ok);
    assert_eq!(served.contents.len(), 1);
    assert!(matches!(served.end, Some(Ok(()))));
}

#[test]
fn it_waits_for_ever_for_a_last_line_that_came_in_two_pieces() {
    let head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r";
    let served = serve(&[head, b"\n"], StatusCode::Ok);
    assert!(served.end.is_none() && served.written.is_empty());
}

#[test]
fn it_closes_without_an_answer_to_what_is_no_request() {
    let served = serve(&[b"nonsense\r\n\r\n"], StatusCode::Ok);
    assert!(matches!(served.end, Some(Err(_))));
    assert_eq!(served.written, "");
}

#[test]
fn it_says_a_length_where_none_may_be() {
    let served = serve(&[b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"], StatusCode::NoContent);
    assert!(served.written.contains("content-length: 0\r\n"), "{}", served.written);
}

#[test]
fn its_types_know_neither_all_statuses_nor_all_values() {
    assert!(StatusCode::try_from(529_u16).is_err());
    assert!(HeaderValue::from_bytes(b"caf\xe9".to_vec()).is_err());
}
