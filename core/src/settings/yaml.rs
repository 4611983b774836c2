//! YAML text as a tree in which every node knows its line and column.
//!
//! It decides which YAML is accepted: one document of texts, lists and mappings with texts as keys. A key cannot
//! appear twice; tags are refused. Aliases stand for copies of what they name, and the copies count: a file cannot
//! grow to more than [`MAX_NODES`] nodes or deeper than [`MAX_DEPTH`], whatever it says. What keys and values mean is
//! its callers' business.

use std::collections::BTreeMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, options};

use super::ProvidersError;

/// The most nodes, copies by aliases included. Real files have some hundred.
const MAX_NODES: usize = 20_000;

/// The most collections within each other. Real files have five.
const MAX_DEPTH: usize = 16;

/// Where a node begins, both from 1; columns count characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    const START: Self = Self { line: 1, column: 1 };

    /// An error at this place.
    pub(super) fn error(self, message: impl Into<String>) -> ProvidersError {
        ProvidersError { line: self.line, column: self.column, message: message.into() }
    }
}

impl From<&Marker> for Place {
    fn from(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing, `~` or `null`, without quotes.
    Null,
    /// Any other scalar, numbers and truth values too: what it must be says the key that it stands under.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the file's order.
    Map(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Where the key stands.
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) value: Node,
}

/// Reads a text that holds one document.
///
/// # Errors
/// Whatever is against the header's rules, with its place.
pub(super) fn parse(text: &str) -> Result<Node, ProvidersError> {
    let options = options! { emit_comments: false, flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    let mut tree = Tree::default();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| syntax_error(&error))?;
        tree.take(event, Place::from(&span.start))?;
    }
    tree.root.ok_or_else(|| Place::START.error("the file is empty"))
}

fn syntax_error(error: &ScanError) -> ProvidersError {
    Place::from(error.marker()).error(format!("this is not valid YAML: {}", error.info()))
}

/// The tree while it grows.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<Open>,
    /// What aliases can name, by the parser's number for the anchor (0 is none).
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

/// A collection whose end is still to come.
struct Open {
    place: Place,
    anchor: usize,
    filling: Filling,
}

enum Filling {
    List(Vec<Node>),
    /// The entries, and the key whose value comes next.
    Map(Vec<Entry>, Option<(Place, String)>),
}

impl Tree {
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), ProvidersError> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(place.error("the file has a second document: write one"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), place)?;
                self.add(Node { place, value: scalar(&text, style) }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), place)?;
                self.open(place, anchor, Filling::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), place)?;
                self.open(place, anchor, Filling::Map(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.add_alias(anchor, place),
            Event::UnresolvedAlias(_) => Err(place.error("this alias has no anchor before it")),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..) => Ok(()),
            // The parser's enum may grow; what it does not name yet is nothing that this file may hold.
            _ => Err(place.error("this kind of YAML is not supported here")),
        }
    }

    fn open(&mut self, place: Place, anchor: usize, filling: Filling) -> Result<(), ProvidersError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(place.error(format!("collections are nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(Open { place, anchor, filling });
        Ok(())
    }

    fn close(&mut self) -> Result<(), ProvidersError> {
        let Some(Open { place, anchor, filling }) = self.open.pop() else {
            return Err(Place::START.error("this is not valid YAML: a collection ends that never began"));
        };
        let value = match filling {
            Filling::List(nodes) => Value::List(nodes),
            Filling::Map(entries, _) => Value::Map(entries),
        };
        self.add(Node { place, value }, anchor)
    }

    fn add_alias(&mut self, anchor: usize, place: Place) -> Result<(), ProvidersError> {
        let Some(named) = self.anchors.get(&anchor).cloned() else {
            return Err(place.error("this alias stands within what it names"));
        };
        let (nodes, depth) = named.extent();
        if self.open.len() + depth > MAX_DEPTH {
            return Err(place.error(format!("with this alias, collections are nested deeper than {MAX_DEPTH} levels")));
        }
        // The one for the node itself is counted where it is added.
        self.nodes += nodes - 1;
        self.add(Node { place, value: named.value }, 0)
    }

    /// Puts a complete node where the innermost open collection wants it.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), ProvidersError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(node.place.error(format!("the file has more than {MAX_NODES} values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.filling) {
            None => self.root = Some(node),
            Some(Filling::List(nodes)) => nodes.push(node),
            Some(Filling::Map(entries, key)) => match key.take() {
                Some((place, key)) => entries.push(Entry { place, key, value: node }),
                None => *key = Some(new_key(entries, node)?),
            },
        }
        Ok(())
    }
}

/// `node` as the next key of a mapping that has `entries` so far.
fn new_key(entries: &[Entry], node: Node) -> Result<(Place, String), ProvidersError> {
    let place = node.place;
    let Value::Text(key) = node.value else {
        return Err(place.error("a key must be a text"));
    };
    match entries.iter().find(|entry| entry.key == key) {
        Some(first) => Err(place.error(format!("the key {key:?} is there already, on line {}", first.place.line))),
        None => Ok((place, key)),
    }
}

impl Node {
    /// How many nodes this is, keys not counted, and how many collections within each other.
    fn extent(&self) -> (usize, usize) {
        let sum = |(nodes, depth): (usize, usize), node: &Self| {
            let (more, below) = node.extent();
            (nodes + more, depth.max(below + 1))
        };
        match &self.value {
            Value::Null | Value::Text(_) => (1, 0),
            Value::List(nodes) => nodes.iter().fold((1, 1), sum),
            Value::Map(entries) => entries.iter().map(|entry| &entry.value).fold((1, 1), sum),
        }
    }
}

fn refuse_tag(has_tag: bool, place: Place) -> Result<(), ProvidersError> {
    if has_tag { Err(place.error("tags (!) are not supported here")) } else { Ok(()) }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let null = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if null { Value::Null } else { Value::Text(text.to_owned()) }
}
