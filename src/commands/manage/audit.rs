//! `llm-proxy manage audit …`: from flags to calls, and how events are shown.

use clap::{Args, Subcommand};
use llm_proxy_core::ids::{EventId, ProjectId, TokenId};
use llm_proxy_core::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::api::{Answer, Api};
use super::failure::ManageError;
use super::output::{Form, Output, text, time};
use super::{id, paging::PageFlags};
use crate::commands::table::{Column, Keep};

const COLUMNS: &[Column] = &[
    ("ID", Keep::Whole),
    ("TIME (UTC)", Keep::Whole),
    ("ACTION", Keep::AtLeast(12)),
    ("OUTCOME", Keep::Whole),
    ("REASON", Keep::IfRoom),
    ("COUNT", Keep::IfRoom),
    ("ACTOR", Keep::IfRoom),
    ("CLIENT", Keep::IfRoom),
    ("REQUEST", Keep::IfRoom),
    ("PROJECT", Keep::IfRoom),
    ("TOKEN", Keep::IfRoom),
];
const FIELDS: &[&str] = &[
    "id",
    "timestamp",
    "action",
    "actor",
    "outcome",
    "reason",
    "count",
    "project_id",
    "token_id",
    "request_id",
    "correlation_id",
    "client_ip",
    "method",
    "path",
    "user_agent",
    "metadata",
    "chain",
    "prev",
    "hash",
];

/// Events of a page where all are asked for: the most that the API gives.
const PAGE_SIZE: u64 = 100;

const EXAMPLES: &str = "\
Without --page all events are read, page by page, as they were when the command began.

Examples:
  llm-proxy manage audit list --outcome denied --start-time 2026-01-31T00:00:00Z
  llm-proxy manage audit list --project ID --action token.create --page 1
  llm-proxy manage audit show ID --json";

/// `llm-proxy manage audit …`
#[derive(Subcommand, Debug)]
pub(super) enum AuditCommand {
    /// List events, newest first
    #[command(visible_alias = "ls", after_long_help = EXAMPLES)]
    List(Box<ListFlags>),
    /// Show an event
    #[command(visible_alias = "get")]
    Show {
        /// The event's id
        #[arg(value_parser = id::<EventId>)]
        id: EventId,
    },
}

/// The flags of `audit list`.
#[derive(Args, Debug, Default)]
pub(super) struct ListFlags {
    /// What was done, such as token.create
    #[arg(long)]
    action: Option<String>,
    /// Who did it, such as management_api
    #[arg(long)]
    actor: Option<String>,
    /// success, failure, denied or error
    #[arg(long)]
    outcome: Option<String>,
    /// About this project
    #[arg(long, value_name = "ID", alias = "project-id", value_parser = id::<ProjectId>)]
    project: Option<ProjectId>,
    /// About this token
    #[arg(long, value_name = "ID", alias = "token-id", value_parser = id::<TokenId>)]
    token: Option<TokenId>,
    /// From this address
    #[arg(long, value_name = "ADDRESS")]
    client_ip: Option<String>,
    /// Of the request with this id
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Of the requests with this correlation id
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Of requests with this method
    #[arg(long)]
    method: Option<String>,
    /// Of requests with this path
    #[arg(long)]
    path: Option<String>,
    /// That hold this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// From this time on (RFC 3339)
    #[arg(long, value_name = "TIME", alias = "since", value_parser = rfc3339)]
    start_time: Option<String>,
    /// Up to this time (RFC 3339)
    #[arg(long, value_name = "TIME", alias = "until", value_parser = rfc3339)]
    end_time: Option<String>,
    #[command(flatten)]
    page: PageFlags,
}

/// A page as it came: the events' texts are passed on unchanged.
#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    #[serde(default)]
    has_next: bool,
    #[serde(default)]
    as_of: Option<String>,
}

/// Does what the command says.
pub(super) fn perform(command: &AuditCommand, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    match command {
        AuditCommand::List(flags) => list(flags, api, output),
        AuditCommand::Show { id } => output.item(&api.get(&format!("{PATH}/{id}"), &[])?, FIELDS),
    }
}

