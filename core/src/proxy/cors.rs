//! What an answer says to a browser's script of another origin (the CORS protocol, Fetch standard section 3.3).
//!
//! It writes what the provider's list of origins decides; which origin is listed is said by [`Origins`], whether a
//! request passes by the gate. Credentials in the browser's sense (cookies) are never allowed: a token is sent by the
//! script itself.
//!
//! [`Origins`]: crate::settings::Origins

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use http::Method;

use super::request::write_field;
use crate::http1::{Field, Fields, is_token};
use crate::settings::{Provider, Standing};

/// The fields of ours that a script may read beside those that every script may.
const EXPOSED: &[u8] = b"X-Proxy-Request-ID, X-Request-ID, Request-ID, Server-Timing, Cache-Status, Retry-After, \
    retry-after-ms, x-should-retry, RateLimit, RateLimit-Policy, WWW-Authenticate";

/// What a script may send where its browser does not name what it will: what clients of the three dialects send.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, X-API-Key, API-Key, X-Goog-API-Key, X-Request-ID, \
    X-Correlation-ID, OpenAI-Organization, OpenAI-Project, OpenAI-Beta, Anthropic-Version, Anthropic-Beta";

/// How long a browser may go without asking again, seconds. A list that was made shorter holds from the next request on
/// all the same: each is judged by itself.
const MAX_AGE: &str = "600";

/// Upon what the answer to a preflight depends.
const PREFLIGHT_VARY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// What an answer says of origins, where the provider lists any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cors<'a> {
    /// The request's origin, if its scripts may read the answer. Visible ASCII.
    allowed: Option<&'a [u8]>,
}

impl<'a> Cors<'a> {
    /// For a request with these fields; `None` where the provider lists no origins.
    #[must_use]
    pub fn of(provider: &Provider, fields: &'a Fields) -> Option<Self> {
        let origins = provider.allowed_origins.as_ref()?;
        Some(match origins.judge(fields) {
            Standing::Listed(origin) => Self { allowed: Some(origin) },
            Standing::NoOrigin | Standing::NotListed => Self { allowed: None },
        })
    }

    /// Appends the fields. `varies`: the answer has a `Vary` already that says so.
    pub(crate) fn write(self, varies: bool, out: &mut BytesMut) {
        if let Some(origin) = self.allowed {
            write_field(out, b"Access-Control-Allow-Origin", &[origin]);
            write_field(out, b"Access-Control-Expose-Headers", &[EXPOSED]);
        }
        if !varies {
            out.put_slice(b"Vary: Origin\r\n");
        }
    }
}

/// Whether an upstream's field speaks of CORS, for which we answer where the provider lists origins.
pub(super) fn is_cors_field(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"access-control-";
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Whether this `Vary` makes an answer differ by origin.
pub(super) fn varies_by_origin(field: Field<'_>) -> bool {
    let names = |member: &[u8]| member == b"*" || member.eq_ignore_ascii_case(b"origin");
    field.is("vary") && field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(names)
}

/// Whether a browser asks what a script may do, before it does it (Fetch standard, section 3.3.2).
pub(crate) fn is_preflight(method: &Method, fields: &Fields) -> bool {
    *method == Method::OPTIONS && fields.contains("origin") && fields.contains("access-control-request-method")
}

/// The fields that answer a preflight of a listed origin. Any header that it asks for is allowed: what may not pass is
/// dropped on the way or refused at the gate, for browsers as for everyone.
pub(crate) fn preflight_fields(
    origin: &[u8],
    fields: &Fields,
    methods: &[Method],
) -> [(&'static str, Cow<'static, str>); 5] {
    let methods = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let headers = requested_headers(fields).map_or(Cow::Borrowed(REQUEST_HEADERS), Cow::Owned);
    [
        ("Access-Control-Allow-Origin", String::from_utf8_lossy(origin).into_owned().into()),
        ("Access-Control-Allow-Methods", methods.into()),
        ("Access-Control-Allow-Headers", headers),
        ("Access-Control-Max-Age", MAX_AGE.into()),
        ("Vary", PREFLIGHT_VARY.into()),
    ]
}

/// The names that a preflight asks for; `None` if it names none, or anything that is no name.
fn requested_headers(fields: &Fields) -> Option<String> {
    let mut names = Vec::new();
    for value in fields.get_all("access-control-request-headers") {
        for name in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()) {
            names.push(std::str::from_utf8(name).ok().filter(|name| is_token(name.as_bytes()))?);
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}
