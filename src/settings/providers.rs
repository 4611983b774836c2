//! The providers that this run has: the file, or the built-in ones, with what the environment says on top.

use std::io;
use std::path::PathBuf;

use llm_proxy_core::settings::{
    BaseUrl, ProviderDefaults, Providers, ProvidersError, UnknownProvider, builtin_providers, parse_providers,
};
use thiserror::Error;

/// The provider that OPENAI_API_URL is about.
const OPENAI: &str = "openai";

/// How large the file may be, bytes. Real ones have some thousand.
const MAX_BYTES: u64 = 1 << 20;

/// Why there are no providers.
#[derive(Debug, Error)]
pub(crate) enum ProvidersFailure {
    /// A file was named that is not there.
    #[error("{path}: there is no such providers file: name another one with --config or API_CONFIG_PATH",
        path = .0.display())]
    Missing(PathBuf),
    /// It cannot be read, or is no text.
    #[error("{path}: the providers file cannot be read: {source}", path = .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than any providers file.
    #[error("{path}: a providers file has 1 MiB at most", path = .0.display())]
    TooLarge(PathBuf),
    /// It says something that it cannot.
    #[error("{path}: {source}", path = .path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: ProvidersError,
    },
    /// The built-in ones are broken, which a test rules out.
    #[error("the built-in providers: {0}")]
    BuiltIn(ProvidersError),
    /// DEFAULT_API_PROVIDER names none of them.
    #[error("DEFAULT_API_PROVIDER: {0}")]
    UnknownDefault(UnknownProvider),
}

/// How to get at the providers, at start and whenever they are to be read anew.
#[derive(Clone, Debug)]
pub(crate) struct ProviderSource {
    /// The file.
    pub(crate) path: PathBuf,
    /// Whether somebody named it: then it must be there.
    pub(crate) must_exist: bool,
    /// DEFAULT_API_PROVIDER.
    pub(crate) default: Option<String>,
    /// OPENAI_API_URL.
    pub(crate) openai_url: Option<BaseUrl>,
    /// What entries get that do not say it themselves.
    pub(crate) defaults: ProviderDefaults,
}

impl ProviderSource {
    /// The providers, and what the operator should know about them.
    ///
    /// # Errors
    /// [`ProvidersFailure`] where nothing may run.
    pub(crate) fn load(&self) -> Result<(Providers, Vec<String>), ProvidersFailure> {
        let mut warnings = Vec::new();
        let mut providers = match self.read()? {
            Some(text) => parse_providers(&text, &self.defaults)
                .map_err(|source| ProvidersFailure::Broken { path: self.path.clone(), source })?,
            None if self.must_exist => return Err(ProvidersFailure::Missing(self.path.clone())),
            None => {
                let path = self.path.display();
                warnings.push(format!("there is no providers file {path}: the built-in providers are used"));
                builtin_providers(&self.defaults).map_err(ProvidersFailure::BuiltIn)?
            }
        };
        if let Some(name) = &self.default {
            providers.set_default(name).map_err(ProvidersFailure::UnknownDefault)?;
        }
        if let Some(url) = &self.openai_url
            && providers.set_base(OPENAI, url.clone()).is_err()
        {
            warnings.push("OPENAI_API_URL is set, but there is no provider called openai".to_owned());
        }
        Ok((providers, warnings))
    }

    /// The file's text; `None` if there is no file.
    fn read(&self) -> Result<Option<String>, ProvidersFailure> {
        let failed = |source| ProvidersFailure::Read { path: self.path.clone(), source };
        let file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let mut text = String::new();
        // One byte more than is allowed, so that too many are seen, even of a file without end.
        let mut limited = io::Read::take(file, MAX_BYTES + 1);
        io::Read::read_to_string(&mut limited, &mut text).map_err(failed)?;
        if limited.limit() == 0 {
            return Err(ProvidersFailure::TooLarge(self.path.clone()));
        }
        Ok(Some(text))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const FILE: &str = "apis: {a: {base_url: 'https://a.example', allowed_endpoints: [/v1]}}\n";

    fn source(path: PathBuf) -> ProviderSource {
        let defaults = ProviderDefaults::default();
        ProviderSource { path, must_exist: true, default: None, openai_url: None, defaults }
    }

    fn with_file(text: &str, check: impl FnOnce(ProviderSource)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("providers.yaml");
        fs::write(&path, text).unwrap();
        check(source(path));
    }

    #[test]
    fn a_file_that_nobody_named_may_be_missing() {
        let mut source = source("/nowhere/providers.yaml".into());
        assert!(matches!(source.load(), Err(ProvidersFailure::Missing(_))));

        source.must_exist = false;
        let (providers, warnings) = source.load().unwrap();
        assert!(providers.by_name.contains_key("anthropic"));
        assert_eq!(warnings, ["there is no providers file /nowhere/providers.yaml: the built-in providers are used"]);
    }

    #[test]
    fn a_broken_file_is_named_with_the_place() {
        with_file("apis: {}\napi: {}\n", |source| {
            let error = source.load().unwrap_err().to_string();
            assert!(error.contains("providers.yaml: line 2, column 1: unknown key \"api\""), "{error}");
        });
    }

    #[test]
    fn the_environment_changes_default_and_address() {
        let mut source = source("/nowhere".into());
        source.must_exist = false;
        source.default = Some("gemini".to_owned());
        source.openai_url = BaseUrl::parse("http://127.0.0.1:9/x").ok();

        let (providers, _) = source.load().unwrap();
        assert_eq!(&*providers.default, "gemini");
        assert_eq!(providers.by_name["openai"].base.to_string(), "http://127.0.0.1:9/x");
    }

    #[test]
    fn a_default_that_no_provider_has_is_refused() {
        with_file(FILE, |mut source| {
            source.default = Some("openai".to_owned());
            let error = source.load().unwrap_err().to_string();
            assert_eq!(error, "DEFAULT_API_PROVIDER: there is no provider of that name, but a");
        });
    }

    #[test]
    fn an_address_for_a_provider_that_is_not_there_is_a_warning() {
        with_file(FILE, |mut source| {
            source.openai_url = BaseUrl::parse("http://127.0.0.1:9").ok();
            let (_, warnings) = source.load().unwrap();
            assert_eq!(warnings, ["OPENAI_API_URL is set, but there is no provider called openai"]);
        });
    }

    #[test]
    fn a_file_of_more_than_a_mebibyte_is_refused() {
        with_file(&format!("#{}\n{FILE}", "x".repeat(1 << 20)), |source| {
            assert!(matches!(source.load(), Err(ProvidersFailure::TooLarge(_))));
        });
        assert!(matches!(source("/dev/zero".into()).load(), Err(ProvidersFailure::TooLarge(_))));
    }

    #[test]
    fn the_file_in_the_documentation_is_one() {
        let page = include_str!("../../docs/providers.md");
        let (_, after) = page.split_once("## A file\n").unwrap();
        let lines = after.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
        let text: String = lines.map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();

        let providers = parse_providers(&text, &ProviderDefaults::default()).unwrap();
        assert_eq!(providers.by_name.keys().map(|name| &**name).collect::<Vec<_>>(), ["local", "openai"]);
    }
}
