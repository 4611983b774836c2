//! Records from elsewhere, the same for every store.

use std::sync::Arc;

use llm_proxy_core::auth::TokenString;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{KeyView, Project, Token};
use llm_proxy_storage::{Counted, ImportBatch, ImportedProject, ImportedToken, Row, Store};
use zeroize::Zeroizing;

use crate::calls::*;

/// The token for the bytes 0 to 15, and its SHA-256 (Python: hashlib.sha256).
const TOKEN: &str = "sk-AAECAwQFBgcICQoLDA0ODw";
const SHA256: [u8; 32] = [
    0x13, 0xed, 0x05, 0xa7, 0x59, 0x02, 0x3a, 0xf1, 0xc0, 0x97, 0x33, 0x89, 0x23, 0x36, 0x3a, 0x18, 0xfa, 0xa1, 0x73,
    0xce, 0xce, 0xf2, 0xd9, 0xe4, 0xe8, 0xc7, 0x7f, 0x3e, 0x0b, 0x86, 0x52, 0xeb,
];

fn foreign_project(n: u8, name: &str) -> ImportedProject {
    let record = Project {
        id: ProjectId::new(at(0), &[n; 10]),
        name: name.to_owned(),
        provider: "openai".to_owned(),
        api_key: KeyView::Masked(KEY_MASK.to_owned()),
        is_active: true,
        deactivated_at: None,
        created_at: at(1),
        updated_at: at(2),
    };
    ImportedProject { record, key: secret(KEY) }
}

fn foreign_token(n: u8, project: &ImportedProject) -> ImportedToken {
    let record = Token {
        id: TokenId::new(at(0), &[n; 10]),
        token: "sk-...".to_owned(),
        project_id: project.record.id,
        expires_at: at(3600),
        is_active: true,
        request_count: 5,
        leased_count: 0,
        max_requests: Some(6),
        requests_per_minute: Some(3),
        created_at: at(1),
        last_used_at: Some(at(2)),
        cache_hit_count: 4,
    };
    ImportedToken { record, sha256: Zeroizing::new(SHA256) }
}

fn batch(projects: Vec<ImportedProject>, tokens: Vec<ImportedToken>) -> ImportBatch {
    ImportBatch { projects, tokens, ..ImportBatch::default() }
}

const fn counted(imported: u64, already_there: u64) -> Counted {
    Counted { imported, already_there }
}

pub(crate) async fn imported_records_read_back_as_they_were_given<S: Store>(store: &Shared<S>) {
    let project = foreign_project(1, "alpha");
    let token = foreign_token(2, &project);
    let report = store.import(batch(vec![project.clone()], vec![token.clone()])).await.unwrap();
    assert_eq!((report.projects, report.tokens), (counted(1, 0), counted(1, 0)));
    assert_eq!(get_project(&**store, project.record.id).await.unwrap(), project.record);
    assert_eq!(get_token(&**store, token.record.id).await.unwrap(), token.record);
}

pub(crate) async fn an_imported_token_is_found_by_its_string_and_spent<S: Store>(store: &Shared<S>) {
    let project = foreign_project(1, "alpha");
    let token = foreign_token(2, &project);
    store.import(batch(vec![project], vec![token.clone()])).await.unwrap();
    let grant = grant(&**store, &TokenString::parse(TOKEN.as_bytes()).unwrap()).await.unwrap();
    assert_eq!((grant.token_id, grant.upstream_key.reveal()), (token.record.id, KEY));
    assert!(spend(&**store, token.record.id, at(3)).await);
    assert!(!spend(&**store, token.record.id, at(3)).await);
}

pub(crate) async fn a_second_import_changes_nothing<S: Store>(store: &Shared<S>) {
    let project = foreign_project(1, "alpha");
    let token = foreign_token(2, &project);
    store.import(batch(vec![project.clone()], vec![token.clone()])).await.unwrap();
    spend(&**store, token.record.id, at(3)).await;
    let mut renamed = project;
    renamed.record.name = "another name".to_owned();
    let id = renamed.record.id;
    let report = store.import(batch(vec![renamed], vec![token.clone()])).await.unwrap();
    assert_eq!((report.projects, report.tokens), (counted(0, 1), counted(0, 1)));
    assert_eq!(get_project(&**store, id).await.unwrap().name, "alpha");
    assert_eq!(get_token(&**store, token.record.id).await.unwrap().request_count, 6);
}

pub(crate) async fn an_imported_name_that_is_taken_gets_a_suffix<S: Store>(store: &Shared<S>) {
    project(&**store, "alpha").await;
    let report = store.import(batch(vec![foreign_project(1, "alpha"), foreign_project(2, "alpha")], vec![])).await;
    let renamed = report.unwrap().renamed;
    let names: Vec<_> = renamed.iter().map(|renamed| (&*renamed.from, &*renamed.to)).collect();
    assert_eq!(names, [("alpha", "alpha (imported)"), ("alpha", "alpha (imported 2)")]);
    let read = get_project(&**store, renamed[1].project).await.unwrap();
    assert_eq!(read.name, "alpha (imported 2)");
}

pub(crate) async fn the_name_of_a_deleted_project_is_free_for_an_import<S: Store>(store: &Shared<S>) {
    let deleted = project(&**store, "alpha").await;
    delete_project(&**store, deleted).await.unwrap();
    let report = store.import(batch(vec![foreign_project(1, "alpha")], vec![])).await.unwrap();
    assert_eq!((report.projects, report.renamed), (counted(1, 0), vec![]));
}

pub(crate) async fn an_imported_id_that_is_another_tokens_becomes_a_new_one<S: Store>(store: &Shared<S>) {
    let own = project(&**store, "own").await;
    let (taken, _) = token(&**store, own).await;
    let project = foreign_project(1, "alpha");
    let mut imported = foreign_token(2, &project);
    imported.record.id = taken;
    let report = store.import(batch(vec![project], vec![imported])).await.unwrap();
    let found = grant(&**store, &TokenString::parse(TOKEN.as_bytes()).unwrap()).await.unwrap();
    assert_ne!(found.token_id, taken);
    let [new] = &report.new_ids[..] else { panic!("{report}") };
    assert_eq!((new.row, &new.from, &new.to), (Row::Token, &taken.to_string(), &found.token_id.to_string()));
    assert_eq!(get_token(&**store, taken).await.unwrap().project_id, own);
}

pub(crate) async fn of_two_equal_imports_at_once_one_brings_everything<S: Store>(store: &Shared<S>) {
    let project = foreign_project(1, "alpha");
    let token = foreign_token(2, &project);
    let importing = [(); 2].map(|()| {
        let (store, batch) = (Arc::clone(store), batch(vec![project.clone()], vec![token.clone()]));
        tokio::spawn(async move { store.import(batch).await.unwrap() })
    });
    let mut counts = Vec::new();
    for import in importing {
        let report = import.await.unwrap();
        counts.push((report.projects.imported, report.tokens.imported));
    }
    counts.sort_unstable();
    assert_eq!(counts, [(0, 0), (1, 1)]);
}
