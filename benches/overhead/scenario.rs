//! The kinds of exchange that are measured, as bytes: what a client of a well-known SDK sends and what such an API
//! answers.

use std::str::FromStr;

use crate::Outcome;

/// How many chunks a streamed answer has.
pub(crate) const CHUNKS: usize = 50;

/// What stands before the origin's time stamp in a chunk: 16 digits, nanoseconds since the program's start.
pub(crate) const STAMP_MARK: &[u8] = br#""stamp":""#;

/// Digits of a stamp.
pub(crate) const STAMP_DIGITS: usize = 16;

/// One kind of exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scenario {
    /// A small POST, answered with 1 KiB of JSON.
    Small,
    /// A small POST, answered with a stream of [`CHUNKS`] events.
    Stream,
    /// A small POST, answered with 20 KiB of JSON.
    Large,
}

impl Scenario {
    /// All of them, in the order in which they run.
    pub(crate) const ALL: [Self; 3] = [Self::Small, Self::Stream, Self::Large];

    /// As it is printed.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Small => "1 KiB answer",
            Self::Stream => "stream of 50 chunks",
            Self::Large => "20 KiB answer",
        }
    }

    /// How many requests of the smallest kind this one counts for when a round's length is chosen.
    pub(crate) const fn weight(self) -> usize {
        match self {
            Self::Small | Self::Large => 1,
            Self::Stream => CHUNKS,
        }
    }

    /// Whether the answer is a stream of events.
    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::Stream)
    }

    /// Bytes of the answer's body, where it has a length.
    pub(crate) const fn body_len(self) -> Option<usize> {
        match self {
            Self::Small => Some(1024),
            Self::Large => Some(20 * 1024),
            Self::Stream => None,
        }
    }

    /// A whole request to `host` with that bearer credential.
    pub(crate) fn request(self, host: &str, credential: &str) -> Vec<u8> {
        let body = format!(
            r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"What is a proxy?"}}],"stream":{}}}"#,
            self.is_stream()
        );
        // The fields and their order are those of openai-python 1.x on httpx.
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip, deflate\r\n\
             Connection: keep-alive\r\nAccept: application/json\r\nContent-Type: application/json\r\n\
             User-Agent: OpenAI/Python 1.109.1\r\nX-Stainless-Lang: python\r\nX-Stainless-Package-Version: 1.109.1\r\n\
             X-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n\
             X-Stainless-Runtime-Version: 3.12.3\r\nAuthorization: Bearer {credential}\r\nX-Stainless-Async: false\r\n\
             x-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// The head of the answer, and for an answer that is no stream its body too.
    pub(crate) fn answer(self) -> Vec<u8> {
        let (kind, framing) = match self.body_len() {
            Some(len) => ("application/json", format!("Content-Length: {len}")),
            None => ("text/event-stream; charset=utf-8", "Transfer-Encoding: chunked".to_owned()),
        };
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: {kind}\r\n{framing}\r\n\
             Connection: keep-alive\r\nopenai-organization: org-bench\r\nopenai-processing-ms: 412\r\n\
             openai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\nx-ratelimit-limit-tokens: 2000000\r\n\
             x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 1999975\r\n\
             x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 0s\r\n\
             x-request-id: req_0123456789abcdef0123456789abcdef\r\n\
             strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n\
             X-Content-Type-Options: nosniff\r\n\r\n"
        )
        .into_bytes();
        if let Some(len) = self.body_len() {
            answer.extend(json_body(len));
        }
        answer
    }
}

impl FromStr for Scenario {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(name: &str) -> Outcome<Self> {
        match name {
            "small" => Ok(Self::Small),
            "stream" => Ok(Self::Stream),
            "large" => Ok(Self::Large),
            _ => Err(format!("no scenario {name:?}: small, stream, large").into()),
        }
    }
}

/// One event in the chunked coding, with its time stamp.
pub(crate) fn chunk(stamp_nanos: u64) -> Vec<u8> {
    let mark = String::from_utf8_lossy(STAMP_MARK);
    let event = format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",{mark}{stamp_nanos:0STAMP_DIGITS$}\",\
         \"model\":\"gpt-4o-mini\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" word\"}},\"finish_reason\":null}}]}}\n\n"
    );
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

/// What ends a streamed answer: the terminal event and the last chunk.
pub(crate) const STREAM_END: &[u8] = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

fn json_body(len: usize) -> Vec<u8> {
    let (front, back) = (
        r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1767225600,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":""#,
        r#""},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":180,"total_tokens":192}}"#,
    );
    let filling = len.saturating_sub(front.len() + back.len());
    let words = "word ".bytes().cycle().take(filling);
    front.bytes().chain(words).chain(back.bytes()).collect()
}
