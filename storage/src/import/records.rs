//! What is brought into a store, in the store's own terms.

use llm_proxy_core::manage::{Project, Token};
use llm_proxy_core::secret::Secret;
use zeroize::Zeroizing;

use super::report::ImportReport;

/// A project to bring, as it shall be here. Its name may still be taken.
#[derive(Clone, Debug)]
pub struct ImportedProject {
    /// The record.
    pub record: Project,
    /// Its upstream key; empty if it had none.
    pub key: Secret,
}

/// A token to bring, as it shall be here.
#[derive(Clone)]
pub struct ImportedToken {
    /// The record.
    pub record: Token,
    /// The SHA-256 of its string, from which a store makes its keyed digest.
    pub sha256: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for ImportedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A plain SHA-256 is as good as the token where tokens are looked up by it.
        f.debug_struct("ImportedToken").field("record", &self.record).finish_non_exhaustive()
    }
}

/// All that is brought at once. Each token's project is among the projects.
#[derive(Clone, Debug, Default)]
pub struct ImportBatch {
    /// The projects.
    pub projects: Vec<ImportedProject>,
    /// Their tokens.
    pub tokens: Vec<ImportedToken>,
    /// What is known so far; the store adds to it.
    pub report: ImportReport,
}
