//! The chain and its file, moved together: what has a place in the chain is in the file, and nothing else is. Blocking;
//! it lives on a thread of its own (`thread`).
//!
//! - [`Journal::write`] seals drafts and appends them, all of a batch or none; the chain goes on only if they are on
//!   disk.
//! - A draft that could not be written waits here, up to a bound, and is the first to be written when the file works
//!   again: those of calls as errors with the reason `audit_unavailable`, since the call was refused.
//! - A file that begins anew (rotation) begins with an `audit.prune` event that names the event before it.
//!
//! Without a file, the chain alone is here, and the database makes events durable.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llm_proxy_core::audit::{Action, Chain, Draft, Event, Fact, Outcome, Shown};
use llm_proxy_core::ids::{ChainId, EventId};
use llm_proxy_core::time::Timestamp;
use thiserror::Error;

use super::file::{AuditFile, Ready};
use super::pending::Pending;
use super::tail;
use crate::random;

/// Drafts that wait for the file to work again.
const MOST_WAITING: usize = 4096;
/// Events that wait for the database in memory; about 4 MB.
pub(crate) const MOST_PENDING: usize = 4096;
/// How much of the file is read at once, in bytes.
const READ_SIZE: u64 = 256 << 10;

/// Events were not recorded. The cause is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the audit log is not available")]
pub(crate) struct Unwritten;

/// A part of a file that holds events which the database lacks.
struct Segment {
    file: File,
    next: u64,
    /// `None` is the end of the open file, which grows.
    end: Option<u64>,
}

/// What stands in a part of the file.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    /// Its first event.
    pub(crate) first: Option<EventId>,
    /// The chains of its events, in their order, those of events next to each other once.
    pub(crate) chains: Vec<ChainId>,
    /// The first events of runs in it, each with how many of `chains` there are up to it.
    pub(crate) starts: Vec<(EventId, usize)>,
}

/// See the module.
pub(crate) struct Journal {
    chain: Chain,
    /// The id and hash of the last event.
    last: Option<(EventId, String)>,
    file: Option<AuditFile>,
    /// `None` if the database takes no events.
    pending: Option<Arc<Pending>>,
    in_file: VecDeque<Segment>,
    waiting: VecDeque<Draft>,
    /// Whether the next line is the first of a file that others came before.
    begins_anew: bool,
    /// Whether the last attempt to write failed; told before anybody is answered.
    is_failing: Arc<AtomicBool>,
    /// Whether the chain has its first event, and not its last one.
    has_begun: bool,
}

