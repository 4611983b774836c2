//! Encryption at rest on a server, brought up to another key.

use llm_proxy_core::auth::TokenString;
use llm_proxy_core::ids::ProjectId;
use llm_proxy_core::manage::{KeyView, Page};
use llm_proxy_storage::{
    EncryptError, EncryptReport, EncryptStatus, OpenError, SealedValue, StorageConfig, Store as _, encrypt,
    encrypt_status,
};
use sqlx::{MySql, Postgres};

use crate::calls::*;
use crate::servers::{LIMITS, OnServer, TestServer, key};

const SECOND: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=";
const THIRD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh0=";

macro_rules! on_every_server {
    ($($behaviour:ident)+) => {
        $(
            mod $behaviour {
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    super::$behaviour(&super::OnServer::<sqlx::Postgres>::new().await).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_mysql() {
                    super::$behaviour(&super::OnServer::<sqlx::MySql>::new().await).await;
                }
            }
        )+
    };
}

on_every_server! {
    a_rotation_moves_everything_to_the_new_key_and_is_done_once
    a_wrong_old_key_changes_nothing
    plain_keys_are_sealed
    a_key_that_a_running_server_wrote_after_the_rotation_is_moved_by_another_run
    without_a_setting_there_is_no_key
}

fn config<S: TestServer>(database: &OnServer<S>, setting: Option<&str>) -> StorageConfig {
    StorageConfig { encryption_key: setting.map(secret), ..StorageConfig::new(database.database()) }
}

async fn run<S: TestServer>(
    database: &OnServer<S>,
    setting: &str,
    old: Option<&str>,
) -> Result<EncryptReport, EncryptError> {
    encrypt(&config(database, Some(setting)), old.map(secret).as_ref()).await
}

async fn status<S: TestServer>(database: &OnServer<S>, setting: &str) -> EncryptStatus {
    encrypt_status(&config(database, Some(setting))).await.unwrap()
}

fn first() -> String {
    key().reveal().to_owned()
}

/// Two projects under the first key, one of them deleted, and a token of the other.
async fn filled<S: TestServer>(database: &OnServer<S>) -> (ProjectId, TokenString) {
    let store = database.store().await;
    let (kept, deleted) = (project(&*store, "kept").await, project(&*store, "deleted").await);
    delete_project(&*store, deleted).await.unwrap();
    let (_, string) = token(&*store, kept).await;
    store.close().await;
    (kept, string)
}

async fn opens<S: TestServer>(database: &OnServer<S>, setting: &str, string: &TokenString) {
    let store = S::connect(&database.url(), LIMITS, Some(&secret(setting))).await.unwrap();
    assert_eq!(grant(&store, string).await.unwrap().upstream_key.reveal(), KEY);
    for project in list_projects(&store, Page::default()).await.0 {
        assert_eq!(project.api_key, KeyView::Masked(KEY_MASK.to_owned()));
    }
    store.close().await;
}

async fn a_rotation_moves_everything_to_the_new_key_and_is_done_once<S: TestServer>(database: &OnServer<S>) {
    let (_, string) = filled(database).await;
    let report = run(database, SECOND, Some(&first())).await.unwrap();
    // The key and the key of the token digests.
    assert_eq!((report.resealed, report.sealed, report.status.sealed, report.key_file), (2, 0, 2, None));
    assert!(report.status.is_complete());
    opens(database, SECOND, &string).await;
    let refused = S::connect(&database.url(), LIMITS, Some(&key())).await;
    assert!(matches!(refused, Err(OpenError::WrongKey { .. })));
    let again = run(database, SECOND, Some(&first())).await.unwrap();
    assert_eq!((again.resealed, again.sealed, again.status.sealed), (0, 0, 2));
}

async fn a_wrong_old_key_changes_nothing<S: TestServer>(database: &OnServer<S>) {
    let (id, string) = filled(database).await;
    database.run(&format!("UPDATE projects SET api_key = '{KEY}' WHERE id = '{id}'")).await;
    for old in [Some(THIRD), None] {
        let refused = run(database, SECOND, old).await.unwrap_err();
        assert!(matches!(refused, EncryptError::WrongOldKey), "{refused}");
    }
    assert_eq!(status(database, &first()).await, EncryptStatus { plain: 1, sealed: 1, unreadable: vec![] });
    run(database, SECOND, Some(&first())).await.unwrap();
    opens(database, SECOND, &string).await;
}

async fn plain_keys_are_sealed<S: TestServer>(database: &OnServer<S>) {
    let (id, string) = filled(database).await;
    database.run(&format!("UPDATE projects SET api_key = '{KEY}' WHERE id = '{id}'")).await;
    let report = run(database, &first(), None).await.unwrap();
    assert_eq!((report.sealed, report.resealed, report.status.sealed), (1, 0, 2));
    let plain = format!("SELECT count(*) FROM projects WHERE api_key = '{KEY}'");
    assert_eq!(S::number(&database.url(), plain).await.unwrap(), 0);
    opens(database, &first(), &string).await;
}

async fn a_key_that_a_running_server_wrote_after_the_rotation_is_moved_by_another_run<S: TestServer>(
    database: &OnServer<S>,
) {
    let (_, string) = filled(database).await;
    let forgotten = database.store().await;
    run(database, SECOND, Some(&first())).await.unwrap();
    let late = project(&*forgotten, "late").await;
    forgotten.close().await;
    let unreadable = vec![SealedValue::ProjectKey(late.to_string())];
    assert_eq!(status(database, SECOND).await, EncryptStatus { plain: 0, sealed: 2, unreadable });
    let report = run(database, SECOND, Some(&first())).await.unwrap();
    assert_eq!((report.resealed, report.status.sealed), (1, 3));
    opens(database, SECOND, &string).await;
}

async fn without_a_setting_there_is_no_key<S: TestServer>(database: &OnServer<S>) {
    let (_, string) = filled(database).await;
    let refused = encrypt(&config(database, None), Some(&key())).await;
    assert!(matches!(refused, Err(EncryptError::NoKey)), "{refused:?}");
    assert!(!encrypt_status(&config(database, None)).await.unwrap().is_complete());
    opens(database, &first(), &string).await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_without_its_password() {
    let at = |url: &str, driver| {
        let url = llm_proxy_storage::DatabaseUrl::parse(driver, url).unwrap();
        let database = llm_proxy_storage::Database::Server { url, pool: LIMITS };
        StorageConfig { encryption_key: Some(key()), ..StorageConfig::new(database) }
    };
    for config in [
        at("postgres://someone:hunter2@127.0.0.1:1/proxy", Postgres::DRIVER),
        at("mysql://someone:hunter2@127.0.0.1:1/proxy", MySql::DRIVER),
    ] {
        for error in [encrypt(&config, None).await.unwrap_err(), encrypt_status(&config).await.unwrap_err()] {
            assert!(matches!(error, EncryptError::Open(OpenError::Connect { .. })), "{error:?}");
            assert!(error.to_string().contains("someone") && !format!("{error} {error:?}").contains("hunter2"));
        }
    }
}
