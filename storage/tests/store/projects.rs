//! Projects: made, read, listed, changed, deleted.

use llm_proxy_core::manage::{Command, CommandError, KeyView, Page, ProjectChange, Subject};
use llm_proxy_storage::Store;

use crate::calls::*;

const NOT_FOUND: CommandError = CommandError::NotFound(Subject::Project);

fn rename(name: &str) -> ProjectChange {
    ProjectChange { name: Some(name.to_owned()), ..ProjectChange::default() }
}

pub(crate) async fn a_new_project_is_active_and_its_key_is_masked<S: Store>(store: &Shared<S>) {
    let made = create(&**store, "alpha", at(3)).await.unwrap();
    assert_eq!((made.name.as_str(), made.provider.as_str()), ("alpha", "openai"));
    assert_eq!(made.api_key, KeyView::Masked(KEY_MASK.to_owned()));
    assert_eq!((made.is_active, made.deactivated_at), (true, None));
    assert_eq!((made.created_at, made.updated_at), (at(3), at(3)));
}

pub(crate) async fn a_project_reads_back_as_it_was_made<S: Store>(store: &Shared<S>) {
    let made = create(&**store, "alpha", at(3)).await.unwrap();
    assert_eq!(get_project(&**store, made.id).await.unwrap(), made);
    assert_eq!(list_projects(&**store, Page::default()).await, (vec![made], 1));
}

pub(crate) async fn an_unknown_project_is_not_found_by_any_call<S: Store>(store: &Shared<S>) {
    let id = unknown_project();
    project(&**store, "other").await;
    assert_eq!(get_project(&**store, id).await, Err(NOT_FOUND));
    assert_eq!(update_project(&**store, id, rename("x"), at(1)).await, Err(NOT_FOUND));
    assert_eq!(delete_project(&**store, id).await, Err(NOT_FOUND));
    assert_eq!(run(&**store, Command::RevokeProjectTokens(id), at(1)).await.unwrap_err(), NOT_FOUND);
}

pub(crate) async fn projects_are_listed_newest_first<S: Store>(store: &Shared<S>) {
    for (name, seconds) in [("middle", 5), ("newest", 9), ("oldest", 1)] {
        create(&**store, name, at(seconds)).await.unwrap();
    }
    let (projects, total) = list_projects(&**store, Page::default()).await;
    assert_eq!(projects.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["newest", "middle", "oldest"]);
    assert_eq!(total, 3);
}

pub(crate) async fn projects_of_the_same_time_keep_their_order_over_pages<S: Store>(store: &Shared<S>) {
    for n in 0..7 {
        create(&**store, &format!("p{n}"), at(1)).await.unwrap();
    }
    let (whole, _) = list_projects(&**store, Page::default()).await;
    let mut pieces = Vec::new();
    for offset in [0, 3, 6] {
        pieces.extend(list_projects(&**store, page(offset, 3)).await.0);
    }
    assert_eq!(pieces, whole);
    assert!(whole.is_sorted_by(|newer, older| newer.id > older.id));
}

pub(crate) async fn pages_are_cut_from_the_whole_and_the_total_stays<S: Store>(store: &Shared<S>) {
    for n in 0..5 {
        create(&**store, &format!("p{n}"), at(n)).await.unwrap();
    }
    let (second, total) = list_projects(&**store, page(2, 2)).await;
    assert_eq!(second.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["p2", "p1"]);
    assert_eq!(total, 5);
    let (rest, _) = list_projects(&**store, Page { offset: 3, limit: None }).await;
    assert_eq!(rest.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["p1", "p0"]);
}

pub(crate) async fn a_page_beyond_the_end_is_empty<S: Store>(store: &Shared<S>) {
    project(&**store, "alpha").await;
    assert_eq!(list_projects(&**store, page(1, 10)).await, (vec![], 1));
    assert_eq!(list_projects(&**store, page(u64::MAX, u64::MAX)).await, (vec![], 1));
    assert_eq!(list_projects(&**store, page(0, 0)).await, (vec![], 1));
}

pub(crate) async fn a_name_is_taken_once<S: Store>(store: &Shared<S>) {
    project(&**store, "alpha").await;
    assert_eq!(create(&**store, "alpha", at(1)).await.unwrap_err(), CommandError::ProjectNameTaken);
    assert_eq!(list_projects(&**store, Page::default()).await.1, 1);
}

pub(crate) async fn names_are_compared_exactly<S: Store>(store: &Shared<S>) {
    // The last two look alike: one composed character, and a letter with a combining accent.
    let names = ["alpha", "Alpha", "alpha ", " alpha", "álpha", "ALPHA", "\u{e9}", "e\u{301}"];
    for name in names {
        create(&**store, name, at(1)).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
    }
    assert_eq!(list_projects(&**store, Page::default()).await.1, 8);
}