const PATH: &str = "/manage/audit";

fn list(flags: &ListFlags, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    if flags.page == PageFlags::default() {
        let (events, as_of) = all(flags, api)?;
        return match output.form {
            Form::Json => one_page(&events, as_of.as_deref(), output),
            Form::Table | Form::Ids => show(&events, output),
        };
    }
    let answer = api.get(PATH, &flags.query(flags.page, None))?;
    match output.form {
        Form::Json => output.json(&answer),
        Form::Table | Form::Ids => show(&page(&answer)?.events, output),
    }
}

/// All events that match and were there at the first call, and which was the newest then.
fn all(flags: &ListFlags, api: &Api) -> Result<(Vec<Box<RawValue>>, Option<String>), ManageError> {
    let (mut events, mut as_of) = (Vec::new(), None);
    for number in 1.. {
        let which = PageFlags { page: Some(number), page_size: Some(PAGE_SIZE) };
        let Page { events: more, pagination } = page(&api.get(PATH, &flags.query(which, as_of.as_deref()))?)?;
        as_of = as_of.or(pagination.as_of);
        let is_last = !pagination.has_next || more.is_empty();
        events.extend(more);
        if is_last {
            break;
        }
    }
    Ok((events, as_of))
}

fn page(answer: &Answer) -> Result<Page, ManageError> {
    serde_json::from_str(&answer.text).map_err(|_| answer.foreign("it is no page of events").into())
}

/// Prints all events as the API would on one page that is large enough.
fn one_page(events: &[Box<RawValue>], as_of: Option<&str>, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    let pagination = json!({
        "page": 1,
        "page_size": events.len(),
        "total_count": events.len(),
        "total_pages": 1,
        "has_next": false,
        "has_prev": false,
        "as_of": as_of,
    });
    write!(output.desk.out, "{{\"events\":[")?;
    for (at, event) in events.iter().enumerate() {
        write!(output.desk.out, "{}{event}", if at == 0 { "" } else { "," })?;
    }
    Ok(writeln!(output.desk.out, "],\"pagination\":{pagination}}}")?)
}

fn show(events: &[Box<RawValue>], output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    // What is a piece of JSON reads as one.
    let events: Vec<Value> = events.iter().filter_map(|event| serde_json::from_str(event.get()).ok()).collect();
    if output.form == Form::Ids { output.ids(&events) } else { output.table(&events, COLUMNS, row) }
}

fn row(event: &Value) -> Vec<String> {
    let field = |name| text(event, name);
    let request = format!("{} {}", field("method"), field("path"));
    vec![
        field("id"),
        time(event, "timestamp"),
        field("action"),
        field("outcome"),
        field("reason"),
        field("count"),
        field("actor"),
        field("client_ip"),
        request.trim().to_owned(),
        field("project_id"),
        field("token_id"),
    ]
}

impl ListFlags {
    fn query(&self, page: PageFlags, as_of: Option<&str>) -> Vec<(&'static str, Option<String>)> {
        let mut query = vec![
            ("action", self.action.clone()),
            ("actor", self.actor.clone()),
            ("outcome", self.outcome.clone()),
            ("project_id", self.project.map(|id| id.to_string())),
            ("token_id", self.token.map(|id| id.to_string())),
            ("client_ip", self.client_ip.clone()),
            ("request_id", self.request_id.clone()),
            ("correlation_id", self.correlation_id.clone()),
            ("method", self.method.clone()),
            ("path", self.path.clone()),
            ("search", self.search.clone()),
            ("start_time", self.start_time.clone()),
            ("end_time", self.end_time.clone()),
            ("as_of", as_of.map(str::to_owned)),
        ];
        query.extend(page.query());
        query
    }
}

/// Takes an RFC 3339 time as it is written.
fn rfc3339(text: &str) -> Result<String, String> {
    let time = Timestamp::parse_rfc3339(text).map(|_| text.to_owned());
    time.ok_or_else(|| "write a time such as 2026-01-31T12:00:00Z".to_owned())
}
