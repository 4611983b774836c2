//! Audit events: filters, pages, and how lists and single events read.

use std::net::IpAddr;

use serde_json::json;

use super::*;
use crate::audit::{Action, Actor, Chain, Draft, Event, Outcome, RequestFacts, Shown};
use crate::ids::ChainId;
use crate::time::Timestamp;

fn is_listed(query: &str, filter: EventFilter, page: EventPage) {
    assert_is(listed(ManageRoute::Events, query), &Command::ListEvents(Box::new(filter), page), query);
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn event() -> Event {
    let request = RequestFacts {
        request_id: Shown::of("req-1"),
        correlation_id: Shown::of("cor-1"),
        client_ip: IpAddr::from([192, 0, 2, 7]),
        method: Shown::of("POST"),
        path: Shown::of("/v1/Chat"),
        user_agent: Some(Shown::of("curl/8")),
    };
    let draft = Draft {
        actor: Actor::Anonymous,
        outcome: Outcome::Denied,
        reason: Some("token_expired"),
        project_id: Some(project_id()),
        token_id: Some(token_id()),
        request: Some(Box::new(request)),
        ..Draft::of_system(at("2026-01-31T12:00:00Z"), Action::ProxyRequest)
    };
    Chain::new(ChainId::from_uuid(uuid::Uuid::from_u128(7))).seal(draft, &[1; 10])
}

#[test]
fn every_filter_is_read_by_its_name() {
    let filter = EventFilter {
        action: Some(Action::ProxyRequest),
        actor: Some(Actor::Anonymous),
        project_id: Some(project_id()),
        token_id: Some(token_id()),
        client_ip: Some(IpAddr::from([192, 0, 2, 7])),
        outcome: Some(Outcome::Denied),
        request_id: Some("r 1".to_owned()),
        correlation_id: Some("c".to_owned()),
        method: Some("POST".to_owned()),
        path: Some("/v1/x".to_owned()),
        search: Some("é".to_owned()),
        start_time: Some(at("2026-01-31T12:00:00Z")),
        end_time: Some(at("2026-01-31T11:00:00Z")),
    };
    let query = format!(
        "action=proxy_request&actor=anonymous&project_id={ID}&token_id={ID}&client_ip=::ffff:192.0.2.7&outcome=denied\
         &request_id=r+1&correlation_id=c&method=POST&path=%2Fv1/x&search=%C3%A9&start_time=2026-01-31T13:00:00%2B01:00\
         &end_time=2026-01-31T11:00:00Z&unknown=1"
    );
    is_listed(&query, filter, EventPage::default());
}

#[test]
fn pages_have_20_events_unless_the_call_says_otherwise() {
    let page = |page, page_size| EventPage { page, page_size, as_of: None };
    for (query, want) in [
        ("", page(1, 20)),
        ("page=3", page(3, 20)),
        ("page_size=100", page(1, 100)),
        ("page=2&page_size=1&limit=7", page(2, 1)),
    ] {
        is_listed(query, EventFilter::default(), want);
    }
    is_listed(&format!("as_of={ID}"), EventFilter::default(), EventPage { as_of: Some(event_id()), ..page(1, 20) });
    assert_eq!(page(3, 20).offset(), 40);
}

#[test]
fn a_filter_that_cannot_be_read_is_refused_by_its_name() {
    let id = "a UUID of 36 characters, such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    let time = "an RFC 3339 time, such as 2026-01-31T12:00:00Z";
    for (query, field, rule) in [
        ("action=token.creat", "action", "an action of an audit event, such as token.create or proxy_request"),
        ("action=", "action", "an action of an audit event, such as token.create or proxy_request"),
        ("actor=root", "actor", "one of system, anonymous, admin, management_api"),
        ("outcome=Denied", "outcome", "one of success, failure, denied, error"),
        ("project_id=7", "project_id", id),
        ("token_id=7", "token_id", id),
        ("as_of=7", "as_of", id),
        ("client_ip=192.0.2.7:80", "client_ip", "an IPv4 or IPv6 address, without a port"),
        ("start_time=2026-01-31", "start_time", time),
        ("end_time=1769860800", "end_time", time),
        ("search=", "search", "1 to 1024 characters"),
    ] {
        assert_bad(listed(ManageRoute::Events, query), &format!("{field} must be {rule}"), query);
    }
    for (query, want) in [
        ("page=0", "page must be a whole number from 1 to 4294967295"),
        ("page=x", "page must be a whole number from 1 to 4294967295"),
        ("page_size=0", "page_size must be a whole number from 1 to 100"),
        ("page_size=101", "page_size must be a whole number from 1 to 100"),
        ("page=1&page=1", "page is given more than once: send it once"),
    ] {
        assert_bad(listed(ManageRoute::Events, query), want, query);
    }
}

#[test]
fn a_filter_matches_what_has_all_that_it_asks_for() {
    let event = event();
    for query in [
        "",
        "action=proxy_request&actor=anonymous&outcome=denied",
        "client_ip=192.0.2.7&method=POST&path=/v1/Chat&request_id=req-1&correlation_id=cor-1",
        "start_time=2026-01-31T12:00:00Z&end_time=2026-01-31T12:00:00.000001Z",
        "search=CHAT",
        "search=Token_Exp",
        "search=curl",
        "search=proxy_",
    ] {
        assert!(filter(query).matches(&event), "{query}");
    }
    assert!(filter(&format!("project_id={ID}&token_id={ID}")).matches(&event));
}

#[test]
fn a_filter_does_not_match_what_lacks_one_thing() {
    let event = event();
    let other = "017f22e2-79b0-7cc3-98c4-dc0c0c073990";
    for query in [
        "action=token.list",
        "actor=system",
        "outcome=error",
        "client_ip=192.0.2.8",
        "method=post",
        "path=/v1/chat",
        "request_id=req",
        "correlation_id=req-1",
        "start_time=2026-01-31T12:00:00.000001Z",
        "end_time=2026-01-31T12:00:00Z",
        "search=nowhere",
        "outcome=denied&search=nowhere",
    ] {
        assert!(!filter(query).matches(&event), "{query}");
    }
    assert!(!filter(&format!("project_id={other}")).matches(&event));
    assert!(!filter(&format!("token_id={other}")).matches(&event));
}

fn filter(query: &str) -> EventFilter {
    match listed(ManageRoute::Events, query) {
        Ok(Command::ListEvents(filter, _)) => *filter,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_says_which_page_it_is() {
    let pagination = |page, page_size, total| {
        let page = EventPage { page, page_size, as_of: Some(event_id()) };
        let answer = render(Ok(Reply::Events(Vec::new(), total, page))).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status.as_u16(), &body["events"]), (200, &json!([])));
        body["pagination"].clone()
    };
    assert_eq!(
        pagination(2, 20, 41),
        json!({
            "page": 2, "page_size": 20, "total_count": 41, "total_pages": 3, "has_next": true, "has_prev": true,
            "as_of": ID,
        })
    );
    for (page, total, pages, next, prev) in [
        (1, 0, 0, false, false),
        (1, 20, 1, false, false),
        (1, 21, 2, true, false),
        (2, 21, 2, false, true),
        (9, 21, 2, false, true),
    ] {
        let is = pagination(page, 20, total);
        assert_eq!(
            (&is["total_pages"], &is["has_next"], &is["has_prev"]),
            (&json!(pages), &json!(next), &json!(prev)),
            "page {page} of {total}"
        );
    }
}

#[test]
fn an_event_reads_as_in_the_file() {
    let event = event();
    let line = serde_json::to_string(&event).unwrap();
    let answer = render(Ok(Reply::Event(Box::new(event.clone())))).unwrap();
    assert_eq!(String::from_utf8(answer.body).unwrap(), line);
    let page = EventPage::default();
    let body = render(Ok(Reply::Events(vec![event], 1, page))).unwrap().body;
    assert!(String::from_utf8(body).unwrap().starts_with(&format!(r#"{{"events":[{line}],"pagination":"#)));
}

#[test]
fn an_event_that_is_not_there_is_not_found() {
    let refusal = render(Err(CommandError::NotFound(Subject::Event))).unwrap_err();
    assert_eq!(refusal, Refusal::NotFound("there is no such audit event"));
}
