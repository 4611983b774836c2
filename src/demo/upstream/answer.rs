//! What the mock says. The same question always gets the same answer.

use serde_json::Value;

/// Characters of the question that are repeated.
const MAX_ECHO: usize = 200;

/// A finished answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its text.
    pub(super) text: String,
    /// Tokens of the question, counted as words: a mock has no tokenizer.
    pub(super) input_tokens: usize,
    /// Tokens of the text, counted the same way.
    pub(super) output_tokens: usize,
}

impl Answer {
    /// The answer to `question`.
    pub(super) fn to(question: &str) -> Self {
        let question = question.trim();
        let echo = match question.char_indices().nth(MAX_ECHO) {
            Some((end, _)) => format!("{}…", &question[..end]),
            None => question.to_owned(),
        };
        let said = if echo.is_empty() { "You sent no text.".to_owned() } else { format!("You said: \"{echo}\".") };
        let text = format!("Hello from the built-in demo upstream! No real model was asked. {said}");
        Self { input_tokens: count(question), output_tokens: count(&text), text }
    }

    /// The text in the pieces in which it is streamed: a word each, with the space before it.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &str> {
        let starts = self.text.match_indices(' ').map(|(at, _)| at);
        let ends = starts.clone().chain([self.text.len()]);
        [0].into_iter().chain(starts).zip(ends).map(|(start, end)| &self.text[start..end])
    }
}

/// The text of the last message from the user, in the shapes that OpenAI's and Anthropic's APIs share: `content` is a
/// string, or a list of parts of which the text ones count.
pub(super) fn last_user_text(messages: &Value) -> String {
    let messages = messages.as_array().map_or(&[][..], Vec::as_slice);
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    last.map_or_else(String::new, |message| content_text(&message["content"]))
}

fn content_text(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().map_or(&[][..], Vec::as_slice);
    parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" ")
}

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}
