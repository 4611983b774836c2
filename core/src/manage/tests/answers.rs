//! Answers, byte for byte: one for every reply, one refusal for every error.

use http::StatusCode;

use super::*;
use crate::auth::{Denial, TokenString};
use crate::time::Timestamp;

/// 2026-01-31T12:00:00Z.
const NOON: Timestamp = Timestamp::from_micros(1_769_860_800_000_000);

const PROJECT: &str = concat!(
    r#"{"id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","name":"Team \"A\"","provider":"openai","#,
    r#""api_key":"sk-proj-...cdef","is_active":true,"deactivated_at":null,"#,
    r#""created_at":"2026-01-31T12:00:00Z","updated_at":"2026-01-31T12:00:00.25Z"}"#
);

const TOKEN: &str = concat!(
    r#"{"id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","token":"sk-AAEC...Dg8","#,
    r#""project_id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","expires_at":"2026-01-31T12:00:00Z","is_active":true,"#,
    r#""request_count":3,"leased_count":2,"max_requests":7,"requests_per_minute":null,"created_at":"2026-01-31T12:00:00Z","#,
    r#""last_used_at":null,"cache_hit_count":1}"#
);

#[test]
fn lists_are_arrays_with_the_count_of_all_items() {
    let total = |count| [("X-Total-Count", count)];
    assert_answer(Reply::Projects(Vec::new(), 0), 200, &total("0"), "[]");
    assert_answer(Reply::Projects(vec![project()], 42), 200, &total("42"), &format!("[{PROJECT}]"));
    assert_answer(Reply::Tokens(Vec::new(), 5), 200, &total("5"), "[]");
    assert_answer(Reply::Tokens(vec![token(), token()], 2), 200, &total("2"), &format!("[{TOKEN},{TOKEN}]"));
}

#[test]
fn a_record_reads_as_its_json() {
    assert_answer(Reply::Project(project()), 200, &[], PROJECT);
    assert_answer(Reply::Token(token()), 200, &[], TOKEN);
}

#[test]
fn a_key_that_cannot_be_opened_reads_unreadable() {
    let body = PROJECT.replace("sk-proj-...cdef", "unreadable");
    assert_answer(Reply::Project(Project { api_key: KeyView::Unreadable, ..project() }), 200, &[], &body);
}

#[test]
fn a_project_that_is_off_says_since_when() {
    let off = Project { is_active: false, deactivated_at: Some(NOON), ..project() };
    let body = PROJECT.replace(
        r#""is_active":true,"deactivated_at":null"#,
        r#""is_active":false,"deactivated_at":"2026-01-31T12:00:00Z""#,
    );
    assert_answer(Reply::Project(off), 200, &[], &body);
}

#[test]
fn a_new_project_says_where_it_is() {
    let location = ("Location", "/manage/projects/017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_answer(Reply::ProjectCreated(project()), 201, &[location], PROJECT);
}

#[test]
fn a_new_token_is_shown_whole_and_must_not_be_kept_on_the_way() {
    let location = ("Location", "/manage/tokens/017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    let fields = [("Cache-Control", "no-store"), location];
    let body = concat!(
        r#"{"id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","token":"sk-AAECAwQFBgcICQoLDA0ODw","#,
        r#""project_id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","expires_at":"2026-01-31T12:00:00Z","max_requests":7}"#
    );
    assert_answer(Reply::TokenCreated(token(), token_string()), 201, &fields, body);
    let unlimited = Token { max_requests: None, ..token() };
    let body = body.replace(r#""max_requests":7"#, r#""max_requests":null"#);
    assert_answer(Reply::TokenCreated(unlimited, token_string()), 201, &fields, &body);
}

#[test]
fn a_bulk_revocation_counts() {
    let counts = RevokedCounts { revoked_count: 2, already_revoked_count: 1, total_tokens: 3 };
    let body = r#"{"revoked_count":2,"already_revoked_count":1,"total_tokens":3}"#;
    assert_answer(Reply::Revoked(counts), 200, &[], body);
}

#[test]
fn what_is_gone_has_no_body_and_no_type() {
    assert_answer(Reply::Gone, 204, &[], "");
}

#[test]
fn every_error_is_its_refusal() {
    for (error, want) in [
        (CommandError::NotFound(Subject::Project), Refusal::NotFound("there is no such project")),
        (CommandError::NotFound(Subject::Token), Refusal::NotFound("there is no such token")),
        (CommandError::ProjectNameTaken, Refusal::ProjectNameTaken),
        (CommandError::ProjectInactive, Refusal::Denied(Denial::ProjectInactive)),
        (CommandError::StoreUnavailable, Refusal::StoreUnavailable),
    ] {
        assert_eq!(render(Err(error)), Err(want), "{error:?}");
    }
}

#[test]
fn an_answer_prints_nothing_of_its_body() {
    let answer = Rendered { status: StatusCode::OK, fields: Vec::new(), body: b"sk-".to_vec() };
    assert_eq!(format!("{answer:?}"), "Rendered { status: 200, fields: [], body_bytes: 3 }");
}

/// Asserts status, fields and body of the answer to a reply.
fn assert_answer(reply: Reply, status: u16, fields: &[(&str, &str)], body: &str) {
    let case = format!("{reply:?}");
    let answer = render(Ok(reply)).unwrap();
    assert_eq!(answer.status.as_u16(), status, "{case}");
    let shown: Vec<_> = answer.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(shown, fields, "{case}");
    assert_eq!(String::from_utf8(answer.body).unwrap(), body, "{case}");
}

fn project() -> Project {
    Project {
        id: project_id(),
        name: r#"Team "A""#.to_owned(),
        provider: "openai".to_owned(),
        api_key: KeyView::Masked("sk-proj-...cdef".to_owned()),
        is_active: true,
        deactivated_at: None,
        created_at: NOON,
        updated_at: NOON.plus(Duration::from_millis(250)),
    }
}

fn token() -> Token {
    Token {
        id: token_id(),
        token: "sk-AAEC...Dg8".to_owned(),
        project_id: project_id(),
        expires_at: NOON,
        is_active: true,
        request_count: 3,
        leased_count: 2,
        max_requests: Some(7),
        requests_per_minute: None,
        created_at: NOON,
        last_used_at: None,
        cache_hit_count: 1,
    }
}

fn token_string() -> TokenString {
    TokenString::from_random(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
}
