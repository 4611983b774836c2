//! Tokens: made, read, listed, changed, revoked.

use std::num::NonZeroU64;
use std::time::Duration;

use llm_proxy_core::ids::ProjectId;
use llm_proxy_core::manage::{
    Command, CommandError, NewToken, Page, Reply, RevokedCounts, Subject, Token, TokenChange, TokenFilter,
};
use llm_proxy_storage::{Store, TokenUse};

use crate::calls::*;

const NOT_FOUND: CommandError = CommandError::NotFound(Subject::Token);

fn switch(active: bool) -> TokenChange {
    TokenChange { is_active: Some(active), ..TokenChange::default() }
}

fn of(project_id: ProjectId) -> TokenFilter {
    TokenFilter { project_id: Some(project_id), active_only: false }
}

async fn revoke_all(store: &dyn Store, id: ProjectId) -> RevokedCounts {
    let Ok(Reply::Revoked(counts)) = run(store, Command::RevokeProjectTokens(id), at(1)).await else {
        panic!("another kind of reply")
    };
    counts
}

pub(crate) async fn a_new_token_shows_its_string_once_and_its_mask_ever_after<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    let (made, string) = create_token(&**store, new_token(id, None), at(1)).await.unwrap();
    assert_eq!((string.reveal().len(), &string.reveal()[..3]), (25, "sk-"));
    assert_eq!(made.token, string.masked());
    assert_eq!(get_token(&**store, made.id).await.unwrap().token, string.masked());
}

pub(crate) async fn a_token_reads_back_as_it_was_made<S: Store>(store: &Shared<S>) {
    let project_id = project(&**store, "alpha").await;
    let new = NewToken { project_id, lifetime: HOUR, max_requests: Some(10), requests_per_minute: Some(3) };
    let (made, _) = create_token(&**store, new, at(5)).await.unwrap();
    assert_eq!((made.project_id, made.expires_at, made.is_active), (project_id, at(5 + 3600), true));
    assert_eq!((made.request_count, made.max_requests, made.requests_per_minute), (0, Some(10), Some(3)));
    assert_eq!((made.created_at, made.last_used_at, made.cache_hit_count), (at(5), None, 0));
    assert_eq!(get_token(&**store, made.id).await.unwrap(), made);
    assert_eq!(list_tokens(&**store, TokenFilter::default(), Page::default(), at(5)).await, (vec![made], 1));
}

pub(crate) async fn two_tokens_have_different_strings_and_ids<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let ((one, first), (two, second)) = (token(&**store, project).await, token(&**store, project).await);
    assert_ne!(one, two);
    assert_ne!(first.reveal(), second.reveal());
}

pub(crate) async fn an_unknown_project_gets_no_token<S: Store>(store: &Shared<S>) {
    let refused = create_token(&**store, new_token(unknown_project(), None), at(0)).await.unwrap_err();
    assert_eq!(refused, CommandError::NotFound(Subject::Project));
}

pub(crate) async fn an_inactive_project_gets_no_token<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    switch_project(&**store, id, false, at(1)).await;
    let refused = create_token(&**store, new_token(id, None), at(2)).await.unwrap_err();
    assert_eq!(refused, CommandError::ProjectInactive);
    assert_eq!(list_tokens(&**store, of(id), Page::default(), at(2)).await.1, 0);
    switch_project(&**store, id, true, at(3)).await;
    create_token(&**store, new_token(id, None), at(4)).await.unwrap();
}

pub(crate) async fn an_unknown_token_is_not_found_by_any_call<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    token(&**store, project).await;
    assert_eq!(get_token(&**store, unknown_token()).await, Err(NOT_FOUND));
    assert_eq!(update_token(&**store, unknown_token(), switch(false)).await, Err(NOT_FOUND));
    assert_eq!(revoke_token(&**store, unknown_token()).await, Err(NOT_FOUND));
}

