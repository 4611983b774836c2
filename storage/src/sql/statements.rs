//! Every SQL statement, for all databases. What one of them says differently stands beside the others here; how a
//! database begins transactions and locks is with its [`Dialect`](super::dialect::Dialect).
//!
//! Values are bound, never written into a statement. They are numbered `$1`, `$2`, … in the order in which they occur,
//! each used once, so that MySQL's unnumbered `?` mean the same; a value that is needed twice is bound twice.

/// A statement as each kind of database takes it.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// SQLite.
    pub(super) sqlite: &'static str,
    /// PostgreSQL.
    pub(super) postgres: &'static str,
    /// MySQL and MariaDB.
    pub(super) mysql: &'static str,
}

/// The statement with `?` in place of `$1`, padded to the same length.
pub(super) const fn unnumbered<const N: usize>(statement: &str) -> [u8; N] {
    let bytes = statement.as_bytes();
    let mut out = [b' '; N];
    let mut at = 0;
    let mut in_number = false;
    while at < N {
        in_number = in_number && bytes[at].is_ascii_digit();
        if bytes[at] == b'$' {
            out[at] = b'?';
            in_number = true;
        } else if !in_number {
            out[at] = bytes[at];
        }
        at += 1;
    }
    out
}

/// ASCII was replaced by ASCII, so this is UTF-8 if the statement was; else it is one that no database takes.
pub(super) const fn as_text(bytes: &'static [u8]) -> &'static str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "not UTF-8",
    }
}

/// A statement from its parts. A `lock` is added where rows are locked one by one; SQLite's transaction holds the one
/// write lock already.
macro_rules! statement {
    ($($part:expr),+ $(,)?) => {
        statement!(@ concat!($($part),+), concat!($($part),+))
    };
    ($($part:expr),+ ; lock $lock:literal) => {
        statement!(@ concat!($($part),+), concat!($($part),+, " ", $lock))
    };
    ($($part:expr),+ ; mysql $($other:expr),+ $(,)?) => {{
        const MYSQL: &str = concat!($($other),+);
        static UNNUMBERED: [u8; MYSQL.len()] = unnumbered(MYSQL);
        Statement { sqlite: concat!($($part),+), postgres: concat!($($part),+), mysql: as_text(&UNNUMBERED) }
    }};
    (@ $sqlite:expr, $others:expr) => {{
        const OTHERS: &str = $others;
        static UNNUMBERED: [u8; OTHERS.len()] = unnumbered(OTHERS);
        Statement { sqlite: $sqlite, postgres: OTHERS, mysql: as_text(&UNNUMBERED) }
    }};
}

pub(super) use statement;

macro_rules! project_columns {
    () => {
        "id, name, provider, api_key, is_active, deactivated_at, created_at, updated_at"
    };
}

macro_rules! token_columns {
    () => {
        "t.id, t.mask, t.project_id, t.expires_at, t.is_active, t.request_count, t.max_requests, \
         t.requests_per_minute, t.created_at, t.last_used_at, t.cache_hit_count, t.leased_count"
    };
}

/// Tokens of projects that are not deleted: others are not there for anyone.
macro_rules! living_tokens {
    () => {
        "FROM tokens t JOIN projects p ON p.id = t.project_id AND p.deleted_at IS NULL"
    };
}

/// 1, 2: project or NULL for all. 3: whether all, not only those that work. 4: now.
macro_rules! token_filter {
    () => {
        "WHERE ($1 IS NULL OR t.project_id = $2) \
         AND ($3 OR (t.is_active AND t.expires_at > $4 AND p.is_active))"
    };
}

macro_rules! read_project {
    () => {
        concat!("SELECT ", project_columns!(), " FROM projects WHERE id = $1 AND deleted_at IS NULL")
    };
}

macro_rules! read_project_of_token {
    () => {
        concat!(
            "SELECT ",
            project_columns!(),
            " FROM projects WHERE id = (SELECT project_id FROM tokens WHERE id = $1) AND deleted_at IS NULL"
        )
    };
}

/// The later of a token's last use and a given one. An expression that both MySQL and the others know: `GREATEST` and
/// `max` differ in what they make of NULL.
macro_rules! later_use {
    ($first:literal, $second:literal) => {
        concat!("CASE WHEN last_used_at > ", $first, " THEN last_used_at ELSE ", $second, " END")
    };
}

