//! The management API over HTTP: one call at a time, and what became of it.
//!
//! It follows no redirect and uses no proxy of the environment: either would carry the management token to somebody who
//! was not named. It repeats no call by itself, since it cannot know what the first did.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::settings::BaseUrl;
use serde_json::Value;
use thiserror::Error;
use ureq::Timeout;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zeroize::Zeroizing;

use crate::commands::table::printable;
use crate::commands::{FAILURE, REFUSED, UNREACHABLE};

/// How long connecting may take, with the look-up of the name and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take. The server answers within seconds, also when its store is down; a long list needs time.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes of an answer: a list of some hundred thousand tokens.
const MAX_ANSWER: u64 = 256 << 20;

/// Why a call did not do what it should.
#[derive(Debug, Error)]
pub(super) enum CallError {
    /// No connection.
    #[error(
        "cannot reach the server at {url}: {why}; start it with `llm-proxy server`, or name another address with \
         --manage-api-base-url"
    )]
    Unreachable { url: String, why: String },
    /// A connection, and no answer.
    #[error("no answer from the server at {url}: {why}; what was asked for may have been done all the same")]
    NoAnswer { url: String, why: String },
    /// It does not accept the management token.
    #[error(
        "the server at {url} refused the management token ({status}: {message}); set MANAGEMENT_TOKEN to the one that \
         the server was started with"
    )]
    Refused { url: String, status: u16, message: String },
    /// It says why not.
    #[error("{message}")]
    Failed { message: String },
    /// It is not the management API.
    #[error("the answer of {url} is none of the management API ({why}); see where --manage-api-base-url points to")]
    Foreign { url: String, why: String },
}

impl CallError {
    /// The exit code for it.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } => UNREACHABLE,
            Self::Refused { .. } => REFUSED,
            Self::Failed { .. } | Self::Foreign { .. } => FAILURE,
        }
    }
}

/// A successful answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    /// The JSON as it came; empty where there is nothing to say. A new token's string may be in it.
    pub(super) text: Zeroizing<String>,
    url: String,
}

impl Answer {
    /// The JSON read.
    pub(super) fn json(&self) -> Result<Value, CallError> {
        serde_json::from_str(&self.text).map_err(|_| self.foreign("it is no JSON"))
    }

    /// The error for an answer of another shape.
    pub(super) fn foreign(&self, why: &str) -> CallError {
        CallError::Foreign { url: self.url.clone(), why: why.to_owned() }
    }
}

/// A server's management API.
pub(super) struct Api {
    agent: ureq::Agent,
    base: String,
    authorization: HeaderValue,
}

