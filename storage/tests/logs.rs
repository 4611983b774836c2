//! Nothing that this crate or the libraries under it log, at any level, holds a secret. A process of its own, since
//! the log is the process's: statements run on threads that have no other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this is all tests: there a panic is the report")]

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use llm_proxy_core::audit::{Actor, RequestFacts, Shown};
use llm_proxy_core::exchange::{StoreEffect, StoreOutcome};
use llm_proxy_core::manage::{CallFacts, Command, NewProject, NewToken, Page, ProjectChange, Reply};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::{Now, Timestamp};
use llm_proxy_storage::{AuditConfig, Database, Storage, StorageConfig};

const KEYS: [&str; 2] = ["sk-upstream-0123456789abcdef", "sk-rotated-0123456789abcdef"];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The effect of a management call.
fn managing(command: Command) -> StoreEffect {
    let request = RequestFacts {
        request_id: Shown::of("r"),
        correlation_id: Shown::of("r"),
        client_ip: IpAddr::from([192, 0, 2, 7]),
        method: Shown::of("GET"),
        path: Shown::of("/manage"),
        user_agent: None,
    };
    let facts = CallFacts::of(&command, Timestamp::default(), Actor::ManagementApi, Box::new(request));
    StoreEffect::Manage(command, Box::new(facts))
}

fn audit(file: std::path::PathBuf) -> AuditConfig {
    AuditConfig {
        file: Some(file),
        make_folder: true,
        in_database: false,
        retention: Duration::ZERO,
        started_at: Timestamp::default(),
        version: "1.2.3",
        runtime: "tokio",
    }
}

async fn manage(storage: &Storage, command: Command) -> Option<Reply> {
    let StoreOutcome::Managed(reply) = storage.perform(managing(command), Now::default()).await else {
        panic!("another outcome")
    };
    reply.ok()
}

#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).init();
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("test.db");
    let mut config = StorageConfig::new(Database::Sqlite { path, pool_size: 2 });
    let audit_log = folder.path().join("audit.log");
    config.audit = Some(audit(audit_log.clone()));
    let storage = Storage::open(config.clone()).await.unwrap();

    let new = NewProject { name: "alpha".into(), api_key: Secret::new(KEYS[0].into()), provider: "openai".into() };
    let Some(Reply::ProjectCreated(project)) = manage(&storage, Command::CreateProject(new.clone())).await else {
        panic!("no project")
    };
    assert!(manage(&storage, Command::CreateProject(new)).await.is_none());
    let lifetime = Duration::from_secs(60);
    let new = NewToken { project_id: project.id, lifetime, max_requests: Some(1), requests_per_minute: None };
    let Some(Reply::TokenCreated(token, string)) = manage(&storage, Command::CreateToken(new)).await else {
        panic!("no token")
    };
    let digest = storage.token_key().get().unwrap().digest(&string);
    storage.perform(StoreEffect::FindGrant(digest.into()), Now::default()).await;
    storage.perform(StoreEffect::Spend(token.id), Now::default()).await;
    let rotate = ProjectChange { api_key: Some(Secret::new(KEYS[1].into())), ..ProjectChange::default() };
    manage(&storage, Command::UpdateProject(project.id, rotate)).await.unwrap();
    manage(&storage, Command::ListProjects(Page::default())).await.unwrap();
    storage.close(Now::default()).await;
    storage.perform(StoreEffect::FindGrant(digest.into()), Now::default()).await;
    let mut other = config;
    other.encryption_key = Some(Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()));
    Storage::open(other).await.unwrap_err();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in ["made a key file", "the store fails"] {
        assert!(log.contains(expected), "{log}");
    }
    let events = std::fs::read_to_string(audit_log).unwrap();
    assert!(events.contains("token.create"), "{events}");
    let key_file = std::fs::read_to_string(folder.path().join("test.db.key")).unwrap();
    for secret in [KEYS[0], KEYS[1], &string.reveal()[3..], key_file.trim(), "AAECAwQFBgcICQoLDA0O"] {
        assert!(!log.contains(secret), "{log}");
        assert!(!events.contains(secret), "{events}");
    }
}
