//! Between the session and async-h1, in both directions. What the client said was decoded by the core; here it becomes
//! one canonical request, which async-h1's server takes in and hands to its endpoint. What the exchange answers goes out
//! as a canonical response, which async-h1 writes and the core's decoder reads again. Heads, trailers, interim responses
//! and broken ends travel beside, since async-h1 cannot say all of them. It decides nothing about a message.
//!
//! Each request gets a server of its own on a wire of its own: no byte of one can be taken for another's. The wire holds
//! a whole head before the server is asked, so that its timer for heads is never set.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_h1::server::{ConnectionStatus, Server};
use bytes::{Bytes, BytesMut};
use futures_lite::future::Boxed;
use http::Method;
use http_types::{Body, Request, Response, StatusCode};
use llm_proxy_core::connection::{ClientEvent, Relay};
use llm_proxy_core::exchange::ToClient;
use llm_proxy_core::http1::{
    BodyDecoder, BodyLimits, BodyPart, Fields, Framing, HeadDecoder, HeadLimits, RequestHead, response_framing,
};

use crate::crossing::{Broken, Crossing, poll_end};
use crate::pipe::{Pipe, Wire, lock};

/// What the endpoint and the guard hand each other.
#[derive(Default)]
struct Desk {
    content: Option<Body>,
    answer: Option<Response>,
}

/// Something of the client's on its way in.
enum Inward {
    Nothing,
    Request(Box<RequestHead>, Framing),
    Content(Crossing),
    End(Fields),
}

/// Something for the client on its way out.
enum Outward {
    Nothing,
    Head(Bytes, Framing),
    Content { length: usize, came: BytesMut },
    End(Fields),
    Whole { head: Bytes, came: BytesMut },
}

/// One connection's way through async-h1.
#[derive(Default)]
pub(crate) struct Guard {
    serving: Option<Serving>,
}

/// One request that async-h1 serves.
struct Serving {
    /// `None` once it has said all.
    accepting: Option<Boxed<http_types::Result<ConnectionStatus>>>,
    wire: Wire,
    desk: Arc<Mutex<Desk>>,
    request_content: Body,
    chunked: bool,
    inward: Inward,
    answer_content: Pipe,
    outward: Outward,
    method: Method,
    heads: HeadDecoder,
    body: Option<BodyDecoder>,
}

impl Guard {
    /// The exchange is over.
    pub(crate) fn clear(&mut self) {
        self.serving = None;
    }

    /// Takes a message of the client's in, or gives it straight back if async-h1 has no part in it.
    pub(crate) fn take_in(&mut self, event: ClientEvent) -> Option<Relay> {
        match (event, &mut self.serving) {
            (ClientEvent::Request(head, framing), serving) => {
                *serving = Some(Serving::of(head, framing));
                None
            }
            (ClientEvent::Data(data), Some(serving)) => {
                serving.send_content(&data);
                None
            }
            (ClientEvent::End(trailers), Some(serving)) => {
                serving.send_end(trailers);
                None
            }
            (event @ (ClientEvent::Data(_) | ClientEvent::End(_) | ClientEvent::Malformed(_)), _) => {
                Some(Relay::FromClient(event))
            }
        }
    }

    /// Takes a message for the client, or gives it straight back likewise.
    pub(crate) fn answer(&mut self, message: ToClient) -> Option<Relay> {
        let Some(serving) = &mut self.serving else { return Some(Relay::ToClient(message)) };
        match message {
            ToClient::Head(head, framing) => serving.answer_head(head, framing),
            ToClient::Whole(message) => serving.answer_whole(message),
            ToClient::Content(content) if !content.is_empty() => {
                serving.outward = Outward::Content { length: content.len(), came: BytesMut::new() };
                serving.answer_content.push(content);
            }
            ToClient::End(trailers) => {
                serving.outward = Outward::End(trailers);
                serving.answer_content.close();
            }
            // async-h1 knows no tunnel: the session carries its bytes from here on, without any library.
            ToClient::Switched(head) => {
                self.serving = None;
                return Some(Relay::ToClient(ToClient::Switched(head)));
            }
            beside @ (ToClient::Interim(_) | ToClient::Content(_) | ToClient::Abort) => {
                return Some(Relay::ToClient(beside));
            }
        }
        None
    }

    /// The next message that has come through.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Result<Option<Relay>, Broken> {
        let Some(serving) = &mut self.serving else { return Ok(None) };
        if let Some(event) = serving.poll_inward(cx)? {
            return Ok(Some(Relay::FromClient(event)));
        }
        Ok(serving.poll_outward(cx)?.map(Relay::ToClient))
    }
}

impl Serving {
    fn of(head: Box<RequestHead>, framing: Framing) -> Self {
        let (wire, desk) = (Wire::default(), Arc::new(Mutex::new(Desk::default())));
        let method = canonical_method(head.method());
        wire.give(canonical_head(&method, framing).as_bytes());
        Self {
            accepting: Some(accept(wire.clone(), desk.clone())),
            wire,
            desk,
            request_content: Body::empty(),
            chunked: framing == Framing::Chunked,
            inward: Inward::Request(head, framing),
            answer_content: Pipe::default(),
            outward: Outward::Nothing,
            method,
            heads: HeadDecoder::new(HeadLimits::default()),
            body: None,
        }
    }

    fn send_content(&mut self, data: &[u8]) {
        if self.chunked {
            self.wire.give(format!("{:x}\r\n", data.len()).as_bytes());
        }
        self.wire.give(data);
        if self.chunked {
            self.wire.give(b"\r\n");
        }
        self.inward = Inward::Content(Crossing::of(data.len()));
    }

    fn send_end(&mut self, trailers: Fields) {
        if self.chunked {
            self.wire.give(b"0\r\n\r\n");
        }
        self.inward = Inward::End(trailers);
    }

