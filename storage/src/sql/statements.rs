//! Every SQL statement, for SQLite. A second database puts its variants here; the code around them stays.
//!
//! Values are bound, never written into a statement. Times, ids and flags are bound as the migrations say.

macro_rules! project_columns {
    () => {
        "id, name, provider, api_key, is_active, deactivated_at, created_at, updated_at"
    };
}

macro_rules! token_columns {
    () => {
        "t.id, t.mask, t.project_id, t.expires_at, t.is_active, t.request_count, t.leased_count, t.max_requests, \
         t.requests_per_minute, t.created_at, t.last_used_at, t.cache_hit_count"
    };
}

/// Tokens of projects that are not deleted: others are not there for anyone.
macro_rules! living_tokens {
    () => {
        "FROM tokens t JOIN projects p ON p.id = t.project_id AND p.deleted_at IS NULL"
    };
}

/// 1: project or NULL for all. 2: 1 for those that work only. 3: now.
macro_rules! token_filter {
    () => {
        "WHERE (?1 IS NULL OR t.project_id = ?1) \
         AND (?2 = 0 OR (t.is_active = 1 AND t.expires_at > ?3 AND p.is_active = 1))"
    };
}

pub(super) const PING: &str = "SELECT count(*) FROM secrets";

/// Takes the write lock at the start: a transaction that reads first and then writes could find the lock taken, and
/// SQLite lets that one fail without waiting.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
pub(super) const USE_WAL: &str = "PRAGMA journal_mode = WAL";

pub(super) const READ_SECRET: &str = "SELECT sealed FROM secrets WHERE name = ?1";
pub(super) const INSERT_SECRET: &str = "INSERT INTO secrets (name, sealed) VALUES (?1, ?2)";

pub(super) const FIND_GRANT: &str = "\
    SELECT t.id, t.project_id, t.is_active, t.expires_at, t.max_requests, t.requests_per_minute, \
           p.provider, p.api_key, p.is_active AS project_active \
    FROM tokens t JOIN projects p ON p.id = t.project_id AND p.deleted_at IS NULL \
    WHERE t.digest = ?1";

/// 1: token. 2: how many. The limit is looked at and taken from in this one statement. Of more than one, it grants at
/// most a sixteenth of what remains. A deleted project has nothing left.
pub(super) const LEASE: &str = "\
    UPDATE tokens SET leased_count = leased_count + ?2 \
    WHERE id = ?1 \
          AND (max_requests IS NULL \
               OR (?2 = 1 AND max_requests - request_count - leased_count >= 1) \
               OR max_requests - request_count - leased_count >= 16 * ?2) \
          AND EXISTS (SELECT 1 FROM projects p WHERE p.id = tokens.project_id AND p.deleted_at IS NULL)";

/// NULL is unlimited; below zero where the limit was lowered.
pub(super) const READ_REMAINING: &str = concat!(
    "SELECT t.max_requests - t.request_count - t.leased_count AS remaining ",
    living_tokens!(),
    " WHERE t.id = ?1"
);

/// 1: token. 2: spent. 3: returned. 4: no longer leased. 5: latest use or NULL. Counts stay at zero rather than fall below.
pub(super) const SETTLE: &str = "\
    UPDATE tokens SET \
           request_count = CASE WHEN request_count + ?2 > ?3 THEN request_count + ?2 - ?3 ELSE 0 END, \
           leased_count = CASE WHEN leased_count > ?4 THEN leased_count - ?4 ELSE 0 END, \
           last_used_at = CASE WHEN ?5 IS NULL OR last_used_at > ?5 THEN last_used_at ELSE ?5 END \
    WHERE id = ?1";

/// 1: token. 2: latest use. 3: how many.
pub(super) const ADD_USES: &str = "\
    UPDATE tokens SET request_count = request_count + ?3, \
           last_used_at = CASE WHEN last_used_at > ?2 THEN last_used_at ELSE ?2 END \
    WHERE id = ?1";

pub(super) const COUNT_PROJECTS: &str = "SELECT count(*) FROM projects WHERE deleted_at IS NULL";

/// 1: limit. 2: offset.
pub(super) const LIST_PROJECTS: &str = concat!(
    "SELECT ",
    project_columns!(),
    " FROM projects WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT ?1 OFFSET ?2"
);

pub(super) const READ_PROJECT: &str =
    concat!("SELECT ", project_columns!(), " FROM projects WHERE id = ?1 AND deleted_at IS NULL");

pub(super) const INSERT_PROJECT: &str =
    concat!("INSERT INTO projects (", project_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");

pub(super) const UPDATE_PROJECT: &str = "\
    UPDATE projects SET name = ?2, provider = ?3, api_key = ?4, is_active = ?5, deactivated_at = ?6, \
           created_at = ?7, updated_at = ?8 \
    WHERE id = ?1";

/// 1: project. 2: now.
pub(super) const DELETE_PROJECT: &str = "\
    UPDATE projects SET api_key = NULL, is_active = 0, deleted_at = ?2, updated_at = ?2 \
    WHERE id = ?1 AND deleted_at IS NULL";

pub(super) const COUNT_TOKENS: &str = concat!("SELECT count(*) ", living_tokens!(), " ", token_filter!());

/// 4: limit. 5: offset.
pub(super) const LIST_TOKENS: &str = concat!(
    "SELECT ",
    token_columns!(),
    " ",
    living_tokens!(),
    " ",
    token_filter!(),
    " ORDER BY t.created_at DESC, t.id DESC LIMIT ?4 OFFSET ?5"
);

pub(super) const READ_TOKEN: &str = concat!("SELECT ", token_columns!(), " ", living_tokens!(), " WHERE t.id = ?1");

pub(super) const INSERT_TOKEN: &str = "\
    INSERT INTO tokens (id, project_id, digest, mask, expires_at, is_active, max_requests, requests_per_minute, \
           created_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Counters are not among what it sets.
pub(super) const UPDATE_TOKEN: &str =
    "UPDATE tokens SET is_active = ?2, max_requests = ?3, requests_per_minute = ?4 WHERE id = ?1";

pub(super) const COUNT_TOKENS_OF_PROJECT: &str = "SELECT count(*) FROM tokens WHERE project_id = ?1";

pub(super) const REVOKE_TOKENS_OF_PROJECT: &str =
    "UPDATE tokens SET is_active = 0 WHERE project_id = ?1 AND is_active = 1";
