//! `llm-proxy manage token …`: from flags to calls, and how tokens are shown.

use clap::{Args, Subcommand};
use http::Method;
use llm_proxy_core::ids::{ProjectId, TokenId};
use llm_proxy_core::settings::parse_duration;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::failure::ManageError;
use super::output::{Form, Output, is_past, minute, text, time};
use super::{id, paging::PageFlags};
use crate::commands::table::{Column, Keep};

const COLUMNS: &[Column] = &[
    ("ID", Keep::Whole),
    ("STATE", Keep::Whole),
    ("USED", Keep::Whole),
    ("EXPIRES (UTC)", Keep::IfRoom),
    ("PROJECT", Keep::IfRoom),
    ("TOKEN", Keep::IfRoom),
    ("LAST USED (UTC)", Keep::IfRoom),
];
const FIELDS: &[&str] = &[
    "id",
    "token",
    "project_id",
    "is_active",
    "expires_at",
    "request_count",
    "max_requests",
    "requests_per_minute",
    "created_at",
    "last_used_at",
    "cache_hit_count",
];

/// A year of 365 days, the longest that a token may live.
const MAX_MINUTES: u64 = 525_600;

const CREATE_EXAMPLES: &str = "\
The token is printed to the standard output, alone, and never again; what else there is to say goes to the standard error
stream, and nowhere with --quiet.
  TOKEN=$(llm-proxy manage token create --project ID --duration 8h)
  llm-proxy manage token create --project ID --duration 30d --max-requests 1000 --json";

/// `llm-proxy manage token …`
#[derive(Subcommand, Debug)]
pub(super) enum TokenCommand {
    /// Make a token and print it, this once
    #[command(visible_aliases = ["new", "generate"], after_long_help = CREATE_EXAMPLES)]
    Create(CreateFlags),
    /// List tokens, newest first
    #[command(visible_alias = "ls")]
    List(ListFlags),
    /// Show a token: its limits and how much of them is used
    #[command(visible_alias = "show")]
    Get {
        /// The token's id
        #[arg(value_parser = id::<TokenId>)]
        id: TokenId,
    },
    /// Change a token's limits or state
    #[command(visible_alias = "edit")]
    Update(UpdateFlags),
    /// Revoke a token, from the next request on
    #[command(visible_aliases = ["delete", "rm"])]
    Revoke {
        /// The token's id
        #[arg(value_parser = id::<TokenId>)]
        id: TokenId,
    },
}

/// The flags of `token create`.
#[derive(Args, Debug)]
pub(super) struct CreateFlags {
    /// Its project's id
    #[arg(long, value_name = "ID", alias = "project-id", value_parser = id::<ProjectId>)]
    project: ProjectId,
    /// How long it works: minutes, or with units such as 90m, 8h or 30d
    #[arg(long, value_name = "TIME", alias = "duration-minutes", value_parser = minutes)]
    duration: u64,
    /// How many requests it may make in all; 0 is no limit
    #[arg(long, value_name = "NUMBER")]
    max_requests: Option<u64>,
    /// How many requests it may make a minute; 0 is no limit
    #[arg(long, value_name = "NUMBER", alias = "rpm")]
    requests_per_minute: Option<u64>,
}

/// The flags of `token list`.
#[derive(Args, Debug)]
pub(super) struct ListFlags {
    /// Of this project only
    #[arg(long, value_name = "ID", alias = "project-id", value_parser = id::<ProjectId>)]
    project: Option<ProjectId>,
    /// Only tokens that work now
    #[arg(long)]
    active_only: bool,
    #[command(flatten)]
    page: PageFlags,
}

/// The flags of `token update`.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("change").multiple(true).required(true)))]
pub(super) struct UpdateFlags {
    /// The token's id
    #[arg(value_parser = id::<TokenId>)]
    id: TokenId,
    /// How many requests it may make in all; 0 is no limit
    #[arg(long, value_name = "NUMBER", group = "change")]
    max_requests: Option<u64>,
    /// How many requests it may make a minute; 0 is no limit
    #[arg(long, value_name = "NUMBER", group = "change", alias = "rpm")]
    requests_per_minute: Option<u64>,
    /// Let it work again
    #[arg(long, group = "change", conflicts_with = "deactivate")]
    activate: bool,
    /// Switch it off
    #[arg(long, group = "change")]
    deactivate: bool,
}

/// Does what the command says.
pub(super) fn perform(command: &TokenCommand, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    match command {
        TokenCommand::Create(flags) => create(flags, api, output),
        TokenCommand::List(flags) => list(flags, api, output),
        TokenCommand::Get { id } => output.item(&api.get(&path(id), &[])?, FIELDS),
        TokenCommand::Update(flags) => update(flags, api, output),
        TokenCommand::Revoke { id } => {
            api.send(&Method::DELETE, &path(id), None)?;
            output.done(&format!("token {id} is revoked"))
        }
    }
}

