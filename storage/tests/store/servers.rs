//! Stores on PostgreSQL and MySQL servers: each test has a database of its own, which goes with it. Where the servers
//! are is told by two variables, which `scripts/with-databases` sets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use llm_proxy_core::secret::Secret;
use llm_proxy_storage::{Database, DatabaseUrl, Driver, MigrationStep, OpenError, PoolLimits, SqlStore, Store};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, MySql, MySqlConnection, PgConnection, Postgres};

use crate::calls::secret;

pub(crate) const LIMITS: PoolLimits =
    PoolLimits { size: 5, max_idle: 2, max_lifetime: Some(Duration::from_secs(3600)) };

/// A kind of server, as tests see it.
pub(crate) trait TestServer: Sized + Send + Sync + 'static {
    type Store: Store;
    const DRIVER: Driver;
    const VARIABLE: &'static str;

    /// Runs a statement on a connection of its own.
    fn run(url: &str, statement: String) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    fn connect(
        url: &str,
        limits: PoolLimits,
        key: Option<&Secret>,
    ) -> impl Future<Output = Result<Self::Store, OpenError>> + Send;

    /// One number.
    fn number(url: &str, query: String) -> impl Future<Output = Result<i64, sqlx::Error>> + Send;

    /// The statement that counts the sessions in a database.
    fn count_sessions(name: &str) -> String;

    /// Ends all sessions in a database.
    fn cut_sessions(url: &str, name: &str) -> impl Future<Output = ()> + Send;

    fn create(name: &str) -> String;
    fn drop(name: &str) -> String;
}

impl TestServer for Postgres {
    type Store = SqlStore<Self>;
    const DRIVER: Driver = Driver::Postgres;
    const VARIABLE: &'static str = "LLM_PROXY_TEST_POSTGRES_URL";

    async fn run(url: &str, statement: String) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        connection.close().await
    }

    async fn connect(url: &str, limits: PoolLimits, key: Option<&Secret>) -> Result<Self::Store, OpenError> {
        SqlStore::<Self>::connect(&url.parse::<PgConnectOptions>().unwrap(), limits, key).await
    }

    async fn number(url: &str, query: String) -> Result<i64, sqlx::Error> {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut connection).await
    }

    fn count_sessions(name: &str) -> String {
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")
    }

    async fn cut_sessions(url: &str, name: &str) {
        let cut = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
        Self::run(url, cut).await.unwrap();
    }

    /// Such a locale that nothing is compared by bytes unless the tables say so.
    fn create(name: &str) -> String {
        format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'und' LOCALE 'C.UTF-8'"
        )
    }

    fn drop(name: &str) -> String {
        format!("DROP DATABASE {name} WITH (FORCE)")
    }
}

impl TestServer for MySql {
    type Store = SqlStore<Self>;
    const DRIVER: Driver = Driver::MySql;
    const VARIABLE: &'static str = "LLM_PROXY_TEST_MYSQL_URL";

    async fn run(url: &str, statement: String) -> Result<(), sqlx::Error> {
        let mut connection = MySqlConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        connection.close().await
    }

    async fn connect(url: &str, limits: PoolLimits, key: Option<&Secret>) -> Result<Self::Store, OpenError> {
        SqlStore::<Self>::connect(&url.parse::<MySqlConnectOptions>().unwrap(), limits, key).await
    }

    async fn number(url: &str, query: String) -> Result<i64, sqlx::Error> {
        let mut connection = MySqlConnection::connect(url).await?;
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut connection).await
    }

    fn count_sessions(name: &str) -> String {
        format!("SELECT count(*) FROM information_schema.processlist WHERE db = '{name}'")
    }

    async fn cut_sessions(url: &str, name: &str) {
        let mut connection = MySqlConnection::connect(url).await.unwrap();
        let query = format!("SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = '{name}'");
        let ids: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
        for id in ids {
            Self::run(url, format!("KILL {id}")).await.unwrap();
        }
    }

    /// Such a collation that nothing is compared exactly unless the tables say so.
    fn create(name: &str) -> String {
        format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    }

    fn drop(name: &str) -> String {
        format!("DROP DATABASE {name}")
    }
}

/// An empty database on a server, dropped with this.
pub(crate) struct OnServer<S: TestServer> {
    server: String,
    name: String,
    kind: std::marker::PhantomData<S>,
}

impl<S: TestServer> OnServer<S> {
    pub(crate) async fn new() -> Self {
        let server = std::env::var(S::VARIABLE).unwrap_or_else(|_| {
            panic!("{} is not set: run scripts/with-databases cargo test -p llm-proxy-storage", S::VARIABLE)
        });
        let name = format!("llm_proxy_test_{}", hex(&rand_bytes()));
        S::run(&server, S::create(&name)).await.unwrap();
        Self { server, name, kind: std::marker::PhantomData }
    }

    /// The server's URL with this database in place of the one that it names.
    pub(crate) fn url(&self) -> String {
        let (address, query) = self.server.split_once('?').map_or((&*self.server, ""), |(a, query)| (a, query));
        let scheme = address.find("://").unwrap() + 3;
        let host = address[scheme..].find('/').map_or(address, |at| &address[..scheme + at]);
        format!("{host}/{}?{query}", self.name)
    }

    /// Its URL with another place in it.
    pub(crate) fn url_at(&self, place: SocketAddr) -> String {
        self.url().replacen(&self.place(), &place.to_string(), 1)
    }

    /// User and password in its URL.
    pub(crate) fn login(&self) -> &str {
        let (_, rest) = self.server.split_once("://").unwrap();
        rest.split(['/', '?']).next().unwrap().rsplit_once('@').unwrap().0
    }

    /// Host and port.
    pub(crate) fn place(&self) -> String {
        let (_, rest) = self.server.split_once("://").unwrap();
        let place = rest.split(['/', '?']).next().unwrap();
        place.rsplit('@').next().unwrap().to_owned()
    }

    pub(crate) fn database(&self) -> Database {
        Database::Server { url: DatabaseUrl::parse(S::DRIVER, &self.url()).unwrap(), pool: LIMITS }
    }

    pub(crate) async fn store(&self) -> Arc<S::Store> {
        Arc::new(S::connect(&self.url(), LIMITS, Some(&key())).await.unwrap())
    }

    pub(crate) async fn sessions(&self) -> u64 {
        S::number(&self.server, S::count_sessions(&self.name)).await.unwrap().try_into().unwrap()
    }

    pub(crate) async fn cut_sessions(&self) {
        S::cut_sessions(&self.server, &self.name).await;
    }

    pub(crate) async fn run(&self, statement: &str) {
        S::run(&self.url(), statement.to_owned()).await.unwrap();
    }
}

impl<S: TestServer> Drop for OnServer<S> {
    fn drop(&mut self) {
        let (server, statement) = (self.server.clone(), S::drop(&self.name));
        // A runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(S::run(&server, statement))
        });
        let dropped = dropping.join().unwrap();
        assert!(dropped.is_ok() || std::thread::panicking(), "{dropped:?}");
    }
}

pub(crate) fn key() -> Secret {
    secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
}

pub(crate) fn taken(steps: &[MigrationStep]) -> Vec<bool> {
    steps.iter().map(|step| step.applied_at.is_some()).collect()
}

fn rand_bytes() -> [u8; 8] {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
