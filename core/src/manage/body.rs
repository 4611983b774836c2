//! A JSON object, read strictly: every field known, none twice, each of its type (RFC 8259 section 4).
//!
//! It knows no call's fields: those are in `project` and `token`. Values stay here until they are taken, and an error
//! never shows one. So serde's own messages about values ("invalid type: string …"), which would, are never passed on.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

use super::decode::MAX_BODY;
use super::invalid::Invalid;

/// The largest whole number that every JSON reader keeps exactly: 2^53 - 1 (RFC 8259 section 6).
pub(super) const MAX_WHOLE: u64 = (1 << 53) - 1;

/// The fields of a body that were not taken yet. Not `Debug`: keys are among them.
pub(super) struct Object(Vec<(String, Value)>);

impl Object {
    /// Reads a body whose fields are all among `known`, each once.
    pub(super) fn parse(body: &[u8], known: &'static [&'static str]) -> Result<Self, Invalid> {
        if body.len() > MAX_BODY {
            return Err(Invalid::BodyTooLarge);
        }
        let text = std::str::from_utf8(body).map_err(|error| Invalid::NotUtf8(error.valid_up_to()))?;
        match text.trim_ascii_start().as_bytes().first() {
            Some(b'{') => {}
            Some(_) => return Err(Invalid::NotAnObject),
            None => return Err(Invalid::EmptyBody(known)),
        }
        let Pairs(pairs) = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        let mut object = Self(Vec::with_capacity(known.len()));
        for (name, value) in pairs {
            let Some(field) = known.iter().find(|field| **field == name) else {
                return Err(Invalid::unknown_field(name, known));
            };
            if object.has(field) {
                return Err(Invalid::RepeatedField(field));
            }
            object.0.push((name, value));
        }
        Ok(object)
    }

    /// Whether no field is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a string. `null` is not one.
    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, Invalid> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(field, "a string", &other)),
        }
    }

    /// Takes `true` or `false`. `null` is neither.
    pub(super) fn flag(&mut self, field: &'static str) -> Result<Option<bool>, Invalid> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(wrong_type(field, "true or false", &other)),
        }
    }

    /// Takes a whole number in `range`. Neither `5.0` nor `"5"` is one.
    pub(super) fn whole(&mut self, field: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>, Invalid> {
        match self.take(field) {
            None => Ok(None),
            Some(value) => whole(field, &value, range).map(Some),
        }
    }

    /// Takes a limit: the outer `None` says that the field is absent, the inner one that there is no limit, which is
    /// sent as `0` or `null`.
    pub(super) fn limit(&mut self, field: &'static str) -> Result<Option<Option<u64>>, Invalid> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => Ok(Some(Some(whole(field, &value, 0..=MAX_WHOLE)?).filter(|limit| *limit > 0))),
        }
    }

    fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(name, _)| name == field)
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        let at = self.0.iter().position(|(name, _)| name == field)?;
        Some(self.0.swap_remove(at).1)
    }
}

fn whole(field: &'static str, value: &Value, range: RangeInclusive<u64>) -> Result<u64, Invalid> {
    let Value::Number(number) = value else {
        return Err(wrong_type(field, "a whole number", value));
    };
    number.as_u64().filter(|whole| range.contains(whole)).ok_or_else(|| Invalid::OutOfRange {
        field,
        min: *range.start(),
        max: *range.end(),
    })
}

fn wrong_type(field: &'static str, expected: &'static str, value: &Value) -> Invalid {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Invalid::WrongType { field, expected, found }
}

fn not_json(error: &serde_json::Error) -> Invalid {
    match error.classify() {
        // Fixed words with line and column. Only data errors hold pieces of the input.
        Category::Syntax | Category::Eof => Invalid::NotJson(error.to_string()),
        Category::Data | Category::Io => Invalid::NotAnObject,
    }
}

/// An object's members in order, repeated names kept, which serde_json's own map would drop.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
