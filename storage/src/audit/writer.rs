//! The way of an event: through the journal, and on to the database. Calls that change something go through `batch`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use llm_proxy_core::audit::{Action, Chain, Draft, Event, Fact, Folder, IN_DATABASE, Outcome, Shown};
use llm_proxy_core::ids::{ChainId, EventId};
use llm_proxy_core::time::{Now, Timestamp};
use thiserror::Error;

use super::batch::{Call, Doubt};
use super::file::AuditFile;
use super::journal::{Journal, Unwritten, previous};
use super::pending::Pending;
use super::tail::Tail;
use super::thread::JournalLink;
use super::{place, retention};
use crate::config::AuditConfig;
use crate::error::OpenError;
use crate::outage::Outage;
use crate::random;
use crate::store::{Store, StoreError};

/// Events that are given to the database in one transaction.
pub(super) const EVENTS_PER_BATCH: usize = 500;

/// The last event that was recorded before this run: its chain and its hash.
type Last = (ChainId, String);

/// Records events. Shared by all who have something to record.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(super) journal: Arc<JournalLink>,
    /// What the database lacks; `None` if it takes no events.
    pub(super) pending: Option<Arc<Pending>>,
    has_file: bool,
    retention: Duration,
    /// Told when the store fails.
    pub(super) outage: Arc<Outage>,
    /// The chain's first event, and the last one before this run, until the chain begins.
    first: Mutex<Option<(Draft, Option<Last>)>>,
    folder: Mutex<Folder>,
    pub(super) calls: Mutex<Vec<Call>>,
    pub(super) turn: async_lock::Mutex<Turn>,
    is_behind: AtomicBool,
    is_finished: AtomicBool,
    lost_notes: AtomicBool,
}

/// What only one at a time may do: change the store, and give events to the database.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Whether the journal knows what the database has of the file.
    is_placed: bool,
    /// A batch of which nobody learned the end.
    pub(super) in_doubt: Option<Doubt>,
    /// When old events are looked for again.
    next_pruning: Timestamp,
}

/// The database did not take the events that wait for it.
#[derive(Debug, Error)]
pub(crate) enum Behind {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the audit log cannot be read")]
    File(#[from] std::io::Error),
}

impl Writer {
    /// Opens the audit log. Nothing is recorded before [`Self::begin`].
    ///
    /// # Errors
    /// If the file cannot be used.
    pub(crate) fn open(config: &AuditConfig, outage: Arc<Outage>) -> Result<Self, OpenError> {
        let opened = config.file.as_deref().map(|path| AuditFile::open(path, config.make_folder)).transpose()?;
        Self::over(opened, config, outage)
    }

    /// A writer with a new chain, on that file.
    pub(super) fn over(
        file: Option<(AuditFile, Tail)>,
        config: &AuditConfig,
        outage: Arc<Outage>,
    ) -> Result<Self, OpenError> {
        let (file, tail) = file.unzip();
        let last = tail.and_then(|tail| tail.last).map(|event| (event.chain, event.hash));
        let chain = ChainId::new(config.started_at, &random::id_seed()?);
        let pending = config.in_database.then(Arc::<Pending>::default);
        let has_file = file.is_some();
        let journal = Journal::new(Chain::new(chain), file, pending.clone()).map_err(OpenError::AuditThread)?;
        Ok(Self {
            journal: Arc::new(JournalLink::start(journal).map_err(OpenError::AuditThread)?),
            pending,
            has_file,
            retention: config.retention,
            outage,
            first: Mutex::new(Some((start(config), last))),
            folder: Mutex::default(),
            calls: Mutex::default(),
            turn: async_lock::Mutex::default(),
            is_behind: AtomicBool::new(false),
            is_finished: AtomicBool::new(false),
            lost_notes: AtomicBool::new(false),
        })
    }

