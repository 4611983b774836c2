//! Calls that change something, done together: who gets the turn does the calls of all who wait, in one transaction
//! and with one append to the file; the others find their results. So no call waits longer than for two batches.

use std::sync::{Arc, Mutex};

use async_channel::{Sender, TryRecvError};
use llm_proxy_core::audit::{Draft, Event};
use llm_proxy_core::manage::{CallFacts, Command, CommandError, Reply};
use llm_proxy_core::time::Timestamp;

use super::writer::{Turn, Writer, correction, lock};
use crate::outage::Outage;
use crate::store::{ChangeBatch, ChangeError, ExecuteError, NotSealed, Seal, Store, StoreError};

/// Calls in one transaction at most.
const CALLS_PER_BATCH: usize = 64;

type Answer = Result<Reply, CommandError>;

/// A call that waits for its turn.
#[derive(Debug)]
pub(super) struct Call {
    command: Command,
    facts: CallFacts,
    at: Timestamp,
    reply: Sender<Answer>,
}

/// How far a batch got. Shared with the callback that the store holds, and kept in the turn until the end is known, so
/// that a batch whose future was dropped leaves its events too.
pub(super) type Doubt = Arc<Mutex<Stage>>;

#[derive(Debug)]
pub(super) enum Stage {
    /// No event was sealed.
    Asked(Vec<CallFacts>),
    /// The events are being recorded, or were refused.
    Sealing,
    /// The events are recorded.
    Sealed(Sealed),
}

#[derive(Debug)]
pub(super) struct Sealed {
    answers: Vec<Answer>,
    /// Each call's draft and the event that it became.
    events: Vec<(Draft, Event)>,
    /// How many events the store was given.
    given: usize,
}

impl Writer {
    /// Does a call and records its event: both or, as far as can be known, neither.
    pub(crate) async fn change(
        &self,
        store: Option<&dyn Store>,
        command: Command,
        facts: CallFacts,
        at: Timestamp,
    ) -> Answer {
        let (reply, answer) = async_channel::bounded(1);
        lock(&self.calls).push(Call { command, facts, at, reply });
        let mut turn = self.turn.lock().await;
        loop {
            match answer.try_recv() {
                Ok(answer) => return answer,
                Err(TryRecvError::Closed) => return Err(CommandError::StoreUnavailable),
                Err(TryRecvError::Empty) => {}
            }
            if self.is_finished() || !self.change_together(store, &mut turn).await {
                return Err(CommandError::StoreUnavailable);
            }
        }
    }

    /// How many calls wait for their turn.
    #[cfg(test)]
    pub(super) fn waiting_calls(&self) -> usize {
        lock(&self.calls).len()
    }

    /// Does a batch of the calls that wait; whether there was any.
    pub(super) async fn change_together(&self, store: Option<&dyn Store>, turn: &mut Turn) -> bool {
        if let Some(doubt) = turn.in_doubt.take() {
            self.settle_failed(&doubt, CommandError::StoreUnavailable).await;
        }
        let calls: Vec<Call> = {
            let mut waiting = lock(&self.calls);
            let count = waiting.len().min(CALLS_PER_BATCH);
            waiting.drain(..count).collect()
        };
        if calls.is_empty() {
            return false;
        }
        let mut commands = Vec::with_capacity(calls.len());
        let mut facts = Vec::with_capacity(calls.len());
        let mut replies = Vec::with_capacity(calls.len());
        for call in calls {
            commands.push((call.command, call.at));
            facts.push(call.facts);
            replies.push(call.reply);
        }
        let stage = Arc::new(Mutex::new(Stage::Asked(facts)));
        turn.in_doubt = Some(Arc::clone(&stage));
        let done = self.change_in(store, turn, commands, &stage).await;
        let answers = match done {
            Ok(()) => self.settle_done(&stage).await,
            Err(error) => self.settle_failed(&stage, error).await,
        };
        turn.in_doubt = None;
        for (reply, answer) in replies.into_iter().zip(answers) {
            // Nobody waits any more if the client went away.
            let _ = reply.try_send(answer);
        }
        true
    }

    async fn change_in(
        &self,
        store: Option<&dyn Store>,
        turn: &mut Turn,
        calls: Vec<(Command, Timestamp)>,
        stage: &Doubt,
    ) -> Result<(), CommandError> {
        if self.is_far_behind() {
            let caught_up = self.catch_up_in(store, turn).await;
            self.note_progress(&caught_up);
            caught_up.map_err(|_| CommandError::StoreUnavailable)?;
        }
        let batch = ChangeBatch { calls, seal: self.seal(Arc::clone(stage)) };
        let before = self.outage.changes();
        let changed = async { store.ok_or(StoreError::NotOpen)?.change(batch).await }.await;
        told(changed, &self.outage, before)
    }