pub(super) const PING: Statement = statement!("SELECT count(*) AS total FROM secrets");

/// Writes, and changes nothing.
pub(super) const TOUCH: Statement = statement!("UPDATE secrets SET sealed = sealed");

pub(super) const READ_SECRET: Statement = statement!("SELECT sealed FROM secrets WHERE name = $1");
pub(super) const INSERT_SECRET: Statement = statement!("INSERT INTO secrets (name, sealed) VALUES ($1, $2)");

pub(super) const FIND_GRANT: Statement = statement!(
    "SELECT t.id, t.project_id, t.is_active, t.expires_at, t.max_requests, t.requests_per_minute, \
            p.provider, p.api_key, p.is_active AS project_active ",
    living_tokens!(),
    " WHERE t.digest = $1"
);

/// 1: how many. 2: token. 3: how much must remain. The limit is looked at and taken from in this one
/// statement. Of more than one, it grants at most a sixteenth of what remains. A deleted project has nothing left.
pub(super) const LEASE: Statement = statement!(
    "UPDATE tokens SET leased_count = leased_count + $1 \
     WHERE id = $2 AND (max_requests IS NULL OR max_requests - request_count - leased_count >= $3) \
      AND EXISTS (SELECT 1 FROM projects p WHERE p.id = tokens.project_id AND p.deleted_at IS NULL)"
);

/// NULL is unlimited; below zero where the limit was lowered.
pub(super) const READ_REMAINING: Statement = statement!(
    "SELECT t.max_requests - t.request_count - t.leased_count AS remaining ",
    living_tokens!(),
    " WHERE t.id = $1"
);

/// 1, 3: spent. 2, 4: returned. 5, 6: no longer leased. 7, 8, 9: latest use or NULL. 10: token. Counts stay at zero rather
/// than fall below.
pub(super) const SETTLE: Statement = statement!(
    "UPDATE tokens SET \
            request_count = CASE WHEN request_count + $1 > $2 THEN request_count + $3 - $4 ELSE 0 END, \
            leased_count = CASE WHEN leased_count > $5 THEN leased_count - $6 ELSE 0 END, \
            last_used_at = CASE WHEN $7 IS NULL OR last_used_at > $8 THEN last_used_at ELSE $9 END \
     WHERE id = $10"
);

/// 1: how many. 2, 3: latest use. 4: token.
pub(super) const ADD_USES: Statement = statement!(
    "UPDATE tokens SET request_count = request_count + $1, last_used_at = ",
    later_use!("$2", "$3"),
    " WHERE id = $4"
);

pub(super) const COUNT_PROJECTS: Statement =
    statement!("SELECT count(*) AS total FROM projects WHERE deleted_at IS NULL");

/// 1: limit. 2: offset.
pub(super) const LIST_PROJECTS: Statement = statement!(
    "SELECT ",
    project_columns!(),
    " FROM projects WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2"
);

pub(super) const READ_PROJECT: Statement = statement!(read_project!());

/// So that nobody else changes it until the transaction ends.
pub(super) const READ_PROJECT_TO_CHANGE: Statement = statement!(read_project!(); lock "FOR UPDATE");

/// So that it is neither changed nor deleted until the transaction ends. MySQL and MariaDB share the older spelling only,
/// and both take this stronger one.
pub(super) const READ_PROJECT_TO_RELY_ON: Statement = Statement {
    postgres: concat!(read_project!(), " FOR SHARE"),
    ..statement!(read_project!(); lock "LOCK IN SHARE MODE")
};

/// 1: token.
pub(super) const READ_PROJECT_OF_TOKEN_TO_RELY_ON: Statement = Statement {
    postgres: concat!(read_project_of_token!(), " FOR SHARE"),
    ..statement!(read_project_of_token!(); lock "LOCK IN SHARE MODE")
};

