//! `llm-proxy manage project …`: from flags to calls, and how projects are shown.

use clap::{ArgAction, Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::failure::ManageError;
use super::key::{KeyFlags, key};
use super::output::{Form, Output, minute, text};
use super::{id, paging::PageFlags};
use crate::commands::table::{Column, Keep};
use llm_proxy_core::ids::ProjectId;

const COLUMNS: &[Column] = &[
    ("ID", Keep::Whole),
    ("NAME", Keep::AtLeast(10)),
    ("PROVIDER", Keep::AtLeast(8)),
    ("ACTIVE", Keep::Whole),
    ("CREATED (UTC)", Keep::IfRoom),
    ("KEY", Keep::IfRoom),
];
const FIELDS: &[&str] =
    &["id", "name", "provider", "api_key", "is_active", "deactivated_at", "created_at", "updated_at"];

const CREATE_EXAMPLES: &str = "\
The key is read from a file or from the standard input, so that it stands in no process list:
  llm-proxy manage project create --name \"my team\" --api-key-file key.txt
  printenv OPENAI_API_KEY | llm-proxy manage project create --name \"my team\" --api-key -
  PROJECT=$(llm-proxy manage project create --name other --provider anthropic --api-key-file key.txt --quiet)";

const UPDATE_EXAMPLES: &str = "\
Examples:
  llm-proxy manage project update ID --api-key-file new-key.txt
  llm-proxy manage project update ID --deactivate
  llm-proxy manage project update ID --deactivate --revoke-tokens --yes";

/// `llm-proxy manage project …`
#[derive(Subcommand, Debug)]
pub(super) enum ProjectCommand {
    /// List projects, newest first
    #[command(visible_alias = "ls")]
    List(PageFlags),
    /// Show a project
    #[command(visible_alias = "show")]
    Get {
        /// The project's id
        #[arg(value_parser = id::<ProjectId>)]
        id: ProjectId,
    },
    /// Make a project
    #[command(visible_alias = "new", after_long_help = CREATE_EXAMPLES)]
    Create(CreateFlags),
    /// Change a project's name, key, provider or state
    #[command(visible_alias = "edit", after_long_help = UPDATE_EXAMPLES)]
    Update(UpdateFlags),
    /// Delete a project: its key is erased, and its tokens stop at once
    #[command(visible_alias = "rm")]
    Delete(ForGood),
    /// Revoke all tokens of a project
    RevokeTokens(ForGood),
}

/// The flags of `project create`.
#[derive(Args, Debug)]
pub(super) struct CreateFlags {
    /// Its name, which no other project has
    #[arg(long)]
    name: String,
    /// Its provider; without it, the default one of the providers file
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    #[command(flatten)]
    key: KeyFlags,
}

/// The flags of `project update`.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("change").multiple(true).required(true)))]
pub(super) struct UpdateFlags {
    /// The project's id
    #[arg(value_parser = id::<ProjectId>)]
    id: ProjectId,
    /// A new name
    #[arg(long, group = "change")]
    name: Option<String>,
    /// Another provider
    #[arg(long, value_name = "NAME", group = "change")]
    provider: Option<String>,
    #[command(flatten)]
    key: KeyFlags,
    /// Let its tokens work again
    #[arg(long, group = "change", conflicts_with = "deactivate")]
    activate: bool,
    /// Stop its tokens until it is activated again
    #[arg(long, group = "change")]
    deactivate: bool,
    /// Revoke all its tokens too
    #[arg(long, requires = "deactivate")]
    revoke_tokens: bool,
    /// Revoke without asking
    #[arg(long, short, action = ArgAction::SetTrue)]
    yes: bool,
}

/// A project, and whether what happens to it is confirmed.
#[derive(Args, Debug)]
pub(super) struct ForGood {
    /// The project's id
    #[arg(value_parser = id::<ProjectId>)]
    id: ProjectId,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

/// Does what the command says.
pub(super) fn perform(command: &ProjectCommand, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    match command {
        ProjectCommand::List(page) => output.list(&api.get(PATH, &page.query())?, COLUMNS, row),
        ProjectCommand::Get { id } => output.item(&api.get(&path(id), &[])?, FIELDS),
        ProjectCommand::Create(flags) => create(flags, api, output),
        ProjectCommand::Update(flags) => update(flags, api, output),
        ProjectCommand::Delete(ForGood { id, yes }) => {
            confirm(api, output, *yes, id, "its upstream key is erased, and its tokens stop at once")?;
            api.send(&Method::DELETE, &path(id), None)?;
            output.done(&format!("project {id} is deleted"))
        }
        ProjectCommand::RevokeTokens(ForGood { id, yes }) => {
            confirm(api, output, *yes, id, "all its tokens are revoked")?;
            revoke_tokens(id, api, output)
        }
    }
}

const PATH: &str = "/manage/projects";

fn path(id: &ProjectId) -> String {
    format!("{PATH}/{id}")
}

fn row(project: &Value) -> Vec<String> {
    let fields = ["id", "name", "provider", "is_active"].map(|name| text(project, name));
    fields.into_iter().chain([minute(project, "created_at"), text(project, "api_key")]).collect()
}

fn create(flags: &CreateFlags, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    let key = key(&flags.key, output.desk)?.ok_or_else(|| {
        ManageError::Usage(
            "the upstream key is missing: give --api-key-file FILE, or --api-key - to type or pipe it".into(),
        )
    })?;
    let mut body = json!({"name": flags.name, "api_key": key.reveal()});
    if let Some(provider) = &flags.provider {
        body["provider"] = provider.as_str().into();
    }
    output.item(&api.send(&Method::POST, PATH, Some(&body))?, FIELDS)
}

fn update(flags: &UpdateFlags, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| value.map(|value| body.insert(name.to_owned(), value));
    set("name", flags.name.as_deref().map(Value::from));
    set("provider", flags.provider.as_deref().map(Value::from));
    set("api_key", key(&flags.key, output.desk)?.map(|key| Value::from(key.reveal())));
    set("is_active", (flags.activate || flags.deactivate).then(|| flags.activate.into()));
    set("revoke_tokens", flags.revoke_tokens.then(|| true.into()));
    if flags.revoke_tokens {
        confirm(api, output, flags.yes, &flags.id, "it is deactivated, and all its tokens are revoked")?;
    }
    output.item(&api.send(&Method::PATCH, &path(&flags.id), Some(&body.into()))?, FIELDS)
}

/// Asks whether it is meant, with the project's name, which says more than an id.
fn confirm(
    api: &Api,
    output: &mut Output<'_, '_>,
    yes: bool,
    id: &ProjectId,
    consequence: &str,
) -> Result<(), ManageError> {
    if yes || !output.desk.asks {
        return Ok(output.desk.confirm("", yes)?);
    }
    let name = text(&api.get(&path(id), &[])?.json()?, "name");
    let name = crate::commands::table::printable(&name);
    Ok(output.desk.confirm(&format!("Project {name:?} ({id}): {consequence}. Go on?"), yes)?)
}

fn revoke_tokens(id: &ProjectId, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    let answer = api.send(&Method::POST, &format!("{}/tokens/revoke", path(id)), None)?;
    if output.form == Form::Json {
        return output.json(&answer);
    }
    let counts = answer.json()?;
    let [revoked, before, all] =
        ["revoked_count", "already_revoked_count", "total_tokens"].map(|name| text(&counts, name));
    output.done(&format!("{revoked} of {all} tokens are revoked by this, {before} were before"))
}
