//! The flags that are settings. Their values are read as those of the environment are, so that all mistakes are told
//! together and in the same words.

use std::path::{Path, PathBuf};

use clap::Args;

use super::table::{API_CONFIG_PATH, DATABASE_PATH, LISTEN_ADDR, LOG_FILE, LOG_FORMAT, LOG_LEVEL, RUNTIME, WORKERS};

/// What flags can say. They win over the environment, which wins over the `.env` file.
#[derive(Args, Debug, Default)]
pub(crate) struct SettingsFlags {
    /// Where to listen, such as :8080 or 127.0.0.1:8080 [LISTEN_ADDR]
    #[arg(long, value_name = "ADDRESS")]
    addr: Option<String>,
    /// The SQLite database [DATABASE_PATH]
    #[arg(long, value_name = "FILE")]
    database: Option<String>,
    /// A file of settings, in place of .env
    #[arg(long, value_name = "FILE")]
    pub(super) env_file: Option<PathBuf>,
    /// The providers file [API_CONFIG_PATH]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// error, warn, info, debug or trace [LOG_LEVEL]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// json or text [LOG_FORMAT]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// The file to log to, in place of the standard error stream [LOG_FILE]
    #[arg(long, value_name = "FILE")]
    log_file: Option<String>,
    /// The runtime: tokio or smol [RUNTIME]
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
    /// How many worker threads [WORKERS]
    #[arg(long, value_name = "NUMBER")]
    workers: Option<String>,
}

impl SettingsFlags {
    /// The flags of a command that has no others.
    pub(crate) fn of_store(env_file: Option<&Path>, database: Option<String>) -> Self {
        Self { env_file: env_file.map(Path::to_owned), database, ..Self::default() }
    }

    /// The settings that were given as flags, by their names in the table.
    pub(super) fn given(&self) -> Vec<(&'static str, String)> {
        [
            (&LISTEN_ADDR.about, &self.addr),
            (&DATABASE_PATH.about, &self.database),
            (&API_CONFIG_PATH.about, &self.config),
            (&LOG_LEVEL.about, &self.log_level),
            (&LOG_FORMAT.about, &self.log_format),
            (&LOG_FILE.about, &self.log_file),
            (&RUNTIME.about, &self.runtime),
            (&WORKERS.about, &self.workers),
        ]
        .into_iter()
        .filter_map(|(about, value)| Some((about.name, value.clone()?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::super::table::rows;
    use super::*;

    #[test]
    fn every_flag_of_the_table_gives_its_setting() {
        let flags: Vec<_> = rows().filter_map(|row| Some((row.about().name, row.about().flag?))).collect();
        let line = flags.iter().flat_map(|(name, flag)| [(*flag).to_owned(), format!("value of {name}")]);
        let command = SettingsFlags::augment_args(Command::new("test").no_binary_name(true));

        let matches = command.try_get_matches_from(line).unwrap();
        let given = SettingsFlags::from_arg_matches(&matches).unwrap().given();

        assert_eq!(given.len(), flags.len());
        for (name, _) in flags {
            assert!(given.contains(&(name, format!("value of {name}"))), "{name}");
        }
    }
}