pub(crate) async fn tokens_are_listed_newest_first_and_paged<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    for seconds in [5, 9, 1, 7] {
        create_token(&**store, new_token(id, None), at(seconds)).await.unwrap();
    }
    let times = |tokens: Vec<Token>| tokens.iter().map(|token| token.created_at).collect::<Vec<_>>();
    let (all, total) = list_tokens(&**store, TokenFilter::default(), Page::default(), at(9)).await;
    assert_eq!((times(all), total), (vec![at(9), at(7), at(5), at(1)], 4));
    let (middle, total) = list_tokens(&**store, TokenFilter::default(), page(1, 2), at(9)).await;
    assert_eq!((times(middle), total), (vec![at(7), at(5)], 4));
}

pub(crate) async fn tokens_of_the_same_time_keep_their_order_over_pages<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    for _ in 0..7 {
        token(&**store, id).await;
    }
    let (whole, _) = list_tokens(&**store, of(id), Page::default(), at(0)).await;
    let mut pieces = Vec::new();
    for offset in [0, 3, 6] {
        pieces.extend(list_tokens(&**store, of(id), page(offset, 3), at(0)).await.0);
    }
    assert_eq!(pieces, whole);
    assert!(whole.is_sorted_by(|newer, older| newer.id > older.id));
}

pub(crate) async fn tokens_are_filtered_by_project<S: Store>(store: &Shared<S>) {
    let (alpha, beta) = (project(&**store, "alpha").await, project(&**store, "beta").await);
    let (in_alpha, _) = token(&**store, alpha).await;
    token(&**store, beta).await;
    let (found, total) = list_tokens(&**store, of(alpha), Page::default(), at(0)).await;
    assert_eq!((found.len(), found[0].id, total), (1, in_alpha, 1));
    assert_eq!(list_tokens(&**store, TokenFilter::default(), Page::default(), at(0)).await.1, 2);
}

pub(crate) async fn an_unknown_project_has_no_tokens<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    token(&**store, project).await;
    assert_eq!(list_tokens(&**store, of(unknown_project()), Page::default(), at(0)).await, (vec![], 0));
}

pub(crate) async fn active_only_leaves_out_revoked_expired_and_those_of_inactive_projects<S: Store>(store: &Shared<S>) {
    let (alpha, inactive) = (project(&**store, "alpha").await, project(&**store, "inactive").await);
    let (good, _) = token(&**store, alpha).await;
    let (revoked, _) = token(&**store, alpha).await;
    revoke_token(&**store, revoked).await.unwrap();
    let short = NewToken { lifetime: Duration::from_secs(60), ..new_token(alpha, None) };
    create_token(&**store, short, at(0)).await.unwrap();
    token(&**store, inactive).await;
    switch_project(&**store, inactive, false, at(1)).await;

    let active = TokenFilter { project_id: None, active_only: true };
    // The first moment at which the short one no longer works.
    let (found, total) = list_tokens(&**store, active.clone(), Page::default(), at(60)).await;
    assert_eq!((found.iter().map(|token| token.id).collect::<Vec<_>>(), total), (vec![good], 1));
    assert_eq!(list_tokens(&**store, active, Page::default(), at(59)).await.1, 2);
    assert_eq!(list_tokens(&**store, TokenFilter::default(), Page::default(), at(60)).await.1, 4);
    let none = TokenFilter { project_id: Some(inactive), active_only: true };
    assert_eq!(list_tokens(&**store, none, Page::default(), at(1)).await.1, 0);
}

pub(crate) async fn revoking_is_idempotent<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (id, _) = token(&**store, project).await;
    for _ in 0..2 {
        revoke_token(&**store, id).await.unwrap();
        assert!(!get_token(&**store, id).await.unwrap().is_active);
    }
}

pub(crate) async fn an_update_changes_only_what_it_names<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (made, _) = create_token(&**store, new_token(project, Some(5)), at(1)).await.unwrap();
    let off = update_token(&**store, made.id, switch(false)).await.unwrap();
    assert_eq!(off, Token { is_active: false, ..made.clone() });
    let change = TokenChange { requests_per_minute: Some(Some(60)), ..TokenChange::default() };
    let slow = update_token(&**store, made.id, change).await.unwrap();
    assert_eq!(slow, Token { requests_per_minute: Some(60), ..off });
    assert_eq!(get_token(&**store, made.id).await.unwrap(), slow);
}

