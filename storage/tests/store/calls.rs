//! Management calls as functions, so that a behaviour reads as what it is about.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use llm_proxy_core::audit::Event;
use llm_proxy_core::auth::{Grant, TokenString};
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::manage::{
    Command, CommandError, NewProject, NewToken, Page, Project, ProjectChange, Reply, Token, TokenChange, TokenFilter,
};
use llm_proxy_core::quota::Settlement;
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Timestamp;
use llm_proxy_storage::{ChangeBatch, ChangeError, ExecuteError, NotSealed, Seal, Store, is_change};

/// Behaviours that spawn need to share the store.
pub(crate) type Shared<S> = Arc<S>;

pub(crate) const KEY: &str = "sk-upstream-0123456789abcdef";
pub(crate) const KEY_MASK: &str = "sk-upstr...cdef";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// `seconds` after some moment in 2026.
pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000).plus(Duration::from_secs(seconds))
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// An id that no store has given.
pub(crate) fn unknown_project() -> ProjectId {
    ProjectId::new(at(0), &[9; 10])
}

/// An id that no store has given.
pub(crate) fn unknown_token() -> TokenId {
    TokenId::new(at(0), &[9; 10])
}

/// Runs a command on a store that works.
pub(crate) async fn run(store: &dyn Store, command: Command, now: Timestamp) -> Result<Reply, CommandError> {
    let result = if is_change(&command) { change(store, command, now).await } else { store.read(command, now).await };
    match result {
        Ok(reply) => Ok(reply),
        Err(ExecuteError::Refused(refusal)) => Err(refusal),
        Err(ExecuteError::Failed(error)) => panic!("{error:?}"),
    }
}

/// A batch of one call, without an event.
async fn change(store: &dyn Store, command: Command, now: Timestamp) -> Result<Reply, ExecuteError> {
    let mut results = change_together(store, vec![(command, now)], Ok(Vec::new())).await.unwrap();
    results.pop().unwrap()
}

/// A batch of calls, and what is told when they are to be sealed. The results are those that the callback saw.
pub(crate) async fn change_together(
    store: &dyn Store,
    calls: Vec<(Command, Timestamp)>,
    sealed: Result<Vec<Event>, NotSealed>,
) -> Result<Vec<Result<Reply, ExecuteError>>, ChangeError> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let seal: Seal = Box::new(move |results| {
        *keep.lock().unwrap() = results;
        Box::pin(async { sealed })
    });
    store.change(ChangeBatch { calls, seal }).await?;
    Ok(std::mem::take(&mut *seen.lock().unwrap()))
}

pub(crate) async fn create(store: &dyn Store, name: &str, now: Timestamp) -> Result<Project, CommandError> {
    let new = NewProject { name: name.to_owned(), api_key: secret(KEY), provider: "openai".to_owned() };
    let Reply::ProjectCreated(project) = run(store, Command::CreateProject(new), now).await? else {
        panic!("another kind of reply")
    };
    Ok(project)
}

pub(crate) async fn project(store: &dyn Store, name: &str) -> ProjectId {
    create(store, name, at(0)).await.unwrap().id
}

pub(crate) async fn get_project(store: &dyn Store, id: ProjectId) -> Result<Project, CommandError> {
    let Reply::Project(project) = run(store, Command::GetProject(id), at(0)).await? else {
        panic!("another kind of reply")
    };
    Ok(project)
}

pub(crate) async fn update_project(
    store: &dyn Store,
    id: ProjectId,
    change: ProjectChange,
    now: Timestamp,
) -> Result<Project, CommandError> {
    let Reply::Project(project) = run(store, Command::UpdateProject(id, change), now).await? else {
        panic!("another kind of reply")
    };
    Ok(project)
}

pub(crate) async fn switch_project(store: &dyn Store, id: ProjectId, active: bool, now: Timestamp) -> Project {
    let change = ProjectChange { is_active: Some(active), ..ProjectChange::default() };
    update_project(store, id, change, now).await.unwrap()
}

pub(crate) async fn delete_project(store: &dyn Store, id: ProjectId) -> Result<(), CommandError> {
    let Reply::Gone = run(store, Command::DeleteProject(id), at(50)).await? else { panic!("another kind of reply") };
    Ok(())
}

pub(crate) async fn list_projects(store: &dyn Store, page: Page) -> (Vec<Project>, u64) {
    let Ok(Reply::Projects(projects, total)) = run(store, Command::ListProjects(page), at(0)).await else {
        panic!("another kind of reply")
    };
    (projects, total)
}

pub(crate) fn new_token(project_id: ProjectId, max_requests: Option<u64>) -> NewToken {
    NewToken { project_id, lifetime: HOUR, max_requests, requests_per_minute: None }
}

pub(crate) async fn create_token(
    store: &dyn Store,
    new: NewToken,
    now: Timestamp,
) -> Result<(Token, TokenString), CommandError> {
    let Reply::TokenCreated(token, string) = run(store, Command::CreateToken(new), now).await? else {
        panic!("another kind of reply")
    };
    Ok((token, string))
}

/// A token without limits, made at the start.
pub(crate) async fn token(store: &dyn Store, project: ProjectId) -> (TokenId, TokenString) {
    let (token, string) = create_token(store, new_token(project, None), at(0)).await.unwrap();
    (token.id, string)
}

pub(crate) async fn limited_token(store: &dyn Store, project: ProjectId, limit: u64) -> TokenId {
    create_token(store, new_token(project, Some(limit)), at(0)).await.unwrap().0.id
}

pub(crate) async fn get_token(store: &dyn Store, id: TokenId) -> Result<Token, CommandError> {
    let Reply::Token(token) = run(store, Command::GetToken(id), at(0)).await? else { panic!("another kind of reply") };
    Ok(token)
}

pub(crate) async fn update_token(store: &dyn Store, id: TokenId, change: TokenChange) -> Result<Token, CommandError> {
    let Reply::Token(token) = run(store, Command::UpdateToken(id, change), at(0)).await? else {
        panic!("another kind of reply")
    };
    Ok(token)
}

pub(crate) async fn revoke_token(store: &dyn Store, id: TokenId) -> Result<(), CommandError> {
    let Reply::TokenRevoked(_) = run(store, Command::RevokeToken(id), at(0)).await? else {
        panic!("another kind of reply")
    };
    Ok(())
}

pub(crate) async fn list_tokens(
    store: &dyn Store,
    filter: TokenFilter,
    page: Page,
    now: Timestamp,
) -> (Vec<Token>, u64) {
    let Ok(Reply::Tokens(tokens, total)) = run(store, Command::ListTokens(filter, page), now).await else {
        panic!("another kind of reply")
    };
    (tokens, total)
}

pub(crate) async fn grant(store: &dyn Store, string: &TokenString) -> Option<Grant> {
    store.find_grant(store.token_key().digest(string)).await.unwrap()
}

pub(crate) const fn page(offset: u64, limit: u64) -> Page {
    Page { offset, limit: Some(limit) }
}

/// Takes one request off a limited token, leased and counted at once; whether there was one.
pub(crate) async fn spend(store: &dyn Store, token: TokenId, at: Timestamp) -> bool {
    let lease = store.lease(token, NonZeroU64::MIN).await.unwrap();
    if lease.is_some() {
        let spent = Settlement { token, spent: 1, returned: 0, given_back: 0, last_used_at: Some(at) };
        store.settle(&[spent]).await.unwrap();
    }
    lease.is_some()
}
