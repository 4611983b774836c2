//! Rows of the original to records of ours: pure, and the same for the same rows in every run.

use std::collections::{HashMap, HashSet};

use llm_proxy_core::auth::TokenString;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{KeyView, Project, Token};
use llm_proxy_core::secret::Secret;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::cell::{Cell, Record, Unreadable, end_of_time};
use super::report::{LeftOut, LeftOutReason, NewId, Row};
use super::{ImportBatch, ImportError, ImportOptions, ImportedProject, ImportedToken};
use crate::seal::{self, Sealer};
use crate::sql::original::Source;

/// The mask of a token of which only the digest is known.
const UNKNOWN_MASK: &str = "sk-...";

impl From<Unreadable> for LeftOutReason {
    fn from(Unreadable(column): Unreadable) -> Self {
        Self::Unreadable(column)
    }
}

/// All rows of `source`. `sealer` has the original's encryption key.
pub(super) fn convert(
    source: &Source,
    sealer: Option<&Sealer>,
    options: &ImportOptions,
) -> Result<ImportBatch, ImportError> {
    check_key(&source.projects, sealer)?;
    let mut conversion =
        Conversion { sealer, options, projects: HashMap::new(), taken: HashSet::new(), batch: ImportBatch::default() };
    conversion.batch.report.audit_events = source.audit_events;
    for record in &source.projects {
        conversion.add_project(record);
    }
    for record in &source.tokens {
        conversion.add_token(record);
    }
    Ok(conversion.batch)
}

struct Conversion<'a> {
    sealer: Option<&'a Sealer>,
    options: &'a ImportOptions,
    /// By the original's id; `None` was left out.
    projects: HashMap<String, Option<ProjectId>>,
    taken: HashSet<(Row, Uuid)>,
    batch: ImportBatch,
}

impl Conversion<'_> {
    fn add_project(&mut self, record: &Record) {
        let Ok(old_id) = record.text("id") else {
            return self.leave_out(Row::Project, String::new(), LeftOutReason::Unreadable("id"));
        };
        let converted = self.project(record, old_id);
        self.projects.insert(old_id.to_owned(), converted.as_ref().ok().map(|project| project.record.id));
        match converted {
            Ok(project) => self.batch.projects.push(project),
            Err(reason) => self.leave_out(Row::Project, old_id.to_owned(), reason),
        }
    }

    fn project(&mut self, record: &Record, old_id: &str) -> Result<ImportedProject, LeftOutReason> {
        let name = record.text("name")?.to_owned();
        let key = open_key(record, self.sealer)?;
        let is_active = record.flag("is_active")?;
        let deactivated_at = record.time("deactivated_at")?.filter(|_| !is_active);
        let created_at = record.time("created_at")?.unwrap_or(self.options.at);
        let updated_at = record.time("updated_at")?.unwrap_or(created_at);
        let id = ProjectId::from_uuid(self.id(Row::Project, old_id)?);
        let provider = self.options.provider.clone();
        let api_key = KeyView::Masked(key.masked());
        let record = Project { id, name, provider, api_key, is_active, deactivated_at, created_at, updated_at };
        Ok(ImportedProject { record, key })
    }

    fn add_token(&mut self, record: &Record) {
        match self.token(record) {
            Ok(token) => self.batch.tokens.push(token),
            Err(reason) => self.leave_out(Row::Token, token_name(record), reason),
        }
    }

    fn token(&mut self, record: &Record) -> Result<ImportedToken, LeftOutReason> {
        let project_id = match self.projects.get(record.text("project_id")?) {
            Some(Some(id)) => *id,
            Some(None) => return Err(LeftOutReason::ProjectLeftOut),
            None => return Err(LeftOutReason::NoProject),
        };
        let (sha256, mask) = token_digest(record.text("token")?).ok_or(LeftOutReason::TokenForm)?;
        let mut token = Token {
            id: TokenId::from_uuid(derived_id(Row::Token, &*sha256)),
            token: mask,
            project_id,
            expires_at: record.time("expires_at")?.unwrap_or_else(end_of_time),
            is_active: record.flag("is_active")?,
            request_count: record.count("request_count")?,
            leased_count: 0,
            max_requests: record.limit("max_requests")?,
            requests_per_minute: None,
            created_at: record.time("created_at")?.unwrap_or(self.options.at),
            last_used_at: record.time("last_used_at")?,
            cache_hit_count: record.count("cache_hit_count")?,
        };
        if let Cell::Text(old_id) = record.cell("id") {
            token.id = TokenId::from_uuid(self.id(Row::Token, old_id)?);
        }
        self.batch.report.metadata +=
            u64::from(matches!(record.cell("metadata"), Cell::Text(text) if !text.is_empty()));
        Ok(ImportedToken { record: token, sha256 })
    }

    /// The old id if it is a UUID, else one that is made of it.
    fn id(&mut self, row: Row, old_id: &str) -> Result<Uuid, LeftOutReason> {
        let kept = ProjectId::parse(old_id).map(ProjectId::uuid);
        let id = kept.unwrap_or_else(|| derived_id(row, old_id.as_bytes()));
        // Two spellings of one UUID are two ids to the original.
        if !self.taken.insert((row, id)) {
            return Err(LeftOutReason::Twice);
        }
        if kept.is_none() {
            let (from, to) = (old_id.to_owned(), id.hyphenated().to_string());
            self.batch.report.new_ids.push(NewId { row, from, to });
        }
        Ok(id)
    }

    fn leave_out(&mut self, row: Row, name: String, reason: LeftOutReason) {
        self.batch.report.left_out.push(LeftOut { row, name, reason });
    }
}

