//! The journal on a thread of its own, so that nobody's executor waits for a disk. What comes while it writes is
//! written together: one append and one sync for all.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_channel::{Receiver, Sender};
use llm_proxy_core::audit::{Draft, Event};

use super::journal::{Journal, Stretch, Unwritten};

/// Jobs that may wait. A job of a call waits for room; a note that finds none is dropped.
const MOST_JOBS: usize = 4096;
/// Jobs that are written together at most.
const MOST_TOGETHER: usize = 256;

type Written = Result<Vec<Event>, Unwritten>;

enum Job {
    Begin(Box<Draft>, Sender<Result<(), Unwritten>>),
    End(Vec<Draft>, Sender<Result<(), Unwritten>>),
    /// Record these and say so.
    Write(Vec<Draft>, Sender<Written>),
    /// Record these; nobody waits.
    Note(Vec<Draft>),
    Refill(Sender<io::Result<()>>),
    Length(Sender<u64>),
    Stretch(u64, Sender<io::Result<Stretch>>),
    SkipTo(u64),
    /// Let go of the file and end.
    Close(Sender<()>),
}

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct JournalLink {
    jobs: Sender<Job>,
    is_failing: Arc<AtomicBool>,
}

impl JournalLink {
    /// Starts the thread. It ends at [`Self::close`], or when the link is dropped.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn start(journal: Journal) -> io::Result<Self> {
        let (jobs, queue) = async_channel::bounded(MOST_JOBS);
        let is_failing = journal.is_failing();
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || serve(journal, &queue))?;
        Ok(Self { jobs, is_failing })
    }

    /// Whether the last attempt to write failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// See [`Journal::begin`].
    pub(crate) async fn begin(&self, first: Draft) -> Result<(), Unwritten> {
        self.ask(|reply| Job::Begin(Box::new(first), reply)).await.unwrap_or(Err(Unwritten))
    }

    /// See [`Journal::end`].
    pub(crate) async fn end(&self, last: Vec<Draft>) -> Result<(), Unwritten> {
        self.ask(|reply| Job::End(last, reply)).await.unwrap_or(Err(Unwritten))
    }

    /// Records drafts, one after the other in the chain, and waits until they are as durable as the journal makes them.
    /// If this future is dropped, they are recorded all the same.
    pub(crate) async fn write(&self, drafts: Vec<Draft>) -> Written {
        self.ask(|reply| Job::Write(drafts, reply)).await.unwrap_or_else(|| {
            self.is_failing.store(true, Ordering::Relaxed);
            Err(Unwritten)
        })
    }

    /// Records drafts that nobody waits for. With none it tries again what could not be written before. Never waits;
    /// whether they were taken.
    pub(crate) fn note(&self, drafts: Vec<Draft>) -> bool {
        self.jobs.try_send(Job::Note(drafts)).is_ok()
    }

    /// See [`Journal::refill`].
    pub(crate) async fn refill(&self) -> io::Result<()> {
        self.ask(Job::Refill).await.unwrap_or_else(|| Err(gone()))
    }

    /// See [`Journal::file_length`].
    pub(crate) async fn file_length(&self) -> u64 {
        self.ask(Job::Length).await.unwrap_or_default()
    }

    /// See [`Journal::stretch`].
    pub(crate) async fn stretch(&self, from: u64) -> io::Result<Stretch> {
        self.ask(|reply| Job::Stretch(from, reply)).await.unwrap_or_else(|| Err(gone()))
    }

    /// See [`Journal::skip_to`].
    pub(crate) async fn skip_to(&self, place: u64) {
        // A thread that is gone has no place.
        let _ = self.jobs.send(Job::SkipTo(place)).await;
    }

    /// Writes what was asked before, lets go of the file, and ends the thread. What is asked later is not written.
    pub(crate) async fn close(&self) {
        let closed = self.ask(Job::Close).await;
        self.jobs.close();
        if closed.is_none() {
            tracing::debug!("the audit log was closed before");
        }
    }

    /// `None` if the thread is gone.
    async fn ask<T>(&self, job: impl FnOnce(Sender<T>) -> Job) -> Option<T> {
        let (reply, answer) = async_channel::bounded(1);
        self.jobs.send(job(reply)).await.ok()?;
        answer.recv().await.ok()
    }
}

fn gone() -> io::Error {
    io::Error::other("the audit log is closed")
}

fn serve(mut journal: Journal, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv_blocking() {
        let mut batch = Batch::default();
        let mut next = Some(job);
        while let Some(job) = next.take() {
            next = batch.take(job);
            if next.is_none() && batch.jobs < MOST_TOGETHER {
                next = queue.try_recv().ok();
                continue;
            }
            break;
        }
        batch.write(&mut journal);
        let closed = next.and_then(|job| look(&mut journal, job));
        if let Some(closed) = closed {
            queue.close();
            drop(journal);
            // Nobody waits any more if the caller went away.
            let _ = closed.try_send(());
            return;
        }
    }
}

/// What is written together.
#[derive(Default)]
struct Batch {
    jobs: usize,
    notes: Vec<Draft>,
    calls: Vec<Vec<Draft>>,
    replies: Vec<Sender<Written>>,
}

impl Batch {
    /// Takes a job that writes; gives any other back.
    fn take(&mut self, job: Job) -> Option<Job> {
        match job {
            Job::Write(drafts, reply) => {
                self.calls.push(drafts);
                self.replies.push(reply);
            }
            Job::Note(drafts) => self.notes.extend(drafts),
            other @ (Job::Begin(..)
            | Job::End(..)
            | Job::Refill(_)
            | Job::Length(_)
            | Job::Stretch(..)
            | Job::SkipTo(_)
            | Job::Close(_)) => {
                return Some(other);
            }
        }
        self.jobs += 1;
        None
    }

    fn write(self, journal: &mut Journal) {
        if self.jobs == 0 {
            return;
        }
        match journal.write(self.notes, self.calls) {
            Ok(events) => {
                for (reply, events) in self.replies.into_iter().zip(events) {
                    // Nobody waits any more if the caller went away.
                    let _ = reply.try_send(Ok(events));
                }
            }
            Err(unwritten) => {
                for reply in self.replies {
                    let _ = reply.try_send(Err(unwritten));
                }
            }
        }
    }
}

/// Does a job that does not write; who closes is told last.
fn look(journal: &mut Journal, job: Job) -> Option<Sender<()>> {
    // Nobody waits any more if the caller went away.
    match job {
        Job::Begin(first, reply) => drop(reply.try_send(journal.begin(*first))),
        Job::End(last, reply) => drop(reply.try_send(journal.end(last))),
        Job::Refill(reply) => drop(reply.try_send(journal.refill())),
        Job::Length(reply) => drop(reply.try_send(journal.file_length())),
        Job::Stretch(from, reply) => drop(reply.try_send(journal.stretch(from))),
        Job::SkipTo(place) => journal.skip_to(place),
        Job::Close(reply) => return Some(reply),
        // The batch took these.
        Job::Write(..) | Job::Note(_) => {}
    }
    None
}
