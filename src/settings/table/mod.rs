//! The one table of settings. Each entry says its name, default, form, meaning, secrecy and state; reading, checking,
//! `config check`, docs/settings.md and .env.example are all made from it.
//!
//! It holds no value: what was given is `values`' business.

use super::forms::Form;

mod cache;
mod limits;
mod logging;
mod observe;
mod providers;
mod retired;
mod server;
mod storage;

pub(super) use limits::{
    AUTH_FAILURE_LIMIT, BREAKER_FAILURES, BREAKER_OPEN_FOR, DISTRIBUTED_RATE_LIMIT_ENABLED,
    DISTRIBUTED_RATE_LIMIT_FALLBACK, DISTRIBUTED_RATE_LIMIT_KEY_SECRET, DISTRIBUTED_RATE_LIMIT_MAX,
    DISTRIBUTED_RATE_LIMIT_PREFIX, DISTRIBUTED_RATE_LIMIT_WINDOW, GLOBAL_RATE_LIMIT, INSPECTION_MAX_BYTES,
    INSPECTION_MAX_TOTAL_BYTES, IP_RATE_LIMIT, MAX_CONCURRENT_REQUESTS,
};
pub(super) use logging::{LOG_FILE, LOG_FORMAT, LOG_LEVEL};
pub(super) use observe::{
    AUDIT_CREATE_DIR, AUDIT_ENABLED, AUDIT_LOG_FILE, AUDIT_RETENTION, AUDIT_STORE_IN_DB, REDIS_ADDR, REDIS_DB,
    REDIS_PASSWORD,
};
pub(super) use providers::{
    API_CONFIG_PATH, DEFAULT_API_PROVIDER, FORWARD_CLIENT_IP, MAX_REQUEST_SIZE, OPENAI_API_URL, REQUEST_TIMEOUT,
    SSL_CERT_FILE, TRUSTED_PROXIES,
};
pub(super) use server::{
    LISTEN_ADDR, MANAGEMENT_TOKEN, MAX_CONNECTIONS, RUNTIME, SHUTDOWN_TIMEOUT, TLS_CERT_FILE, TLS_KEY_FILE, WORKERS,
};
pub(super) use storage::{
    DATABASE_CONN_MAX_LIFETIME, DATABASE_MAX_IDLE_CONNS, DATABASE_PATH, DATABASE_POOL_SIZE, DATABASE_URL, DB_DRIVER,
    ENCRYPTION_KEY, ENCRYPTION_KEY_OLD, GRANT_MAX_AGE, LLM_PROXY_ACTIVE_CACHE_MAX, LLM_PROXY_ENFORCE_PROJECT_ACTIVE,
    REQUIRE_ENCRYPTION_KEY, STORE_OUTAGE_GRACE,
};

/// Whether a setting does something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// It does.
    Active,
    /// Not in this version. A value must be of the right form all the same, and is answered with a warning.
    Planned,
    /// Of the original program, and without meaning here. Any value is accepted, with a warning.
    Retired,
}

/// What counts where no value is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fallback {
    /// As if this text were given.
    Text(&'static str),
    /// No value, which means this.
    Absent(&'static str),
    /// Nothing: a value must be given.
    Required,
}

/// What is known about a setting apart from its type.
#[derive(Debug)]
pub(super) struct About {
    /// Its name in the environment.
    pub(super) name: &'static str,
    pub(super) fallback: Fallback,
    /// What is accepted, as the end of the sentence "write …".
    pub(super) accepted: &'static str,
    /// What it does, in one paragraph.
    pub(super) doc: &'static str,
    /// Whether its value must never be shown.
    pub(super) secret: bool,
    pub(super) status: Status,
    /// The flag that says the same, if there is one.
    pub(super) flag: Option<&'static str>,
}

/// A setting whose values are `T`s.
#[derive(Debug)]
pub(super) struct Setting<T: 'static> {
    pub(super) about: About,
    pub(super) parse: fn(&str) -> Result<T, String>,
}