    /// What the store awaits between the last call and the commit.
    fn seal(&self, stage: Doubt) -> Seal {
        let (journal, pending) = (Arc::clone(&self.journal), self.pending.clone());
        Box::new(move |results| {
            Box::pin(async move {
                let Stage::Asked(facts) = std::mem::replace(&mut *lock(&stage), Stage::Sealing) else {
                    return Err(NotSealed);
                };
                let answers: Vec<Answer> = results.into_iter().map(answer).collect();
                let drafts: Vec<Draft> =
                    facts.into_iter().zip(&answers).map(|(facts, answer)| facts.draft(answer)).collect();
                let events = journal.write(drafts.clone()).await.map_err(|_| NotSealed)?;
                let to_add = pending.map(|pending| pending.first(usize::MAX)).unwrap_or_default();
                let last = events.last().map(|event| event.id);
                // If so much came in between that ours are no more in memory, the batch cannot be whole.
                let is_whole = to_add.is_empty() || to_add.last().map(|event| event.id) >= last;
                let events = drafts.into_iter().zip(events).collect();
                *lock(&stage) = Stage::Sealed(Sealed { answers, events, given: to_add.len() });
                if is_whole { Ok(to_add) } else { Err(NotSealed) }
            })
        })
    }

    /// The batch is committed.
    async fn settle_done(&self, stage: &Doubt) -> Vec<Answer> {
        let Stage::Sealed(sealed) = std::mem::replace(&mut *lock(stage.as_ref()), Stage::Sealing) else {
            tracing::error!("the store committed without asking for the events");
            return Vec::new();
        };
        if let Some(pending) = &self.pending {
            pending.forget(sealed.given);
            self.note_progress(&Ok(()));
        }
        sealed.answers
    }

    /// The batch is not committed, or it is not known: what is recorded of it says so.
    async fn settle_failed(&self, stage: &Doubt, error: CommandError) -> Vec<Answer> {
        let stage = std::mem::replace(&mut *lock(stage.as_ref()), Stage::Sealing);
        let (drafts, answers): (Vec<Draft>, Vec<Answer>) = match stage {
            Stage::Asked(facts) => facts.into_iter().map(|facts| (facts.draft(&Err(error)), Err(error))).unzip(),
            Stage::Sealing => return vec![Err(error); CALLS_PER_BATCH],
            Stage::Sealed(sealed) => {
                let failed = |answer: Answer| answer.and(Err(error));
                let changed = sealed.events.into_iter().zip(&sealed.answers).filter(|(_, answer)| answer.is_ok());
                let drafts = changed.map(|((draft, event), _)| correction(draft, event.id, reason(error))).collect();
                (drafts, sealed.answers.into_iter().map(failed).collect())
            }
        };
        match self.journal.write(drafts).await {
            Ok(_) => answers,
            Err(_) => vec![Err(CommandError::AuditUnavailable); answers.len()],
        }
    }
}

const fn reason(error: CommandError) -> &'static str {
    match error {
        CommandError::AuditUnavailable => "audit_unavailable",
        CommandError::StoreUnavailable
        | CommandError::NotFound(_)
        | CommandError::ProjectNameTaken
        | CommandError::ProjectInactive
        | CommandError::CacheDisabled => "store_unavailable",
    }
}

/// A call's result as its caller sees it. Why it failed is the store's to say, which does for the whole batch.
fn answer(result: Result<Reply, ExecuteError>) -> Answer {
    result.map_err(|error| match error {
        ExecuteError::Refused(refusal) => refusal,
        ExecuteError::Failed(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "a change failed");
            CommandError::StoreUnavailable
        }
    })
}

/// What became of a batch, for its callers and for the state of the store. `before` is how many changes had been done
/// when it began.
fn told(changed: Result<(), ChangeError>, outage: &Outage, before: u64) -> Result<(), CommandError> {
    match changed {
        Ok(()) => {
            outage.change_answered();
            Ok(())
        }
        Err(ChangeError::NotSealed(NotSealed)) => Err(CommandError::AuditUnavailable),
        Err(ChangeError::Failed(error)) => {
            outage.change_failed("change", &error, before);
            Err(CommandError::StoreUnavailable)
        }
    }
}

/// Does a call where nothing is recorded.
pub(crate) async fn change_unrecorded(
    store: Option<&dyn Store>,
    outage: &Outage,
    command: Command,
    at: Timestamp,
) -> Answer {
    let (reply, results) = async_channel::bounded(1);
    let seal: Seal = Box::new(move |results| {
        Box::pin(async move {
            // There is room for the one that is sent.
            let _ = reply.try_send(results);
            Ok(Vec::new())
        })
    });
    let batch = ChangeBatch { calls: vec![(command, at)], seal };
    let before = outage.changes();
    let changed = async { store.ok_or(StoreError::NotOpen)?.change(batch).await }.await;
    told(changed, outage, before)?;
    let result = results.try_recv().ok().and_then(|mut results| results.pop());
    result.map_or(Err(CommandError::StoreUnavailable), answer)
}
