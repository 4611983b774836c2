//! Which provider's API a client speaks, where that is not known from its provider.

use crate::http1::Fields;

/// Which API a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// OpenAI and everything compatible.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Google Gemini.
    Gemini,
}

impl Dialect {
    /// The dialect of a request whose provider is not known yet: by the path, then by the credential's place, else
    /// OpenAI's. It only shapes an error, so the path is looked at as it came, not normalised.
    #[must_use]
    pub fn guess(path: &str, fields: &Fields) -> Self {
        by_path(path).or_else(|| by_credential(fields)).unwrap_or(Self::OpenAi)
    }
}

/// Methods that Gemini puts behind a colon at the path's end.
const GEMINI_METHODS: [&str; 7] = [
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
    "batchGenerateContent",
    "predict",
];

/// What OpenAI alone has below `/v1`. `models`, `files` and the like are shared and say nothing.
const OPENAI_NAMES: [&str; 19] = [
    "assistants",
    "audio",
    "batches",
    "chat",
    "completions",
    "containers",
    "conversations",
    "embeddings",
    "evals",
    "fine_tuning",
    "images",
    "moderations",
    "realtime",
    "responses",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
    "engines",
];

fn by_path(path: &str) -> Option<Dialect> {
    let mut segments = path.split('/').skip(1);
    match (segments.next()?, segments.next()) {
        ("v1", Some("messages" | "complete")) => Some(Dialect::Anthropic),
        // Azure's prefix, and Gemini's doors for clients that speak OpenAI.
        ("openai", _) | ("v1" | "v1beta" | "v1alpha", Some("openai")) => Some(Dialect::OpenAi),
        ("v1beta" | "v1alpha", _) | ("upload", Some("v1beta" | "v1alpha")) => Some(Dialect::Gemini),
        _ if has_gemini_method(path) => Some(Dialect::Gemini),
        ("v1", Some(name)) if OPENAI_NAMES.contains(&name) => Some(Dialect::OpenAi),
        _ => None,
    }
}

fn has_gemini_method(path: &str) -> bool {
    path.rsplit_once(':').is_some_and(|(_, method)| GEMINI_METHODS.contains(&method))
}

fn by_credential(fields: &Fields) -> Option<Dialect> {
    if fields.contains("x-api-key") {
        Some(Dialect::Anthropic)
    } else if fields.contains("x-goog-api-key") {
        Some(Dialect::Gemini)
    } else {
        None
    }
}
