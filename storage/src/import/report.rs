//! What an import did, counted, and each exception by itself. It holds no key and no token: a token without an id is
//! named by its mask.

use std::fmt;

use llm_proxy_core::ids::ProjectId;

/// How many rows of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// Brought now.
    pub imported: u64,
    /// Here before, and left as they are.
    pub already_there: u64,
}

/// A kind of row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Row {
    /// A project.
    Project,
    /// A token.
    Token,
}

/// A project whose name was taken or is no name here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renamed {
    /// Which project.
    pub project: ProjectId,
    /// Its name in the original.
    pub from: String,
    /// Its name here.
    pub to: String,
}

/// A row whose id is not a UUID, or is another token's here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewId {
    /// Of which kind.
    pub row: Row,
    /// Its id in the original.
    pub from: String,
    /// Its id here. The same for the same row in every run.
    pub to: String,
}

/// A row that was not brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// Of which kind.
    pub row: Row,
    /// Its id in the original; the mask of a token that has none.
    pub name: String,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why a row was not brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeftOutReason {
    /// This column's value cannot be read.
    Unreadable(&'static str),
    /// The upstream key does not open, though those of other projects do.
    KeyUnreadable,
    /// The token is not `sk-` and 22 base64url characters, nor a SHA-256: no request could present it here.
    TokenForm,
    /// The token's project is not in the original's database.
    NoProject,
    /// The token's project was left out.
    ProjectLeftOut,
    /// The same id or the same token stands in an earlier row.
    Twice,
    /// The project was imported and deleted here.
    DeletedHere,
}

/// What an import did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImportReport {
    /// Projects.
    pub projects: Counted,
    /// Tokens.
    pub tokens: Counted,
    /// Projects that have another name here.
    pub renamed: Vec<Renamed>,
    /// Rows that have another id here.
    pub new_ids: Vec<NewId>,
    /// Rows that were not brought.
    pub left_out: Vec<LeftOut>,
    /// Brought projects that have no upstream key.
    pub without_key: Vec<ProjectId>,
    /// Brought tokens that never expired, and now do at the end of the year 9999.
    pub without_end: u64,
    /// Tokens whose metadata was left.
    pub metadata: u64,
    /// Audit events that were left.
    pub audit_events: u64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Project => "project",
            Self::Token => "token",
        })
    }
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable(column) => return write!(f, "its {column} cannot be read"),
            Self::KeyUnreadable => "its upstream key does not open under ENCRYPTION_KEY",
            Self::TokenForm => "it is not of the form that tokens have: give its holder a new one",
            Self::NoProject => "its project is not in the file",
            Self::ProjectLeftOut => "its project was left out",
            Self::Twice => "it stands in the file twice",
            Self::DeletedHere => "its project was deleted here",
        })
    }
}

/// One line for each count and each exception. What comes from the file is quoted, so that no line can be forged.
impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        counted(f, "projects", self.projects)?;
        counted(f, "tokens", self.tokens)?;
        for Renamed { project, from, to } in &self.renamed {
            writeln!(f, "project {project}: its name {from:?} is now {to:?}")?;
        }
        for NewId { row, from, to } in &self.new_ids {
            writeln!(f, "{row} {from:?}: its id is now {to}")?;
        }
        for project in &self.without_key {
            writeln!(f, "project {project} has no upstream key: set one")?;
        }
        for LeftOut { row, name, reason } in &self.left_out {
            writeln!(f, "{row} {name:?} was left out: {reason}")?;
        }
        noted(f, self.without_end, "tokens never expired; here they expire at the end of the year 9999")?;
        noted(f, self.metadata, "tokens have metadata, which was left")?;
        noted(f, self.audit_events, "audit events were left: keep the old file as their record")
    }
}

fn counted(f: &mut fmt::Formatter<'_>, what: &str, counted: Counted) -> fmt::Result {
    writeln!(f, "{what}: {} imported, {} already there", counted.imported, counted.already_there)
}

fn noted(f: &mut fmt::Formatter<'_>, count: u64, what: &str) -> fmt::Result {
    if count == 0 { Ok(()) } else { writeln!(f, "{count} {what}") }
}
