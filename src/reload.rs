//! What SIGHUP reads anew: the providers file, and the certificate and key for clients. Each part is replaced whole or stays
//! as it was, whatever becomes of the other. It runs on the thread that reloads, the only one that replaces anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use llm_proxy_core::settings::{Providers, ProvidersSlot};
use llm_proxy_runtime_common::{ClientTls, Reload, Reloaded, Replaced};

use crate::settings::ProviderSource;

/// The files, and where what they say goes.
#[derive(Debug)]
pub(crate) struct Files {
    source: ProviderSource,
    providers: ProvidersSlot,
    tls: Option<ClientTls>,
    entries: Mutex<Entries>,
}

/// What the file said of each provider, in a form that can be compared.
type Entries = BTreeMap<Arc<str>, String>;

impl Files {
    /// `providers` is what `source` gave at the start.
    pub(crate) fn new(source: ProviderSource, providers: &ProvidersSlot, tls: Option<ClientTls>) -> Self {
        let entries = Mutex::new(entries(&providers.load()));
        Self { source, providers: providers.clone(), tls, entries }
    }

    fn reload_providers(&self) -> Reloaded {
        let outcome = match self.source.load() {
            Ok((providers, warnings)) => Ok(Replaced { changes: self.replace(providers), warnings }),
            Err(error) => Err(error.into()),
        };
        Reloaded { part: "providers", outcome }
    }

    /// Gives what is different.
    fn replace(&self, mut providers: Providers) -> Vec<String> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *entries, self::entries(&providers));
        let present = self.providers.load();
        let mut changes = changes(&before, &entries);
        if providers.default != present.default {
            changes.push(format!("default: {}", providers.default));
        }
        providers.adopt_breakers(&present);
        self.providers.replace(providers);
        changes
    }
}

impl Reload for Files {
    fn reload(&self) -> Vec<Reloaded> {
        let tls = self.tls.as_ref().map(reload_tls);
        std::iter::once(self.reload_providers()).chain(tls).collect()
    }
}

fn reload_tls(tls: &ClientTls) -> Reloaded {
    let outcome = match tls.reload() {
        Ok(done) => {
            let changes = if done.changed { vec!["another certificate".to_owned()] } else { Vec::new() };
            Ok(Replaced { changes, warnings: done.warnings })
        }
        Err(error) => Err(error.into()),
    };
    Reloaded { part: "certificate", outcome }
}

fn entries(providers: &Providers) -> Entries {
    providers.by_name.iter().map(|(name, provider)| (name.clone(), format!("{provider:?}"))).collect()
}

fn changes(before: &Entries, now: &Entries) -> Vec<String> {
    let mut changes = Vec::new();
    for (name, entry) in now {
        match before.get(name) {
            None => changes.push(format!("added: {name}")),
            Some(old) if old != entry => changes.push(format!("changed: {name}")),
            Some(_) => {}
        }
    }
    changes.extend(before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("removed: {name}")));
    changes
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use llm_proxy_core::settings::ProviderDefaults;

    use super::*;

    fn entry(name: &str, endpoint: &str) -> String {
        format!("  {name}: {{base_url: 'https://{name}.example', allowed_endpoints: [{endpoint}]}}\n")
    }

    /// Starts with the first text, reloads with each other one: what the last reload came to, and the slot.
    fn reloaded(texts: &[String]) -> (Result<Replaced, String>, ProvidersSlot) {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("providers.yaml");
        fs::write(&path, &texts[0]).unwrap();
        let defaults = ProviderDefaults::default();
        let source = ProviderSource { path: path.clone(), must_exist: true, default: None, openai_url: None, defaults };
        let slot = ProvidersSlot::from(source.load().unwrap().0);
        let files = Files::new(source, &slot, None);
        let mut last = Ok(Replaced::default());
        for text in &texts[1..] {
            fs::write(&path, text).unwrap();
            let [part] = <[Reloaded; 1]>::try_from(files.reload()).unwrap();
            last = part.outcome.map_err(|error| error.to_string());
        }
        (last, slot)
    }

    #[test]
    fn each_difference_is_told() {
        let before = format!("default_api: a\napis:\n{}{}{}", entry("a", "/v1"), entry("b", "/v1"), entry("c", "/v1"));
        let after = format!("default_api: b\napis:\n{}{}{}", entry("b", "/v2"), entry("c", "/v1"), entry("d", "/v1"));
        let (replaced, slot) = reloaded(&[before, after]);
        assert_eq!(replaced.unwrap().changes, ["changed: b", "added: d", "removed: a", "default: b"]);
        assert_eq!(slot.load().by_name.keys().map(|name| &**name).collect::<Vec<_>>(), ["b", "c", "d"]);
    }

    #[test]
    fn a_file_that_says_the_same_in_other_words_changes_nothing() {
        let text = format!("apis:\n{}", entry("a", "/v1"));
        let (replaced, _) = reloaded(&[text.clone(), format!("# a comment\n{text}")]);
        assert_eq!(replaced, Ok(Replaced::default()));
    }

    #[test]
    fn a_broken_file_is_told_with_its_place_and_what_mends_it_counts() {
        let (good, better) = (format!("apis:\n{}", entry("a", "/v1")), format!("apis:\n{}", entry("b", "/v1")));
        let (broken, slot) = reloaded(&[good.clone(), "apis: {}\nfoo: 1\n".to_owned()]);
        let error = broken.unwrap_err();
        assert!(error.contains("providers.yaml: line 2, column 1: "), "{error}");
        assert!(slot.load().by_name.contains_key("a"));

        let (mended, slot) = reloaded(&[good, "apis: {}\nfoo: 1\n".to_owned(), better]);
        assert_eq!(mended.unwrap().changes, ["added: b", "removed: a", "default: b"]);
        assert!(slot.load().by_name.contains_key("b"));
    }
}