    /// Begins the chain with `server.start`, and gives the database what it lacks of the file. Where there is a file this
    /// need not wait for the store; without one the database says what was before. Called again it only catches up.
    ///
    /// # Errors
    /// If the first event cannot be recorded.
    pub(crate) async fn begin(&self, store: Option<&dyn Store>) -> Result<(), OpenError> {
        if store.is_some() || self.has_file {
            self.begin_chain(store).await?;
        }
        if store.is_some() {
            // What the database does not take now, it will at a later flush.
            let _ = self.catch_up(store).await;
        }
        Ok(())
    }

    async fn begin_chain(&self, store: Option<&dyn Store>) -> Result<(), OpenError> {
        let Some((mut first, last)) = lock(&self.first).take() else { return Ok(()) };
        if let Some(last) = last {
            first.metadata.insert("previous", Fact::Map(previous(last.0, &last.1)));
        } else if self.pending.is_some()
            && let Some(store) = store
            && let Some(last) = last_in(store).await
        {
            let mut previous = previous(last.0, &last.1);
            previous.insert("in", Fact::Word(IN_DATABASE));
            first.metadata.insert("previous", Fact::Map(previous));
        }
        self.journal.begin(first).await.map_err(|Unwritten| OpenError::AuditLog)
    }

    /// Whether everything is where it is to be.
    pub(crate) fn is_well(&self) -> bool {
        !self.journal.is_failing() && !self.is_behind.load(Ordering::Relaxed)
    }

    /// Whether events are kept, whatever the database does.
    pub(crate) fn takes_events(&self) -> bool {
        if self.has_file { !self.journal.is_failing() } else { self.is_well() }
    }

    /// Records the event of a call that changes nothing, durably.
    pub(crate) async fn record(&self, store: Option<&dyn Store>, draft: Draft) -> Result<(), Unwritten> {
        if self.is_finished() {
            return Err(Unwritten);
        }
        let events = self.journal.write(vec![draft.clone()]).await?;
        if !self.has_file && self.catch_up(store).await.is_err() {
            // It is in the chain, and will be in the database; but the call is refused now.
            self.note_now(
                events.iter().map(|event| correction(draft.clone(), event.id, "audit_unavailable")).collect(),
            );
            return Err(Unwritten);
        }
        Ok(())
    }

    /// Records something that happened and that nobody waits for, at once or folded with what is like it.
    pub(crate) fn note(&self, now: Now, draft: Draft) {
        if self.is_finished() {
            return;
        }
        let told = lock(&self.folder).note(now.mono, draft);
        if let Some(draft) = told {
            self.note_now(vec![draft]);
        }
    }

    /// Writes what is due: folded events, what could not be written before, what the database lacks. Removes from the
    /// database what is too old.
    pub(crate) async fn flush(&self, store: Option<&dyn Store>, now: Now) {
        // With none due, what could not be written before is tried again.
        let due = lock(&self.folder).due(now.mono);
        self.note_now(due);
        if self.lost_notes.swap(false, Ordering::Relaxed) {
            tracing::error!("audit events of denied requests were lost: the audit log does not keep up");
        }
        let _ = self.catch_up(store).await;
        self.prune(store, now.wall).await;
    }

    /// Ends the chain with `server.stop`. Calls after it are not recorded, and so not done.
    pub(crate) async fn finish(&self, store: Option<&dyn Store>, at: Timestamp) {
        let mut turn = self.turn.lock().await;
        while self.change_together(store, &mut turn).await {}
        self.is_finished.store(true, Ordering::Release);
        let mut drafts = lock(&self.folder).drain();
        drafts.push(Draft::of_system(at, Action::ServerStop));
        if self.journal.end(drafts).await.is_err() {
            tracing::error!("the last audit events could not be written");
        }
        let caught_up = self.catch_up_in(store, &mut turn).await;
        self.note_progress(&caught_up);
    }

    /// Lets go of the file. Only after [`Self::finish`].
    pub(crate) async fn close(&self) {
        self.journal.close().await;
    }

    /// Gives the database what it lacks.
    pub(crate) async fn catch_up(&self, store: Option<&dyn Store>) -> Result<(), Behind> {
        let mut turn = self.turn.lock().await;
        let caught_up = self.catch_up_in(store, &mut turn).await;
        self.note_progress(&caught_up);
        caught_up
    }

