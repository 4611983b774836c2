//! For tests and fuzzing: drives the decoders over bytes that come in pieces, as a connection would, and writes what
//! they found in the plainest form. It decides nothing; the laws are in `crate::fuzzing`.

use bytes::BytesMut;
use http::Method;

use super::{
    BodyDecoder, BodyLimits, BodyPart, ChunkHeader, Fields, Framing, HeadDecoder, HeadLimits, Malformed, RequestHead,
    ResponseHead, Version, request_framing, response_framing,
};

/// What the bytes are read as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Request,
    /// A response to this method.
    Response(Method),
    /// A chunked body alone.
    Chunked,
}

/// A whole message, without anything that is not its meaning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    /// The start line in its plain form.
    pub(crate) start: Vec<u8>,
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What became of the bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// They are a message, and bytes after it.
    Message(Message, Vec<u8>),
    Refused(Malformed),
    /// They may become a message.
    Incomplete,
}

/// Decodes one message from `pieces`, after which the sender closes.
pub(crate) fn replay<'a>(kind: &Kind, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut reader = Reader::new(kind);
    let mut buf = BytesMut::new();
    for piece in pieces {
        buf.extend_from_slice(piece);
        if let Err(malformed) = reader.read(&mut buf) {
            return Outcome::Refused(malformed);
        }
    }
    match &mut reader.body {
        Some((message, body)) => match body.end_of_input() {
            Ok(()) => Outcome::Message(message.clone(), buf.to_vec()),
            Err(_) => Outcome::Incomplete,
        },
        None => Outcome::Incomplete,
    }
}

struct Reader<'a> {
    kind: &'a Kind,
    head: HeadDecoder,
    body: Option<(Message, BodyDecoder)>,
}

impl<'a> Reader<'a> {
    fn new(kind: &'a Kind) -> Self {
        let bare = Message {
            start: Vec::new(),
            fields: Vec::new(),
            framing: Framing::Chunked,
            body: Vec::new(),
            trailers: Vec::new(),
        };
        let body = (*kind == Kind::Chunked).then(|| (bare, decoder(Framing::Chunked)));
        Self { kind, head: HeadDecoder::new(HeadLimits::default()), body }
    }

    fn read(&mut self, buf: &mut BytesMut) -> Result<(), Malformed> {
        if self.body.is_none() {
            let Some(message) = self.read_head(buf)? else { return Ok(()) };
            let body = decoder(message.framing);
            self.body = Some((message, body));
        }
        let Some((message, body)) = &mut self.body else { return Ok(()) };
        loop {
            match body.decode(buf)? {
                BodyPart::NeedMore => return Ok(()),
                BodyPart::Data(data) => {
                    assert!(!data.is_empty(), "a part of a body is empty");
                    message.body.extend_from_slice(&data);
                }
                BodyPart::End(trailers) => {
                    // Later calls say the end again, without trailers.
                    message.trailers.extend(pairs(&trailers));
                    assert!(body.is_complete(), "the end was said but not reached");
                    return Ok(());
                }
            }
        }
    }

    fn read_head(&mut self, buf: &mut BytesMut) -> Result<Option<Message>, Malformed> {
        Ok(match self.kind {
            Kind::Request => match self.head.request(buf)? {
                Some(head) => Some(message(request_line(&head), head.fields(), request_framing(&head)?)),
                None => None,
            },
            Kind::Response(method) => match self.head.response(buf)? {
                Some(head) => Some(message(status_line(&head), head.fields(), response_framing(method, &head)?)),
                None => None,
            },
            Kind::Chunked => None,
        })
    }
}

fn decoder(framing: Framing) -> BodyDecoder {
    BodyDecoder::new(framing, BodyLimits::default())
}

fn message(start: Vec<u8>, fields: &Fields, framing: Framing) -> Message {
    Message { start, fields: pairs(fields), framing, body: Vec::new(), trailers: Vec::new() }
}

fn pairs(fields: &Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect()
}

fn request_line(head: &RequestHead) -> Vec<u8> {
    format!("{} {} {}", head.method(), head.target(), version(head.version())).into_bytes()
}

fn status_line(head: &ResponseHead) -> Vec<u8> {
    let start = format!("{} {} ", version(head.version()), head.status().as_str());
    [start.as_bytes(), head.reason()].concat()
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

/// Writes a message in its plain form, a chunked body as chunks of `chunk` bytes. The head is left out for
/// [`Kind::Chunked`].
pub(crate) fn write(kind: &Kind, message: &Message, chunk: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    if *kind != Kind::Chunked {
        wire.extend_from_slice(&message.start);
        wire.extend_from_slice(b"\r\n");
        write_fields(&mut wire, &message.fields);
    }
    if message.framing == Framing::Chunked {
        for data in message.body.chunks(chunk) {
            wire.extend_from_slice(ChunkHeader::new(data.len()).as_bytes());
            wire.extend_from_slice(data);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(ChunkHeader::new(0).as_bytes());
        write_fields(&mut wire, &message.trailers);
    } else {
        wire.extend_from_slice(&message.body);
    }
    wire
}

fn write_fields(wire: &mut Vec<u8>, fields: &[(Vec<u8>, Vec<u8>)]) {
    for (name, value) in fields {
        wire.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
    }
    wire.extend_from_slice(b"\r\n");
}