pub(crate) async fn a_name_is_free_again_after_deletion<S: Store>(store: &Shared<S>) {
    for _ in 0..3 {
        let id = project(&**store, "alpha").await;
        delete_project(&**store, id).await.unwrap();
    }
    let other = project(&**store, "beta").await;
    update_project(&**store, other, rename("alpha"), at(1)).await.unwrap();
}

pub(crate) async fn a_project_may_be_renamed_to_its_own_name_but_not_to_anothers<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    project(&**store, "beta").await;
    assert_eq!(update_project(&**store, id, rename("alpha"), at(1)).await.unwrap().name, "alpha");
    assert_eq!(update_project(&**store, id, rename("beta"), at(1)).await.unwrap_err(), CommandError::ProjectNameTaken);
    assert_eq!(update_project(&**store, id, rename("Beta"), at(1)).await.unwrap().name, "Beta");
}

pub(crate) async fn a_refused_rename_changes_nothing_else<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    let (token, string) = token(&**store, id).await;
    project(&**store, "beta").await;
    let change = ProjectChange {
        api_key: Some(secret("another-key-0123456789")),
        is_active: Some(false),
        revoke_tokens: true,
        ..rename("beta")
    };
    let before = get_project(&**store, id).await.unwrap();
    update_project(&**store, id, change, at(1)).await.unwrap_err();
    assert_eq!(get_project(&**store, id).await.unwrap(), before);
    assert!(get_token(&**store, token).await.unwrap().is_active);
    assert_eq!(grant(&**store, &string).await.unwrap().upstream_key.reveal(), KEY);
}

pub(crate) async fn an_update_changes_only_what_it_names<S: Store>(store: &Shared<S>) {
    let made = create(&**store, "alpha", at(1)).await.unwrap();
    let changes = [
        (rename("beta"), "beta", KEY_MASK, "openai"),
        (ProjectChange { api_key: Some(secret("abcdef")), ..ProjectChange::default() }, "beta", "ab****", "openai"),
        (ProjectChange { provider: Some("gemini".into()), ..ProjectChange::default() }, "beta", "ab****", "gemini"),
    ];
    for (seconds, (change, name, key, provider)) in (2..).zip(changes) {
        let updated = update_project(&**store, made.id, change, at(seconds)).await.unwrap();
        assert_eq!((updated.name.as_str(), updated.provider.as_str()), (name, provider));
        assert_eq!(updated.api_key, KeyView::Masked(key.to_owned()));
        assert_eq!((updated.is_active, updated.created_at, updated.updated_at), (true, at(1), at(seconds)));
        assert_eq!(get_project(&**store, made.id).await.unwrap(), updated);
    }
}

pub(crate) async fn deactivation_is_dated_and_reactivation_takes_the_date_away<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    let off = switch_project(&**store, id, false, at(7)).await;
    assert_eq!((off.is_active, off.deactivated_at, off.updated_at), (false, Some(at(7)), at(7)));
    assert_eq!(get_project(&**store, id).await.unwrap(), off);
    let on = switch_project(&**store, id, true, at(8)).await;
    assert_eq!((on.is_active, on.deactivated_at), (true, None));
    assert_eq!(get_project(&**store, id).await.unwrap(), on);
}

pub(crate) async fn deactivating_twice_keeps_the_first_date<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    switch_project(&**store, id, false, at(7)).await;
    assert_eq!(switch_project(&**store, id, false, at(9)).await.deactivated_at, Some(at(7)));
}

pub(crate) async fn deactivation_may_revoke_all_tokens<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    let (kept, _) = token(&**store, id).await;
    switch_project(&**store, id, false, at(1)).await;
    assert!(get_token(&**store, kept).await.unwrap().is_active);
    let change = ProjectChange { is_active: Some(false), revoke_tokens: true, ..ProjectChange::default() };
    update_project(&**store, id, change, at(2)).await.unwrap();
    assert!(!get_token(&**store, kept).await.unwrap().is_active);
}

pub(crate) async fn a_deleted_project_is_gone_from_reads_and_lists<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    let left = project(&**store, "beta").await;
    delete_project(&**store, id).await.unwrap();
    assert_eq!(get_project(&**store, id).await, Err(NOT_FOUND));
    assert_eq!(delete_project(&**store, id).await, Err(NOT_FOUND));
    assert_eq!(update_project(&**store, id, rename("x"), at(1)).await, Err(NOT_FOUND));
    assert_eq!(create_token(&**store, new_token(id, None), at(1)).await.unwrap_err(), NOT_FOUND);
    let (projects, total) = list_projects(&**store, Page::default()).await;
    assert_eq!((projects.len(), projects[0].id, total), (1, left, 1));
}

pub(crate) async fn odd_names_survive<S: Store>(store: &Shared<S>) {
    for name in ["'; DROP TABLE projects; --", "%_\\", "a\0b", "a\0c", "\u{1f511}", &"n".repeat(255)] {
        let id = project(&**store, name).await;
        assert_eq!(get_project(&**store, id).await.unwrap().name, name);
    }
}
