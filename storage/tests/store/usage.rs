//! What proxied requests ask of a store: grants, leases, counted uses.

use std::num::NonZeroU64;
use std::sync::Arc;

use llm_proxy_core::auth::TokenDigest;
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::manage::{NewToken, ProjectChange, TokenChange};
use llm_proxy_core::quota::Settlement;
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

/// How many were leased, 0 if none.
async fn lease<S: Store>(store: &Shared<S>, token: TokenId, wanted: u64) -> u64 {
    store.lease(token, NonZeroU64::new(wanted).unwrap()).await.unwrap().map_or(0, |lease| lease.count.get())
}

const fn settlement(token: TokenId, spent: u64, returned: u64, given_back: u64) -> Settlement {
    Settlement { token, spent, returned, given_back, last_used_at: None }
}

/// What is spent, and what is leased.
async fn counts<S: Store>(store: &Shared<S>, token: TokenId) -> (u64, u64) {
    let read = get_token(&**store, token).await.unwrap();
    (read.request_count, read.leased_count)
}

async fn set_limit<S: Store>(store: &Shared<S>, token: TokenId, limit: Option<u64>) {
    let change = TokenChange { max_requests: Some(limit), ..TokenChange::default() };
    update_token(&**store, token, change).await.unwrap();
}

pub(crate) async fn a_limit_is_exact_one_by_one<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 3).await;
    for _ in 0..3 {
        assert_eq!(lease(store, id, 1).await, 1);
    }
    assert_eq!((lease(store, id, 1).await, counts(store, id).await), (0, (0, 3)));
}

pub(crate) async fn a_limit_is_exact_under_concurrency<S: Store>(store: &Shared<S>) {
    const LIMIT: u64 = 200;
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, LIMIT).await;
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut leased = 0;
                loop {
                    match lease(&store, id, n % 4 + 1).await {
                        0 => return leased,
                        more => leased += more,
                    }
                }
            })
        })
        .collect();
    let mut leased = 0;
    for task in tasks {
        leased += task.await.unwrap();
    }
    assert_eq!((leased, counts(store, id).await), (LIMIT, (0, LIMIT)));
}

pub(crate) async fn a_lease_is_at_most_a_sixteenth_of_what_remains_and_says_what_does<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 1000).await;
    let wanted = |n| NonZeroU64::new(n).unwrap();
    let fits = store.lease(id, wanted(62)).await.unwrap().unwrap();
    assert_eq!((fits.count.get(), fits.remaining), (62, None));
    let shrunk = store.lease(id, wanted(62)).await.unwrap().unwrap();
    assert_eq!((shrunk.count.get(), shrunk.remaining), (58, Some(1000 - 62 - 58)));
    set_limit(store, id, Some(125)).await;
    let last = store.lease(id, wanted(5)).await.unwrap().unwrap();
    assert_eq!((last.count.get(), last.remaining), (1, Some(4)));
}

pub(crate) async fn a_refused_lease_changes_nothing<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 1).await;
    assert_eq!(lease(store, id, 1).await, 1);
    let before = get_token(&**store, id).await.unwrap();
    assert_eq!((lease(store, id, 1).await, lease(store, id, 7).await), (0, 0));
    assert_eq!(get_token(&**store, id).await.unwrap(), before);
}

pub(crate) async fn a_settlement_moves_what_was_spent_and_frees_what_was_not<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 100).await;
    assert_eq!(lease(store, id, 6).await, 6);
    store.settle(&[settlement(id, 3, 0, 0)]).await.unwrap();
    assert_eq!(counts(store, id).await, (3, 3));
    store.settle(&[settlement(id, 1, 2, 2)]).await.unwrap();
    assert_eq!(counts(store, id).await, (2, 0));
}

pub(crate) async fn a_settlement_says_when_the_latest_was_spent<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 100).await;
    for (last_used_at, expected) in [(None, None), (Some(9), Some(9)), (Some(4), Some(9)), (None, Some(9))] {
        let settlement = Settlement { last_used_at: last_used_at.map(at), ..settlement(id, 0, 0, 0) };
        store.settle(&[settlement]).await.unwrap();
        assert_eq!(get_token(&**store, id).await.unwrap().last_used_at, expected.map(at));
    }
}

pub(crate) async fn counts_stay_at_zero_whatever_is_settled<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 100).await;
    store.settle(&[settlement(id, 1, 5, 5)]).await.unwrap();
    assert_eq!(counts(store, id).await, (0, 0));
}

pub(crate) async fn a_settlement_passes_unknown_tokens_over<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 100).await;
    store.settle(&[]).await.unwrap();
    store.settle(&[settlement(unknown_token(), 1, 0, 0), settlement(id, 1, 0, 0)]).await.unwrap();
    assert_eq!(counts(store, id).await, (1, 0));
}

pub(crate) async fn a_raised_limit_goes_on_from_what_is_spent_and_leased<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 2).await;
    assert_eq!((lease(store, id, 1).await, lease(store, id, 1).await), (1, 1));
    store.settle(&[settlement(id, 1, 0, 0)]).await.unwrap();
    set_limit(store, id, Some(3)).await;
    assert_eq!((lease(store, id, 1).await, lease(store, id, 1).await), (1, 0));
}

pub(crate) async fn a_limit_below_what_is_spent_leaves_nothing_until_it_is_raised<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 100).await;
    assert_eq!(lease(store, id, 5).await, 5);
    store.settle(&[settlement(id, 5, 0, 0)]).await.unwrap();
    set_limit(store, id, Some(3)).await;
    assert_eq!((lease(store, id, 1).await, lease(store, id, 9).await), (0, 0));
    set_limit(store, id, Some(6)).await;
    assert_eq!((lease(store, id, 1).await, lease(store, id, 1).await), (1, 0));
}

pub(crate) async fn a_token_without_a_limit_grants_all_that_is_wanted<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let (id, _) = token(&**store, project).await;
    assert_eq!((lease(store, id, 5000).await, counts(store, id).await), (5000, (0, 5000)));
    store.settle(&[settlement(id, 2, 0, 4998)]).await.unwrap();
    assert_eq!(counts(store, id).await, (2, 0));
}

pub(crate) async fn an_unknown_token_has_nothing_to_lease<S: Store>(store: &Shared<S>) {
    assert_eq!((lease(store, unknown_token(), 1).await, lease(store, unknown_token(), 9).await), (0, 0));
}

pub(crate) async fn a_deleted_projects_token_has_nothing_to_lease<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "alpha").await;
    let id = limited_token(&**store, project, 500).await;
    delete_project(&**store, project).await.unwrap();
    assert_eq!((lease(store, id, 1).await, lease(store, id, 9).await), (0, 0));
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
