//! Management calls: what is settled before one, which way it takes, and that its answer waits for its event. What a call
//! does is the store's.

use llm_proxy_core::audit::Draft;
use llm_proxy_core::exchange::Unavailable;
use llm_proxy_core::manage::{CallFacts, Command, CommandError, Reply};
use llm_proxy_core::time::{Now, Timestamp};

use super::Storage;
use crate::audit::{self, Unwritten};
use crate::commands::{changes_grants, changes_leases, sets_a_limit, shows_counts};
use crate::store::{ExecuteError, is_change};

impl Storage {
    pub(super) async fn manage(&self, command: Command, facts: CallFacts, now: Now) -> Result<Reply, CommandError> {
        if sets_a_limit(&command) {
            // What was used before counts against the limit from its first moment.
            let flushed = self.flush_uses().await;
            if flushed.is_err() {
                let answer = Err(CommandError::StoreUnavailable);
                let recorded = self.record(facts.draft(&answer)).await;
                return recorded.map_err(|Unavailable| CommandError::AuditUnavailable).and(answer);
            }
        }
        if shows_counts(&command) {
            self.settle(now.mono).await;
        }
        let _none_leases = match (changes_leases(&command), self.store()) {
            (Some(token), Ok(store)) => Some(self.0.leases.limit_changes(store, token).await),
            (Some(_) | None, _) => None,
        };
        if is_change(&command) {
            self.change(command, facts, now.wall).await
        } else {
            self.read(command, facts, now).await
        }
    }

    /// A change is made with its event, both or neither.
    async fn change(&self, command: Command, facts: CallFacts, at: Timestamp) -> Result<Reply, CommandError> {
        let _forget = changes_grants(&command).then(|| self.0.grants.forget_on_drop());
        match &self.0.audit {
            Some(audit) => audit.change(self.store().ok(), command, facts, at).await,
            None => audit::change_unrecorded(self.store().ok(), &self.0.outage, command, at).await,
        }
    }

    /// What a read found is told only when its event is durable.
    async fn read(&self, command: Command, facts: CallFacts, now: Now) -> Result<Reply, CommandError> {
        if let (Some(audit), Command::ListEvents(..) | Command::GetEvent(_)) = (&self.0.audit, &command) {
            // Who asks for events finds those of all calls that were answered. A failure is told by the read itself.
            let _ = audit.catch_up(self.store().ok()).await;
        }
        let read = async { self.store()?.read(command, now.wall).await }.await;
        let answer = read.map_err(|error| match error {
            ExecuteError::Refused(refusal) => refusal,
            ExecuteError::Failed(error) => {
                self.0.outage.look_up_failed("manage", &error, now.mono);
                CommandError::StoreUnavailable
            }
        });
        let recorded = self.record(facts.draft(&answer)).await;
        recorded.map_err(|Unavailable| CommandError::AuditUnavailable).and(answer)
    }

    pub(super) async fn record(&self, draft: Draft) -> Result<(), Unavailable> {
        match &self.0.audit {
            Some(audit) => audit.record(self.store().ok(), draft).await.map_err(|Unwritten| Unavailable),
            None => Ok(()),
        }
    }
}
