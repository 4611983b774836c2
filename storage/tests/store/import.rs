//! The original's database, brought into a store on a file, and on a server.

use std::path::Path;

use llm_proxy_core::auth::TokenString;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{KeyView, Page, Token, TokenFilter};
use llm_proxy_core::time::Timestamp;
use llm_proxy_storage::{
    Counted, Database, ImportError, ImportOptions, ImportReport, LeftOut, LeftOutReason, Row, SqlStore, StorageConfig,
    Store, import,
};
use sqlx::{MySql, Postgres};
use tempfile::TempDir;

use crate::calls::{KEY, KEY_MASK, at, delete_project, get_project, get_token, grant, list_tokens, secret, spend};
use crate::file::{contains, open_with, path_in};
use crate::original::*;
use crate::servers::{OnServer, TestServer};

/// The original's ENCRYPTION_KEY, and ours: bytes 0 to 31.
pub(crate) const SETTING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) fn config(folder: &TempDir, setting: Option<&str>) -> StorageConfig {
    let database = Database::Sqlite { path: path_in(folder), pool_size: 2 };
    StorageConfig { encryption_key: setting.map(secret), ..StorageConfig::new(database) }
}

pub(crate) async fn bring(folder: &TempDir, path: &Path) -> Result<ImportReport, ImportError> {
    let options = ImportOptions { provider: "openai".to_owned(), at: at(0) };
    import(&config(folder, Some(SETTING)), path, &options).await
}

/// Makes an original, brings it, and opens the store that it went to.
pub(crate) async fn brought(folder: &TempDir, layout: &'static str, rows: &[&str]) -> (ImportReport, SqlStore) {
    let path = original(folder, layout, rows).await;
    let report = bring(folder, &path).await.unwrap();
    (report, open_with(&path_in(folder), SETTING).await.unwrap())
}

fn parsed(token: &str) -> TokenString {
    TokenString::parse(token.as_bytes()).unwrap()
}

fn project_id(text: &str) -> ProjectId {
    ProjectId::parse(text).unwrap()
}

