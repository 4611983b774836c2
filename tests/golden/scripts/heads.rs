//! What of heads passes, what ends here, what is added; statuses; targets.

use super::{OK, Script, get, get_as};

pub(super) const SCRIPTS: &[Script] = &[
    ("casing and order and repetition of fields pass both ways", |s| {
        s.exchange(
            get("X-cUSTOM: one\r\nAccept: */*\r\nx-custom: two\r\nUSER-AGENT: test/1\r\nOpenAI-Beta:a=b\r\n"),
            "HTTP/1.1 200 Very Good\r\nserver: up/1\r\nX-cUSTOM: one\r\nSet-Cookie: a=1; Path=/\r\nx-custom: two\r\n\
             set-cookie: b=2\r\nCONTENT-LENGTH:2\r\nopenai-processing-ms: 12\r\n\r\nok",
        );
    }),
    ("bytes beyond ASCII in values pass both ways", |s| {
        let request = get("X-Name: \u{fc}\r\n").into_bytes();
        s.exchange(request, b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\tx\r\nContent-Length: 0\r\n\r\n");
    }),
    ("whitespace around values is not part of them", |s| {
        s.exchange(
            get("X-A: \t b \t\r\nX-Empty:\r\n"),
            "HTTP/1.1 200 OK\r\nX-A: \t b \t\r\nContent-Length:  0 \r\n\r\n",
        );
    }),
    ("hop-by-hop fields end here both ways", |s| {
        s.exchange(
            get("Connection: keep-alive, X-Private\r\nKeep-Alive: timeout=5\r\nX-Private: 1\r\nTE: trailers\r\n\
                 Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Public: 2\r\n"),
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Private\r\nKeep-Alive: timeout=5\r\nX-Private: 1\r\n\
             Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Public: 2\r\nContent-Length: 0\r\n\r\n",
        );
    }),
    ("fields that tell who the client is end here", |s| {
        let fields = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nForwarded: for=192.0.2.1\r\n\
                      X-Real-IP: 192.0.2.1\r\nCF-Ray: 1\r\nX-Client-IP: 192.0.2.1\r\nX-Other: kept\r\n";
        s.exchange(get(fields), OK);
    }),
    ("the client's own request ids go up and the upstream's come back", |s| {
        s.exchange(
            get("X-Request-ID: mine-1\r\nX-Correlation-ID: mine-2\r\n"),
            "HTTP/1.1 200 OK\r\nx-request-id: theirs\r\nContent-Length: 0\r\n\r\n",
        );
    }),
    ("a request id that is none is replaced", |s| {
        s.exchange(get("X-Request-ID: a b\r\n"), "HTTP/1.1 200 OK\r\nrequest-id: theirs\r\nContent-Length: 0\r\n\r\n");
    }),
    ("Via and Server-Timing of others stay", |s| {
        s.exchange(
            get("Via: 1.1 before\r\n"),
            "HTTP/1.1 200 OK\r\nVia: 1.0 behind\r\nServer-Timing: db;desc=\"x\"\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
             Content-Length: 0\r\n\r\n",
        );
    }),
    ("a token in x-api-key passes as a bearer where the provider wants one", |s| {
        s.exchange(get("").replace("Authorization: Bearer <openai>", "x-api-key: <openai>"), OK);
    }),
    ("a provider of Anthropic's dialect gets its key in x-api-key", |s| {
        s.exchange(
            get_as("anthropic", "/v1/models").replace("\r\n\r\n", "\r\nanthropic-version: 2023-06-01\r\n\r\n"),
            OK,
        );
    }),
    ("a provider of Gemini's dialect gets its key in its field and none in the query", |s| {
        let target = "/v1beta/models/m:generateContent?alt=sse&key=AIza-client&k%65y=again&keys=stay";
        s.exchange(get_as("gemini", target), OK);
    }),
    ("a key in the query alone is no credential", |s| {
        s.answered("GET /v1beta/models?key=<gemini> HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
    }),
    ("a base URL with a path is put before the path", |s| {
        s.exchange(get_as("prefixed", "/v1/models?a=b"), OK);
    }),
    ("a target in absolute form is its path", |s| {
        s.exchange(get_as("openai", "http://other.example:81/v1/models?x=/../y"), OK);
    }),
    ("dot segments are resolved before they are compared", |s| {
        s.exchange(get_as("openai", "/v1/files/../models/./a/%2e%2E/b?c=/../d"), OK);
    }),
    ("a path and a query keep their encoding", |s| {
        s.exchange(get_as("openai", "/v1/%6dodels/a%20b;c=d/e%3Ff/?q=%zz&r=+&s='[x]|\"<>"), OK);
    }),
    ("a status 529 passes", |s| {
        s.exchange(get(""), "HTTP/1.1 529 \r\nretry-after: 7\r\nx-should-retry: true\r\nContent-Length: 2\r\n\r\n{}");
    }),
    ("a status 299 passes", |s| s.exchange(get(""), "HTTP/1.1 299 Fine\r\nContent-Length: 2\r\n\r\n{}")),
    ("a status 799 passes", |s| s.exchange(get(""), "HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\n{}")),
    ("a reason with bytes beyond ASCII passes", |s| {
        s.exchange(get(""), b"HTTP/1.1 200 Tr\xe8s bien\r\nContent-Length: 2\r\n\r\n{}");
    }),
    ("a status line without a reason passes", |s| {
        s.exchange(get(""), "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}");
    }),
    ("a redirect passes and is not followed", |s| {
        s.exchange(
            get(""),
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n",
        );
    }),
    ("an error of the upstream passes with its rate limits", |s| {
        s.exchange(
            get(""),
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nx-ratelimit-remaining-requests: 0\r\n\
             WWW-Authenticate: Bearer\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"error\":{}}",
        );
    }),
    ("cookies of others pass both ways", |s| {
        s.exchange(get("Cookie: a=1; b=2\r\n"), OK.replace("\r\n\r\n", "\r\nSet-Cookie: c=3\r\n\r\n"));
    }),
    ("an unknown expectation passes", |s| s.exchange(get("Expect: the-unexpected\r\n"), OK)),
    ("a 100 that nobody waits for passes", |s| {
        s.exchange(get(""), format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"));
    }),
    ("interim answers do not reach a client of HTTP 1.0", |s| {
        let request = "GET /v1/models HTTP/1.0\r\nAuthorization: Bearer <openai>\r\n\r\n";
        s.exchange(request, format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{OK}"));
        s.client_sees_the_end();
    }),
    ("interim answers pass before the final one", |s| {
        let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        s.client_sends(get(""));
        s.upstream_receives();
        s.upstream_sends(early);
        s.upstream_sends(format!("HTTP/1.1 102 Processing\r\n\r\n{OK}"));
        s.client_receives();
    }),
];
