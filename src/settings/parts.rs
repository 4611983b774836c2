//! The parts of the settings that commands other than `server` need. What is wrong with the rest is not their concern:
//! a machine that only calls a server need not have all that the server has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use llm_proxy_core::secret::Secret;

use super::values::Values;
use super::{ListenAddr, Problem, SettingsFlags, Sources, StoreSettings, providers, store, table};

/// What a command needs that calls a running server. Its `Debug` shows no secret.
#[derive(Debug)]
pub(crate) struct ClientSettings {
    /// The operator's secret, as it was given: whether it is the right one, the server says.
    pub(crate) management_token: Option<Secret>,
    /// Where a server with these settings listens; what is wrong with that, otherwise.
    pub(crate) listen: Result<ListenAddr, String>,
    /// Whether that server speaks TLS.
    pub(crate) tls: bool,
    /// The roots by which an https server is verified; `None` is the system's.
    pub(crate) ssl_cert_file: Option<PathBuf>,
}

/// Reads what a calling command needs from the environment and the `.env` file, or the one that is named.
///
/// # Errors
/// Why the `.env` file cannot be used.
pub(crate) fn client_settings(
    env_file: Option<&Path>,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<ClientSettings, String> {
    let flags = SettingsFlags::of_store(env_file, None);
    let sources = Sources::collect(&flags, environment).map_err(|error| error.to_string())?;
    let mut values = Values::pick(&sources);
    let management_token = values.text(&table::MANAGEMENT_TOKEN.about).map(|text| Secret::new(text.to_owned()));
    let ssl_cert_file = values.read_optional(&table::SSL_CERT_FILE).flatten();
    let before = values.problems().len();
    let listen = values.read(&table::LISTEN_ADDR);
    let problem = || values.problems().get(before).map(|problem| problem.message.clone()).unwrap_or_default();
    let tls = values.is_given(&table::TLS_CERT_FILE.about);
    Ok(ClientSettings { management_token, listen: listen.ok_or_else(problem), tls, ssl_cert_file })
}

/// What the commands need that work on a database without a server.
#[derive(Debug)]
pub(crate) struct MigrateSettings {
    /// Where the state is.
    pub(crate) store: StoreSettings,
    /// The key before the one that counts.
    pub(crate) old_key: Option<Secret>,
    /// The provider of projects that come from where there is only one; what is wrong with that, otherwise.
    pub(crate) provider: Result<String, String>,
}

/// Reads what those commands need.
///
/// # Errors
/// All that is wrong, but for the provider.
pub(crate) fn migrate_settings(
    flags: &SettingsFlags,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<MigrateSettings, Vec<Problem>> {
    let sources = Sources::collect(flags, environment).map_err(|error| vec![Problem::other(error.to_string())])?;
    let mut values = Values::pick(&sources);
    let store = store(&mut values);
    let old_key = values.read_optional(&table::ENCRYPTION_KEY_OLD);
    let (Some(store), Some(old_key), true) = (store, old_key, values.problems().is_empty()) else {
        return Err(values.problems().to_vec());
    };
    let providers = providers(&mut values, &mut Vec::new());
    let problem = || values.problems().first().map(|problem| problem.message.clone()).unwrap_or_default();
    let provider = providers.map(|(providers, _)| providers.default.to_string()).ok_or_else(problem);
    Ok(MigrateSettings { store, old_key, provider })
}

#[cfg(test)]
mod tests {
    use llm_proxy_storage::Database;

    use super::*;

    fn client(environment: &[(&str, &str)]) -> ClientSettings {
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        client_settings(Some(Path::new("/dev/null")), environment).unwrap()
    }

    #[test]
    fn a_caller_needs_nothing_that_only_a_server_needs() {
        let settings = client(&[("REQUEST_TIMEOUT", "wrong"), ("DB_DRIVER", "wrong")]);
        assert!(settings.management_token.is_none());
        assert_eq!(settings.listen, Ok(ListenAddr::Everywhere(8080)));
    }

    #[test]
    fn a_token_too_short_for_a_server_is_still_sent() {
        let settings = client(&[("MANAGEMENT_TOKEN", "short")]);
        assert!(settings.management_token.as_ref().unwrap().matches(b"short"));
        assert!(!format!("{settings:?}").contains("short"));
    }

    #[test]
    fn a_wrong_address_is_told_where_it_is_needed() {
        let listen = client(&[("LISTEN_ADDR", "nonsense")]).listen;
        assert!(listen.unwrap_err().starts_with("LISTEN_ADDR (environment): "));
    }

    #[test]
    fn the_store_can_be_named_without_a_management_token() {
        let flags = SettingsFlags::of_store(Some(Path::new("/dev/null")), Some("/tmp/x.db".to_owned()));
        let settings = migrate_settings(&flags, std::iter::empty()).unwrap().store;
        assert!(matches!(settings.database, Database::Sqlite { path, .. } if path == Path::new("/tmp/x.db")));
    }

    #[test]
    fn what_is_wrong_with_the_store_is_told() {
        let flags = SettingsFlags::of_store(Some(Path::new("/dev/null")), None);
        let environment = [("DATABASE_POOL_SIZE".into(), "0".into())];
        let problems = migrate_settings(&flags, environment.into_iter()).unwrap_err();
        assert!(problems[0].message.starts_with("DATABASE_POOL_SIZE "), "{problems:?}");
    }
}
