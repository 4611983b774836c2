//! What one client knows of its projects and tokens: what was acknowledged, and what may have happened.
//!
//! A change that was sent and never answered, or answered with "I do not know", leaves two states that are both right.
//! `settle` compares with what the program shows, and goes on from there.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::step::Step;

/// Members of a project or a token.
pub(super) type Fields = Map<String, Value>;

/// How a thing is; `None` if it is not there.
pub(super) type State = Option<Fields>;

/// Something that a call makes: a token has a parent, a project has none. Among all there is, it is known by its mark.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Birth {
    pub(super) parent: Option<String>,
    /// A project's name, a token's `max_requests`.
    pub(super) mark: Value,
}

/// How a call ended for its client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// Answered with 2xx.
    Acknowledged,
    /// Refused with 503.
    Refused,
    /// Not answered.
    Unanswered,
}

/// A call that was sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) request_id: String,
    pub(super) action: &'static str,
    pub(super) fate: Fate,
    /// Its change was there, or the call was acknowledged. Known after [`Ledger::settle`].
    pub(super) made: bool,
}

/// A project or a token.
#[derive(Clone, Debug)]
struct Thing {
    parent: Option<String>,
    state: State,
    /// The state after a change that may have happened, and the call that asked for it.
    maybe: Option<(State, String)>,
}

impl Thing {
    fn known(&self) -> bool {
        self.maybe.is_none() && self.state.is_some()
    }
}

/// What the program shows: projects and tokens by their ids.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) projects: BTreeMap<String, Fields>,
    pub(super) tokens: BTreeMap<String, Fields>,
}

/// A client's book.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    things: BTreeMap<String, Thing>,
    /// What may have been made, and by which call.
    births: Vec<(Birth, String)>,
    /// Calls since the last time that they were taken.
    calls: Vec<Call>,
}

/// Members whose values the program chooses at each change.
const CHOSEN: [&str; 2] = ["updated_at", "deactivated_at"];

impl Ledger {
    /// Its projects that are there for certain.
    pub(super) fn known_projects(&self) -> Vec<String> {
        self.ids(|thing| thing.parent.is_none() && thing.known())
    }

    /// Its tokens that are there for certain.
    pub(super) fn known_tokens(&self) -> Vec<String> {
        self.ids(|thing| thing.parent.is_some() && thing.known())
    }

    /// The tokens of a project, whatever is known of them.
    pub(super) fn tokens_of(&self, project: &str) -> Vec<String> {
        self.ids(|thing| thing.parent.as_deref() == Some(project))
    }

    /// Whether nothing is uncertain about a project and its tokens: only then a call may change all of them at once.
    pub(super) fn is_known_with_tokens(&self, project: &str) -> bool {
        self.things[project].known() && self.tokens_of(project).iter().all(|token| self.things[token].known())
    }

    /// Whether the thing is known to be active.
    pub(super) fn is_active(&self, id: &str) -> bool {
        self.things[id].state.as_ref().is_some_and(|fields| fields["is_active"] == true)
    }

    /// The thing's state with some members changed. The program's own choices are left open.
    pub(super) fn with(&self, id: &str, change: &Fields) -> State {
        let mut fields = self.things[id].state.clone()?;
        CHOSEN.iter().for_each(|name| drop(fields.remove(*name)));
        for (name, value) in change {
            let shown = if name == "api_key" { masked(value) } else { value.clone() };
            fields.insert(name.clone(), shown);
        }
        Some(fields)
    }

    /// A call was answered with 2xx and this body (null for none).
    pub(super) fn acknowledged(&mut self, step: &Step, request_id: String, body: &Value) {
        for (id, state) in step.effects(self) {
            let thing = self.things.get_mut(&id).unwrap();
            (thing.state, thing.maybe) = (state, None);
        }
        match step {
            Step::CreateProject(_) | Step::CreateToken { .. } => self.made(step, body),
            Step::ReadProject(id) | Step::ReadToken(id) => {
                let state = &self.things[id].state;
                assert!(agrees(state, Some(members(body))), "{request_id}: {body} was read, known is {state:?}");
            }
            Step::ChangeProject { id, .. } | Step::ChangeToken { id, .. } => {
                let state = &self.things[id].state;
                assert!(agrees(state, Some(members(body))), "{request_id}: {body} was answered, wanted {state:?}");
                self.things.get_mut(id).unwrap().state = Some(members(body).clone());
            }
            Step::DeleteProject(_) | Step::RevokeToken(_) | Step::RevokeTokens(_) => {}
        }
        self.calls.push(Call { request_id, action: step.action(), fate: Fate::Acknowledged, made: true });
    }

