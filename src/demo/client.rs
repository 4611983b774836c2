//! A small blocking HTTP client for the demo's own calls: one request per connection, the answer handed over part by
//! part as it arrives. It uses the core's codec, knows loopback only, and follows nothing.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use http::Method;
use llm_proxy_core::http1::{
    BodyDecoder, BodyLimits, BodyPart, Framing, HeadDecoder, HeadLimits, Malformed, ResponseHead, response_framing,
};
use thiserror::Error;

const PATIENCE: Duration = Duration::from_secs(30);

/// Why a call gave no answer.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the answer is not valid HTTP: {0}")]
    Malformed(#[from] Malformed),
    #[error("the answer is {status}: {body}")]
    Status { status: u16, body: String },
    #[error("the answer is not what was expected: {0}")]
    Unexpected(&'static str),
}

/// Posts JSON and returns the whole answer.
pub(crate) fn post(addr: SocketAddr, path: &str, bearer: &str, body: &str) -> Result<Vec<u8>, CallError> {
    let mut whole = Vec::new();
    post_streaming(addr, path, bearer, body, |part| whole.extend_from_slice(part))?;
    Ok(whole)
}

/// Posts JSON and hands over the parts of a successful answer while they arrive.
pub(crate) fn post_streaming(
    addr: SocketAddr,
    path: &str,
    bearer: &str,
    body: &str,
    mut part: impl FnMut(&[u8]),
) -> Result<(), CallError> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(
        format!(
            "POST {path} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {bearer}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    )?;
    let mut buffer = BytesMut::new();
    let (head, framing) = read_head(&mut stream, &mut buffer)?;
    let mut failure = Vec::new();
    read_body(&mut stream, &mut buffer, framing, |bytes| match head.status().is_success() {
        true => part(bytes),
        false => failure.extend_from_slice(bytes),
    })?;
    match head.status() {
        status if status.is_success() => Ok(()),
        status => {
            let body = String::from_utf8_lossy(&failure).into_owned();
            Err(CallError::Status { status: status.as_u16(), body })
        }
    }
}

fn read_head(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<(ResponseHead, Framing), CallError> {
    let mut heads = HeadDecoder::new(HeadLimits::default());
    loop {
        if let Some(head) = heads.response(buffer)? {
            let framing = response_framing(&Method::POST, &head)?;
            return Ok((head, framing));
        }
        if read_more(stream, buffer)? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

fn read_body(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    framing: Framing,
    mut part: impl FnMut(&[u8]),
) -> Result<(), CallError> {
    let mut body = BodyDecoder::new(framing, BodyLimits::default());
    loop {
        match body.decode(buffer)? {
            BodyPart::Data(bytes) => part(&bytes),
            BodyPart::End(_) => return Ok(()),
            BodyPart::NeedMore if read_more(stream, buffer)? == 0 => return Ok(body.end_of_input()?),
            BodyPart::NeedMore => {}
        }
    }
}

fn read_more(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<usize> {
    let mut bytes = [0; 4096];
    let n = stream.read(&mut bytes)?;
    buffer.extend_from_slice(&bytes[..n]);
    Ok(n)
}