impl Journal {
    /// A journal whose database has, as far as is known, none of what is in the file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn new(chain: Chain, file: Option<AuditFile>, pending: Option<Arc<Pending>>) -> io::Result<Self> {
        let mut in_file = VecDeque::new();
        if let (Some(file), Some(pending)) = (&file, &pending)
            && file.length() > 0
        {
            in_file.push_back(Segment { file: file.reader()?, next: 0, end: None });
            pending.set_more_in_file(true);
        }
        let (waiting, last) = (VecDeque::new(), None);
        Ok(Self {
            chain,
            last,
            file,
            pending,
            in_file,
            waiting,
            begins_anew: false,
            is_failing: Arc::default(),
            has_begun: false,
        })
    }

    /// Whether the last attempt to write failed.
    pub(crate) fn is_failing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_failing)
    }

    /// Records the chain's first event, and after it what waited for it.
    pub(crate) fn begin(&mut self, first: Draft) -> Result<(), Unwritten> {
        self.waiting.push_front(first);
        self.has_begun = true;
        self.write(Vec::new(), Vec::new()).map(drop).inspect_err(|Unwritten| {
            self.waiting.pop_front();
            self.has_begun = false;
        })
    }

    /// Records the chain's last events. Nothing is recorded after it.
    pub(crate) fn end(&mut self, last: Vec<Draft>) -> Result<(), Unwritten> {
        let written = self.write(last, Vec::new()).map(drop);
        self.has_begun = false;
        written
    }

    /// Records `notes`, for which nobody waits, and the drafts of `calls`, whose events it gives back call by call. If
    /// it fails, nothing of it is in the chain or in the file.
    pub(crate) fn write(&mut self, notes: Vec<Draft>, calls: Vec<Vec<Draft>>) -> Result<Vec<Vec<Event>>, Unwritten> {
        let waiting = self.waiting.len();
        self.waiting.extend(notes);
        if !self.has_begun {
            self.keep_refused(calls, waiting);
            return Err(Unwritten);
        }
        if self.waiting.is_empty() && calls.iter().all(Vec::is_empty) {
            return Ok(vec![Vec::new(); calls.len()]);
        }
        match self.try_write(&calls) {
            Ok(events) => {
                self.waiting.clear();
                self.is_failing.store(false, Ordering::Relaxed);
                Ok(events)
            }
            Err(error) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(error = &*error, "the audit log failed");
                }
                self.keep_refused(calls, waiting);
                Err(Unwritten)
            }
        }
    }

    fn try_write(&mut self, calls: &[Vec<Draft>]) -> Result<Vec<Vec<Event>>, Box<dyn std::error::Error>> {
        self.make_ready()?;
        let written = self.write_ready(calls);
        if let Some(file) = &mut self.file {
            file.release();
        }
        written
    }

    fn write_ready(&mut self, calls: &[Vec<Draft>]) -> Result<Vec<Vec<Event>>, Box<dyn std::error::Error>> {
        if self.last.is_none() {
            self.name_previous()?;
        }
        let mut chain = self.chain.clone();
        let mut own = Vec::new();
        if self.begins_anew
            && let Some(last) = &self.last
            && let Some(at) = self.waiting.iter().chain(calls.iter().flatten()).map(|draft| draft.at).next()
        {
            own.push(anchor(&self.chain, last, at));
        }
        own.extend(self.waiting.iter().cloned());
        let own = sealed(&mut chain, own)?;
        let calls = calls.iter().map(|drafts| sealed(&mut chain, drafts.clone())).collect::<Result<Vec<_>, _>>()?;
        let all = || own.iter().chain(calls.iter().flatten());
        self.append(&all().collect::<Vec<_>>())?;
        self.chain = chain;
        self.begins_anew = false;
        if let Some(event) = all().last() {
            self.last = Some((event.id, event.hash.clone()));
        }
        Ok(calls)
    }

    /// The chain's first event names the one before it in the file, which others may have written since it was opened.
    fn name_previous(&mut self) -> io::Result<()> {
        let last = self.file.as_ref().map(AuditFile::last_event).transpose()?.flatten();
        if let (Some(first), Some(last)) = (self.waiting.front_mut(), last) {
            first.metadata.insert("previous", Fact::Map(previous(last.chain, &last.hash)));
        }
        Ok(())
    }

    /// Looks where the file is. What the database lacks of a file that was left is read from there all the same.
    fn make_ready(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let length = file.length();
        if file.ready()? == Ready::BeginsAnew {
            self.begins_anew = true;
            if let Some(segment) = self.in_file.back_mut() {
                segment.end.get_or_insert(length);
            }
        }
        Ok(())
    }

    /// Makes events durable, and sees that the database gets them.
    fn append(&mut self, events: &[&Event]) -> io::Result<()> {
        let has_room = self.pending.as_ref().is_none_or(|pending| pending.len() + events.len() <= MOST_PENDING);
        let Some(file) = &mut self.file else {
            if !has_room {
                return Err(io::Error::other("too many events wait for the database"));
            }
            self.pending.iter().for_each(|pending| pending.add(events.iter().copied().cloned()));
            return Ok(());
        };
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        let Some(pending) = &self.pending else { return file.append(&lines) };
        if self.in_file.is_empty() && has_room {
            file.append(&lines)?;
            pending.add(events.iter().copied().cloned());
            return Ok(());
        }
        // The last part may be of a file that was moved away.
        let is_new = self.in_file.back().is_none_or(|segment| segment.end.is_some());
        let segment =
            if is_new { Some(Segment { file: file.reader()?, next: file.length(), end: None }) } else { None };
        file.append(&lines)?;
        self.in_file.extend(segment);
        pending.set_more_in_file(true);
        Ok(())
    }

    /// Reads events that only the file has, some of them, for the database to take.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn refill(&mut self) -> io::Result<()> {
        let (Some(pending), Some(open)) = (&self.pending, &self.file) else { return Ok(()) };
        while let Some(segment) = self.in_file.front_mut() {
            let end = segment.end.unwrap_or_else(|| open.length());
            if segment.next >= end {
                self.in_file.pop_front();
                continue;
            }
            let lines = tail::lines(&segment.file, segment.next, end, READ_SIZE)?;
            segment.next = lines.next;
            if !lines.events.is_empty() {
                pending.add(lines.events);
                break;
            }
        }
        pending.set_more_in_file(!self.in_file.is_empty());
        Ok(())
    }

    /// Where the file ends.
    pub(crate) fn file_length(&self) -> u64 {
        self.file.as_ref().map_or(0, AuditFile::length)
    }

    /// What the file holds of other runs from that place on.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn stretch(&self, from: u64) -> io::Result<Stretch> {
        let mut stretch = Stretch::default();
        let Some(open) = &self.file else { return Ok(stretch) };
        let (reader, end) = (open.reader()?, open.length());
        let mut next = from;
        while next < end {
            let lines = tail::lines(&reader, next, end, READ_SIZE)?;
            // This run has given nothing yet.
            for event in lines.events.iter().filter(|event| event.chain != self.chain.id()) {
                stretch.first.get_or_insert(event.id);
                if stretch.chains.last() != Some(&event.chain) {
                    stretch.chains.push(event.chain);
                }
                if event.action == Action::ServerStart.as_str() {
                    stretch.starts.push((event.id, stretch.chains.len()));
                }
            }
            next = lines.next;
        }
        Ok(stretch)
    }

    /// The database has what is in the open file before that place.
    pub(crate) fn skip_to(&mut self, place: u64) {
        // Of one that was moved away meanwhile nothing is known.
        if let Some(segment) = self.in_file.front_mut().filter(|segment| segment.end.is_none()) {
            segment.next = segment.next.max(place);
        }
    }

    /// Keeps the drafts of calls that are refused, as far as the bound of what waits allows. What waited before, `before`
    /// of them, stays.
    fn keep_refused(&mut self, calls: Vec<Vec<Draft>>, before: usize) {
        self.waiting.extend(calls.into_iter().flatten().map(refused));
        let most = MOST_WAITING.max(before);
        if self.waiting.len() > most {
            let dropped = self.waiting.len() - most;
            tracing::error!(dropped, "more audit events wait for the audit log than are kept");
            self.waiting.truncate(most);
        }
    }
}

