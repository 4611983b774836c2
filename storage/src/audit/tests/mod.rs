//! The writer of audit events: what holds whatever fails.

use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use llm_proxy_core::audit::{Action, Actor, Draft, Event, Outcome, RequestFacts, Shown, Source, Verified, Verifier};
use llm_proxy_core::manage::{CallFacts, Command, CommandError, NewProject, Page, Reply};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::{Instant, Now, Timestamp};
use tempfile::TempDir;

use super::file::{AuditFile, Medium, Wrap};
use super::journal::Unwritten;
use super::writer::Writer;
use crate::config::AuditConfig;
use crate::memory::MemoryStore;
use crate::store::Store;

mod faults;
mod file;
mod recovery;
mod retention;
mod together;

/// A medium that counts its syncs and can be made to fail.
#[derive(Clone, Default)]
struct Knobs(Arc<KnobState>);

#[derive(Default)]
struct KnobState {
    syncs: AtomicU64,
    /// Operations that succeed before one fails; `None` is all.
    plan: Mutex<Option<Plan>>,
    /// A sync waits for this.
    gate: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
}

/// Which operations fail.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// So many go well first.
    good: u64,
    /// So many fail then.
    bad: u64,
}

impl Knobs {
    fn fail(&self, good: u64, bad: u64) {
        *self.0.plan.lock().unwrap() = Some(Plan { good, bad });
    }

    fn heal(&self) {
        *self.0.plan.lock().unwrap() = None;
    }

    /// Whether the plan is done: as many failed as were to.
    fn is_done(&self) -> bool {
        self.0.plan.lock().unwrap().is_none_or(|plan| plan.bad == 0)
    }

    fn syncs(&self) -> u64 {
        self.0.syncs.load(Ordering::SeqCst)
    }

    /// Each operation, of file or store, is a step; whether it goes well.
    fn step(&self) -> bool {
        let mut plan = self.0.plan.lock().unwrap();
        let Some(plan) = plan.as_mut() else { return true };
        if plan.good > 0 {
            plan.good -= 1;
            return true;
        }
        let fails = plan.bad > 0;
        plan.bad = plan.bad.saturating_sub(1);
        !fails
    }

    fn wrap(&self) -> Wrap {
        let knobs = self.clone();
        Box::new(move |file| Box::new(Knobbed { file, knobs: knobs.clone() }))
    }
}

struct Knobbed {
    file: File,
    knobs: Knobs,
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl Medium for Knobbed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.knobs.step() {
            return io::Write::write(&mut self.file, bytes);
        }
        // The disk fills up in the middle of a line: a part is written all the same.
        io::Write::write(&mut self.file, bytes.get(..bytes.len() / 2).unwrap_or_default())?;
        Err(full())
    }

    fn sync(&mut self) -> io::Result<()> {
        let gate = self.knobs.0.gate.lock().unwrap().take();
        if let Some(gate) = gate {
            gate.recv().unwrap();
        }
        self.knobs.0.syncs.fetch_add(1, Ordering::SeqCst);
        if self.knobs.step() { self.file.sync_data() } else { Err(full()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.knobs.step() { self.file.set_len(length) } else { Err(full()) }
    }

    fn file(&self) -> &File {
        &self.file
    }
}

/// A folder with an audit log.
struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("audit.log");
        Self { _folder: folder, path }
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    fn events(&self) -> Vec<Event> {
        events_in(&self.path)
    }

    fn verified(&self) -> Verified {
        verified(&self.bytes())
    }
}

fn events_in(path: &Path) -> Vec<Event> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verified(bytes: &[u8]) -> Verified {
    let mut verifier = Verifier::of(Source::File);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        verifier.line(line).unwrap();
    }
    verifier.finish().unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000).plus(Duration::from_secs(seconds))
}

fn now(seconds: u64) -> Now {
    Now { mono: Instant::default() + Duration::from_secs(seconds), wall: at(seconds) }
}

fn config(file: Option<PathBuf>) -> AuditConfig {
    AuditConfig {
        file,
        make_folder: true,
        in_database: true,
        retention: Duration::ZERO,
        started_at: at(0),
        version: "1.2.3",
        runtime: "tokio",
    }
}

/// A writer that has begun.
async fn writer(place: &Place, knobs: &Knobs, store: &dyn Store) -> Writer {
    writer_from(0, place, knobs, store).await
}

/// A writer that begins `seconds` after the first.
async fn writer_from(seconds: u64, place: &Place, knobs: &Knobs, store: &dyn Store) -> Writer {
    let opened = AuditFile::open_with(&place.path, true, knobs.wrap()).unwrap();
    let config = AuditConfig { started_at: at(seconds), ..config(Some(place.path.clone())) };
    let writer = Writer::over(Some(opened), &config, Arc::default()).unwrap();
    writer.begin(Some(store)).await.unwrap();
    writer
}

fn request(id: &str) -> Box<RequestFacts> {
    Box::new(RequestFacts {
        request_id: Shown::of(id),
        correlation_id: Shown::of(id),
        client_ip: IpAddr::from([192, 0, 2, 1]),
        method: Shown::of("POST"),
        path: Shown::of("/manage/projects"),
        user_agent: None,
    })
}

fn facts(command: &Command, id: &str) -> CallFacts {
    CallFacts::of(command, at(1), Actor::ManagementApi, request(id))
}

/// A call that was refused before it reached the store.
fn refused(id: &str) -> Draft {
    let mut draft = Draft::of_system(at(1), Action::ProjectCreate);
    (draft.actor, draft.outcome, draft.reason) = (Actor::ManagementApi, Outcome::Failure, Some("invalid_request"));
    draft.request = Some(request(id));
    draft
}

fn create_project(name: &str) -> Command {
    Command::CreateProject(NewProject {
        name: name.to_owned(),
        api_key: Secret::new("sk-upstream-0123456789abcdef".to_owned()),
        provider: "openai".to_owned(),
    })
}

async fn change(writer: &Writer, store: &dyn Store, command: Command, id: &str) -> Result<Reply, CommandError> {
    let facts = facts(&command, id);
    writer.change(Some(store), command, facts, at(1)).await
}

/// All events in the store, in their order there.
async fn stored(store: &dyn Store) -> Vec<Event> {
    store.events_after(None, 10_000).await.unwrap()
}

/// What tells events apart, and reads better than they do.
fn ids(events: &[Event]) -> Vec<String> {
    let id = |event: &Event| format!("{} {} {:?}", event.id, event.action, event.request_id);
    events.iter().map(id).collect()
}

/// The database has what the file has.
async fn assert_same(store: &dyn Store, events: &[Event]) {
    let stored = stored(store).await;
    assert_eq!(ids(&stored), ids(events));
    assert_eq!(stored, events);
}
