//! Changes that are made in batches, with their audit events.

use std::sync::Arc;

use llm_proxy_core::audit::Event;
use llm_proxy_core::ids::ProjectId;
use llm_proxy_core::manage::{Command, CommandError, NewProject, Page, ProjectChange, Reply, Subject, TokenFilter};
use llm_proxy_core::time::Timestamp;
use llm_proxy_storage::{ChangeBatch, ChangeError, ExecuteError, NotSealed, Store, StoreError};
use sqlx::{AssertSqlSafe, Connection as _, MySql, MySqlConnection, Postgres};

use crate::audit::{chain, draft, events};
use crate::calls::*;
use crate::file::{fixture, path_in, raw};
use crate::servers::{OnServer, TestServer};

fn new_project(name: &str) -> Command {
    let (name, provider) = (name.to_owned(), "openai".to_owned());
    Command::CreateProject(NewProject { name, api_key: secret(KEY), provider })
}

fn calls(commands: Vec<Command>) -> Vec<(Command, Timestamp)> {
    commands.into_iter().map(|command| (command, at(1))).collect()
}

async fn names<S: Store>(store: &Shared<S>) -> Vec<String> {
    let mut names: Vec<String> =
        list_projects(&**store, Page::default()).await.0.into_iter().map(|project| project.name).collect();
    names.sort();
    names
}

pub(crate) async fn a_batch_is_made_with_its_events<S: Store>(store: &Shared<S>) {
    let events = events(2);
    let results =
        change_together(&**store, calls(vec![new_project("a"), new_project("b")]), Ok(events.clone())).await.unwrap();
    let made = |result: Result<Reply, ExecuteError>| match result {
        Ok(Reply::ProjectCreated(project)) => project.name,
        other => panic!("{other:?}"),
    };
    assert_eq!(results.into_iter().map(made).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(names(store).await, ["a", "b"]);
    assert_eq!(store.events_after(None, 10).await.unwrap(), events);
}

pub(crate) async fn a_batch_may_hold_events_that_are_there<S: Store>(store: &Shared<S>) {
    let events = events(3);
    store.add_events(&events[..2]).await.unwrap();
    change_together(&**store, calls(vec![new_project("a")]), Ok(events.clone())).await.unwrap();
    assert_eq!(store.events_after(None, 10).await.unwrap(), events);
}

pub(crate) async fn a_batch_that_is_not_sealed_changes_nothing<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "there").await;
    let rename = ProjectChange { name: Some("renamed".into()), ..ProjectChange::default() };
    let batch = calls(vec![new_project("a"), Command::UpdateProject(project, rename), Command::DeleteProject(project)]);
    let error = change_together(&**store, batch, Err(NotSealed)).await.unwrap_err();
    assert!(matches!(error, ChangeError::NotSealed(NotSealed)), "{error:?}");
    assert_eq!(names(store).await, ["there"]);
    assert!(store.events_after(None, 10).await.unwrap().is_empty());
    assert!(create(&**store, "a", at(2)).await.is_ok(), "the store goes on");
}

pub(crate) async fn a_refused_call_leaves_the_others_of_its_batch<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "there").await;
    let (kept, _) = token(&**store, project).await;
    let refused = ProjectChange {
        name: Some("a".into()),
        is_active: Some(false),
        revoke_tokens: true,
        ..ProjectChange::default()
    };
    let batch = vec![
        new_project("a"),
        Command::UpdateProject(project, refused),
        new_project("a"),
        Command::DeleteProject(unknown_project()),
        new_project("b"),
    ];
    let results = change_together(&**store, calls(batch), Ok(Vec::new())).await.unwrap();
    let errors: Vec<Option<CommandError>> = results
        .into_iter()
        .map(|result| match result {
            Ok(_) => None,
            Err(ExecuteError::Refused(error)) => Some(error),
            Err(ExecuteError::Failed(error)) => panic!("{error:?}"),
        })
        .collect();
    let taken = Some(CommandError::ProjectNameTaken);
    assert_eq!(errors, [None, taken, taken, Some(CommandError::NotFound(Subject::Project)), None]);
    assert_eq!(names(store).await, ["a", "b", "there"]);
    assert!(get_project(&**store, project).await.unwrap().is_active);
    assert!(get_token(&**store, kept).await.unwrap().is_active);
}