fn token_id(text: &str) -> TokenId {
    TokenId::parse(text).unwrap()
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

async fn all_tokens(store: &dyn Store) -> Vec<Token> {
    list_tokens(store, TokenFilter::default(), Page::default(), at(0)).await.0
}

pub(crate) const fn counted(imported: u64, already_there: u64) -> Counted {
    Counted { imported, already_there }
}

pub(crate) fn left_out(row: Row, name: &str, reason: LeftOutReason) -> LeftOut {
    LeftOut { row, name: name.to_owned(), reason }
}

#[tokio::test]
async fn a_token_of_the_oldest_layout_works_with_the_same_string() {
    let folder = TempDir::new().unwrap();
    let rows = [&*old_project(ALPHA, "alpha"), &old_token(TOKEN, ALPHA)];
    let (report, store) = brought(&folder, OLDEST, &rows).await;
    assert_eq!((report.projects, report.tokens), (counted(1, 0), counted(1, 0)));
    assert!(report.left_out.is_empty(), "{report}");
    let grant = grant(&store, &parsed(TOKEN)).await.unwrap();
    assert_eq!((grant.project_id, &*grant.provider), (project_id(ALPHA), "openai"));
    assert_eq!((grant.upstream_key.reveal(), grant.token_active, grant.project_active), (KEY, true, true));
    let token = get_token(&store, grant.token_id).await.unwrap();
    assert_eq!(token.token, "sk-AAEC...0ODw");
}

#[tokio::test]
async fn a_hashed_token_works_with_the_same_string_and_its_sealed_key_opens() {
    let folder = TempDir::new().unwrap();
    let rows = [&*new_project(ALPHA, "alpha", SEALED_KEY), &new_token(TOKEN_ID, TOKEN_SHA256, ALPHA)];
    let (_, store) = brought(&folder, NEWEST, &rows).await;
    let grant = grant(&store, &parsed(TOKEN)).await.unwrap();
    assert_eq!((grant.token_id, grant.upstream_key.reveal()), (token_id(TOKEN_ID), KEY));
    assert_eq!(get_token(&store, grant.token_id).await.unwrap().token, "sk-...");
    assert_eq!(get_project(&store, project_id(ALPHA)).await.unwrap().api_key, KeyView::Masked(KEY_MASK.to_owned()));
}

#[tokio::test]
async fn records_come_as_they_were() {
    let folder = TempDir::new().unwrap();
    let rows = [
        "projects VALUES ('0b5a1c9e-5f0e-4c1a-9a57-2f6b2b1f0a01', 'alpha', 'key', 0, '2025-03-02 10:00:00+00:00', \
            '2025-01-01 12:00:00', '2025-03-02 11:00:00.5+01:00')",
        "tokens VALUES ('5d0c3a52-93a1-4b0e-8d7c-0f4e6a7b8c01', \
            '13ed05a759023af1c097338923363a18faa173cecef2d9e4e8c77f3e0b8652eb', \
            '0b5a1c9e-5f0e-4c1a-9a57-2f6b2b1f0a01', '2025-02-01 12:00:00.123456789+02:00', 0, \
            '2025-02-02 00:00:00', 17, 20, '2025-01-01T12:00:00Z', 1735740000, 4, NULL)",
    ];
    let (_, store) = brought(&folder, NEWEST, &rows).await;
    let project = get_project(&store, project_id(ALPHA)).await.unwrap();
    assert_eq!((&*project.name, project.is_active), ("alpha", false));
    assert_eq!(project.deactivated_at, Some(time("2025-03-02T10:00:00Z")));
    assert_eq!(project.created_at, time("2025-01-01T12:00:00Z"));
    assert_eq!(project.updated_at, time("2025-03-02T10:00:00.5Z"));
    let expected = Token {
        id: token_id(TOKEN_ID),
        token: "sk-...".to_owned(),
        project_id: project_id(ALPHA),
        expires_at: time("2025-02-01T10:00:00.123456Z"),
        is_active: false,
        request_count: 17,
        leased_count: 0,
        max_requests: Some(20),
        requests_per_minute: None,
        created_at: time("2025-01-01T12:00:00Z"),
        last_used_at: Some(time("2025-01-01T14:00:00Z")),
        cache_hit_count: 4,
    };
    assert_eq!(get_token(&store, token_id(TOKEN_ID)).await.unwrap(), expected);
}

#[tokio::test]
async fn an_active_project_has_no_date_of_deactivation() {
    let folder = TempDir::new().unwrap();
    let row = format!(
        "projects (id, name, api_key, deactivated_at) VALUES ('{ALPHA}', 'alpha', 'key', '2025-03-02 10:00:00')"
    );
    let (_, store) = brought(&folder, NEWEST, &[&row]).await;
    let project = get_project(&store, project_id(ALPHA)).await.unwrap();
    assert_eq!((project.is_active, project.deactivated_at), (true, None));
}

#[tokio::test]
async fn a_limit_goes_on_from_the_count() {
    let folder = TempDir::new().unwrap();
    let limited = format!(
        "tokens (id, token, project_id, request_count, max_requests) \
         VALUES ('{TOKEN_ID}', '{TOKEN_SHA256}', '{ALPHA}', 19, 20)"
    );
    let rows = [&*new_project(ALPHA, "alpha", "key"), &limited];
    let (_, store) = brought(&folder, NEWEST, &rows).await;
    assert!(spend(&store, token_id(TOKEN_ID), at(1)).await);
    assert!(!spend(&store, token_id(TOKEN_ID), at(1)).await);
}

#[tokio::test]
async fn a_token_that_never_expires_does_so_at_the_end_of_time() {
    let folder = TempDir::new().unwrap();
    let (report, store) = brought(&folder, OLDEST, &[&old_project(ALPHA, "alpha"), &old_token(TOKEN, ALPHA)]).await;
    assert_eq!(report.without_end, 1);
    assert_eq!(all_tokens(&store).await[0].expires_at, time("9999-12-31T23:59:59Z"));
}

#[tokio::test]
async fn a_second_run_brings_what_is_new_and_leaves_what_is_there() {
    let folder = TempDir::new().unwrap();
    let rows = [
        &*old_project(ALPHA, "alpha"),
        &old_project("not-a-uuid", "other"),
        &old_token(TOKEN, ALPHA),
        &old_token(OTHER_TOKEN, "not-a-uuid"),
    ];
    let (first, store) = brought(&folder, OLDEST, &rows).await;
    assert_eq!((first.projects, first.tokens), (counted(2, 0), counted(2, 0)));
    let used = grant(&store, &parsed(TOKEN)).await.unwrap().token_id;
    spend(&store, used, at(1)).await;
    let third = TokenString::from_random(&[7; 16]);
    add(&mut writer(&old_path(&folder)).await, &[&old_token(third.reveal(), ALPHA)]).await;
    let second = bring(&folder, &old_path(&folder)).await.unwrap();
    assert_eq!((second.projects, second.tokens), (counted(0, 2), counted(1, 2)));
    assert!(second.renamed.is_empty());
    assert_eq!(get_token(&store, used).await.unwrap().request_count, 1);
    assert_eq!(all_tokens(&store).await.len(), 3);
    assert!(grant(&store, &third).await.is_some());
}

#[tokio::test]
async fn ids_that_are_no_uuids_become_some_and_are_reported() {
    let folder = TempDir::new().unwrap();
    let rows = [&*new_project("team-1", "alpha", "key"), &new_token("token-1", TOKEN, "team-1")];
    let (report, store) = brought(&folder, NEWEST, &rows).await;
    let grant = grant(&store, &parsed(TOKEN)).await.unwrap();
    let ids: Vec<_> = report.new_ids.iter().map(|new| (new.row, &*new.from, new.to.clone())).collect();
    let expected =
        [(Row::Project, "team-1", grant.project_id.to_string()), (Row::Token, "token-1", grant.token_id.to_string())];
    assert_eq!(ids, expected);
    assert_eq!(grant.project_id.uuid().get_version_num(), 8);
}

#[tokio::test]
async fn tokens_that_no_request_could_present_are_reported_by_their_masks() {
    let folder = TempDir::new().unwrap();
    let rows = [
        &*old_project(ALPHA, "alpha"),
        &old_token("tkn_AAECAwQFBgcICQoLDA0ODw", ALPHA),
        // What the original's decoder forgives: bits behind the sixteenth byte.
        &old_token("sk-AAECAwQFBgcICQoLDA0ODx", ALPHA),
        &old_token(OTHER_TOKEN, ALPHA),
    ];
    let (report, _) = brought(&folder, OLDEST, &rows).await;
    let masks = ["tkn_AAEC...0ODw", "sk-AAECA...0ODx"];
    assert_eq!(report.left_out, masks.map(|mask| left_out(Row::Token, mask, LeftOutReason::TokenForm)));
    assert_eq!(report.tokens, counted(1, 0));
    assert!(!format!("{report} {report:?}").contains("AAECAwQF"), "{report}");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out_with_its_column_and_takes_its_tokens_along() {
    let folder = TempDir::new().unwrap();
    let bad_project =
        format!("projects (id, name, openai_api_key, created_at) VALUES ('{BETA}', 'beta', 'key', 'yesterday')");
    let bad_token = format!("tokens (token, project_id, request_count) VALUES ('{TOKEN}', '{ALPHA}', 'many')");
    let rows = [&*old_project(ALPHA, "alpha"), &bad_project, &bad_token, &old_token(OTHER_TOKEN, BETA)];
    let (report, _) = brought(&folder, OLDEST, &rows).await;
    let expected = [
        left_out(Row::Project, BETA, LeftOutReason::Unreadable("created_at")),
        left_out(Row::Token, "sk-AAECA...0ODw", LeftOutReason::Unreadable("request_count")),
        left_out(Row::Token, "sk-EBESE...0eHw", LeftOutReason::ProjectLeftOut),
    ];
    assert_eq!(report.left_out, expected);
}

#[tokio::test]
async fn a_token_without_its_project_and_a_token_that_stands_there_twice_are_left_out() {
    let folder = TempDir::new().unwrap();
    let other_id = "5d0c3a52-93a1-4b0e-8d7c-0f4e6a7b8c02";
    let rows = [
        &*new_project(ALPHA, "alpha", "key"),
        &new_token("5d0c3a52-93a1-4b0e-8d7c-0f4e6a7b8c00", OTHER_TOKEN_SHA256, BETA),
        &new_token(TOKEN_ID, TOKEN_SHA256, ALPHA),
        &new_token(other_id, TOKEN, ALPHA),
    ];
    let (report, _) = brought(&folder, NEWEST, &rows).await;
    let expected = [
        left_out(Row::Token, "5d0c3a52-93a1-4b0e-8d7c-0f4e6a7b8c00", LeftOutReason::NoProject),
        left_out(Row::Token, other_id, LeftOutReason::Twice),
    ];
    assert_eq!((report.left_out, report.tokens), (expected.to_vec(), counted(1, 0)));
}

#[tokio::test]
async fn two_spellings_of_one_uuid_are_told() {
    let folder = TempDir::new().unwrap();
    let spelled = ALPHA.to_uppercase();
    let rows = [&*old_project(ALPHA, "alpha"), &old_project(&spelled, "beta"), &old_token(TOKEN, &spelled)];
    let (report, _) = brought(&folder, OLDEST, &rows).await;
    let twice = left_out(Row::Project, &spelled, LeftOutReason::Twice);
    let token = left_out(Row::Token, "sk-AAECA...0ODw", LeftOutReason::ProjectLeftOut);
    assert_eq!(report.left_out, [twice, token]);
}

#[tokio::test]
async fn a_project_that_was_deleted_here_stays_deleted() {
    let folder = TempDir::new().unwrap();
    let rows = [&*new_project(ALPHA, "alpha", "key"), &new_token(TOKEN_ID, TOKEN_SHA256, ALPHA)];
    let (_, store) = brought(&folder, NEWEST, &rows).await;
    delete_project(&store, project_id(ALPHA)).await.unwrap();
    let again = bring(&folder, &old_path(&folder)).await.unwrap();
    let expected = [
        left_out(Row::Project, ALPHA, LeftOutReason::DeletedHere),
        left_out(Row::Token, TOKEN_ID, LeftOutReason::DeletedHere),
    ];
    assert_eq!(again.left_out, expected);
    assert!(grant(&store, &parsed(TOKEN)).await.is_none());
}

#[tokio::test]
async fn what_has_no_place_here_is_counted() {
    let folder = TempDir::new().unwrap();
    let with_metadata = format!(
        "tokens (id, token, project_id, metadata) VALUES ('{TOKEN_ID}', '{TOKEN_SHA256}', '{ALPHA}', '{{\"a\":1}}')"
    );
    let event = |n: u8| format!("audit_events VALUES ('e{n}', '2025-01-01 00:00:00', 'a', 'b', 'success')");
    let rows = [&*new_project(ALPHA, "alpha", ""), &with_metadata, &event(1), &event(2)];
    let (report, _) = brought(&folder, NEWEST, &rows).await;
    assert_eq!((report.audit_events, report.metadata), (2, 1));
    assert_eq!(report.without_key, [project_id(ALPHA)]);
}

#[tokio::test]
async fn no_secret_is_in_the_report_nor_in_the_files() {
    let folder = TempDir::new().unwrap();
    let rows = [&*old_project(ALPHA, "alpha"), &old_token(TOKEN, ALPHA)];
    let (report, store) = brought(&folder, OLDEST, &rows).await;
    store.close().await;
    let files = crate::file::bytes_at_rest(&path_in(&folder));
    for secret in [KEY, &TOKEN[3..], TOKEN_SHA256] {
        assert!(!format!("{report} {report:?}").contains(secret));
        assert!(!contains(&files, secret.as_bytes()));
    }
}

#[tokio::test]
async fn the_report_says_each_thing_in_a_line_and_quotes_what_comes_from_the_file() {
    let folder = TempDir::new().unwrap();
    let rows = [&*old_project("a\nb", "alpha"), &old_token(TOKEN, "a\nb"), &old_token(OTHER_TOKEN, "gone")];
    let path = original(&folder, OLDEST, &rows).await;
    let report = bring(&folder, &path).await.unwrap();
    let new_id = report.new_ids[0].to.clone();
    let expected = format!(
        "projects: 1 imported, 0 already there\n\
         tokens: 1 imported, 0 already there\n\
         project \"a\\nb\": its id is now {new_id}\n\
         token \"sk-EBESE...0eHw\" was left out: its project is not in the file\n\
         1 tokens never expired; here they expire at the end of the year 9999\n"
    );
    assert_eq!(report.to_string(), expected);
}

async fn brought_to_a_server<S: TestServer>() {
    let (database, folder) = (OnServer::<S>::new().await, TempDir::new().unwrap());
    let limited = format!(
        "tokens (id, token, project_id, request_count, max_requests) \
         VALUES ('{TOKEN_ID}', '{TOKEN_SHA256}', '{ALPHA}', 19, 20)"
    );
    let rows = [&*new_project(ALPHA, "alpha", SEALED_KEY), &new_project(BETA, "Ünïcode", "a plain key"), &limited];
    let path = original(&folder, NEWEST, &rows).await;
    let config = StorageConfig { encryption_key: Some(secret(SETTING)), ..StorageConfig::new(database.database()) };
    let options = ImportOptions { provider: "openai".to_owned(), at: at(0) };
    let first = import(&config, &path, &options).await.unwrap();
    assert_eq!((first.projects, first.tokens), (counted(2, 0), counted(1, 0)));
    let second = import(&config, &path, &options).await.unwrap();
    assert_eq!((second.projects, second.tokens), (counted(0, 2), counted(0, 1)));

    let store = database.store().await;
    let found = grant(&*store, &parsed(TOKEN)).await.unwrap();
    assert_eq!((found.token_id, found.upstream_key.reveal()), (token_id(TOKEN_ID), KEY));
    assert_eq!(get_project(&*store, project_id(BETA)).await.unwrap().name, "Ünïcode");
    assert!(spend(&*store, found.token_id, at(1)).await);
    assert!(!spend(&*store, found.token_id, at(1)).await);
}

#[tokio::test]
async fn the_original_is_brought_to_postgres() {
    brought_to_a_server::<Postgres>().await;
}

#[tokio::test]
async fn the_original_is_brought_to_mysql() {
    brought_to_a_server::<MySql>().await;
}