pub(super) const INSERT_PROJECT: Statement = statement!(
    "INSERT INTO projects (name, provider, api_key, is_active, deactivated_at, created_at, updated_at, id) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);

/// The same values in the same order.
pub(super) const UPDATE_PROJECT: Statement = statement!(
    "UPDATE projects SET name = $1, provider = $2, api_key = $3, is_active = $4, deactivated_at = $5, \
            created_at = $6, updated_at = $7 \
     WHERE id = $8"
);

/// 1, 2: now. 3: project.
pub(super) const DELETE_PROJECT: Statement = statement!(
    "UPDATE projects SET api_key = NULL, is_active = FALSE, deleted_at = $1, updated_at = $2 \
     WHERE id = $3 AND deleted_at IS NULL"
);

pub(super) const COUNT_TOKENS: Statement =
    statement!("SELECT count(*) AS total ", living_tokens!(), " ", token_filter!());

/// 5: limit. 6: offset.
pub(super) const LIST_TOKENS: Statement = statement!(
    "SELECT ",
    token_columns!(),
    " ",
    living_tokens!(),
    " ",
    token_filter!(),
    " ORDER BY t.created_at DESC, t.id DESC LIMIT $5 OFFSET $6"
);

pub(super) const READ_TOKEN: Statement =
    statement!("SELECT ", token_columns!(), " ", living_tokens!(), " WHERE t.id = $1");

/// So that nobody else changes it until the transaction ends. That its project is not deleted was seen before.
pub(super) const READ_TOKEN_TO_CHANGE: Statement =
    statement!("SELECT ", token_columns!(), " FROM tokens t WHERE t.id = $1"; lock "FOR UPDATE");

pub(super) const INSERT_TOKEN: Statement = statement!(
    "INSERT INTO tokens (id, project_id, digest, mask, expires_at, is_active, max_requests, requests_per_minute, \
            created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);

/// Counters are not among what it sets.
pub(super) const UPDATE_TOKEN: Statement =
    statement!("UPDATE tokens SET is_active = $1, max_requests = $2, requests_per_minute = $3 WHERE id = $4");

pub(super) const COUNT_TOKENS_OF_PROJECT: Statement =
    statement!("SELECT count(*) AS total FROM tokens WHERE project_id = $1");

pub(super) const REVOKE_TOKENS_OF_PROJECT: Statement =
    statement!("UPDATE tokens SET is_active = FALSE WHERE project_id = $1 AND is_active");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{change, event_statements, import, reseal};

    fn all() -> impl Iterator<Item = Statement> {
        let elsewhere = change::ALL.into_iter().chain(event_statements::ALL).chain(import::ALL).chain(reseal::ALL);
        ALL.into_iter().chain(elsewhere)
    }

    const ALL: [Statement; 27] = [
        PING,
        READ_SECRET,
        INSERT_SECRET,
        FIND_GRANT,
        LEASE,
        READ_REMAINING,
        SETTLE,
        ADD_USES,
        COUNT_PROJECTS,
        LIST_PROJECTS,
        READ_PROJECT,
        READ_PROJECT_TO_CHANGE,
        READ_PROJECT_TO_RELY_ON,
        READ_PROJECT_OF_TOKEN_TO_RELY_ON,
        INSERT_PROJECT,
        UPDATE_PROJECT,
        DELETE_PROJECT,
        COUNT_TOKENS,
        LIST_TOKENS,
        READ_TOKEN,
        READ_TOKEN_TO_CHANGE,
        INSERT_TOKEN,
        UPDATE_TOKEN,
        COUNT_TOKENS_OF_PROJECT,
        REVOKE_TOKENS_OF_PROJECT,
        statement!("SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11"),
        statement!("SELECT 10"),
    ];

    #[test]
    fn values_are_numbered_in_the_order_in_which_they_occur() {
        for statement in all() {
            for text in [statement.sqlite, statement.postgres] {
                let numbers = text.split('$').skip(1).map(|rest| {
                    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().unwrap()
                });
                assert!(numbers.eq(1..=text.matches('$').count()), "{text}");
            }
        }
    }

    #[test]
    fn mysql_has_as_many_values_without_numbers() {
        for statement in all() {
            assert_eq!(statement.mysql.matches('?').count(), statement.postgres.matches('$').count());
            assert!(!statement.mysql.contains('$'));
        }
        assert_eq!(statement!("LIMIT $10 OFFSET $11;").mysql, "LIMIT ?   OFFSET ?  ;");
        assert_eq!(statement!("SELECT 10 + $1").mysql, "SELECT 10 + ? ");
    }
}