    pub(super) async fn catch_up_in(&self, store: Option<&dyn Store>, turn: &mut Turn) -> Result<(), Behind> {
        let Some(pending) = &self.pending else { return Ok(()) };
        if pending.is_empty() {
            return Ok(());
        }
        let store = store.ok_or(StoreError::NotOpen)?;
        if !turn.is_placed {
            place::find(&self.journal, store).await?;
            turn.is_placed = true;
        }
        while !pending.is_empty() {
            let events = pending.first(EVENTS_PER_BATCH);
            if events.is_empty() {
                self.journal.refill().await?;
            } else {
                store.add_events(&events).await?;
                pending.forget(events.len());
            }
        }
        Ok(())
    }

    /// Whether so much waits for the database that a batch of changes must not take it along.
    pub(super) fn is_far_behind(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.has_more_in_file() || pending.len() > EVENTS_PER_BATCH)
    }

    /// Says once when the database falls behind, and once when it is there again.
    pub(super) fn note_progress(&self, caught_up: &Result<(), Behind>) {
        // At the start the first events wait for the store to be opened; whoever opens it says what keeps it from that.
        if matches!(caught_up, Err(Behind::Store(StoreError::NotOpen))) {
            return;
        }
        let was_behind = self.is_behind.swap(caught_up.is_err(), Ordering::Relaxed);
        match caught_up {
            Err(error) if !was_behind => {
                tracing::error!(error = error as &dyn std::error::Error, "audit events wait for the database");
            }
            Ok(()) if was_behind => tracing::info!("the database has all audit events again"),
            Ok(()) | Err(_) => {}
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::Acquire)
    }

    async fn prune(&self, store: Option<&dyn Store>, now: Timestamp) {
        let Some(store) = store.filter(|_| self.pending.is_some() && !self.retention.is_zero()) else { return };
        let mut turn = self.turn.lock().await;
        if now < turn.next_pruning {
            return;
        }
        let retention = i64::try_from(self.retention.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp::from_micros(now.as_micros().saturating_sub(retention));
        match self.prune_some(store, &mut turn, before, now).await {
            // More may be left: go on at the next flush.
            Ok(true) => {}
            Ok(false) => turn.next_pruning = now.plus(retention::EVERY),
            Err(error) => {
                turn.next_pruning = now.plus(retention::EVERY);
                tracing::error!(error = &*error, "old audit events could not be removed from the database");
            }
        }
    }

    /// Removes one batch of old events; whether there was one. What anchors the rest is recorded first, so that a crash
    /// between the two leaves too many anchors and never too few.
    async fn prune_some(
        &self,
        store: &dyn Store,
        turn: &mut Turn,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        let Some(pruning) = retention::choose(store, before, now).await? else { return Ok(false) };
        self.journal.write(vec![pruning.event]).await?;
        self.catch_up_in(Some(store), turn).await?;
        store.prune_events(&pruning.ids).await?;
        Ok(true)
    }

    fn note_now(&self, drafts: Vec<Draft>) {
        if !self.journal.note(drafts) {
            self.lost_notes.store(true, Ordering::Relaxed);
        }
    }
}

/// A panic elsewhere leaves what is behind the lock usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What follows an event whose call came to another end: the same, as an error, with the id of the first.
pub(super) fn correction(draft: Draft, corrects: EventId, reason: &'static str) -> Draft {
    let mut metadata = draft.metadata;
    metadata.insert("corrects", Fact::Text(Shown::of(&corrects.to_string())));
    Draft { outcome: Outcome::Error, reason: Some(reason), metadata, ..draft }
}

fn start(config: &AuditConfig) -> Draft {
    let metadata = BTreeMap::from([("version", Fact::Word(config.version)), ("runtime", Fact::Word(config.runtime))]);
    Draft { metadata, ..Draft::of_system(config.started_at, Action::ServerStart) }
}

async fn last_in(store: &dyn Store) -> Option<Last> {
    match store.last_event(None).await {
        Ok(last) => last.map(|Event { chain, hash, .. }| (chain, hash)),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the last audit event of the database cannot be read"
            );
            None
        }
    }
}
