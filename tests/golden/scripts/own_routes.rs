//! What the program answers itself: probes and management calls.

use super::Script;

/// The operator's credential.
const OPERATOR: &str = "Authorization: Bearer <management-token>\r\n";

/// A management call without a body.
fn call(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: proxy.example\r\n{OPERATOR}\r\n")
}

pub(super) const SCRIPTS: &[Script] = &[
    ("probes are answered without a token", |s| {
        for path in ["/health", "/ready", "/live"] {
            s.answered(format!("GET {path} HTTP/1.1\r\nHost: proxy.example\r\n\r\n"));
        }
    }),
    ("probes answer HEAD without a body", |s| {
        for path in ["/ready", "/live"] {
            s.client_sends(format!("HEAD {path} HTTP/1.1\r\nHost: proxy.example\r\n\r\n"));
            s.client_receives_head();
        }
    }),
    ("a probe with another method is refused", |s| {
        s.answered("POST /live HTTP/1.1\r\nHost: proxy.example\r\nContent-Length: 0\r\n\r\n");
    }),
    ("a management call without the operator's token is refused", |s| {
        s.answered("GET /manage/projects HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
        s.answered(call("GET", "/manage/projects").replace("<management-token>", "wrong"));
        s.answered("GET /manage/nowhere HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
    }),
    ("an unknown management path is not found", |s| {
        s.answered(call("GET", "/manage/nowhere"));
        s.answered(call("GET", "/manage/projects/nonsense"));
        s.client_sends(call("HEAD", "/manage/projects/nonsense"));
        s.client_receives_head();
    }),
    ("a management method that is not allowed is refused", |s| s.answered(call("DELETE", "/manage/projects"))),
    ("a project lives from its creation to its deletion", |s| {
        let body = "{\"name\":\"life of a project\",\"api_key\":\"sk-canary-0123456789abcdef\"}";
        s.client_calls("POST /manage/projects", OPERATOR, body);
        s.client_receives();
        s.answered(call("GET", "/manage/projects/<id-1>"));
        s.client_calls("PATCH /manage/projects/<id-1>", OPERATOR, "{\"is_active\":false}");
        s.client_receives();
        s.answered(call("DELETE", "/manage/projects/<id-1>"));
        s.answered(call("GET", "/manage/projects/<id-1>"));
    }),
    ("a project's name is taken once", |s| {
        s.client_calls(
            "POST /manage/projects",
            OPERATOR,
            "{\"name\":\"openai\",\"api_key\":\"sk-canary-0123456789abcdef\"}",
        );
        s.client_receives();
    }),
    ("a token lives from its creation to its revocation", |s| {
        let body = "{\"project_id\":\"<openai-project>\",\"duration_minutes\":60,\"max_requests\":5}";
        s.client_calls("POST /manage/tokens", OPERATOR, body);
        s.client_receives();
        s.answered(call("GET", "/manage/tokens/<id-1>"));
        s.answered(call("DELETE", "/manage/tokens/<id-1>"));
        s.answered(call("DELETE", "/manage/tokens/<id-1>"));
        s.answered("GET /v1/models HTTP/1.1\r\nHost: proxy.example\r\nAuthorization: Bearer <token-1>\r\n\r\n");
    }),
    ("a management call that is no JSON is refused", |s| {
        s.client_calls("POST /manage/projects", OPERATOR, "{\"name\":");
        s.client_receives();
    }),
    ("a management call with an unknown member is refused by its name", |s| {
        s.client_calls("POST /manage/projects", OPERATOR, "{\"name\":\"x\",\"api_key\":\"sk-canary-1\",\"colour\":1}");
        s.client_receives();
    }),
    ("a management call that waits for 100 is told so", |s| {
        s.client_sends(format!(
            "POST /manage/projects HTTP/1.1\r\nHost: proxy.example\r\n{OPERATOR}Content-Length: 2\r\n\
             Expect: 100-continue\r\n\r\n"
        ));
        s.client_receives_head();
        s.client_sends("{}");
        s.client_receives();
    }),
    ("a management call with a body that is too large is refused", |s| {
        s.refused_for_good(format!(
            "POST /manage/projects HTTP/1.1\r\nHost: proxy.example\r\n{OPERATOR}Content-Length: 65537\r\n\r\n"
        ));
    }),
    ("a malformed management call is refused in the shape of OpenAI", |s| {
        s.refused_for_good("GET /manage/projects HTTP/1.1\r\nHost: proxy.example\r\nX-A : b\r\n\r\n");
    }),
];
