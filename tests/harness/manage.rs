//! The management API in the words of a test: make a project, make a token, change them.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::http::Response;
use super::proxy::{MANAGEMENT_TOKEN, Proxy};

/// A project that a test made.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) id: String,
    /// Its upstream key, which no log may show.
    pub(crate) key: String,
}

/// A token that a test made.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) id: String,
    /// The string that clients send.
    pub(crate) secret: String,
}

/// Numbers for names and keys, unique in the process.
fn unique() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Proxy {
    /// A management call with the operator's secret.
    pub(crate) fn manage(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let authorization = format!("Authorization: Bearer {MANAGEMENT_TOKEN}\r\n");
        let body = body.map(Value::to_string).unwrap_or_default();
        self.manage_with(method, path, &authorization, &body)
    }

    /// A management call with the given field lines and body.
    pub(crate) fn manage_with(&self, method: &str, path: &str, fields: &str, body: &str) -> Response {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: proxy.example\r\n{fields}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut client = self.client();
        client.send(request.as_bytes());
        if method == "HEAD" { client.response_to_head() } else { client.response() }
    }

    /// A management call that must succeed: its JSON.
    pub(crate) fn managed(&self, method: &str, path: &str, body: &Value) -> Value {
        let response = self.manage(method, path, Some(body));
        assert!((200..300).contains(&response.status()), "{method} {path} {body}: {response:?}");
        if response.body.is_empty() { Value::Null } else { response.json() }
    }

    /// A project at the default provider.
    pub(crate) fn project(&self) -> Project {
        self.project_at(&Value::Null)
    }

    /// A project at a provider.
    pub(crate) fn project_at(&self, provider: &Value) -> Project {
        let number = unique();
        let key = format!("sk-canary-upstream-key-{number:05}");
        self.guard(&key);
        let mut body = json!({"name": format!("project {number}"), "api_key": key});
        if !provider.is_null() {
            body["provider"] = provider.clone();
        }
        let made = self.managed("POST", "/manage/projects", &body);
        Project { id: made["id"].as_str().unwrap().to_owned(), key }
    }

    /// A token of a project, good for an hour.
    pub(crate) fn token(&self, project: &Project) -> Token {
        self.token_with(project, &json!({}))
    }

    /// A token with more than the obligatory members.
    pub(crate) fn token_with(&self, project: &Project, members: &Value) -> Token {
        let mut body = json!({"project_id": project.id, "duration_minutes": 60});
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = self.managed("POST", "/manage/tokens", &body);
        let secret = made["token"].as_str().unwrap().to_owned();
        self.guard(&secret);
        Token { id: made["id"].as_str().unwrap().to_owned(), secret }
    }

    /// A project and its token's string, for tests to which neither matters.
    pub(crate) fn credential(&self) -> String {
        self.token(&self.project()).secret
    }
}