pub(crate) async fn limits_can_be_lifted<S: Store>(store: &Shared<S>) {
    let project_id = project(&**store, "alpha").await;
    let new = NewToken { requests_per_minute: Some(3), ..new_token(project_id, Some(5)) };
    let (made, _) = create_token(&**store, new, at(1)).await.unwrap();
    let lift = TokenChange { max_requests: Some(None), requests_per_minute: Some(None), is_active: None };
    update_token(&**store, made.id, lift).await.unwrap();
    let read = get_token(&**store, made.id).await.unwrap();
    assert_eq!((read.max_requests, read.requests_per_minute), (None, None));
}

pub(crate) async fn an_update_leaves_the_counters<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 5).await;
    store.add_uses(&[TokenUse { token: id, count: 1, last_used_at: at(2) }]).await.unwrap();
    let leased = store.lease(id, NonZeroU64::MIN).await.unwrap().unwrap();
    let change = TokenChange { max_requests: Some(Some(9)), ..switch(false) };
    let updated = update_token(&**store, id, change).await.unwrap();
    assert_eq!((updated.request_count, updated.leased_count), (1, leased.count.get()));
    assert_eq!(updated.last_used_at, Some(at(2)));
    assert_eq!(get_token(&**store, id).await.unwrap(), updated);
}

pub(crate) async fn a_token_of_an_inactive_project_cannot_be_switched_on<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (id, _) = token(&**store, project).await;
    revoke_token(&**store, id).await.unwrap();
    switch_project(&**store, project, false, at(1)).await;
    assert_eq!(update_token(&**store, id, switch(true)).await.unwrap_err(), CommandError::ProjectInactive);
    assert!(!get_token(&**store, id).await.unwrap().is_active);
    let change = TokenChange { max_requests: Some(Some(1)), ..TokenChange::default() };
    update_token(&**store, id, change).await.unwrap();
    switch_project(&**store, project, true, at(2)).await;
    assert!(update_token(&**store, id, switch(true)).await.unwrap().is_active);
}

pub(crate) async fn a_bulk_revocation_says_what_it_did<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    assert_eq!(revoke_all(&**store, id).await, RevokedCounts::default());
    for n in 0..5 {
        let (token, _) = token(&**store, id).await;
        if n < 2 {
            revoke_token(&**store, token).await.unwrap();
        }
    }
    let first = RevokedCounts { revoked_count: 3, already_revoked_count: 2, total_tokens: 5 };
    assert_eq!(revoke_all(&**store, id).await, first);
    let second = RevokedCounts { revoked_count: 0, already_revoked_count: 5, total_tokens: 5 };
    assert_eq!(revoke_all(&**store, id).await, second);
    let (tokens, _) = list_tokens(&**store, of(id), Page::default(), at(1)).await;
    assert!(tokens.iter().all(|token| !token.is_active));
}

pub(crate) async fn a_bulk_revocation_leaves_other_projects<S: Store>(store: &Shared<S>) {
    let (alpha, beta) = (project(&**store, "alpha").await, project(&**store, "beta").await);
    let (in_beta, _) = token(&**store, beta).await;
    token(&**store, alpha).await;
    revoke_all(&**store, alpha).await;
    assert!(get_token(&**store, in_beta).await.unwrap().is_active);
}

pub(crate) async fn tokens_go_with_their_project<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (id, _) = token(&**store, project).await;
    delete_project(&**store, project).await.unwrap();
    assert_eq!(get_token(&**store, id).await, Err(NOT_FOUND));
    assert_eq!(update_token(&**store, id, switch(true)).await, Err(NOT_FOUND));
    assert_eq!(revoke_token(&**store, id).await, Err(NOT_FOUND));
    assert_eq!(list_tokens(&**store, TokenFilter::default(), Page::default(), at(0)).await, (vec![], 0));
}
