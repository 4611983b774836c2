//! `llm-proxy manage cache …`

use clap::{ArgGroup, Args, Subcommand};
use http::Method;
use llm_proxy_core::ids::ProjectId;
use serde_json::{Value, json};

use super::api::Api;
use super::failure::ManageError;
use super::id;
use super::output::{Form, Output};

const EXAMPLES: &str = "\
Examples:
  llm-proxy manage cache purge --url '/v1/models?limit=10'
  llm-proxy manage cache purge --prefix /v1/models --project ID";

/// `llm-proxy manage cache …`
#[derive(Subcommand, Debug)]
pub(super) enum CacheCommand {
    /// Remove answers from the response cache
    #[command(after_long_help = EXAMPLES)]
    Purge(PurgeFlags),
}

/// The flags of `cache purge`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("what").required(true)))]
pub(super) struct PurgeFlags {
    /// One resource: path and query as clients send them
    #[arg(long, group = "what")]
    url: Option<String>,
    /// The method of that resource
    #[arg(long, default_value = "GET", conflicts_with = "prefix")]
    method: String,
    /// Every resource whose path begins with this
    #[arg(long, value_name = "PATH", group = "what")]
    prefix: Option<String>,
    /// Of this project only
    #[arg(long, value_name = "ID", alias = "project-id", value_parser = id::<ProjectId>)]
    project: Option<ProjectId>,
}

impl PurgeFlags {
    fn body(&self) -> Value {
        let mut body = match &self.prefix {
            Some(prefix) => json!({ "prefix": prefix }),
            None => json!({"method": self.method, "url": self.url}),
        };
        if let Some(project) = self.project {
            body["project_id"] = json!(project);
        }
        body
    }
}

/// Does what the command says.
pub(super) fn perform(command: &CacheCommand, api: &Api, output: &mut Output<'_, '_>) -> Result<(), ManageError> {
    let CacheCommand::Purge(flags) = command;
    let answer = api.send(&Method::POST, "/manage/cache/purge", Some(&flags.body()))?;
    if output.form == Form::Json {
        return output.json(&answer);
    }
    let deleted = answer.json()?.get("deleted").cloned().unwrap_or_default();
    output.done(&match deleted.as_bool() {
        Some(true) => "the resource is removed".to_owned(),
        Some(false) => "the resource was not in the cache".to_owned(),
        None => format!("resources removed: {deleted}"),
    })
}
