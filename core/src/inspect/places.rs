//! Where a model is said without a parameter: in the path. And the endpoints whose content names one where nobody looks.

use http::Method;

use super::params::ParamRules;
use super::{InspectError, Subject};
use crate::reject::Dialect;

/// The parameter that a path can say.
const MODEL: &[u8] = b"model";

/// Segments that are followed by a model: OpenAI's and Gemini's, Azure's, OpenAI's first ones.
const BEFORE_A_MODEL: [&str; 5] = ["models", "tunedModels", "model", "deployments", "engines"];

/// What follows a colon where Gemini takes requests in a file or in a list.
const BATCH_VERBS: [&str; 3] = ["batchGenerateContent", "asyncBatchGenerateContent", "asyncBatchEmbedContent"];

const COLONS: InspectError = InspectError::NotInspectable("the model in the path has a second colon");
const HIDDEN: InspectError = InspectError::NotInspectable(
    "this endpoint names models where they are not looked for: use another, or have this path listed in \
     uninspected_endpoints",
);

/// Compares each model that the path says.
///
/// # Errors
/// If one is not on the list.
pub(super) fn check_path(subject: &Subject<'_>, rules: &ParamRules) -> Result<(), InspectError> {
    let Some(rule) = rules.find(MODEL) else { return Ok(()) };
    let before_models = subject.path.segments();
    for (before, model) in before_models.zip(subject.path.segments().skip(1)) {
        if !BEFORE_A_MODEL.iter().any(|name| is(before, name)) {
            continue;
        }
        let model = match (subject.dialect, model.split_once(':')) {
            (Dialect::Gemini, Some((_, verb))) if verb.contains(':') => return Err(COLONS),
            (Dialect::Gemini, Some((model, _))) => model,
            // Elsewhere a colon is part of a model's name, as in `ft:gpt-4o:team::1`.
            (Dialect::Gemini, None) | (Dialect::OpenAi | Dialect::Anthropic, _) => model,
        };
        rules.check(rule, Some(model.as_bytes()))?;
    }
    Ok(())
}

/// The rules for that request's content: where files are uploaded, also that the file is not for a batch.
///
/// # Errors
/// If the endpoint names models where they cannot be found.
pub(super) fn params_for(subject: &Subject<'_>, rules: &ParamRules) -> Result<ParamRules, InspectError> {
    let reads = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS].contains(subject.head.method());
    if reads || rules.find(MODEL).is_none() {
        return Ok(rules.clone());
    }
    let last = subject.path.segments().last().unwrap_or_default();
    let verb = last.rsplit_once(':').map_or("", |(_, verb)| verb);
    let is_hidden = |segment: &str| ["batches", "realtime", "evals"].iter().any(|name| is(segment, name));
    if subject.path.segments().any(is_hidden) || BATCH_VERBS.iter().any(|name| is(verb, name)) {
        return Err(HIDDEN);
    }
    Ok(if is(last, "files") || is(last, "uploads") { rules.and_no_batch() } else { rules.clone() })
}

/// Whether a segment is that name for some server: without case, and without a path parameter.
fn is(segment: &str, name: &str) -> bool {
    segment.split(';').next().unwrap_or_default().eq_ignore_ascii_case(name)
}
