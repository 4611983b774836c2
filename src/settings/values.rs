//! Which value counts for each setting, and what is wrong with it: flags win over the environment, which wins over the
//! `.env` file, which wins over the default. A value that is empty is none.
//!
//! Nothing stops at the first mistake: problems are gathered, so that they can be told together.

use std::collections::BTreeMap;

use super::sources::{Source, Sources};
use super::table::{About, Fallback, Row, Setting, Status, rows};

/// What stands in place of a secret.
const MASK: &str = "********";

/// What was given for one setting.
struct Given {
    text: String,
    source: Source,
}

/// What is wrong, in one line, and where it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// Which setting, where it is one's.
    name: Option<&'static str>,
    /// What is wrong and what is accepted. It holds no value.
    pub(crate) message: String,
    /// Whether the command line is at fault.
    pub(crate) is_usage: bool,
}

/// One line of `config check`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Effective {
    /// The setting.
    pub(crate) name: &'static str,
    /// What counts, in a form that may be shown; `None` if there is no value.
    pub(crate) value: Option<String>,
    /// What having no value means.
    pub(crate) absent: &'static str,
    /// Where it came from.
    pub(crate) source: Source,
}

/// All that was given, by the settings' names.
pub(super) struct Values {
    given: BTreeMap<&'static str, Given>,
    problems: Vec<Problem>,
}

impl Problem {
    /// One that is no setting's.
    pub(super) const fn other(message: String) -> Self {
        Self { name: None, message, is_usage: false }
    }
}

impl Values {
    /// Picks what counts. Values of settings that are not in effect are checked here, since nobody reads them.
    pub(super) fn pick(sources: &Sources) -> Self {
        let mut values = Self { given: BTreeMap::new(), problems: Vec::new() };
        for row in rows() {
            let about = row.about();
            match given(about, sources) {
                Ok(Some(given)) => {
                    values.given.insert(about.name, given);
                }
                Ok(None) => {}
                Err(source) => values.add(about, source, "this is not UTF-8"),
            }
            if about.status != Status::Active {
                values.check(row);
            }
        }
        values
    }

    fn check(&mut self, row: &'static dyn Row) {
        let Some(given) = self.given.get(row.about().name) else { return };
        let source = given.source;
        if let Err(complaint) = row.check(&given.text) {
            self.add(row.about(), source, &complaint);
        }
    }

    /// The value of a setting that has one; `None` if it is wrong or missing, which is a problem then.
    pub(super) fn read<T>(&mut self, setting: &'static Setting<T>) -> Option<T> {
        let value = self.read_optional(setting)?;
        if value.is_none() && !self.is_bad(setting.about.name) {
            let About { name, accepted, .. } = setting.about;
            let message = format!("{name} is missing: set it in the environment or the .env file; write {accepted}");
            self.problems.push(Problem { name: Some(name), message, is_usage: false });
        }
        value
    }

    /// The value of a setting that need not have one; `None` if it is wrong, which is a problem then.
    #[expect(clippy::option_option, reason = "that there is no value is one thing, that it is wrong another")]
    pub(super) fn read_optional<T>(&mut self, setting: &'static Setting<T>) -> Option<Option<T>> {
        let (text, source) = match (self.given.get(setting.about.name), setting.about.fallback) {
            (Some(given), _) => (given.text.as_str(), given.source),
            (None, Fallback::Text(text)) => (text, Source::Default),
            (None, Fallback::Absent(_) | Fallback::Required) => return Some(None),
        };
        match (setting.parse)(text) {
            Ok(value) => Some(Some(value)),
            Err(complaint) => {
                self.add(&setting.about, source, &complaint);
                None
            }
        }
    }

    /// What was given for a setting, unread.
    pub(super) fn text(&self, about: &About) -> Option<&str> {
        self.given.get(about.name).map(|given| given.text.as_str())
    }

    /// Whether somebody gave a value.
    pub(super) fn is_given(&self, about: &About) -> bool {
        self.given.contains_key(about.name)
    }

    /// Adds what is wrong beyond a single value.
    pub(super) fn add_problem(&mut self, message: String) {
        self.problems.push(Problem::other(message));
    }

    fn add(&mut self, about: &About, source: Source, complaint: &str) {
        let About { name, accepted, .. } = about;
        let message = format!("{name} ({source}): {complaint}; write {accepted}");
        let is_usage = matches!(source, Source::Flag(_));
        self.problems.push(Problem { name: Some(name), message, is_usage });
    }

    fn is_bad(&self, name: &str) -> bool {
        self.problems.iter().any(|problem| problem.name == Some(name))
    }

    /// What is wrong, so far.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What was given and has no effect.
    pub(super) fn warnings(&self) -> Vec<String> {
        rows().map(Row::about).filter(|about| self.is_given(about)).filter_map(warning).collect()
    }

    /// What counts for every setting that is in effect or was given.
    pub(super) fn effective(&self) -> Vec<Effective> {
        rows()
            .map(Row::about)
            .filter(|about| about.status == Status::Active || self.is_given(about))
            .map(|about| self.effective_one(about))
            .collect()
    }

    fn effective_one(&self, about: &'static About) -> Effective {
        let given = self.given.get(about.name);
        let (text, absent) = match (given, about.fallback) {
            (Some(given), _) => (Some(given.text.as_str()), ""),
            (None, Fallback::Text(text)) => (Some(text), ""),
            (None, Fallback::Absent(meaning)) => (None, meaning),
            (None, Fallback::Required) => (None, "missing"),
        };
        // What is wrong may be a secret under a wrong name.
        let shown = |text: &str| match () {
            () if about.secret => MASK.to_owned(),
            () if self.is_bad(about.name) => "(not valid)".to_owned(),
            () => text.to_owned(),
        };
        let source = given.map_or(Source::Default, |given| given.source);
        Effective { name: about.name, value: text.map(shown), absent, source }
    }
}

/// What was given for a setting, by the sources' order; the source of it if it is no text.
fn given(about: &About, sources: &Sources) -> Result<Option<Given>, Source> {
    let flag = sources.flags.iter().find(|(name, _)| *name == about.name);
    if let Some((_, text)) = flag {
        return Ok(Some(Given { text: text.clone(), source: Source::Flag(about.flag.unwrap_or_default()) }));
    }
    if let Some(value) = sources.environment.get(about.name).filter(|value| !value.is_empty()) {
        let text = value.to_str().ok_or(Source::Environment)?.to_owned();
        return Ok(Some(Given { text, source: Source::Environment }));
    }
    let in_file = sources.env_file.get(about.name).filter(|text| !text.is_empty());
    Ok(in_file.map(|text| Given { text: text.clone(), source: Source::EnvFile }))
}

fn warning(about: &'static About) -> Option<String> {
    let About { name, doc, .. } = about;
    match about.status {
        Status::Active => None,
        Status::Planned => Some(format!("{name} is set, but has no effect in this version")),
        Status::Retired => Some(format!("{name} is set, but means nothing. {doc}")),
    }
}