impl Api {
    /// The API at `base`. `roots` is a file of root certificates for https, in place of the system's.
    ///
    /// # Errors
    /// What is wrong with the token. It is not in the text.
    pub(super) fn new(base: &BaseUrl, token: &Secret, roots: Option<&Path>) -> Result<Self, String> {
        let bearer = Zeroizing::new(format!("Bearer {}", token.reveal()));
        let sendable = !token.reveal().is_empty() && token.reveal().bytes().all(|byte| byte.is_ascii_graphic());
        let authorization = HeaderValue::from_str(&bearer).ok().filter(|_| sendable);
        let mut authorization = authorization.ok_or("a management token has visible ASCII characters only")?;
        authorization.set_sensitive(true);
        let base = base.to_string();
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(CALL_TIMEOUT))
            .user_agent(concat!("llm-proxy/", env!("CARGO_PKG_VERSION")));
        if base.starts_with("https:") {
            config = config.tls_config(tls(roots));
        }
        Ok(Self { agent: config.build().new_agent(), base, authorization })
    }

    /// Asks for something, with the parameters that have a value.
    pub(super) fn get(&self, path: &str, query: &[(&str, Option<String>)]) -> Result<Answer, CallError> {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in query {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        let query = pairs.finish();
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        self.call(&Method::GET, &target, None)
    }

    /// Changes something.
    pub(super) fn send(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Answer, CallError> {
        self.call(method, path, body)
    }

    fn call(&self, method: &Method, target: &str, body: Option<&Value>) -> Result<Answer, CallError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base))
            .header(AUTHORIZATION, self.authorization.clone());
        let response = match body {
            Some(body) => {
                let text = Zeroizing::new(body.to_string());
                let request = request.header(CONTENT_TYPE, "application/json").body(text.as_str());
                request.map_err(ureq::Error::Http).and_then(|request| self.agent.run(request))
            }
            // A POST says that it has no content; the others need not.
            None if *method == Method::POST => {
                request.body("").map_err(ureq::Error::Http).and_then(|request| self.agent.run(request))
            }
            None => request.body(()).map_err(ureq::Error::Http).and_then(|request| self.agent.run(request)),
        };
        self.answer(response.map_err(|error| self.silent(&error))?)
    }

    fn answer(&self, mut response: http::Response<ureq::Body>) -> Result<Answer, CallError> {
        let status = response.status();
        let read = response.body_mut().with_config().limit(MAX_ANSWER).lossy_utf8(true).read_to_string();
        let text = Zeroizing::new(read.map_err(|error| self.broken_off(&error))?);
        if status.is_success() {
            return Ok(Answer { text, url: self.base.clone() });
        }
        Err(self.failure(status, &text))
    }

    /// What an answer that is no success says, on one line.
    fn failure(&self, status: StatusCode, text: &str) -> CallError {
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        let words = |name: &str| body.get(name).and_then(Value::as_str).map(printable);
        let (error, code) = (words("error"), words("code"));
        let ours = error.is_some();
        let message = match (&error, &code) {
            (Some(error), Some(code)) => format!("{error} ({code})"),
            (Some(error), None) => error.clone(),
            (None, _) => status.canonical_reason().unwrap_or("no reason given").to_owned(),
        };
        let message = words("description").map_or_else(|| message.clone(), |more| format!("{message}: {more}"));
        // The one 403 of the API that is about something else than the credentials.
        let inactive = code.as_deref() == Some("project_inactive");
        match status {
            StatusCode::UNAUTHORIZED => self.refused(status, message),
            StatusCode::FORBIDDEN if !inactive => self.refused(status, message),
            _ if ours => CallError::Failed { message },
            _ => self.foreign(&format!("{}: {message}", status.as_u16())),
        }
    }

    fn refused(&self, status: StatusCode, message: String) -> CallError {
        CallError::Refused { url: self.base.clone(), status: status.as_u16(), message }
    }

    fn foreign(&self, why: &str) -> CallError {
        CallError::Foreign { url: self.base.clone(), why: why.to_owned() }
    }

    /// What it means that an answer did not come to its end.
    fn broken_off(&self, error: &ureq::Error) -> CallError {
        if matches!(error, ureq::Error::BodyExceedsLimit(_)) {
            return self.foreign("it is larger than any list");
        }
        CallError::NoAnswer { url: self.base.clone(), why: reason(error) }
    }

    /// What it means that a call ended without an answer's head.
    fn silent(&self, error: &ureq::Error) -> CallError {
        let (url, why) = (self.base.clone(), reason(error));
        if is_before_sending(error) {
            CallError::Unreachable { url, why }
        } else if matches!(error, ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..)) {
            CallError::Foreign { url, why }
        } else {
            CallError::NoAnswer { url, why }
        }
    }
}

/// Whether nothing of the request can have reached a server.
fn is_before_sending(error: &ureq::Error) -> bool {
    if let ureq::Error::Io(error) = error {
        return !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
    }
    matches!(
        error,
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Tls(_)
            | ureq::Error::Rustls(_)
            | ureq::Error::TlsRequired
    )
}

/// The reason without the library's prefixes.
fn reason(error: &ureq::Error) -> String {
    if let ureq::Error::Io(error) = error {
        return error.to_string();
    }
    match () {
        () if matches!(error, ureq::Error::HostNotFound) => "there is no host of that name".to_owned(),
        () if matches!(error, ureq::Error::Timeout(_)) => "it took too long".to_owned(),
        () => error.to_string(),
    }
}

/// TLS with the roots of that file; without one, the system's, or those that SSL_CERT_FILE and SSL_CERT_DIR name.
fn tls(roots: Option<&Path>) -> TlsConfig {
    let loaded = match roots {
        Some(file) => rustls_native_certs::load_certs_from_paths(Some(file), None),
        None => rustls_native_certs::load_native_certs(),
    };
    let roots: Vec<_> = loaded.certs.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        // Named, because the build may hold more than one.
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}
