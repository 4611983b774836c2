//! What is new to a store: the one place that compares a batch with what is there, for every store.

use std::collections::{HashMap, HashSet};

use llm_proxy_core::auth::{TokenDigest, TokenKey};
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::Token;

use super::cell::end_of_time;
use super::convert::derived_id;
use super::{ImportBatch, ImportReport, ImportedProject, LeftOut, LeftOutReason, NewId, Renamed, Row};

/// The longest name that the management API takes, in characters.
const NAME_MAX: usize = 255;
/// The name of a project that has none.
const UNNAMED: &str = "unnamed";

/// What a store has.
#[derive(Default)]
pub(crate) struct Existing {
    /// Projects, also deleted ones.
    pub(crate) projects: HashMap<ProjectId, Presence>,
    /// Names that are taken.
    pub(crate) names: HashSet<String>,
    /// Tokens, by both ways to find them.
    pub(crate) digests: HashSet<TokenDigest>,
    pub(crate) token_ids: HashSet<TokenId>,
}

/// Whether a project is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    Living,
    Deleted,
}

/// What to insert, and what to report once it is.
pub(crate) struct Plan {
    pub(crate) projects: Vec<ImportedProject>,
    pub(crate) tokens: Vec<(Token, TokenDigest)>,
    pub(crate) report: ImportReport,
}

/// Sorts out what is new.
pub(crate) fn plan(batch: ImportBatch, existing: Existing, key: &TokenKey) -> Plan {
    let plan = Plan { projects: Vec::new(), tokens: Vec::new(), report: batch.report };
    let mut planner = Planner { existing, here_before: HashSet::new(), plan };
    planner.here_before.clone_from(&planner.existing.digests);
    for project in batch.projects {
        planner.add_project(project);
    }
    for token in batch.tokens {
        planner.add_token(token.record, key.digest_of_sha256(&token.sha256));
    }
    planner.plan
}

struct Planner {
    existing: Existing,
    here_before: HashSet<TokenDigest>,
    plan: Plan,
}

impl Planner {
    fn add_project(&mut self, mut project: ImportedProject) {
        let id = project.record.id;
        match self.existing.projects.get(&id) {
            Some(Presence::Living) => self.plan.report.projects.already_there += 1,
            Some(Presence::Deleted) => self.leave_out(Row::Project, id.to_string(), LeftOutReason::DeletedHere),
            None => {
                let name = free_name(&project.record.name, &self.existing.names);
                if name != project.record.name {
                    let from = std::mem::replace(&mut project.record.name, name.clone());
                    self.plan.report.renamed.push(Renamed { project: id, from, to: name.clone() });
                }
                self.existing.names.insert(name);
                if project.key.reveal().is_empty() {
                    self.plan.report.without_key.push(id);
                }
                self.plan.report.projects.imported += 1;
                self.plan.projects.push(project);
            }
        }
    }

    fn add_token(&mut self, mut token: Token, digest: TokenDigest) {
        if self.existing.projects.get(&token.project_id) == Some(&Presence::Deleted) {
            return self.leave_out(Row::Token, token.id.to_string(), LeftOutReason::DeletedHere);
        }
        if self.here_before.contains(&digest) {
            self.plan.report.tokens.already_there += 1;
            return;
        }
        if !self.existing.digests.insert(digest) {
            return self.leave_out(Row::Token, token.id.to_string(), LeftOutReason::Twice);
        }
        if !self.existing.token_ids.insert(token.id) {
            let id = TokenId::from_uuid(derived_id(Row::Token, digest.as_bytes()));
            let (from, to) = (token.id.to_string(), id.to_string());
            self.plan.report.new_ids.push(NewId { row: Row::Token, from, to });
            self.existing.token_ids.insert(id);
            token.id = id;
        }
        self.plan.report.without_end += u64::from(token.expires_at == end_of_time());
        self.plan.report.tokens.imported += 1;
        self.plan.tokens.push((token, digest));
    }

    fn leave_out(&mut self, row: Row, name: String, reason: LeftOutReason) {
        self.plan.report.left_out.push(LeftOut { row, name, reason });
    }
}

/// `wanted`, if it is a name and free, else one that shows where it comes from.
fn free_name(wanted: &str, taken: &HashSet<String>) -> String {
    let base = if wanted.is_empty() { UNNAMED } else { wanted };
    let mut name = with_suffix(base, "");
    let mut number = 1_u64;
    while taken.contains(&name) {
        let suffix = if number == 1 { " (imported)".to_owned() } else { format!(" (imported {number})") };
        name = with_suffix(base, &suffix);
        number += 1;
    }
    name
}

fn with_suffix(base: &str, suffix: &str) -> String {
    let room = NAME_MAX.saturating_sub(suffix.chars().count());
    base.chars().take(room).chain(suffix.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_free_name_stays() {
        assert_eq!(free_name("alpha", &taken(&["beta", "Alpha"])), "alpha");
    }

    #[test]
    fn a_taken_name_gets_the_first_free_suffix() {
        assert_eq!(free_name("alpha", &taken(&["alpha"])), "alpha (imported)");
        assert_eq!(free_name("alpha", &taken(&["alpha", "alpha (imported)"])), "alpha (imported 2)");
    }

    #[test]
    fn a_name_that_the_api_would_refuse_becomes_one_that_it_takes() {
        assert_eq!(free_name("", &taken(&[])), "unnamed");
        let long = "ä".repeat(300);
        let cut = free_name(&long, &taken(&[]));
        assert_eq!(cut.chars().count(), 255);
        let suffixed = free_name(&long, &taken(&[&cut]));
        assert_eq!((suffixed.chars().count(), suffixed.ends_with("ä (imported)")), (255, true));
    }
}
