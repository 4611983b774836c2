//! Laws of endpoints and paths: nothing matches that a plain reader would place elsewhere.

use crate::routing::{EndpointPattern, NormalPath};

/// An endpoint of the providers file, a line end, and a path that a client may ask for.
///
/// # Panics
/// If a law is broken.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (endpoint, path) = text.split_once('\n').unwrap_or(("/v1/models", text));
    let Ok(normal) = NormalPath::parse(path) else { return };
    let sent = normal.upstream_path();
    check_sent(&normal, &sent);
    let Ok(pattern) = EndpointPattern::parse(endpoint) else { return };
    let again = NormalPath::parse(&sent).ok();
    assert_eq!(
        again.map(|again| pattern.contains(&again)),
        Some(pattern.contains(&normal)),
        "what is sent is elsewhere"
    );
    if let (Some(wanted), Some(asked)) = (plain(endpoint), plain(&sent)) {
        let same = |(want, got): (&String, &String)| want == got || (want.starts_with('{') && want.ends_with('}'));
        let is_under = asked.len() >= wanted.len() && wanted.iter().zip(&asked).all(same);
        assert_eq!(pattern.contains(&normal), is_under, "a plain reader says otherwise");
    }
}

/// What goes upstream is the compared path, without anything that a reader could take for a way out of it.
fn check_sent(normal: &NormalPath<'_>, sent: &str) {
    assert!(sent.starts_with('/') && !sent.contains(['\\', '?', '#']));
    let read = plain(sent);
    assert!(read.is_some(), "what is sent cannot be read plainly");
    assert_eq!(read, Some(normal.segments().map(str::to_owned).collect()), "what is sent is not what was compared");
}

/// A path as one reads it who knows nothing but slashes and percent signs; `None` where that is not enough: dots,
/// what hides a slash, an empty segment.
fn plain(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(plain_segment).collect()
}

fn plain_segment(raw: &str) -> Option<String> {
    let mut pieces = raw.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    let name = String::from_utf8(bytes).ok()?;
    let hides = name.contains(['/', '\\']) || ["", ".", ".."].contains(&name.as_str());
    (!hides).then_some(name)
}
