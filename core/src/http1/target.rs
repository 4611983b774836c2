//! Request targets (RFC 9112 section 3.2): which forms there are, and where in the request line the origin form is.
//! What a path leads to, and whether its percent signs make sense, is for routing to say.

use std::ops::Range;

use http::Method;
use memchr::memchr2;

use super::Malformed;
use super::chars::is_visible;
use super::host::is_authority;

/// Where a target's origin form is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    /// Its bytes, counted from the target's first one.
    pub(super) range: Range<usize>,
    /// What has to be written over the first of these bytes. An absolute form may lack the path (`http://host?query`);
    /// then its origin form begins with a byte that nobody sent, and the last byte of the authority, which is of no
    /// use any more, makes room for it.
    pub(super) first: Option<u8>,
}

/// Reads a target. The caller has ruled out spaces.
pub(super) fn parse(method: &Method, target: &[u8]) -> Result<Target, Malformed> {
    let whole = Target { range: 0..target.len(), first: None };
    if !is_visible(target) || target.contains(&b'#') {
        return Err(Malformed::Target);
    }
    match target {
        [b'/', ..] => Ok(whole),
        b"*" if *method == Method::OPTIONS => Ok(whole),
        _ => absolute(method, target),
    }
}

/// `http://authority[/path][?query]` (section 3.2.2).
fn absolute(method: &Method, target: &[u8]) -> Result<Target, Malformed> {
    let start = after_scheme(target).ok_or(Malformed::Target)?;
    let end = memchr2(b'/', b'?', &target[start..]).map_or(target.len(), |length| start + length);
    if !is_authority(&target[start..end]) {
        return Err(Malformed::Target);
    }
    Ok(match target.get(end) {
        Some(b'/') => Target { range: end..target.len(), first: None },
        // Section 3.2.4: this is how the server-wide `OPTIONS *` is asked of a proxy.
        None if *method == Method::OPTIONS => Target { range: end - 1..end, first: Some(b'*') },
        _ => Target { range: end - 1..target.len(), first: Some(b'/') },
    })
}

/// How long `http://` or `https://` is; schemes have no case (RFC 3986 section 3.1).
fn after_scheme(target: &[u8]) -> Option<usize> {
    ["http://", "https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes())))
        .map(str::len)
}