fn sealed(chain: &mut Chain, drafts: Vec<Draft>) -> Result<Vec<Event>, random::NoRandomness> {
    drafts.into_iter().map(|draft| Ok(chain.seal(draft, &random::id_seed()?))).collect()
}

/// What a chain's first event says of the event before it.
pub(super) fn previous(chain: ChainId, hash: &str) -> BTreeMap<&'static str, Fact> {
    let text = |text: &str| Fact::Text(Shown::of(text));
    BTreeMap::from([("chain", text(&chain.to_string())), ("hash", text(hash))])
}

/// What is recorded later of a call that was refused because it could not be recorded.
fn refused(draft: Draft) -> Draft {
    Draft { outcome: Outcome::Error, reason: Some("audit_unavailable"), ..draft }
}

/// The first event of a file that others came before, in the same chain.
fn anchor(chain: &Chain, (id, hash): &(EventId, String), at: Timestamp) -> Draft {
    let text = |text: &str| Fact::Text(Shown::of(text));
    let before =
        BTreeMap::from([("chain", text(&chain.id().to_string())), ("hash", text(hash)), ("id", text(&id.to_string()))]);
    let metadata = BTreeMap::from([
        ("chains", Fact::List(vec![Fact::Map(before)])),
        ("count", Fact::Number(0)),
        ("sink", Fact::Word("file")),
    ]);
    Draft { metadata, ..Draft::of_system(at, Action::AuditPrune) }
}