/// Refuses a key that opens nothing: it is the wrong one, and all projects would be left out one by one.
fn check_key(projects: &[Record], sealer: Option<&Sealer>) -> Result<(), ImportError> {
    let sealed: Vec<&Record> = projects.iter().filter(|record| stored_key(record).is_ok_and(seal::is_sealed)).collect();
    let opens = |record: &&Record| open_key(record, sealer).is_ok();
    match sealer {
        _ if sealed.is_empty() => Ok(()),
        None => Err(ImportError::KeyNeeded { projects: sealed.len() }),
        Some(_) if sealed.iter().any(opens) => Ok(()),
        Some(_) => Err(ImportError::WrongKey { projects: sealed.len() }),
    }
}

/// The column was renamed once.
fn stored_key(record: &Record) -> Result<&str, Unreadable> {
    if record.has("api_key") { record.text("api_key") } else { record.text("openai_api_key") }
}

fn open_key(record: &Record, sealer: Option<&Sealer>) -> Result<Secret, LeftOutReason> {
    let stored = stored_key(record)?;
    if !seal::is_sealed(stored) {
        return Ok(Secret::new(stored.to_owned()));
    }
    // The original seals without associated data.
    let opened = sealer.and_then(|sealer| sealer.open(stored, "").ok()).ok_or(LeftOutReason::KeyUnreadable)?;
    let text = str::from_utf8(&opened).map_err(|_| LeftOutReason::KeyUnreadable)?;
    Ok(Secret::new(text.to_owned()))
}

/// The SHA-256 of a token's string, and its mask, from what is stored: the string or the SHA-256 in hex.
fn token_digest(stored: &str) -> Option<(Zeroizing<[u8; 32]>, String)> {
    if let Some(token) = TokenString::parse(stored.as_bytes()) {
        return Some((Zeroizing::new(Sha256::digest(token.reveal()).into()), token.masked()));
    }
    from_hex(stored).map(|sha256| (sha256, UNKNOWN_MASK.to_owned()))
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = Zeroizing::new([0; 32]);
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// An id that is the same in every run: the first bytes of a SHA-256 as a UUIDv8 (RFC 9562 section 5.8).
pub(super) fn derived_id(row: Row, of: &[u8]) -> Uuid {
    let hash = Sha256::new_with_prefix(format!("llm-proxy imported {row}:")).chain_update(of).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// How the report calls a token: by its id, or masked.
fn token_name(record: &Record) -> String {
    let masked = || record.text("token").map(|token| Secret::new(token.to_owned()).masked()).unwrap_or_default();
    record.text("id").map_or_else(|_| masked(), str::to_owned)
}
