//! What one side heard, read with the strict decoders: whatever leaves the proxy must be a sequence of messages that
//! nobody can read in two ways.

use bytes::BytesMut;
use http::Method;

use crate::http1::{
    BodyDecoder, BodyLimits, BodyPart, Fields, Framing, HeadDecoder, HeadLimits, request_framing, response_framing,
};

/// How a message's end was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Its framing says that it is complete.
    Whole,
    /// It lasts until the connection closes.
    UntilClose,
    /// Something is missing.
    Cut,
}

/// One message that was heard.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The start line.
    pub start: String,
    /// Its fields, in order.
    pub fields: Vec<(String, String)>,
    /// Its content, decoded.
    pub content: Vec<u8>,
    /// Its trailers, in order.
    pub trailers: Vec<(String, String)>,
    /// How it is framed.
    pub framing: Framing,
    /// How it ends.
    pub end: End,
}

impl Message {
    /// The values of all fields of that name.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of the only field of that name.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} stands there more than once: {self:?}");
        values.first().copied()
    }

    /// The content as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    /// The status of a response.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// The code in an error of ours, in whatever dialect; empty if there is none.
    #[must_use]
    pub fn code(&self) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.content).unwrap_or_default();
        let places = [&json["code"], &json["error"]["code"], &json["error"]["details"][0]["reason"]];
        places.into_iter().find_map(serde_json::Value::as_str).unwrap_or_default().to_owned()
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.start)?;
        self.fields.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))?;
        writeln!(f, "\n{} ({} bytes, {:?})", self.content.escape_ascii(), self.content.len(), self.end)?;
        self.trailers.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

/// The requests in `bytes`.
///
/// # Panics
/// If they are anything else.
#[must_use]
pub fn requests(bytes: &[u8]) -> Vec<Message> {
    read_all(bytes, |heads, buf| {
        let head = heads.request(buf).unwrap_or_else(|wrong| panic!("{wrong:?}: {}", bytes.escape_ascii()))?;
        let framing = request_framing(&head).unwrap_or_else(|wrong| panic!("{wrong:?}: {}", bytes.escape_ascii()));
        // What follows is the tunnel's, whoever it is for.
        let is_tunnel = head.asks_for_websocket() && !buf.is_empty();
        let framing = if is_tunnel { Framing::UntilClose } else { framing };
        let start = format!("{} {} {:?}", head.method(), head.target(), head.version());
        Some((start, head.fields().clone(), framing))
    })
}

/// The responses in `bytes`, to requests with those methods (to `GET` beyond them).
///
/// # Panics
/// If they are anything else.
#[must_use]
pub fn responses(bytes: &[u8], methods: &[Method]) -> Vec<Message> {
    let mut methods = methods.iter();
    read_all(bytes, |heads, buf| {
        let head = heads.response(buf).unwrap_or_else(|wrong| panic!("{wrong:?}: {}", bytes.escape_ascii()))?;
        let start =
            format!("{:?} {} {}", head.version(), head.status().as_u16(), String::from_utf8_lossy(head.reason()));
        let framing = if head.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            methods.next();
            Framing::UntilClose
        } else if head.status().is_informational() {
            Framing::Empty
        } else {
            let method = methods.next().unwrap_or(&Method::GET);
            response_framing(method, &head).unwrap_or_else(|wrong| panic!("{wrong:?}: {}", bytes.escape_ascii()))
        };
        Some((start, head.fields().clone(), framing))
    })
}

type Head = (String, Fields, Framing);

fn read_all(bytes: &[u8], mut next: impl FnMut(&mut HeadDecoder, &mut BytesMut) -> Option<Head>) -> Vec<Message> {
    // We add fields of our own to heads that may have been as large as allowed.
    let limits = HeadLimits { bytes: 256 * 1024, fields: 256 };
    let (mut heads, mut buf, mut messages) = (HeadDecoder::new(limits), BytesMut::from(bytes), Vec::new());
    while !buf.is_empty() {
        match next(&mut heads, &mut buf) {
            Some(head) => messages.push(read_body(head, &mut buf)),
            None => {
                messages.push(cut_head(&buf));
                break;
            }
        }
    }
    messages
}

fn cut_head(bytes: &[u8]) -> Message {
    let start = String::from_utf8_lossy(bytes).into_owned();
    let (fields, trailers) = (Vec::new(), Vec::new());
    Message { start, fields, content: Vec::new(), trailers, framing: Framing::Empty, end: End::Cut }
}

fn read_body((start, fields, framing): Head, buf: &mut BytesMut) -> Message {
    let mut body = BodyDecoder::new(framing, BodyLimits { trailer_fields: 256, ..BodyLimits::default() });
    let mut message = Message {
        start,
        fields: pairs(&fields),
        content: Vec::new(),
        trailers: Vec::new(),
        framing,
        end: if framing == Framing::UntilClose { End::UntilClose } else { End::Cut },
    };
    loop {
        match body.decode(buf).unwrap_or_else(|wrong| panic!("{wrong:?} after {message:?}")) {
            BodyPart::Data(data) => message.content.extend_from_slice(&data),
            BodyPart::NeedMore => return message,
            BodyPart::End(trailers) => {
                message.trailers = pairs(&trailers);
                message.end = End::Whole;
                return message;
            }
        }
    }
}

fn pairs(fields: &Fields) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    fields.iter().map(|field| (text(field.name), text(field.value))).collect()
}