pub(crate) async fn calls_of_a_batch_see_those_before_them<S: Store>(store: &Shared<S>) {
    let project = project(&**store, "there").await;
    let off = ProjectChange { is_active: Some(false), ..ProjectChange::default() };
    let batch = vec![
        Command::CreateToken(new_token(project, None)),
        Command::UpdateProject(project, off),
        Command::CreateToken(new_token(project, None)),
        Command::RevokeProjectTokens(project),
    ];
    let results = change_together(&**store, calls(batch), Ok(Vec::new())).await.unwrap();
    assert!(matches!(results[0], Ok(Reply::TokenCreated(..))));
    assert!(matches!(results[2], Err(ExecuteError::Refused(CommandError::ProjectInactive))));
    assert!(matches!(results[3], Ok(Reply::Revoked(counts)) if counts.revoked_count == 1));
}

pub(crate) async fn nobody_sees_a_batch_before_it_is_sealed<S: Store>(store: &Shared<S>) {
    let other = Arc::clone(store);
    let seal: llm_proxy_storage::Seal = Box::new(move |results| {
        Box::pin(async move {
            assert!(results.iter().all(Result::is_ok));
            assert!(names(&other).await.is_empty());
            Ok(Vec::new())
        })
    });
    store.change(ChangeBatch { calls: calls(vec![new_project("a")]), seal }).await.unwrap();
    assert_eq!(names(store).await, ["a"]);
}

pub(crate) async fn a_refused_call_has_its_event_too<S: Store>(store: &Shared<S>) {
    let events = events(2);
    let batch = calls(vec![new_project("a"), new_project("a")]);
    let results = change_together(&**store, batch, Ok(events.clone())).await.unwrap();
    let [Ok(Reply::ProjectCreated(_)), Err(ExecuteError::Refused(CommandError::ProjectNameTaken))] = &results[..]
    else {
        panic!("{results:?}")
    };
    assert_eq!(names(store).await, ["a"]);
    assert_eq!(store.events_after(None, 10).await.unwrap(), events);
}

pub(crate) async fn a_change_is_no_read_and_a_read_no_change<S: Store>(store: &Shared<S>) {
    let refused = store.read(new_project("a"), at(1)).await;
    assert!(matches!(refused, Err(ExecuteError::Failed(StoreError::WrongCall))), "{refused:?}");
    let batch = calls(vec![Command::ListProjects(Page::default()), new_project("b")]);
    let results = change_together(&**store, batch, Ok(Vec::new())).await.unwrap();
    assert!(matches!(results[0], Err(ExecuteError::Failed(StoreError::WrongCall))), "{results:?}");
    assert_eq!(names(store).await, ["b"]);
}

/// As two instances do it, each beginning with what the other ends with.
pub(crate) async fn two_batches_on_the_same_projects_at_once_are_both_done<S: Store>(store: &Shared<S>) {
    const PROJECTS: usize = 12;
    const ROUNDS: u8 = 3;
    let mut projects = Vec::new();
    for n in 0..PROJECTS {
        projects.push(project(&**store, &format!("project {n:02}")).await);
    }
    let mut recorded = Vec::new();
    for round in 0..ROUNDS {
        let mut batches = Vec::new();
        for side in 0..2 {
            projects.reverse();
            let events = vec![chain(2 * round + side).seal(draft(u64::from(round)), &[2 * round + side; 10])];
            recorded.extend(events.clone());
            batches.push(tokio::spawn(renamed_and_given_tokens(Arc::clone(store), projects.clone(), side, events)));
        }
        for batch in batches {
            batch.await.unwrap();
        }
    }
    recorded.sort_by_key(|event| event.id);
    assert_eq!(store.events_after(None, 100).await.unwrap(), recorded);
    let filter = TokenFilter { project_id: None, active_only: false };
    let tokens = list_tokens(&**store, filter, Page::default(), at(1)).await.1;
    assert_eq!(tokens, u64::from(ROUNDS) * 2 * u64::try_from(PROJECTS).unwrap());
}

