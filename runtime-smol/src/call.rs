//! Sends each upstream request by surf's client, over an HTTP client of our own: connections come from the worker's
//! pool, and what goes over them is framed by the core's upstream machine. Heads, trailers, interim responses and faults
//! travel beside, since surf's types cannot say all of them. It decides nothing about a message.
//!
//! One call lasts for one exchange, and for a second connection if the core asks for one before an answer began.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_lite::future::Boxed;
use http_client::{HttpClient, async_trait};
use http_types::{Body, Method, Request, Response, StatusCode, Url};
use llm_proxy_core::connection::Relay;
use llm_proxy_core::exchange::{ConnectRequest, FromUpstream, ToUpstream};
use llm_proxy_core::http1::{Fields, Framing, ResponseHead};
use llm_proxy_core::reject::UpstreamFault;
use llm_proxy_core::settings::{BaseUrl, Scheme};

use crate::crossing::{Broken, Crossing, poll_end};
use crate::pipe::{Pipe, lock};
use crate::upstream::{UpstreamStream, Upstreams};

/// A connection for a call, and whether it comes from the pool.
pub(crate) type Connected = Result<(UpstreamStream, bool), UpstreamFault>;

/// Between a call and the HTTP client under surf; it travels in the request's extensions.
#[derive(Clone, Default)]
struct Line(Arc<Mutex<Slots>>);

#[derive(Default)]
struct Slots {
    wanted: Option<ConnectRequest>,
    connected: Option<Connected>,
    content: Option<Body>,
    answer: Option<Box<Response>>,
}

/// What the HTTP client does next for a call.
enum Order {
    Connect(ConnectRequest),
    Answer(Box<Response>),
}

