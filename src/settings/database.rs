//! Which database the settings name. Several of them make one value: the driver says which others count.

use std::num::NonZeroU32;

use llm_proxy_storage::{Database, DatabaseUrl, Driver, PoolLimits};

use super::table;
use super::values::Values;

/// The database; `None` if a setting is wrong or missing, which is a problem then.
pub(super) fn database(values: &mut Values) -> Option<Database> {
    let driver = values.read(&table::DB_DRIVER);
    let path = values.read(&table::DATABASE_PATH);
    let size = values.read(&table::DATABASE_POOL_SIZE);
    let max_idle = values.read(&table::DATABASE_MAX_IDLE_CONNS);
    let max_lifetime = values.read(&table::DATABASE_CONN_MAX_LIFETIME);
    let url = match driver? {
        None => return Some(Database::Sqlite { path: path?, pool_size: size?.get() }),
        Some(driver) => url(values, driver),
    };
    let pool = PoolLimits {
        size: size.map(NonZeroU32::get)?,
        max_idle: u32::try_from(max_idle?).unwrap_or(u32::MAX),
        max_lifetime: max_lifetime.map(|lifetime| (!lifetime.is_zero()).then_some(lifetime))?,
    };
    Some(Database::Server { url: url?, pool })
}

/// What was given for a server, and counts for nothing beside `database`.
pub(super) fn unused(values: &Values, database: &Database) -> Option<String> {
    let is_server = matches!(database, Database::Server { .. });
    (!is_server && values.is_given(&table::DATABASE_URL.about))
        .then(|| "DATABASE_URL is set, but has no effect: DB_DRIVER is sqlite".to_owned())
}

fn url(values: &mut Values, driver: Driver) -> Option<DatabaseUrl> {
    if !values.is_given(&table::ENCRYPTION_KEY.about) {
        values.add_problem(
            "ENCRYPTION_KEY is missing: a PostgreSQL or MySQL database needs it, the same for all instances (make one with: \
             openssl rand -base64 32)"
                .to_owned(),
        );
    }
    // The form of a single value cannot know the driver.
    let text = values.read(&table::DATABASE_URL)?;
    match DatabaseUrl::parse(driver, text.reveal()) {
        Ok(url) => Some(url),
        Err(error) => {
            let accepted = table::DATABASE_URL.about.accepted;
            values.add_problem(format!("DATABASE_URL: {error}; write {accepted}"));
            None
        }
    }
}
