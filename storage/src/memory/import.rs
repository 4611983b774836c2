//! Records from elsewhere, brought in one step under the lock.

use super::{MemoryStore, State};
use crate::import::plan::{Existing, Presence, plan};
use crate::import::{ImportBatch, ImportReport};

impl MemoryStore {
    pub(super) fn import_all(&self, batch: ImportBatch) -> ImportReport {
        let mut state = self.state();
        let plan = plan(batch, state.existing(), &self.token_key);
        for project in plan.projects {
            state.records.projects.insert(project.record.id, (project.record, project.key));
        }
        for (token, digest) in plan.tokens {
            state.records.digests.insert(digest, token.id);
            state.records.tokens.insert(token.id, token);
        }
        plan.report
    }
}

impl State {
    /// Deleted projects are forgotten here, so none is found as deleted.
    fn existing(&self) -> Existing {
        Existing {
            projects: self.records.projects.keys().map(|id| (*id, Presence::Living)).collect(),
            names: self.records.projects.values().map(|(project, _)| project.name.clone()).collect(),
            digests: self.records.digests.keys().copied().collect(),
            token_ids: self.records.tokens.keys().copied().collect(),
        }
    }
}