    /// A call was not answered, or so that nobody knows: what it asked for may have happened.
    pub(super) fn uncertain(&mut self, step: &Step, request_id: String, fate: Fate) {
        for (id, state) in step.effects(self) {
            let thing = self.things.get_mut(&id).unwrap();
            // Steps change only what is known, so this overwrites nothing.
            thing.maybe = Some((state, request_id.clone()));
        }
        self.births.extend(step.birth().map(|birth| (birth, request_id.clone())));
        self.calls.push(Call { request_id, action: step.action(), fate, made: false });
    }

    /// A call was refused in a way that says: nothing happened.
    pub(super) fn refused(&mut self, step: &Step, request_id: String) {
        self.calls.push(Call { request_id, action: step.action(), fate: Fate::Refused, made: false });
    }

    /// Compares with what the program shows, takes its own things out of that, and knows afterwards how they are.
    pub(super) fn settle(&mut self, shown: &mut Shown) {
        let mut made = Vec::new();
        for (id, thing) in &mut self.things {
            let all = if thing.parent.is_some() { &mut shown.tokens } else { &mut shown.projects };
            let found = all.remove(id);
            if !agrees(&thing.state, found.as_ref()) {
                let Some((state, call)) = &thing.maybe else {
                    panic!("{id} was acknowledged as\n{:?}\nand is\n{found:?}", thing.state)
                };
                assert!(
                    agrees(state, found.as_ref()),
                    "{id} is {found:?}, and {:?} or {state:?} were asked for",
                    thing.state
                );
                made.push(call.clone());
            }
            (thing.state, thing.maybe) = (found, None);
        }
        for (birth, call) in std::mem::take(&mut self.births) {
            if let Some((id, fields)) = birth.take_from(shown) {
                self.things.insert(id, Thing { parent: birth.parent, state: Some(fields), maybe: None });
                made.push(call);
            }
        }
        self.things.retain(|_, thing| thing.state.is_some());
        self.calls.iter_mut().filter(|call| made.contains(&call.request_id)).for_each(|call| call.made = true);
    }

    /// The calls so far, which are forgotten.
    pub(super) fn take_calls(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls)
    }

    fn ids(&self, wanted: impl Fn(&Thing) -> bool) -> Vec<String> {
        self.things.iter().filter(|(_, thing)| wanted(thing)).map(|(id, _)| id.clone()).collect()
    }

    fn made(&mut self, step: &Step, body: &Value) {
        let mut fields = members(body).clone();
        let parent = step.birth().unwrap().parent;
        if parent.is_some() {
            // The only answer with the token's string; later ones show a mask.
            fields.remove("token");
            fields.insert("is_active".to_owned(), true.into());
        }
        let id = fields["id"].as_str().unwrap().to_owned();
        self.things.insert(id, Thing { parent, state: Some(fields), maybe: None });
    }
}

impl Birth {
    /// Takes out what this is the birth of.
    fn take_from(&self, shown: &mut Shown) -> Option<(String, Fields)> {
        let (all, mark) =
            if self.parent.is_some() { (&mut shown.tokens, "max_requests") } else { (&mut shown.projects, "name") };
        let id = all.iter().find(|(_, fields)| fields[mark] == self.mark)?.0.clone();
        all.remove_entry(&id)
    }
}

/// Whether a thing is as it should be: absent, or with these members among others.
fn agrees(state: &State, found: Option<&Fields>) -> bool {
    match (state, found) {
        (None, None) => true,
        (Some(state), Some(found)) => state.iter().all(|(name, value)| found.get(name) == Some(value)),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn members(body: &Value) -> &Fields {
    body.as_object().unwrap_or_else(|| panic!("no object: {body}"))
}

/// How a key longer than twelve characters is shown.
fn masked(key: &Value) -> Value {
    let key = key.as_str().unwrap();
    format!("{}...{}", &key[..8], &key[key.len() - 4..]).into()
}
