//! The audit events of calls: in the file and in the database, exactly one each.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::ledger::{Call, Fate};
use crate::harness::{Options, Proxy};

/// Whether the program writes audit events. Without them only the changes themselves are checked.
pub(super) const KEPT: bool = true;

/// What the events of one request say.
type ByRequest = HashMap<String, Vec<Value>>;

/// Asserts that each call has its event in both books, and that both are unbroken.
pub(super) fn assert_complete(proxy: &Proxy, options: &Options, file: &Path, calls: &[Call]) {
    if !KEPT {
        return;
    }
    let in_file = by_request(events_in_file(file));
    let in_database = by_request(events_in_database(proxy, calls.len()));
    for call in calls {
        let of = |book: &ByRequest| book.get(&call.request_id).cloned().unwrap_or_default();
        let (filed, stored) = (of(&in_file), of(&in_database));
        assert_eq!(filed, stored, "the file and the database differ on {call:?}");
        assert_told(call, &filed);
    }
    assert_verified(proxy, options, &["audit", "verify", file.to_str().unwrap()]);
    assert_verified(proxy, options, &["audit", "verify", "--db"]);
}

/// Asserts that the events of a call say what happened.
fn assert_told(call: &Call, events: &[Value]) {
    // A change whose commit's result is unknown may have a second event, which corrects the first.
    let (corrections, events): (Vec<_>, Vec<_>) =
        events.iter().partition(|event| event["metadata"].get("corrects").is_some());
    let successes = events.iter().filter(|event| event["outcome"] == "success").count();
    assert!(events.iter().all(|event| event["action"] == call.action), "{call:?}: {events:?}");
    match call.fate {
        Fate::Acknowledged => {
            assert!(events.len() == 1 && successes == 1 && corrections.is_empty(), "{call:?}: {events:?}");
        }
        Fate::Refused => assert_eq!(events.len(), 1, "{call:?}: {events:?}"),
        Fate::Unanswered => assert!(events.len() <= 1 && corrections.len() <= events.len(), "{call:?}: {events:?}"),
    }
    assert!(!call.made || successes == 1, "a change without its event: {call:?}: {events:?}");
}

/// All whole lines of the file. A last line without its end is of a write that was cut off.
fn events_in_file(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The newest events of the database, at least those of so many calls.
fn events_in_database(proxy: &Proxy, calls: usize) -> Vec<Value> {
    let mut events = Vec::new();
    let mut page = 1;
    let mut as_of = String::new();
    loop {
        let path = format!("/manage/audit?page_size=100&page={page}{as_of}");
        let response = proxy.manage("GET", &path, None);
        assert_eq!(response.status(), 200, "{response:?}");
        let body = response.json();
        events.extend(body["events"].as_array().unwrap().iter().cloned());
        // Two events a call, and what else the program says.
        if body["pagination"]["has_next"] != true || events.len() > 2 * calls + 1000 {
            return events;
        }
        as_of = format!("&as_of={}", body["pagination"]["as_of"].as_str().unwrap());
        page += 1;
    }
}

fn by_request(events: Vec<Value>) -> ByRequest {
    let mut by_request = ByRequest::new();
    // Newest first in the database, oldest first in the file.
    let mut events = events;
    events.sort_by_key(|event| event["id"].as_str().unwrap().to_owned());
    for event in events {
        if let Some(id) = event["request_id"].as_str() {
            by_request.entry(id.to_owned()).or_default().push(event);
        }
    }
    by_request
}

fn assert_verified(proxy: &Proxy, options: &Options, arguments: &[&str]) {
    let output = proxy.tool(options, arguments);
    let said = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.0.contains("OK"), "{arguments:?}: {} {said:?}", output.status);
}
