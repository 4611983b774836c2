//! MySQL from 8.0 and MariaDB from 10.5: rows are locked one by one, and what makes or changes a table ends a
//! transaction.

use std::convert::identity;

use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlArguments, MySqlDatabaseError};
use sqlx::{MySql, Row as _};

use super::dialect::{Alone, Dialect, bound, speak};
use super::migrations::{Step, step};
use super::statements::Statement;

bound!(MySql, MySqlArguments, identity);

impl Dialect for MySql {
    const IS_SERVER: bool = true;
    /// The session's isolation is READ COMMITTED, which locks no gaps between rows; a read of one state wants more.
    const BEGIN_READ: &'static str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION READ ONLY";
    const BEGIN_WRITE: &'static str = "START TRANSACTION";
    /// The name is one of the whole server's, of 64 characters at most, and so is a database's.
    const ALONE: Alone = Alone::BySession {
        lock: "SELECT CAST(GET_LOCK(MD5(CONCAT('llm-proxy migrations of ', DATABASE())), 20) AS SIGNED) AS locked",
        unlock: "SELECT CAST(RELEASE_LOCK(MD5(CONCAT('llm-proxy migrations of ', DATABASE()))) AS SIGNED) AS locked",
    };
    const APPLIED: &'static str =
        "SELECT version, CAST(UNIX_TIMESTAMP(installed_on) AS SIGNED) AS applied_at FROM _sqlx_migrations";
    const STEPS: &'static [Step] = &[
        step!("mysql", 1, "projects and tokens", "0001_projects_and_tokens"),
        step!("mysql", 2, "audit events", "0002_audit_events"),
        step!("mysql", 3, "leases of limited tokens", "0003_leases"),
    ];

    fn pick(statement: &Statement) -> &'static str {
        statement.mysql
    }

    speak!(decode: identity);

    fn was_undone(error: &dyn DatabaseError) -> bool {
        number(error).is_some_and(|number| UNDONE.contains(&number))
    }

    fn is_passing(error: &dyn DatabaseError) -> bool {
        number(error).is_some_and(|number| UNDONE.contains(&number) || PASSING.contains(&number))
    }
}

/// ER_LOCK_DEADLOCK, and MariaDB's ER_CHECKREAD: a row was changed since it was read
/// (<https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>).
const UNDONE: [u16; 2] = [1213, 1020];

/// Too many connections (of the server, of the user, by a limit), a server that stops, a lock that others hold, a
/// statement that took too long (MariaDB's number, MySQL's).
const PASSING: [u16; 7] = [1040, 1203, 1226, 1053, 1205, 1969, 3024];

fn number(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}
