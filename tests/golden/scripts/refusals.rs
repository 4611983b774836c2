//! Requests that the program refuses, in the shapes of the three dialects.

use super::{OK, Script, get, get_as, post};
use crate::golden::Stage;

const DIALECTS: [&str; 3] = ["openai", "anthropic", "gemini"];

/// Asks by a token of each dialect's provider.
fn in_each_dialect(s: &mut Stage<'_>, target: &str, suffix: &str) {
    for dialect in DIALECTS {
        s.answered(get_as(&format!("{dialect}{suffix}"), target));
    }
}

/// Where each dialect is known by the path alone.
const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/messages", "/v1beta/models/m:generateContent"];

pub(super) const SCRIPTS: &[Script] = &[
    ("a request without a token is refused in each dialect", |s| {
        for path in PATHS {
            s.answered(format!("GET {path} HTTP/1.1\r\nHost: proxy.example\r\n\r\n"));
        }
    }),
    ("an unknown token is refused in each dialect", |s| {
        for path in PATHS {
            s.answered(get_as("", path).replace("<>", "sk-unknown"));
        }
    }),
    ("an unknown token in each credential field is refused", |s| {
        for field in ["x-api-key", "api-key", "x-goog-api-key"] {
            s.answered(format!("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\n{field}: sk-unknown\r\n\r\n"));
        }
    }),
    ("two different credentials are refused", |s| s.answered(get("x-api-key: <gemini>\r\n"))),
    ("a HEAD that is refused gets no body", |s| {
        s.client_sends("HEAD /v1/models HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
        s.client_receives_head();
    }),
    ("a token of an inactive project is refused in each dialect", |s| in_each_dialect(s, "/v1/models", "-inactive")),
    ("a path that is not allowed is not found in each dialect", |s| in_each_dialect(s, "/v1/files", "")),
    ("a path that leaves the root is refused", |s| s.answered(get_as("openai", "/../v1/models"))),
    ("a path with an empty segment is refused", |s| s.answered(get_as("openai", "/v1//models"))),
    ("a path with an encoded slash is refused", |s| s.answered(get_as("openai", "/v1/models/..%2ffiles"))),
    ("a method that is not allowed is refused in each dialect", |s| {
        for dialect in DIALECTS {
            s.answered(get_as(dialect, "/v1/models").replace("GET", "OPTIONS"));
        }
    }),
    ("a bare OPTIONS of the server is refused", |s| s.answered(get_as("openai", "*").replace("GET", "OPTIONS"))),
    ("a CONNECT is refused", |s| {
        s.refused_for_good("CONNECT upstream.example:443 HTTP/1.1\r\nHost: upstream.example:443\r\n\r\n");
    }),
    ("a length over the limit is refused for OpenAI", |s| {
        s.refused_for_good(post("Content-Length: 1001\r\n"));
    }),
    ("a length over the limit is refused for Anthropic", |s| {
        s.refused_for_good(post("Content-Length: 1001\r\n").replace("<openai>", "<anthropic>"));
    }),
    ("a length over the limit is refused for Gemini", |s| {
        s.refused_for_good(post("Content-Length: 1001\r\n").replace("<openai>", "<gemini>"));
    }),
    ("a body at the limit passes", |s| {
        s.exchange(post("Content-Length: 1000\r\n") + &"x".repeat(1000), OK);
    }),
    ("a token over its limit is refused for OpenAI", |s| {
        s.limit("openai", 1);
        s.exchange(get_as("limited", "/v1/models"), OK);
        s.answered(get_as("limited", "/v1/models"));
    }),
    ("a token over its limit is refused for Anthropic", |s| {
        s.limit("anthropic", 1);
        s.exchange(get_as("limited", "/v1/models"), OK);
        s.answered(get_as("limited", "/v1/models"));
    }),
    ("a token over its limit is refused for Gemini", |s| {
        s.limit("gemini", 1);
        s.exchange(get_as("limited", "/v1/models"), OK);
        s.answered(get_as("limited", "/v1/models"));
    }),
    ("a refused request in HTTP 1.0 is closed", |s| {
        s.refused_for_good("GET /v1/models HTTP/1.0\r\n\r\n");
    }),
    ("a malformed head is refused in the shape of OpenAI whatever its path", |s| {
        s.refused_for_good("GET /v1/messages HTTP/1.1\r\nHost: proxy.example\r\nX-A : b\r\n\r\n");
    }),
];