impl Line {
    async fn next_order(&self) -> Order {
        poll_fn(|_| {
            let mut slots = lock(&self.0);
            let connect = slots.wanted.take().map(Order::Connect);
            let order = connect.or_else(|| slots.answer.take().map(Order::Answer));
            order.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The HTTP client under surf.
pub(crate) struct Carrier(pub(crate) Arc<Upstreams>);

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carrier")
    }
}

#[async_trait]
impl HttpClient for Carrier {
    async fn send(&self, mut request: Request) -> http_types::Result<Response> {
        let content = request.take_body();
        let line = request.ext().get::<Line>().cloned();
        let line = line.ok_or_else(|| http_types::format_err!("a request without a call"))?;
        lock(&line.0).content = Some(content);
        loop {
            match line.next_order().await {
                Order::Connect(wanted) => {
                    let connected = self.0.connect(&wanted).await;
                    lock(&line.0).connected = Some(connected);
                }
                Order::Answer(answer) => return Ok(*answer),
            }
        }
    }
}

/// Something for the upstream on its way.
enum Upward {
    Nothing,
    Content(Crossing),
    End(Fields),
}

/// Something of the upstream's on its way.
enum Downward {
    Nothing,
    Head(ResponseHead, Framing),
    Content(Crossing),
    End(Fields),
}

/// One exchange's way through surf.
pub(crate) struct Call {
    /// `None` once the answer's head is there.
    sending: Option<Boxed<surf::Result<surf::Response>>>,
    line: Line,
    to_upstream: Pipe,
    from_upstream: Pipe,
    content: Body,
    answer: Option<surf::Response>,
    upward: Upward,
    downward: Downward,
}

impl Call {
    /// Lets surf send a request to the provider; `None` if there can be no URL for surf.
    pub(crate) fn start(client: Arc<surf::Client>, wanted: &ConnectRequest) -> Option<Self> {
        let (line, to_upstream) = (Line::default(), Pipe::default());
        let mut request = Request::new(Method::Post, url(&wanted.provider.base)?);
        request.set_body(Body::from_reader(to_upstream.reader(), None));
        request.ext_mut().insert(line.clone());
        Some(Self {
            sending: Some(Box::pin(async move { client.send(request).await })),
            line,
            to_upstream,
            from_upstream: Pipe::default(),
            content: Body::empty(),
            answer: None,
            upward: Upward::Nothing,
            downward: Downward::Nothing,
        })
    }

    /// Asks for a connection; [`Call::poll_connected`] gives it.
    pub(crate) fn connect(&self, wanted: ConnectRequest) {
        lock(&self.line.0).wanted = Some(wanted);
    }

    pub(crate) fn poll_connected(&mut self, cx: &mut Context<'_>) -> Result<Option<Connected>, Broken> {
        self.advance(cx)?;
        Ok(lock(&self.line.0).connected.take())
    }

    /// Takes a message for the upstream, or gives it straight back if surf has no part in it.
    pub(crate) fn say(&mut self, message: ToUpstream) -> Option<Relay> {
        match message {
            ToUpstream::Content(content) if !content.is_empty() => {
                self.upward = Upward::Content(Crossing::of(content.len()));
                self.to_upstream.push(content);
                None
            }
            ToUpstream::End(trailers) => {
                self.upward = Upward::End(trailers);
                self.to_upstream.close();
                None
            }
            beside @ (ToUpstream::Head(..) | ToUpstream::Upgrade(_) | ToUpstream::Content(_)) => {
                Some(Relay::ToUpstream(beside))
            }
        }
    }

    /// Takes a message of the upstream's, or gives it straight back likewise.
    pub(crate) fn hear(&mut self, message: FromUpstream) -> Option<Relay> {
        match message {
            FromUpstream::Head(head, framing) => {
                let mut answer = Response::new(StatusCode::Ok);
                answer.set_body(Body::from_reader(self.from_upstream.reader(), None));
                lock(&self.line.0).answer = Some(Box::new(answer));
                self.downward = Downward::Head(head, framing);
            }
            FromUpstream::Content(content) if !content.is_empty() => {
                self.downward = Downward::Content(Crossing::of(content.len()));
                self.from_upstream.push(content);
            }
            FromUpstream::End(trailers) => {
                self.downward = Downward::End(trailers);
                self.from_upstream.close();
            }
            beside @ (FromUpstream::Interim(_) | FromUpstream::Switched(_)) => {
                return Some(Relay::FromUpstream(beside));
            }
            beside @ (FromUpstream::Content(_) | FromUpstream::Failed(_)) => return Some(Relay::FromUpstream(beside)),
        }
        None
    }

    /// The next message that has come through. Everything is in memory, so that one poll carries it the whole way.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Result<Option<Relay>, Broken> {
        if let Some(message) = self.poll_upward(cx)? {
            return Ok(Some(Relay::ToUpstream(message)));
        }
        Ok(self.poll_downward(cx)?.map(Relay::FromUpstream))
    }

    fn poll_upward(&mut self, cx: &mut Context<'_>) -> Result<Option<ToUpstream>, Broken> {
        if let Some(content) = lock(&self.line.0).content.take() {
            self.content = content;
        }
        match std::mem::replace(&mut self.upward, Upward::Nothing) {
            Upward::Nothing => Ok(None),
            Upward::Content(mut crossing) => {
                let content = now(crossing.poll(&mut self.content, cx))?;
                Ok(Some(ToUpstream::Content(content)))
            }
            Upward::End(trailers) => {
                now(poll_end(&mut self.content, cx))?;
                Ok(Some(ToUpstream::End(trailers)))
            }
        }
    }

    fn poll_downward(&mut self, cx: &mut Context<'_>) -> Result<Option<FromUpstream>, Broken> {
        match std::mem::replace(&mut self.downward, Downward::Nothing) {
            Downward::Nothing => Ok(None),
            Downward::Head(head, framing) => {
                self.advance(cx)?;
                self.answer.as_ref().ok_or(Broken::Changed)?;
                Ok(Some(FromUpstream::Head(head, framing)))
            }
            Downward::Content(mut crossing) => {
                let content = now(crossing.poll(self.answer.as_mut().ok_or(Broken::Changed)?, cx))?;
                Ok(Some(FromUpstream::Content(content)))
            }
            Downward::End(trailers) => {
                now(poll_end(self.answer.as_mut().ok_or(Broken::Changed)?, cx))?;
                Ok(Some(FromUpstream::End(trailers)))
            }
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        if let Some(sending) = &mut self.sending
            && let Poll::Ready(result) = sending.as_mut().poll(cx)
        {
            self.sending = None;
            self.answer = Some(result.map_err(|error| Broken::Failed(error.to_string()))?);
        }
        Ok(())
    }
}

/// What is in memory comes at once, or something is wrong.
fn now<T>(poll: Poll<Result<T, Broken>>) -> Result<T, Broken> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Broken::Changed),
    }
}

/// The provider's address as surf wants it; one that its URL parser does not take gets a stand-in, since the true one
/// travels beside.
fn url(base: &BaseUrl) -> Option<Url> {
    let scheme = match base.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let url = Url::parse(&format!("{scheme}://{}/", base.authority));
    url.or_else(|_| Url::parse("http://upstream.invalid/")).ok()
}

#[cfg(test)]
mod tests;
