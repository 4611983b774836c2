//! The statements about audit events, in the form of `statements`.

use super::statements::{Statement, as_text, statement, unnumbered};

macro_rules! columns {
    () => {
        "id, chain, timestamp, action, actor, outcome, reason, project_id, token_id, request_id, correlation_id, client_ip, \
         method, path, user_agent, count, metadata, prev, hash"
    };
}

/// 1: the newest id to look at. Then in pairs, each NULL where nothing is asked: action, actor, outcome, project, token,
/// client's address, request id, correlation id, method, path, start, end, and text to search for in lower case.
macro_rules! filter {
    ($found:expr) => {
        concat!(
            " FROM audit_events WHERE id <= $1 \
               AND ($2 IS NULL OR action = $3) AND ($4 IS NULL OR actor = $5) AND ($6 IS NULL OR outcome = $7) \
               AND ($8 IS NULL OR project_id = $9) AND ($10 IS NULL OR token_id = $11) \
               AND ($12 IS NULL OR client_ip = $13) AND ($14 IS NULL OR request_id = $15) \
               AND ($16 IS NULL OR correlation_id = $17) AND ($18 IS NULL OR method = $19) \
               AND ($20 IS NULL OR path = $21) AND ($22 IS NULL OR timestamp >= $23) AND ($24 IS NULL OR timestamp < $25) \
               AND ($26 IS NULL OR ",
            $found,
            ")"
        )
    };
}

/// What is searched. Control characters do not occur in it, so nothing is found across two columns.
macro_rules! searched {
    () => {
        "concat_ws('\u{1f}', action, reason, path, user_agent, request_id, correlation_id)"
    };
}

/// MySQL's lower case of a text goes beyond ASCII, but that of Hebrew, whose letters have no case, leaves all other bytes
/// as they are. As in UTF-8 no character begins within another, bytes can be searched for bytes.
macro_rules! searched_by_mysql {
    () => {
        concat!("CAST(LOWER(CONVERT(CAST(", searched!(), " AS BINARY) USING hebrew)) AS BINARY)")
    };
}

/// A query of events with a filter, its `$end` the same for all. What is found is searched in lower case, as far as ASCII
/// goes.
macro_rules! filtered {
    ($select:expr, $end:literal) => {{
        const MYSQL: &str =
            concat!($select, filter!(concat!("INSTR(", searched_by_mysql!(), ", CAST($27 AS BINARY)) > 0")), $end);
        static UNNUMBERED: [u8; MYSQL.len()] = unnumbered(MYSQL);
        Statement {
            sqlite: concat!($select, filter!(concat!("instr(lower(", searched!(), "), $27) > 0")), $end),
            postgres: concat!(
                $select,
                filter!(concat!("strpos(lower(", searched!(), " COLLATE \"C\"), $27) > 0")),
                $end
            ),
            mysql: as_text(&UNNUMBERED),
        }
    }};
}

/// The values are the columns, in their order.
pub(super) const INSERT_EVENT: Statement = statement!(
    "INSERT INTO audit_events (", columns!(), ") \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
     ON CONFLICT (id) DO NOTHING";
    mysql "INSERT INTO audit_events (", columns!(), ") \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
     ON DUPLICATE KEY UPDATE id = id"
);

pub(super) const DELETE_EVENT: Statement = statement!("DELETE FROM audit_events WHERE id = $1");

pub(super) const READ_EVENT: Statement = statement!("SELECT ", columns!(), " FROM audit_events WHERE id = $1");

/// 1: id. 2: limit.
pub(super) const EVENTS_AFTER: Statement =
    statement!("SELECT ", columns!(), " FROM audit_events WHERE id > $1 ORDER BY id LIMIT $2");

pub(super) const LAST_EVENT: Statement =
    statement!("SELECT ", columns!(), " FROM audit_events ORDER BY id DESC LIMIT 1");

pub(super) const LAST_EVENT_OF_CHAIN: Statement =
    statement!("SELECT ", columns!(), " FROM audit_events WHERE chain = $1 ORDER BY id DESC LIMIT 1");

pub(super) const COUNT_EVENTS: Statement = filtered!("SELECT count(*) AS total", "");

/// 28: limit. 29: offset.
pub(super) const LIST_EVENTS: Statement =
    filtered!(concat!("SELECT ", columns!()), " ORDER BY id DESC LIMIT $28 OFFSET $29");

#[cfg(test)]
pub(super) const ALL: [Statement; 8] =
    [INSERT_EVENT, DELETE_EVENT, READ_EVENT, EVENTS_AFTER, LAST_EVENT, LAST_EVENT_OF_CHAIN, COUNT_EVENTS, LIST_EVENTS];