const PATH: &str = "/manage/tokens";

fn path(id: &TokenId) -> String {
    format!("{PATH}/{id}")
}

fn create(flags: &CreateFlags, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    let mut body = json!({"project_id": flags.project, "duration_minutes": flags.duration});
    if let Some(number) = flags.max_requests {
        body["max_requests"] = number.into();
    }
    if let Some(number) = flags.requests_per_minute {
        body["requests_per_minute"] = number.into();
    }
    let answer = api.send(&Method::POST, PATH, Some(&body))?;
    if output.form == Form::Json {
        return output.json(&answer);
    }
    let made = answer.json()?;
    let token = made.get("token").and_then(Value::as_str).ok_or_else(|| answer.foreign("there is no token in it"))?;
    writeln!(output.desk.out, "{token}")?;
    output.desk.out.flush()?;
    if output.form == Form::Table {
        let (id, until) = (text(&made, "id"), time(&made, "expires_at"));
        writeln!(output.desk.err, "token {id}, good until {until} UTC; it is not shown again")?;
    }
    Ok(())
}

fn list(flags: &ListFlags, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    let [page, page_size] = flags.page.query();
    let project = ("project_id", flags.project.map(|id| id.to_string()));
    let active_only = ("active_only", flags.active_only.then(|| "true".to_owned()));
    output.list(&api.get(PATH, &[project, active_only, page, page_size])?, COLUMNS, row)
}

fn row(token: &Value) -> Vec<String> {
    let used = text(token, "request_count");
    let used = match text(token, "max_requests") {
        limit if limit.is_empty() => used,
        limit => format!("{used}/{limit}"),
    };
    let last = minute(token, "last_used_at");
    let expires = minute(token, "expires_at");
    vec![
        text(token, "id"),
        state(token).to_owned(),
        used,
        expires,
        text(token, "project_id"),
        text(token, "token"),
        last,
    ]
}

/// Whether the token works, by its own record: its project may be off, or its limit reached.
fn state(token: &Value) -> &'static str {
    match token.get("is_active").and_then(Value::as_bool) {
        Some(false) => "revoked",
        Some(true) | None if is_past(token, "expires_at") => "expired",
        Some(true) | None => "active",
    }
}

fn update(flags: &UpdateFlags, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| value.map(|value| body.insert(name.to_owned(), value));
    set("max_requests", flags.max_requests.map(Value::from));
    set("requests_per_minute", flags.requests_per_minute.map(Value::from));
    set("is_active", (flags.activate || flags.deactivate).then(|| flags.activate.into()));
    output.item(&api.send(&Method::PATCH, &path(&flags.id), Some(&body.into()))?, FIELDS)
}

/// Reads a token's life as whole minutes: a plain number is minutes, `d` is a day, other units are those of settings.
fn minutes(text: &str) -> Result<u64, String> {
    const FORM: &str = "write minutes, or a time such as 90m, 8h or 30d: from one minute to 365 days";
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|_| plain)
    };
    let minutes = match (number(text), text.strip_suffix('d').and_then(number)) {
        (Some(minutes), _) => Some(minutes),
        (None, Some(days)) => days.checked_mul(24 * 60),
        (None, None) => {
            let duration = parse_duration(text).map_err(|error| format!("{error}; {FORM}"))?;
            (duration.as_nanos() % 60_000_000_000 == 0).then_some(duration.as_secs() / 60)
        }
    };
    minutes.filter(|minutes| (1..=MAX_MINUTES).contains(minutes)).ok_or_else(|| FORM.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_whole_minutes_in_any_unit() {
        for (text, wanted) in [
            ("1", 1),
            ("60", 60),
            ("90m", 90),
            ("8h", 480),
            ("1h30m", 90),
            ("120s", 2),
            ("30d", 43_200),
            ("365d", 525_600),
        ] {
            assert_eq!(minutes(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn a_life_that_the_api_cannot_say_is_refused() {
        for text in ["", "0", "525601", "366d", "90s", "1.5m", "-1h", "+5", "8 h", "d", "1w", "99999999999999999999d"] {
            assert!(minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_state_is_read_off_the_record() {
        let token = |active: bool, expires: &str| json!({"is_active": active, "expires_at": expires});
        assert_eq!(state(&token(true, "9000-01-01T00:00:00Z")), "active");
        assert_eq!(state(&token(true, "2001-01-01T00:00:00Z")), "expired");
        assert_eq!(state(&token(false, "9000-01-01T00:00:00Z")), "revoked");
    }

    #[test]
    fn use_stands_beside_its_limit() {
        let used = |limit: Value| row(&json!({"request_count": 7, "max_requests": limit}))[2].clone();
        assert_eq!((used(10.into()).as_str(), used(Value::Null).as_str()), ("7/10", "7"));
    }
}