    fn answer_head(&mut self, head: Bytes, framing: Framing) {
        let body = Body::from_reader(self.answer_content.reader(), None);
        self.put_answer(body);
        self.outward = Outward::Head(head, framing);
    }

    fn answer_whole(&mut self, mut message: Bytes) {
        let length = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |at| at + 4);
        let head = message.split_to(length);
        self.put_answer(Body::from_bytes(message.to_vec()));
        self.outward = Outward::Whole { head, came: BytesMut::new() };
    }

    fn put_answer(&self, body: Body) {
        let mut answer = Response::new(StatusCode::Ok);
        answer.set_body(body);
        lock(&self.desk).answer = Some(answer);
    }

    fn poll_inward(&mut self, cx: &mut Context<'_>) -> Result<Option<ClientEvent>, Broken> {
        let event = match std::mem::replace(&mut self.inward, Inward::Nothing) {
            Inward::Nothing => None,
            Inward::Request(head, framing) => {
                self.advance(cx)?;
                let Some(content) = lock(&self.desk).content.take() else { return Err(Broken::Changed) };
                self.request_content = content;
                Some(ClientEvent::Request(head, framing))
            }
            Inward::Content(mut crossing) => match crossing.poll(&mut self.request_content, cx)? {
                Poll::Ready(data) => Some(ClientEvent::Data(data)),
                Poll::Pending => return Err(Broken::Changed),
            },
            Inward::End(trailers) => match poll_end(&mut self.request_content, cx)? {
                Poll::Ready(()) => Some(ClientEvent::End(trailers)),
                Poll::Pending => return Err(Broken::Changed),
            },
        };
        Ok(event)
    }

    /// Everything is in memory, so that one poll of async-h1 carries a message the whole way.
    fn poll_outward(&mut self, cx: &mut Context<'_>) -> Result<Option<ToClient>, Broken> {
        if matches!(self.outward, Outward::Nothing) {
            return Ok(None);
        }
        self.advance(cx)?;
        match std::mem::replace(&mut self.outward, Outward::Nothing) {
            Outward::Nothing => Ok(None),
            Outward::Head(head, framing) => {
                self.read_head()?;
                Ok(Some(ToClient::Head(head, framing)))
            }
            Outward::Content { length, mut came } => {
                while came.len() < length {
                    came.extend_from_slice(&self.read_part()?.ok_or(Broken::Changed)?);
                }
                if came.len() == length { Ok(Some(ToClient::Content(came.freeze()))) } else { Err(Broken::Changed) }
            }
            Outward::End(trailers) => match self.read_part()? {
                None => Ok(Some(ToClient::End(trailers))),
                Some(_) => Err(Broken::Changed),
            },
            Outward::Whole { head, mut came } => {
                self.read_head()?;
                came.extend_from_slice(&head);
                while let Some(part) = self.read_part()? {
                    came.extend_from_slice(&part);
                }
                Ok(Some(ToClient::Whole(came.freeze())))
            }
        }
    }

    fn read_head(&mut self) -> Result<(), Broken> {
        let heads = &mut self.heads;
        let head = self.wire.take(|bytes| heads.response(bytes));
        let head = head.map_err(|wrong| Broken::Failed(format!("{wrong:?}")))?.ok_or(Broken::Changed)?;
        let framing = response_framing(&self.method, &head).map_err(|wrong| Broken::Failed(format!("{wrong:?}")))?;
        self.body = Some(BodyDecoder::new(framing, BodyLimits::default()));
        Ok(())
    }

    /// The next part that async-h1 wrote; `None` is the end.
    fn read_part(&mut self) -> Result<Option<Bytes>, Broken> {
        let body = self.body.as_mut().ok_or(Broken::Changed)?;
        match self.wire.take(|bytes| body.decode(bytes)) {
            Ok(BodyPart::Data(data)) => Ok(Some(data)),
            Ok(BodyPart::End(_)) => Ok(None),
            Ok(BodyPart::NeedMore) => Err(Broken::Changed),
            Err(wrong) => Err(Broken::Failed(format!("{wrong:?}"))),
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        if let Some(accepting) = &mut self.accepting
            && let Poll::Ready(result) = accepting.as_mut().poll(cx)
        {
            self.accepting = None;
            result.map_err(|error| Broken::Failed(error.to_string()))?;
        }
        Ok(())
    }
}

/// Lets async-h1 take one request in, and answer it with what comes to the desk.
fn accept(wire: Wire, desk: Arc<Mutex<Desk>>) -> Boxed<http_types::Result<ConnectionStatus>> {
    let endpoint = move |mut request: Request| {
        let desk = desk.clone();
        lock(&desk).content = Some(request.take_body());
        poll_fn(move |_| lock(&desk).answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))))
    };
    Box::pin(async move { Server::new(wire, endpoint).accept_one().await })
}

/// The method that async-h1 sees: it knows registered ones only, and a tunnel is no exchange. The true one travels beside.
fn canonical_method(method: &Method) -> Method {
    let plain = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];
    plain.into_iter().find(|plain| plain == method).unwrap_or(Method::POST)
}

/// The head that async-h1 sees: nothing of the client's is in it but where the content ends.
fn canonical_head(method: &Method, framing: Framing) -> String {
    let framing = match framing {
        Framing::Empty | Framing::UntilClose => "\r\n".to_owned(),
        Framing::Length(length) => format!("Content-Length: {length}\r\n\r\n"),
        Framing::Chunked => "Transfer-Encoding: chunked\r\n\r\n".to_owned(),
    };
    format!("{method} / HTTP/1.1\r\nHost: llm-proxy\r\n{framing}")
}

#[cfg(test)]
mod tests;
