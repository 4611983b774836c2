//! `llm-proxy manage audit` and `cache` towards a scripted server, which answers as the contract of the API says.

use serde_json::{Value, json};

use crate::harness::{MANAGEMENT_TOKEN, Mock, Ran, Recorded, cli, ok};

/// The newest event's id.
const NEWEST: &str = "0198c0de-0000-7000-8000-000000000002";

/// Runs `llm-proxy manage` towards a mock.
fn manage(mock: &Mock, arguments: &[&str]) -> Ran {
    let target = ["--manage-api-base-url", &mock.base_url()];
    cli(&[&["manage"], arguments, &target].concat(), &[("MANAGEMENT_TOKEN", MANAGEMENT_TOKEN)], "")
}

fn event(number: u64) -> String {
    format!(
        r#"{{"timestamp":"2026-01-31T12:00:0{number}.5Z","id":"0198c0de-0000-7000-8000-00000000000{number}","action":"proxy_request","actor":"anonymous","outcome":"denied","reason":"token_expired","count":{number}}}"#
    )
}

fn page(events: &[u64], number: u64, has_next: bool) -> Vec<u8> {
    let events: Vec<_> = events.iter().map(|number| event(*number)).collect();
    ok(&format!(
        r#"{{"events":[{}],"pagination":{{"page":{number},"page_size":100,"total_count":3,"total_pages":2,"has_next":{has_next},"has_prev":false,"as_of":"{NEWEST}"}}}}"#,
        events.join(",")
    ))
}

/// A server with three events on two pages.
fn two_pages() -> Mock {
    Mock::start(|connection, request| {
        let second = request.head.start_line.contains("page=2&");
        connection.send(&if second { page(&[0], 2, false) } else { page(&[2, 1], 1, true) });
    })
}

fn targets(mock: &Mock) -> Vec<String> {
    let target = |request: Recorded| request.head.start_line.split(' ').nth(1).unwrap().to_owned();
    mock.requests().into_iter().map(target).collect()
}

#[test]
fn all_pages_are_read_as_they_were_at_the_first() {
    let mock = two_pages();
    let ran = manage(&mock, &["audit", "list", "-q"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ids: Vec<_> = ran.out.lines().map(|id| &id[35..]).collect();
    assert_eq!(ids, ["2", "1", "0"]);
    let second = format!("/manage/audit?as_of={NEWEST}&page=2&page_size=100");
    assert_eq!(targets(&mock), ["/manage/audit?page=1&page_size=100", &second]);
}

#[test]
fn all_pages_in_json_are_one_page_with_the_events_unchanged() {
    let ran = manage(&two_pages(), &["audit", "list", "--json"]);
    let events = format!(r#"{{"events":[{},{},{}],"#, event(2), event(1), event(0));
    assert!(ran.out.starts_with(&events), "{}", ran.out);
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        all["pagination"],
        json!({"page": 1, "page_size": 3, "total_count": 3, "total_pages": 1, "has_next": false, "has_prev": false, "as_of": NEWEST})
    );
}

#[test]
fn one_page_in_json_is_passed_on_as_it_is() {
    let mock = two_pages();
    let ran = manage(&mock, &["audit", "list", "--json", "--page", "1", "--page-size", "2"]);
    let body = String::from_utf8(page(&[2, 1], 1, true)).unwrap();
    assert_eq!(ran.out.trim_end(), body.split_once("\r\n\r\n").unwrap().1);
    assert_eq!(targets(&mock), ["/manage/audit?page=1&page_size=2"]);
}

#[test]
fn events_are_a_table_for_people() {
    let ran = manage(&two_pages(), &["audit", "list", "--page", "1"]);
    let lines: Vec<Vec<&str>> = ran.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..4], ["ID", "TIME", "(UTC)", "ACTION"]);
    let event = [NEWEST, "2026-01-31", "12:00:02", "proxy_request", "denied", "token_expired", "2", "anonymous"];
    assert_eq!(lines[1][..8], event);
}

#[test]
fn every_filter_is_passed_on() {
    const ID: &str = "0198c0de-0000-7000-8000-00000000000a";
    let mock = Mock::answering(page(&[], 1, false));
    let filters = [
        ("--action", "action", "token.create"),
        ("--actor", "actor", "admin"),
        ("--outcome", "outcome", "denied"),
        ("--project", "project_id", ID),
        ("--token", "token_id", ID),
        ("--client-ip", "client_ip", "192.0.2.1"),
        ("--request-id", "request_id", "r"),
        ("--correlation-id", "correlation_id", "c"),
        ("--method", "method", "GET"),
        ("--path", "path", "/v1/a b&c"),
        ("--search", "search", "ü"),
        ("--start-time", "start_time", "2026-01-31T12:00:00+01:00"),
        ("--end-time", "end_time", "2026-02-01T00:00:00Z"),
    ];
    let flags = filters.iter().flat_map(|(flag, _, value)| [*flag, *value]);

    let ran = manage(&mock, &["audit", "list", "--page", "1"].into_iter().chain(flags).collect::<Vec<_>>());

    assert_eq!(ran.code, Some(0), "{ran:?}");
    let target = targets(&mock).remove(0);
    let sent: Vec<_> = form_urlencoded::parse(target.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    for (_, name, value) in filters {
        assert!(sent.contains(&(name.to_owned(), value.to_owned())), "{name} in {target}");
    }
    assert_eq!(sent.len(), filters.len() + 1, "{target}");
}

#[test]
fn one_event_is_shown_with_all_that_it_has() {
    let mock = Mock::answering(ok(&event(2)));
    let ran = manage(&mock, &["audit", "show", NEWEST]);
    assert!(ran.out.contains("timestamp  2026-01-31 12:00:02 UTC\n"), "{}", ran.out);
    assert!(ran.out.contains("reason     token_expired\n"), "{}", ran.out);
    assert_eq!(targets(&mock), [format!("/manage/audit/{NEWEST}")]);
}

#[test]
fn the_cache_is_purged_by_resource_or_by_prefix() {
    for (arguments, body, deleted, said) in [
        (
            &["--url", "/v1/models?a=b"][..],
            json!({"method": "GET", "url": "/v1/models?a=b"}),
            "true",
            "the resource is removed\n",
        ),
        (
            &["--url", "/x", "--method", "POST"],
            json!({"method": "POST", "url": "/x"}),
            "false",
            "the resource was not in the cache\n",
        ),
        (
            &["--prefix", "/v1", "--project", NEWEST],
            json!({"prefix": "/v1", "project_id": NEWEST}),
            "3",
            "resources removed: 3\n",
        ),
    ] {
        let mock = Mock::answering(ok(&format!(r#"{{"deleted":{deleted}}}"#)));
        let ran = manage(&mock, &[&["cache", "purge"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), said), "{ran:?}");
        let request = mock.only_request();
        assert!(request.head.start_line.starts_with("POST /manage/cache/purge "), "{}", request.head.start_line);
        assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), body);
    }
}
