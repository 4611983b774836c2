//! Which audit events the database need not keep, and the event that anchors what remains. The file keeps all.

use std::collections::BTreeMap;
use std::time::Duration;

use llm_proxy_core::audit::{Action, Draft, Event, Fact, Shown};
use llm_proxy_core::ids::{ChainId, EventId};
use llm_proxy_core::time::Timestamp;

use crate::store::{Store, StoreError};

/// How often old events are looked for, where the last look found none.
pub(super) const EVERY: Duration = Duration::from_secs(60);

/// Events removed together.
const PER_BATCH: u32 = 500;

/// Chains without later events whose anchors are kept.
const MOST_SILENT: usize = 64;

/// What to remove, and what to record before.
pub(super) struct Pruning {
    pub(super) ids: Vec<EventId>,
    pub(super) event: Draft,
}

/// The oldest events, if they are from before that time. Ids decide: they grow within a chain, as times need not.
pub(super) async fn choose(
    store: &dyn Store,
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<Pruning>, StoreError> {
    let limit = EventId::new(before, &[0; 10]);
    let mut oldest = store.events_after(None, PER_BATCH).await?;
    oldest.retain(|event| event.id < limit);
    if oldest.is_empty() {
        return Ok(None);
    }
    let chains = needed(store, anchors(&oldest)).await?;
    let ids: Vec<EventId> = oldest.iter().map(|event| event.id).collect();
    let count = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    let metadata = BTreeMap::from([("chains", Fact::List(chains)), ("count", Fact::Number(count))]);
    Ok(Some(Pruning { ids, event: Draft { metadata, ..Draft::of_system(now, Action::AuditPrune) } }))
}

/// The anchors that somebody will need: those of chains that have later events, and, as far as it is likely, of those
/// that will have: an instance may be silent for longer than events are kept.
async fn needed(store: &dyn Store, anchors: BTreeMap<ChainId, Anchor>) -> Result<Vec<Fact>, StoreError> {
    let (mut needed, mut silent) = (Vec::new(), Vec::new());
    for (chain, anchor) in anchors {
        let goes_on = store.last_event(Some(chain)).await?.is_some_and(|last| last.id > anchor.id);
        match (goes_on, anchor.is_end) {
            (true, _) => needed.push(anchor.fact(chain)),
            (false, false) => silent.push((anchor.id, anchor.fact(chain))),
            (false, true) => {}
        }
    }
    // Runs that ended without a word are among them, more and more: the newest are the likeliest to go on.
    silent.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
    needed.extend(silent.into_iter().take(MOST_SILENT).map(|(_, fact)| fact));
    Ok(needed)
}

/// The last event of a chain that goes.
struct Anchor {
    id: EventId,
    hash: String,
    /// Whether nothing can follow on it.
    is_end: bool,
}

impl Anchor {
    fn fact(&self, chain: ChainId) -> Fact {
        let text = |text: &str| Fact::Text(Shown::of(text));
        Fact::Map(BTreeMap::from([
            ("chain", text(&chain.to_string())),
            ("hash", text(&self.hash)),
            ("id", text(&self.id.to_string())),
        ]))
    }
}

/// The anchors of all chains among these events, and those that events of an earlier pruning hold: they go with them.
fn anchors(events: &[Event]) -> BTreeMap<ChainId, Anchor> {
    let mut anchors = BTreeMap::new();
    let mut keep = |chain: ChainId, anchor: Anchor| match anchors.get(&chain) {
        Some(Anchor { id, .. }) if *id >= anchor.id => {}
        Some(_) | None => {
            anchors.insert(chain, anchor);
        }
    };
    for event in events {
        for (chain, anchor) in held_by(event) {
            keep(chain, anchor);
        }
        let is_end = event.action == Action::ServerStop.as_str();
        keep(event.chain, Anchor { id: event.id, hash: event.hash.clone(), is_end });
    }
    anchors
}

/// The anchors that an event of an earlier pruning holds.
fn held_by(event: &Event) -> Vec<(ChainId, Anchor)> {
    if event.action != Action::AuditPrune.as_str() {
        return Vec::new();
    }
    let chains =
        event.metadata.as_ref().and_then(|metadata| metadata.get("chains")).and_then(|chains| chains.as_array());
    let text =
        |value: &serde_json::Value, name: &str| value.get(name).and_then(|text| text.as_str()).map(str::to_owned);
    let held = chains.into_iter().flatten().filter_map(|value| {
        let id = EventId::parse(&text(value, "id")?)?;
        Some((ChainId::parse(&text(value, "chain")?)?, Anchor { id, hash: text(value, "hash")?, is_end: false }))
    });
    held.collect()
}
