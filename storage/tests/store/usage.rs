//! What proxied requests ask of a store: grants, spending, counted uses.

use std::sync::Arc;

use llm_proxy_core::auth::TokenDigest;
use llm_proxy_core::exchange::Spent;
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::manage::{NewToken, ProjectChange, TokenChange};
use llm_proxy_storage::{Store, TokenUse};

use crate::calls::*;

pub(crate) async fn a_grant_holds_the_token_and_its_project<S: Store>(store: &Shared<S>) {
    let project_id = project(&**store, "alpha").await;
    let new = NewToken { requests_per_minute: Some(3), ..new_token(project_id, Some(5)) };
    let (token, string) = create_token(&**store, new, at(1)).await.unwrap();
    let grant = grant(&**store, &string).await.unwrap();
    assert_eq!((grant.token_id, grant.project_id, &*grant.provider), (token.id, project_id, "openai"));
    assert_eq!(grant.upstream_key.reveal(), KEY);
    assert_eq!((grant.token_active, grant.project_active, grant.expires_at), (true, true, at(1 + 3600)));
    assert_eq!((grant.max_requests, grant.requests_per_minute), (Some(5), Some(3)));
}

pub(crate) async fn an_unknown_digest_has_no_grant<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    token(&**store, project).await;
    assert!(store.find_grant(TokenDigest::from_bytes([0; 32])).await.unwrap().is_none());
}

pub(crate) async fn a_rotated_key_is_in_the_next_grant<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (_, string) = token(&**store, project).await;
    let rotate = ProjectChange { api_key: Some(secret("the new key")), ..ProjectChange::default() };
    update_project(&**store, project, rotate, at(1)).await.unwrap();
    assert_eq!(grant(&**store, &string).await.unwrap().upstream_key.reveal(), "the new key");
}

pub(crate) async fn a_changed_provider_is_in_the_next_grant<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (_, string) = token(&**store, project).await;
    let change = ProjectChange { provider: Some("anthropic".into()), ..ProjectChange::default() };
    update_project(&**store, project, change, at(1)).await.unwrap();
    let grant = grant(&**store, &string).await.unwrap();
    assert_eq!((&*grant.provider, grant.upstream_key.reveal()), ("anthropic", KEY));
}

pub(crate) async fn deactivation_is_in_the_next_grant<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (_, string) = token(&**store, project).await;
    switch_project(&**store, project, false, at(1)).await;
    let read = grant(&**store, &string).await.unwrap();
    assert_eq!((read.project_active, read.token_active), (false, true));
    switch_project(&**store, project, true, at(2)).await;
    assert!(grant(&**store, &string).await.unwrap().project_active);
}

pub(crate) async fn revocation_is_in_the_next_grant<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (id, string) = token(&**store, project).await;
    revoke_token(&**store, id).await.unwrap();
    let read = grant(&**store, &string).await.unwrap();
    assert_eq!((read.project_active, read.token_active), (true, false));
}

pub(crate) async fn changed_limits_are_in_the_next_grant<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (id, string) = token(&**store, project).await;
    let limits =
        TokenChange { max_requests: Some(Some(7)), requests_per_minute: Some(Some(2)), ..TokenChange::default() };
    update_token(&**store, id, limits).await.unwrap();
    let grant = grant(&**store, &string).await.unwrap();
    assert_eq!((grant.max_requests, grant.requests_per_minute), (Some(7), Some(2)));
}

pub(crate) async fn a_deleted_projects_token_has_no_grant<S: Store>(store: &Shared<S>) {
    let id = project(&**store, "alpha").await;
    let (_, string) = token(&**store, id).await;
    delete_project(&**store, id).await.unwrap();
    // A new project of the same name does not bring it back.
    project(&**store, "alpha").await;
    assert!(grant(&**store, &string).await.is_none());
}