async fn renamed_and_given_tokens<S: Store>(store: Shared<S>, projects: Vec<ProjectId>, side: u8, events: Vec<Event>) {
    let of_one = |project: ProjectId| {
        let change = ProjectChange { name: Some(format!("{project} by {side}")), ..ProjectChange::default() };
        [Command::UpdateProject(project, change), Command::CreateToken(new_token(project, None))]
    };
    let batch = calls(projects.into_iter().flat_map(of_one).collect());
    let results = change_together(&*store, batch, Ok(events)).await.unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

/// Each is to take first what the other takes last.
pub(crate) async fn of_two_batches_that_take_the_same_names_one_gets_each<S: Store>(store: &Shared<S>) {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let take = |mut commands: Vec<Command>, backwards: bool| {
        let store = Arc::clone(store);
        if backwards {
            commands.reverse();
        }
        tokio::spawn(async move {
            let mut results = change_together(&*store, calls(commands), Ok(Vec::new())).await.unwrap();
            if backwards {
                results.reverse();
            }
            results
        })
    };
    let commands = || NAMES.map(new_project).to_vec();
    let (one, two) = (take(commands(), false), take(commands(), true));
    for pair in one.await.unwrap().into_iter().zip(two.await.unwrap()) {
        let ((Ok(_), Err(refused)) | (Err(refused), Ok(_))) = pair else { panic!("{pair:?}") };
        assert!(matches!(refused, ExecuteError::Refused(CommandError::ProjectNameTaken)), "{refused:?}");
    }
    assert_eq!(names(store).await, NAMES);
}

/// The database refuses projects of the name `broken`.
async fn a_call_that_fails_in_the_database_fails_alone(store: &impl Store) {
    let events = events(3);
    let batch = calls(vec![new_project("a"), new_project("broken"), new_project("b")]);
    let results = change_together(store, batch, Ok(events.clone())).await.unwrap();
    let [Ok(_), Err(ExecuteError::Failed(StoreError::Database(error))), Ok(_)] = &results[..] else {
        panic!("{results:?}")
    };
    assert!(error.as_database_error().is_some(), "{error:?}");
    let (projects, total) = list_projects(store, Page::default()).await;
    assert_eq!((total, projects.iter().any(|project| project.name == "broken")), (2, false));
    assert_eq!(store.events_after(None, 10).await.unwrap(), events);
}

const REFUSE_BROKEN: &str = "ALTER TABLE projects ADD CONSTRAINT not_broken CHECK (name <> 'broken')";

async fn on_server<S: TestServer>() {
    let database = OnServer::<S>::new().await;
    let store = database.store().await;
    database.run(REFUSE_BROKEN).await;
    a_call_that_fails_in_the_database_fails_alone(&*store).await;
}

#[tokio::test]
async fn a_call_that_fails_in_postgres_fails_alone() {
    on_server::<Postgres>().await;
}

#[tokio::test]
async fn a_call_that_fails_in_mysql_fails_alone() {
    on_server::<MySql>().await;
}

#[tokio::test]
async fn a_call_that_fails_in_sqlite_fails_alone() {
    let f = fixture().await;
    let refuse = "CREATE TRIGGER not_broken BEFORE INSERT ON projects WHEN new.name = 'broken' \
                  BEGIN SELECT RAISE(ABORT, 'broken'); END";
    sqlx::query(refuse).execute(&mut raw(&path_in(&f.folder)).await).await.unwrap();
    a_call_that_fails_in_the_database_fails_alone(&f.store).await;
}

/// The batch has a name and waits for a project; another transaction has the project and waits for the name. MySQL undoes
/// the one that has done less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_mysql_undid_is_done_again() {
    let database = OnServer::<MySql>::new().await;
    let store = database.store().await;
    let (one, two) = (project(&*store, "one").await, project(&*store, "two").await);
    let mut other = MySqlConnection::connect(&database.url()).await.unwrap();
    let mut transaction = other.begin().await.unwrap();
    let mut run = async |statement: String| sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await;
    for n in 0..100 {
        run(format!("INSERT INTO secrets VALUES ('much {n}', '')")).await.unwrap();
    }
    run(format!("UPDATE projects SET provider = 'other' WHERE id = '{one}'")).await.unwrap();

    let renaming = ProjectChange { name: Some("renamed".into()), ..ProjectChange::default() };
    let batch = calls(vec![new_project("wanted"), Command::UpdateProject(one, renaming)]);
    let (events, changing) = (events(2), Arc::clone(&store));
    let sealed = Ok(events.clone());
    let batch = tokio::spawn(async move { change_together(&*changing, batch, sealed).await.unwrap() });
    while MySql::number(&database.url(), WAITING.to_owned()).await.unwrap() == 0 {}
    run(format!("UPDATE projects SET name = 'wanted' WHERE id = '{two}'")).await.unwrap();
    transaction.commit().await.unwrap();

    let results = batch.await.unwrap();
    let [Err(ExecuteError::Refused(CommandError::ProjectNameTaken)), Ok(Reply::Project(renamed))] = &results[..] else {
        panic!("{results:?}")
    };
    assert_eq!((&*renamed.name, &*renamed.provider), ("renamed", "other"));
    assert_eq!(names(&store).await, ["renamed", "wanted"]);
    assert_eq!(store.events_after(None, 10).await.unwrap(), events);
}

/// How many transactions in the database wait for a lock.
const WAITING: &str = "SELECT count(*) FROM information_schema.innodb_trx t \
                       JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
                       WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()";
