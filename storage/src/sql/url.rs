//! DATABASE_URL: where a database server is, and as whom to use it. The password goes to the server and nowhere else:
//! neither `Debug` nor an error shows it, nor any other part of a text that was not understood.

use std::fmt;
use std::str::FromStr;

use llm_proxy_core::secret::Secret;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{MySql, Postgres};
use thiserror::Error;

use super::SqlStore;
use super::server::Server as _;
use crate::config::PoolLimits;
use crate::error::OpenError;
use crate::store::Store;

mod dsn;
mod parameters;

use parameters::{Parameter, Verify};

/// Which kind of server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driver {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

/// A server's address, with the user, the password, the database and how the connection is secured.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Address);

/// The same, in the form in which sqlx takes it.
#[derive(Clone)]
pub(crate) enum Address {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

/// Why a text is no address. It holds nothing of the text but a parameter's name.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum UrlError {
    /// It is for another kind of server, or for none.
    #[error("this is no address of a {} database", match .0 { Driver::Postgres => "PostgreSQL", Driver::MySql => "MySQL" })]
    OtherDriver(Driver),
    /// It is not of the form.
    #[error(
        "this cannot be read (in a URL, characters such as @ : / # ? % of a password are written as %40 and so on)"
    )]
    Malformed,
    /// There is no name of a database.
    #[error("this names no database")]
    NoDatabase,
    /// A parameter that nobody knows. Passed over, one that was meant to secure the connection would not.
    #[error("the parameter {0:?} is not known")]
    UnknownParameter(String),
    /// A parameter has a value that it cannot have.
    #[error("the value of the parameter {0:?} is none of its values")]
    BadParameter(&'static str),
}

impl DatabaseUrl {
    /// Reads a URL (`postgres://`, `postgresql://`, `mysql://`, `mariadb://`), or for MySQL a data source name as Go's
    /// driver takes it (`user:password@tcp(host:port)/database?tls=true`).
    ///
    /// # Errors
    /// If it is neither, or for another driver.
    pub fn parse(driver: Driver, text: &str) -> Result<Self, UrlError> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match (driver, scheme.as_deref()) {
            (Driver::Postgres, Some("postgres" | "postgresql")) => postgres(text),
            (Driver::MySql, Some("mysql" | "mariadb")) => mysql(text),
            (Driver::MySql, _) if dsn::looks_like_one(text) => dsn::parse(text),
            (Driver::Postgres | Driver::MySql, _) => Err(UrlError::OtherDriver(driver)),
        }
    }

    /// Opens the store there.
    pub(crate) async fn open(&self, pool: PoolLimits, key: Option<&Secret>) -> Result<Box<dyn Store>, OpenError> {
        Ok(match &self.0 {
            Address::Postgres(options) => Box::new(SqlStore::<Postgres>::connect(options, pool, key).await?),
            Address::MySql(options) => Box::new(SqlStore::<MySql>::connect(options, pool, key).await?),
        })
    }

    /// Which kind of server it is.
    #[must_use]
    pub const fn driver(&self) -> Driver {
        match self.0 {
            Address::Postgres(_) => Driver::Postgres,
            Address::MySql(_) => Driver::MySql,
        }
    }
}

/// The server, the user and the database.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match &self.0 {
            Address::Postgres(options) => Postgres::describe(options),
            Address::MySql(options) => MySql::describe(options),
        })
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

fn postgres(text: &str) -> Result<DatabaseUrl, UrlError> {
    let (address, parameters) = parameters::split(text);
    let mut options = PgConnectOptions::from_str(address).map_err(|_| UrlError::Malformed)?;
    let mut has_database = has_path(address);
    for pair in parameters {
        let (name, value) = pair?;
        match parameters::known(&name).ok_or(UrlError::UnknownParameter(name))? {
            Parameter::Verify => options = options.ssl_mode(postgres_mode(parameters::verify(&value)?)),
            Parameter::Roots => options = options.ssl_root_cert(value),
            Parameter::Certificate => options = options.ssl_client_cert(value),
            Parameter::Key => options = options.ssl_client_key(value),
            Parameter::Host if value.starts_with('/') => options = options.socket(value),
            Parameter::Host => options = options.host(&value),
            Parameter::Port => {
                options = options.port(value.parse().map_err(|_| UrlError::BadParameter("port"))?);
            }
            Parameter::User => options = options.username(&value),
            Parameter::Password => options = options.password(&value),
            Parameter::Database => {
                options = options.database(&value);
                has_database = true;
            }
            Parameter::ApplicationName => options = options.application_name(&value),
            Parameter::Cache => options = options.statement_cache_capacity(parameters::capacity(&value)?),
            Parameter::Socket => options = options.socket(value),
            Parameter::WithoutEffect => {}
        }
    }
    if has_database { Ok(DatabaseUrl(Address::Postgres(Box::new(options)))) } else { Err(UrlError::NoDatabase) }
}

fn mysql(text: &str) -> Result<DatabaseUrl, UrlError> {
    let (address, parameters) = parameters::split(text);
    let mut options = MySqlConnectOptions::from_str(address).map_err(|_| UrlError::Malformed)?;
    let mut has_database = has_path(address);
    for pair in parameters {
        let (name, value) = pair?;
        match parameters::known(&name).ok_or(UrlError::UnknownParameter(name))? {
            Parameter::Verify => options = options.ssl_mode(mysql_mode(parameters::verify(&value)?)),
            Parameter::Roots => options = options.ssl_ca(value),
            Parameter::Certificate => options = options.ssl_client_cert(value),
            Parameter::Key => options = options.ssl_client_key(value),
            Parameter::Host => options = options.host(&value),
            Parameter::Port => {
                options = options.port(value.parse().map_err(|_| UrlError::BadParameter("port"))?);
            }
            Parameter::User => options = options.username(&value),
            Parameter::Password => options = options.password(&value),
            Parameter::Database => {
                options = options.database(&value);
                has_database = true;
            }
            Parameter::Cache => options = options.statement_cache_capacity(parameters::capacity(&value)?),
            Parameter::Socket => options = options.socket(value),
            Parameter::ApplicationName | Parameter::WithoutEffect => {}
        }
    }
    if has_database { Ok(DatabaseUrl(Address::MySql(Box::new(options)))) } else { Err(UrlError::NoDatabase) }
}

/// Whether there is something after the host.
fn has_path(address: &str) -> bool {
    let after_scheme = address.split_once("://").map_or("", |(_, rest)| rest);
    after_scheme.split_once('/').is_some_and(|(_, path)| !path.trim_matches('/').is_empty())
}

const fn postgres_mode(verify: Verify) -> PgSslMode {
    match verify {
        Verify::Plain => PgSslMode::Disable,
        Verify::Allow => PgSslMode::Allow,
        Verify::Prefer => PgSslMode::Prefer,
        Verify::Require => PgSslMode::Require,
        Verify::Ca => PgSslMode::VerifyCa,
        Verify::Full => PgSslMode::VerifyFull,
    }
}

/// MySQL has no mode that encrypts only where it must: to encrypt where it can is the nearest.
const fn mysql_mode(verify: Verify) -> MySqlSslMode {
    match verify {
        Verify::Plain => MySqlSslMode::Disabled,
        Verify::Allow | Verify::Prefer => MySqlSslMode::Preferred,
        Verify::Require => MySqlSslMode::Required,
        Verify::Ca => MySqlSslMode::VerifyCa,
        Verify::Full => MySqlSslMode::VerifyIdentity,
    }
}

#[cfg(test)]
mod tests;
