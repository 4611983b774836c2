//! The end of an audit log: which event was the last, and whether a crash left a line unfinished. And reading its
//! lines from any place on. It never changes the file.

use std::fs::File;
use std::io;

use llm_proxy_core::audit::Event;

/// How far back a line's beginning is looked for. No event has as much.
const LONGEST_LINE: u64 = 1 << 20;

/// How a line of ours begins.
const BEGINNING: &[u8] = b"{\"id\":\"";

/// What the end of a file came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tail {
    /// Where what is to be kept ends.
    pub(crate) length: u64,
    /// How many bytes after it are an unfinished line of ours.
    pub(crate) torn: u64,
    /// Whether what is to be kept ends in an unfinished line of another program.
    pub(crate) is_foreign: bool,
    /// The last event, if the last whole line is one.
    pub(crate) last: Option<Box<Event>>,
}

/// Lines of a file, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The events among them.
    pub(crate) events: Vec<Event>,
    /// Where to read on; the end of the file if that is the same as before.
    pub(crate) next: u64,
}

/// Looks at the end of the file.
pub(crate) fn read(file: &File) -> io::Result<Tail> {
    let end = file.metadata()?.len();
    let start = end.saturating_sub(LONGEST_LINE);
    let bytes = read_range(file, start, end)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
    let (lines, rest) = bytes.split_at(whole);
    let last = lines.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
    let last = last.and_then(|line| serde_json::from_slice(line).ok()).map(Box::new);
    let is_ours = !rest.is_empty() && (rest.starts_with(BEGINNING) || BEGINNING.starts_with(rest));
    let torn = if is_ours { length_of(rest) } else { 0 };
    Ok(Tail { length: end - torn, torn, is_foreign: !rest.is_empty() && !is_ours, last })
}

/// Whether the byte before `end` ends a line; so does the beginning of the file.
pub(crate) fn ends_a_line(file: &File, end: u64) -> io::Result<bool> {
    let last = read_range(file, end.saturating_sub(1), end)?;
    Ok(last.last().is_none_or(|byte| *byte == b'\n'))
}

/// Reads whole lines that begin at `from` or after it and end at `end` or before it, about `size` bytes of them. Lines
/// that are no events are passed over.
pub(crate) fn lines(file: &File, from: u64, end: u64, size: u64) -> io::Result<Lines> {
    let mut start = from;
    let mut size = size;
    if from > 0 && !ends_a_line(file, from)? {
        start = line_after(file, from, end)?;
    }
    loop {
        let stop = end.min(start.saturating_add(size));
        let bytes = read_range(file, start, stop)?;
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(position) => {
                let whole = bytes.get(..=position).unwrap_or_default();
                let events = whole.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
                return Ok(Lines { events: events.collect(), next: start + length_of(whole) });
            }
            None if stop < end => size = size.saturating_mul(2),
            None => return Ok(Lines { events: Vec::new(), next: end }),
        }
    }
}

/// Where the line after the one at `from` begins.
fn line_after(file: &File, from: u64, end: u64) -> io::Result<u64> {
    let mut start = from;
    while start < end {
        let stop = end.min(start + (64 << 10));
        let bytes = read_range(file, start, stop)?;
        if let Some(position) = bytes.iter().position(|byte| *byte == b'\n') {
            return Ok(start + length_of(bytes.get(..=position).unwrap_or_default()));
        }
        start = stop;
    }
    Ok(end)
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The bytes of that range, fewer where the file ends before.
fn read_range(file: &File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end.saturating_sub(start)).map_err(io::Error::other)?];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match read_at(file, room, start + u64::try_from(filled).unwrap_or(u64::MAX)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};

    // The handle appends, so that its place matters to nobody else.
    file.seek(SeekFrom::Start(offset))?;
    file.read(bytes)
}
