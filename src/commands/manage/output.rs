//! How an answer is printed: as a table, as the JSON that came, or as ids. It shows what the API shows and nothing else.

use std::time::SystemTime;

use llm_proxy_core::time::Timestamp;
use serde_json::Value;

use super::api::Answer;
use super::failure::ManageError;
use crate::commands::desk::Desk;
use crate::commands::table::{Column, Table, pairs};

/// In which form answers are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// For people.
    Table,
    /// The API's JSON.
    Json,
    /// Ids, one a line.
    Ids,
}

/// Where answers go, and how.
pub(super) struct Output<'a, 'b> {
    pub(super) desk: &'a mut Desk<'b>,
    pub(super) form: Form,
}

impl Output<'_, '_> {
    /// Prints a list.
    pub(super) fn list(
        &mut self,
        answer: &Answer,
        columns: &[Column],
        row: impl Fn(&Value) -> Vec<String>,
    ) -> Result<(), ManageError> {
        let Value::Array(items) = answer.json()? else { return Err(answer.foreign("it is no list").into()) };
        match self.form {
            Form::Json => self.json(answer),
            Form::Ids => self.ids(&items),
            Form::Table => self.table(&items, columns, row),
        }
    }

    /// Prints items as a table.
    pub(super) fn table(
        &mut self,
        items: &[Value],
        columns: &[Column],
        row: impl Fn(&Value) -> Vec<String>,
    ) -> Result<(), ManageError> {
        let mut table = Table::new(columns);
        items.iter().for_each(|item| table.row(row(item)));
        let lines = table.lines(self.desk.width);
        Ok(self.desk.out.write_all(lines.as_bytes())?)
    }

    /// Prints the ids of items, one a line.
    pub(super) fn ids(&mut self, items: &[Value]) -> Result<(), ManageError> {
        for item in items {
            writeln!(self.desk.out, "{}", text(item, "id"))?;
        }
        Ok(())
    }

    /// Prints one thing: the fields named first, in that order, then whatever else it has.
    pub(super) fn item(&mut self, answer: &Answer, first: &[&str]) -> Result<(), ManageError> {
        let item = answer.json()?;
        let Value::Object(fields) = &item else { return Err(answer.foreign("it is no object").into()) };
        match self.form {
            Form::Json => self.json(answer),
            Form::Ids => self.ids(&[item]),
            Form::Table => {
                let known = first.iter().copied().filter(|name| fields.contains_key(*name));
                let others = fields.keys().map(String::as_str).filter(|name| !first.contains(name));
                let lines: Vec<_> =
                    known.chain(others).map(|name| (name.replace('_', " "), shown(&item, name))).collect();
                Ok(self.desk.out.write_all(pairs(&lines).as_bytes())?)
            }
        }
    }

    /// Says what was done where the answer has nothing to show.
    pub(super) fn done(&mut self, sentence: &str) -> Result<(), ManageError> {
        match self.form {
            Form::Table => Ok(writeln!(self.desk.out, "{sentence}")?),
            Form::Json | Form::Ids => Ok(()),
        }
    }

    /// Prints the JSON as it came.
    pub(super) fn json(&mut self, answer: &Answer) -> Result<(), ManageError> {
        Ok(writeln!(self.desk.out, "{}", answer.text.trim_end())?)
    }
}

/// A field as text; empty where it is absent or null.
pub(super) fn text(item: &Value, name: &str) -> String {
    match item.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other @ (Value::Number(_) | Value::Array(_) | Value::Object(_))) => other.to_string(),
    }
}

/// A field's time to the second, such as `2026-01-31 12:00:05`, in UTC; as it is, if it is none.
pub(super) fn time(item: &Value, name: &str) -> String {
    let text = text(item, name);
    match Timestamp::parse_rfc3339(&text) {
        Some(at) => at.to_rfc3339().chars().take(19).map(|char| if char == 'T' { ' ' } else { char }).collect(),
        None => text,
    }
}

/// A field's time to the minute.
pub(super) fn minute(item: &Value, name: &str) -> String {
    let mut text = time(item, name);
    if text.len() == 19 && text.is_ascii() {
        text.truncate(16);
    }
    text
}

/// Whether a field's time is over.
pub(super) fn is_past(item: &Value, name: &str) -> bool {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::default().plus(since_epoch);
    Timestamp::parse_rfc3339(&text(item, name)).is_some_and(|at| at <= now)
}

/// A field as the view of one thing shows it: times to the second with their zone.
fn shown(item: &Value, name: &str) -> String {
    let is_time = name.ends_with("_at") || name == "timestamp";
    match time(item, name) {
        at if is_time && !at.is_empty() => at + " UTC",
        _ => text(item, name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_in_utc_and_without_fractions() {
        let item = json!({"at": "2026-01-31T13:00:05.25+01:00", "no": null, "odd": "soon"});
        assert_eq!(time(&item, "at"), "2026-01-31 12:00:05");
        assert_eq!(minute(&item, "at"), "2026-01-31 12:00");
        assert_eq!(time(&item, "no"), "");
        assert_eq!(minute(&item, "odd"), "soon");
    }

    #[test]
    fn fields_read_as_people_write_them() {
        let item = json!({"yes": true, "number": 5, "text": "a", "list": [1, "b"], "made_at": "2026-01-31T12:00:05Z"});
        assert_eq!(
            ["yes", "number", "text", "list", "none"].map(|name| text(&item, name)),
            ["yes", "5", "a", r#"[1,"b"]"#, ""]
        );
        assert_eq!(shown(&item, "made_at"), "2026-01-31 12:00:05 UTC");
    }

    #[test]
    fn what_is_over_is_past() {
        let item = json!({"then": "2001-01-01T00:00:00Z", "later": "9000-01-01T00:00:00Z", "odd": "soon"});
        assert_eq!(["then", "later", "odd", "none"].map(|name| is_past(&item, name)), [true, false, false, false]);
    }
}
