//! Answers that are ours: whole messages, head and content in one piece.

use bytes::{BufMut, Bytes, BytesMut};
use http::StatusCode;

use crate::http1::Version;
use crate::proxy::{Cors, RequestIds, write_ids, write_persistence};
use crate::time::Now;

/// One answer's parts.
pub(crate) struct LocalAnswer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    /// Further fields, as (name, value).
    pub(crate) fields: &'a [(&'static str, std::borrow::Cow<'static, str>)],
    pub(crate) content: &'a [u8],
}

/// What the answer must fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerTo<'a> {
    pub(crate) ids: &'a RequestIds,
    pub(crate) version: Version,
    /// The request was a HEAD: the same fields, no content (RFC 9110 section 9.3.2).
    pub(crate) head_only: bool,
    pub(crate) close: bool,
    /// What is said of origins.
    pub(crate) cors: Option<Cors<'a>>,
    pub(crate) now: Now,
}

pub(crate) fn write_answer(answer: &LocalAnswer<'_>, to: AnswerTo<'_>, out: &mut BytesMut) -> Bytes {
    out.reserve(512 + answer.content.len());
    let reason = answer.status.canonical_reason().unwrap_or_default();
    put(out, &["HTTP/1.1 ", answer.status.as_str(), " ", reason, "\r\n"]);
    put(out, &["Date: ", &to.now.wall.to_http_date(), "\r\n"]);
    if answer.status != StatusCode::NO_CONTENT {
        put(out, &["Content-Type: ", answer.content_type, "\r\n"]);
        put(out, &["Content-Length: ", &answer.content.len().to_string(), "\r\n"]);
    }
    for (name, value) in answer.fields {
        put(out, &[name, ": ", value, "\r\n"]);
    }
    if let Some(cors) = to.cors {
        cors.write(false, out);
    }
    write_ids(to.ids, true, out);
    write_persistence(to.close, to.version, out);
    out.put_slice(b"\r\n");
    if !to.head_only {
        out.put_slice(answer.content);
    }
    out.split().freeze()
}

fn put(out: &mut BytesMut, parts: &[&str]) {
    parts.iter().for_each(|part| out.put_slice(part.as_bytes()));
}