/// A setting of any type, as the table holds it.
pub(super) trait Row: Sync {
    /// What is known about it.
    fn about(&self) -> &About;
    /// What is wrong with a value, if anything is.
    fn check(&self, text: &str) -> Result<(), String>;
}

impl<T> Row for Setting<T> {
    fn about(&self) -> &About {
        &self.about
    }

    fn check(&self, text: &str) -> Result<(), String> {
        (self.parse)(text).map(drop)
    }
}

/// Settings that belong together.
pub(super) struct Group {
    #[cfg_attr(not(test), expect(dead_code, reason = "the page of settings is written by a test"))]
    pub(super) title: &'static str,
    pub(super) rows: &'static [&'static dyn Row],
}

/// The table.
pub(super) const GROUPS: [Group; 8] = [
    Group { title: "Server", rows: server::ROWS },
    Group { title: "Database and keys", rows: storage::ROWS },
    Group { title: "Providers and proxying", rows: providers::ROWS },
    Group { title: "Logs", rows: logging::ROWS },
    Group { title: "Limits", rows: limits::ROWS },
    Group { title: "Response cache", rows: cache::ROWS },
    Group { title: "Audit, metrics and events", rows: observe::ROWS },
    Group { title: "Settings of the original that mean nothing here", rows: retired::ROWS },
];

/// All settings in the table's order.
pub(super) fn rows() -> impl Iterator<Item = &'static dyn Row> {
    GROUPS.iter().flat_map(|group| group.rows.iter().copied())
}

/// An entry that is in effect.
const fn active<T>(name: &'static str, fallback: Fallback, form: Form<T>, doc: &'static str) -> Setting<T> {
    setting(name, fallback, form, Status::Active, doc)
}

/// An entry that will be.
const fn planned<T>(name: &'static str, fallback: Fallback, form: Form<T>, doc: &'static str) -> Setting<T> {
    setting(name, fallback, form, Status::Planned, doc)
}

/// An entry that was.
const fn retired(name: &'static str, doc: &'static str) -> Setting<String> {
    setting(name, Fallback::Absent("nothing"), super::forms::TEXT, Status::Retired, doc)
}

const fn setting<T>(
    name: &'static str,
    fallback: Fallback,
    Form { accepted, parse }: Form<T>,
    status: Status,
    doc: &'static str,
) -> Setting<T> {
    Setting { about: About { name, fallback, accepted, doc, secret: false, status, flag: None }, parse }
}

impl<T> Setting<T> {
    const fn secret(mut self) -> Self {
        self.about.secret = true;
        self
    }

    const fn flag(mut self, flag: &'static str) -> Self {
        self.about.flag = Some(flag);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_default_is_of_its_own_form() {
        for row in rows() {
            if let Fallback::Text(text) = row.about().fallback {
                assert_eq!(row.check(text), Ok(()), "{}", row.about().name);
            }
        }
    }

    #[test]
    fn every_name_is_there_once() {
        let mut names = BTreeSet::new();
        for row in rows() {
            assert!(names.insert(row.about().name), "{}", row.about().name);
        }
    }

    #[test]
    fn every_doc_is_a_paragraph_of_sentences() {
        for About { name, doc, .. } in rows().map(Row::about) {
            assert!(doc.ends_with('.') && !doc.contains('\n') && !doc.contains("  "), "{name}");
        }
    }

    #[test]
    fn what_can_hold_a_password_is_secret() {
        for About { name, secret, status, .. } in rows().map(Row::about) {
            let telling = ["TOKEN", "PASSWORD", "SECRET", "DATABASE_URL", "REDIS_ADDR", "CACHE_URL", "ENCRYPTION_KEY"];
            let has_secret = telling.iter().any(|part| name.contains(part)) && !name.starts_with("REQUIRE_");
            if *status != Status::Retired {
                assert_eq!(*secret, has_secret, "{name}");
            }
        }
    }
}