pub(crate) async fn a_limit_is_exact_one_by_one<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 3).await;
    for _ in 0..3 {
        assert_eq!(store.spend(id, at(1)).await.unwrap(), Spent::Allowed);
    }
    assert_eq!(store.spend(id, at(1)).await.unwrap(), Spent::Exhausted);
}

pub(crate) async fn a_limit_is_exact_under_concurrency<S: Store>(store: &Shared<S>) {
    const LIMIT: u64 = 50;
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, LIMIT).await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.spend(id, at(1)).await.unwrap() })
        })
        .collect();
    let mut allowed = 0;
    for task in tasks {
        allowed += u64::from(task.await.unwrap() == Spent::Allowed);
    }
    assert_eq!(allowed, LIMIT);
    assert_eq!(get_token(&**store, id).await.unwrap().request_count, LIMIT);
}

pub(crate) async fn a_refused_spend_changes_nothing<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 1).await;
    store.spend(id, at(1)).await.unwrap();
    let before = get_token(&**store, id).await.unwrap();
    assert_eq!((before.request_count, before.last_used_at), (1, Some(at(1))));
    assert_eq!(store.spend(id, at(2)).await.unwrap(), Spent::Exhausted);
    assert_eq!(get_token(&**store, id).await.unwrap(), before);
}

pub(crate) async fn a_raised_limit_goes_on_from_the_count<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 1).await;
    store.spend(id, at(1)).await.unwrap();
    let raise = TokenChange { max_requests: Some(Some(2)), ..TokenChange::default() };
    update_token(&**store, id, raise).await.unwrap();
    assert_eq!(store.spend(id, at(1)).await.unwrap(), Spent::Allowed);
    assert_eq!(store.spend(id, at(1)).await.unwrap(), Spent::Exhausted);
}

pub(crate) async fn an_unlimited_token_can_be_spent_and_counts<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (id, _) = token(&**store, project).await;
    for seconds in [5, 3] {
        assert_eq!(store.spend(id, at(seconds)).await.unwrap(), Spent::Allowed);
    }
    let read = get_token(&**store, id).await.unwrap();
    assert_eq!((read.request_count, read.last_used_at), (2, Some(at(5))));
}

pub(crate) async fn an_unknown_token_has_nothing_to_spend<S: Store>(store: &Shared<S>) {
    assert_eq!(store.spend(unknown_token(), at(1)).await.unwrap(), Spent::Exhausted);
}

pub(crate) async fn a_deleted_projects_token_has_nothing_to_spend<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 5).await;
    delete_project(&**store, project).await.unwrap();
    assert_eq!(store.spend(id, at(1)).await.unwrap(), Spent::Exhausted);
}

fn uses(token: TokenId, count: u64, seconds: u64) -> TokenUse {
    TokenUse { token, count, last_used_at: at(seconds) }
}

pub(crate) async fn counted_uses_add_up_and_the_latest_time_stays<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let ((one, _), (two, _)) = (token(&**store, project).await, token(&**store, project).await);
    store.add_uses(&[uses(one, 3, 9), uses(two, 1, 4)]).await.unwrap();
    store.add_uses(&[uses(one, 2, 8), uses(two, 1, 5)]).await.unwrap();
    let (one, two) = (get_token(&**store, one).await.unwrap(), get_token(&**store, two).await.unwrap());
    assert_eq!((one.request_count, one.last_used_at), (5, Some(at(9))));
    assert_eq!((two.request_count, two.last_used_at), (2, Some(at(5))));
}

pub(crate) async fn uses_of_unknown_tokens_are_passed_over<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (known, _) = token(&**store, project).await;
    store.add_uses(&[uses(unknown_token(), 3, 9), uses(known, 1, 4)]).await.unwrap();
    assert_eq!(get_token(&**store, known).await.unwrap().request_count, 1);
}

pub(crate) async fn no_uses_are_fine<S: Store>(store: &Shared<S>) {
    store.add_uses(&[]).await.unwrap();
}

pub(crate) async fn a_store_answers_a_ping<S: Store>(store: &Shared<S>) {
    store.ping().await.unwrap();
}
