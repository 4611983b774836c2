//! The providers file by example: what is read, what stands in for what is not said, and what each mistake is
//! answered with.

use std::time::Duration;

use http::Method;

use super::*;
use crate::inspect::{Glob, ParamRules};
use crate::reject::Dialect;

fn parse(text: &str) -> Result<Providers, ProvidersError> {
    parse_providers(text, &ProviderDefaults::default())
}

fn provider(text: &str, name: &str) -> Provider {
    (*parse(text).unwrap().by_name[name]).clone()
}

/// A file of one provider, whose entry goes on with `lines` from line 5, column 5 on.
fn with_lines(lines: &str) -> String {
    format!("apis:\n  a:\n    base_url: https://a.example\n    allowed_endpoints: [/v1/x]\n    {lines}\n")
}

#[test]
fn an_entry_says_everything() {
    let text = "
default_api: b
apis:
  a: {base_url: 'https://a.example', allowed_endpoints: [/v1]}
  b:
    base_url: http://[::1]:8080/openai/
    dialect: gemini
    auth: api-key
    allowed_endpoints: [/v1/x, '/v1/{id}/y']
    allowed_methods: [GET, DELETE]
    max_request_size: {/v1/x: 32MiB, /v1/y: 500}
    timeouts: {request: 60s, response_header: 20s, stream_idle: 1m30s, idle_connection: 45s, connect: 500ms}
    connection: {max_idle_conns: 7, max_idle_conns_per_host: 0}
";
    let providers = parse(text).unwrap();
    let b = &providers.by_name["b"];

    assert_eq!(&*providers.default, "b");
    assert_eq!((&*b.name, b.base.to_string().as_str()), ("b", "http://[::1]:8080/openai"));
    assert_eq!((b.dialect, b.auth), (Dialect::Gemini, KeyPlacement::ApiKey));
    assert_eq!(b.endpoints.len(), 2);
    assert_eq!(b.methods, [Method::GET, Method::DELETE]);
    assert_eq!(b.max_request_size.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), [32 << 20, 500]);
    assert_eq!(b.timeouts.request, Duration::from_secs(60));
    assert_eq!(b.timeouts.response_header, Duration::from_secs(20));
    assert_eq!(b.timeouts.stream_idle, Duration::from_secs(90));
    assert_eq!(b.timeouts.idle_connection, Duration::from_secs(45));
    assert_eq!(b.timeouts.connect, Duration::from_millis(500));
    assert_eq!(b.connection, ConnectionLimits { max_idle: 7, max_idle_per_host: 0 });
}

#[test]
fn what_is_not_said_has_a_default() {
    let defaults = ProviderDefaults {
        request_timeout: Duration::from_secs(33),
        max_request_size: 4096,
        ..ProviderDefaults::default()
    };
    let providers = parse_providers(&with_lines(""), &defaults).unwrap();
    let a = &providers.by_name["a"];

    assert_eq!(&*providers.default, "a", "the only one is the default one");
    assert_eq!((a.dialect, a.auth), (Dialect::OpenAi, KeyPlacement::Bearer));
    assert_eq!(a.methods, [Method::GET, Method::POST]);
    assert_eq!((a.max_request_size.len(), a.max_request_default), (0, 4096));
    assert_eq!(a.timeouts.request, Duration::from_secs(33));
    assert_eq!(a.timeouts.response_header, Duration::from_secs(33));
    assert_eq!(a.timeouts.stream_idle, Duration::from_secs(120));
    assert_eq!(a.timeouts.idle_connection, Duration::from_secs(90));
    assert_eq!(a.timeouts.connect, Duration::from_secs(10));
    assert_eq!(a.connection, ConnectionLimits { max_idle: 100, max_idle_per_host: 20 });
}

#[test]
fn the_head_may_take_as_long_as_the_whole_unless_it_is_said() {
    let a = provider(&with_lines("timeouts: {request: 5s}"), "a");
    assert_eq!(a.timeouts.response_header, Duration::from_secs(5));
}

#[test]
fn the_dialect_says_how_the_key_is_sent() {
    for (dialect, auth) in
        [("openai", KeyPlacement::Bearer), ("anthropic", KeyPlacement::XApiKey), ("gemini", KeyPlacement::XGoogApiKey)]
    {
        assert_eq!(provider(&with_lines(&format!("dialect: {dialect}")), "a").auth, auth);
    }
}

#[test]
fn the_flush_interval_of_the_original_means_nothing() {
    for lines in ["timeouts: {flush_interval: 10ms}", "flush_interval: 100ms", "flush_interval: -1ms"] {
        assert!(parse(&with_lines(lines)).is_ok(), "{lines}");
    }
}

#[test]
fn a_rule_that_asks_for_nothing_is_fine() {
    for lines in [
        "param_whitelist: {}",
        "param_whitelist:",
        "uninspected_endpoints: []",
        "stream_usage: off",
        "shared_cache: false",
    ] {
        assert!(parse(&with_lines(lines)).is_ok(), "{lines}");
    }
}

#[test]
fn an_alias_stands_for_a_copy() {
    let text = "
default_api: b
apis:
  a: {base_url: 'https://a.example', allowed_endpoints: &paths [/v1], timeouts: &times {connect: 1s}}
  b: {base_url: 'https://b.example', allowed_endpoints: *paths, timeouts: *times}
";
    assert_eq!(provider(text, "b").timeouts.connect, Duration::from_secs(1));
}

#[test]
fn aliases_cannot_make_a_small_file_large() {
    let mut text = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..=8 {
        let alias = format!("*a{}", level - 1);
        text += &format!("b{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", "));
    }
    assert_eq!(parse(&text).unwrap_err().to_string(), "line 5, column 10: the file has more than 20000 values");
}

#[test]
fn aliases_cannot_make_a_flat_file_deep() {
    let mut text = "a: &a0 [x]\n".to_owned();
    for level in 1..=20 {
        text += &format!("b{level}: &a{level} [*a{}]\n", level - 1);
    }
    let error = parse(&text).unwrap_err();
    assert_eq!(error.message, "with this alias, collections are nested deeper than 16 levels");
}

#[test]
fn the_built_in_providers_are_the_three() {
    let providers = builtin_providers(&ProviderDefaults::default()).unwrap();
    let seen: Vec<_> = providers.by_name.values().map(|p| (&*p.name, p.dialect, p.auth)).collect();
    assert_eq!(
        seen,
        [
            ("anthropic", Dialect::Anthropic, KeyPlacement::XApiKey),
            ("gemini", Dialect::Gemini, KeyPlacement::XGoogApiKey),
            ("openai", Dialect::OpenAi, KeyPlacement::Bearer),
        ]
    );
    assert_eq!(&*providers.default, "openai");
}

#[test]
fn default_and_base_can_be_changed_for_known_names_only() {
    let mut providers = builtin_providers(&ProviderDefaults::default()).unwrap();
    let base = BaseUrl::parse("http://127.0.0.1:9").unwrap();

    providers.set_default("gemini").unwrap();
    providers.set_base("openai", base.clone()).unwrap();
    assert_eq!(&*providers.default, "gemini");
    assert_eq!(*providers.by_name["openai"].base, base);

    let unknown = providers.set_default("other").unwrap_err();
    assert_eq!(unknown.to_string(), "there is no provider of that name, but anthropic, gemini, openai");
    assert_eq!(providers.set_base("other", base), Err(unknown));
    assert_eq!(&*providers.default, "gemini");
}

/// Files that are broken as a whole, and what is said about them.
const BROKEN_FILES: [(&str, &str); 34] = [
    ("", "1:1 the file is empty"),
    ("# a comment\n", "1:1 the file is empty"),
    ("---\n", "1:4 expected a mapping here: the file is written as keys and values"),
    ("providers", "1:1 expected a mapping here: the file is written as keys and values"),
    ("- a\n", "1:1 expected a mapping here: the file is written as keys and values"),
    ("a: b: c\n", "1:5 this is not valid YAML: mapping values are not allowed in this context"),
    ("apis: [\n", "1:7 this is not valid YAML: unclosed bracket '['"),
    ("apis: {a: {}\n", "1:7 this is not valid YAML: unclosed bracket '{'"),
    ("apis: \"x\n", "1:7 this is not valid YAML: unclosed quote"),
    (
        "apis:\n  a:\n\tbase_url: x\n",
        "3:2 this is not valid YAML: tabs disallowed within this context (block indentation)",
    ),
    ("apis: {}\n---\napis: {}\n", "2:1 the file has a second document: write one"),
    ("? [a]\n: b\n", "1:3 a key must be a text"),
    ("apis: !map {}\n", "1:12 tags (!) are not supported here"),
    ("apis:\n  a: *b\n", "2:6 this is not valid YAML: while parsing node, found unknown anchor"),
    ("apis:\n  a: &a\n    base_url: *a\n", "3:15 this alias stands within what it names"),
    ("[[[[[[[[[[[[[[[[[", "1:17 this is not valid YAML: recursion limit exceeded"),
    ("defaults: a\napis: {}\n", "1:1 unknown key \"defaults\": the file has the keys default_api, apis"),
    ("apis: {}\nAPIs: {}\n", "2:1 unknown key \"APIs\": the file has the keys default_api, apis"),
    ("apis: {}\n<<: {}\n", "2:1 unknown key \"<<\": the file has the keys default_api, apis"),
    ("apis: {}\napis: {}\n", "2:1 the key \"apis\" is there already, on line 1"),
    ("default_api: a\n", "1:1 apis is missing: write the providers under it, each with its name as the key"),
    ("apis:\n", "1:1 apis is missing: write the providers under it, each with its name as the key"),
    ("apis: {}\n", "1:7 apis is empty: write at least one provider"),
    ("default_api: a\napis: {}\n", "1:14 default_api names no provider of this file: it has none"),
    ("apis: [a]\n", "1:7 expected a mapping here: apis is written as keys and values"),
    ("apis:\n  a:\n", "2:4 expected a mapping here: a provider is written as keys and values"),
    ("apis:\n  a: x\n", "2:6 expected a mapping here: a provider is written as keys and values"),
    (
        "apis:\n  a b: {}\n",
        "2:3 the name of a provider has 1 to 64 characters: ASCII letters, digits, '-', '_' and '.'",
    ),
    (
        "apis:\n  \"\": {}\n",
        "2:3 the name of a provider has 1 to 64 characters: ASCII letters, digits, '-', '_' and '.'",
    ),
    (
        "apis:\n  a: {base_url: 'https://a', allowed_endpoints: [/]}\n  a: {}\n",
        "3:3 the key \"a\" is there already, on line 2",
    ),
    (
        "default_api: b\napis:\n  a: {base_url: 'https://a', allowed_endpoints: [/]}\n",
        "1:14 default_api names no provider of this file: it has a",
    ),
    (
        "default_api: [a]\napis:\n  a: {base_url: 'https://a', allowed_endpoints: [/]}\n",
        "1:14 expected the name of a provider here",
    ),
    (
        "apis:\n  b: &b {base_url: 'https://a', allowed_endpoints: [/]}\n  a: *b\n",
        "2:3 default_api is missing: name one of a, b",
    ),
    (
        "apis:\n  a: {allowed_endpoints: [/v1]}\n",
        "2:6 base_url is missing: write where the API is, such as https://api.example.com",
    ),
];

/// Lines that break an otherwise good entry, from line 5, column 5 on, and what is said about them.
const BROKEN_LINES: [(&str, &str); 46] = [
    ("dialect: cohere", "5:14 expected one of openai, anthropic, gemini here"),
    ("dialect: OpenAI", "5:14 expected one of openai, anthropic, gemini here"),
    ("dialect: [openai]", "5:14 expected one of openai, anthropic, gemini here"),
    ("auth: basic", "5:11 expected one of bearer, x-api-key, api-key, x-goog-api-key here"),
    ("allowed_methods: GET", "5:22 expected a list here, such as [GET, POST]"),
    ("allowed_methods: []", "5:22 allowed_methods is empty: list the methods that clients may use"),
    ("allowed_methods: [GET, get]", "5:28 expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS here"),
    ("allowed_methods: [TRACE]", "5:23 expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS here"),
    ("allowed_methods: [~]", "5:23 expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS here"),
    ("max_request_size: 1MiB", "5:23 expected a mapping here: max_request_size is written as keys and values"),
    (
        "max_request_size: {/v1/x: big}",
        "5:31 a size begins with a whole number of bytes or units, such as 1048576 or 10MiB",
    ),
    (
        "max_request_size: {/v1/x: 1.5MiB}",
        "5:31 a size has one of the units B, KB, MB, GB, KiB, MiB and GiB, or none for bytes",
    ),
    ("max_request_size: {/v1/x: 0}", "5:31 this size must be above zero, such as 32MiB"),
    ("max_request_size: {/v1/x: }", "5:29 expected a size such as 32MiB here"),
    ("max_request_size: {v1/x: 1}", "5:24 an endpoint begins with a slash, such as /v1/models"),
    ("max_request_size: {/v1/x: 1, /v1/x: 2}", "5:34 the key \"/v1/x\" is there already, on line 5"),
    ("timeouts: 5s", "5:15 expected a mapping here: timeouts is written as keys and values"),
    (
        "timeouts: {total: 5s}",
        "5:16 unknown key \"total\": timeouts has the keys request, response_header, stream_idle, idle_connection, \
         connect, flush_interval",
    ),
    ("timeouts: {request: 30}", "5:25 a duration needs a unit: h, m, s, ms, us or ns (write it like 90s or 1m30s)"),
    ("timeouts: {request: -1s}", "5:25 a duration cannot be negative (write it like 90s or 1m30s)"),
    ("timeouts: {request: 0}", "5:25 this duration must be above zero, such as 90s"),
    ("timeouts: {request: [1s]}", "5:25 expected a duration such as 90s here"),
    (
        "timeouts: {response_header: soon}",
        "5:33 a duration is made of numbers with units, such as 1h30m (write it like 90s or 1m30s)",
    ),
    ("timeouts: {stream_idle: 0s}", "5:29 this duration must be above zero, such as 90s"),
    (
        "timeouts: {idle_connection: 1d}",
        "5:33 a duration has one of the units h, m, s, ms, us and ns (write it like 90s or 1m30s)",
    ),
    (
        "timeouts: {connect: 300y}",
        "5:25 a duration has one of the units h, m, s, ms, us and ns (write it like 90s or 1m30s)",
    ),
    (
        "timeouts: {flush_interval: often}",
        "5:32 a duration is made of numbers with units, such as 1h30m (write it like 10ms)",
    ),
    ("timeouts:\n      connect: 1s\n      connect: 2s", "7:7 the key \"connect\" is there already, on line 6"),
    ("connection: 20", "5:17 expected a mapping here: connection is written as keys and values"),
    (
        "connection: {max_conns: 1}",
        "5:18 unknown key \"max_conns\": connection has the keys max_idle_conns, max_idle_conns_per_host",
    ),
    ("connection: {max_idle_conns: many}", "5:34 expected a whole number from 0 to 65535 here"),
    ("connection: {max_idle_conns_per_host: -1}", "5:43 expected a whole number from 0 to 65535 here"),
    ("connection: {max_idle_conns: 65536}", "5:34 expected a whole number from 0 to 65535 here"),
    ("param_whitelist: [model]", "5:22 expected a mapping here: param_whitelist is written as keys and values"),
    ("param_whitelist: {model: gpt-4o}", "5:30 expected a list here, such as [gpt-4o, gpt-4.1-*]"),
    ("param_whitelist: {model: }", "5:28 expected a list here, such as [gpt-4o, gpt-4.1-*]"),
    (
        "param_whitelist: {model: []}",
        "5:30 the list of \"model\" is empty, which would allow no value: list values, such as [gpt-4o, gpt-4.1-*], or \
         remove \"model\" to allow any",
    ),
    (
        "param_whitelist: {model: [{a: b}]}",
        "5:31 expected a value such as gpt-4o, or gpt-4.1-* for all that begin so here",
    ),
    ("param_whitelist: {'': [a]}", "5:23 a parameter has a name of 1 to 256 bytes, such as model"),
    ("uninspected_endpoints: /v1/x", "5:28 expected a list here, such as [/v1/batches]"),
    ("uninspected_endpoints: [v1]", "5:29 an endpoint begins with a slash, such as /v1/models"),
    ("stream_usage: inject", "5:5 stream_usage is not supported by this version: remove it to go without"),
    ("shared_cache: true", "5:5 shared_cache is not supported by this version: remove it to go without"),
    (
        "allowed_endpoint: [/v1]",
        "5:5 unknown key \"allowed_endpoint\": a provider has the keys base_url, dialect, auth, allowed_endpoints, \
         allowed_methods, max_request_size, timeouts, connection, flush_interval, param_whitelist, allowed_origins, \
         required_headers, uninspected_endpoints, stream_usage, shared_cache",
    ),
    ("base_url: https://b.example", "5:5 the key \"base_url\" is there already, on line 3"),
    ("api_key: 'sk-x", "5:14 this is not valid YAML: unclosed quote"),
];

/// Values of `base_url` and `allowed_endpoints` that are no such things, and what is said about them.
const BROKEN_PLACES: [(&str, &str, &str); 10] = [
    ("", "[/v1]", "3:5 base_url is missing: write where the API is, such as https://api.example.com"),
    ("api.example.com", "[/v1]", "3:15 a base URL begins with https:// or http://"),
    ("https://me:pass@a.example", "[/v1]", "3:15 a base URL cannot carry a user name or a password"),
    ("https://a.example:0", "[/v1]", "3:15 the port of a base URL is a number from 1 to 65535"),
    ("{url: x}", "[/v1]", "3:15 expected a base URL such as https://api.example.com here"),
    (
        "https://a.example",
        "",
        "4:5 allowed_endpoints is missing: list the paths that clients may use, such as [/v1/chat/completions, \
         /v1/models]",
    ),
    (
        "https://a.example",
        "[]",
        "4:24 allowed_endpoints is empty: list the paths that clients may use, such as [/v1/chat/completions, \
         /v1/models]",
    ),
    ("https://a.example", "/v1", "4:24 expected a list here, such as [/v1/chat/completions, /v1/models]"),
    ("https://a.example", "[/v1, {a: b}]", "4:30 expected a path such as /v1/models here"),
    ("https://a.example", "[/v1, v1/x]", "4:30 an endpoint begins with a slash, such as /v1/models"),
];

fn assert_error(text: &str, expected: &str) {
    let error = parse(text).expect_err(text);
    assert_eq!(format!("{}:{} {}", error.line, error.column, error.message), expected, "{text}");
}

#[test]
fn a_broken_file_is_answered_with_its_place_and_why() {
    for (text, expected) in BROKEN_FILES {
        assert_error(text, expected);
    }
}

#[test]
fn a_broken_entry_is_answered_with_its_place_and_why() {
    for (lines, expected) in BROKEN_LINES {
        assert_error(&with_lines(lines), expected);
    }
}

#[test]
fn a_broken_url_or_endpoint_is_answered_with_its_place_and_why() {
    for (base, endpoints, expected) in BROKEN_PLACES {
        let text = format!("apis:\n  a:\n    base_url: {base}\n    allowed_endpoints: {endpoints}\n");
        assert_error(&text, expected);
    }
}

#[test]
fn an_error_prints_its_place_first() {
    let error = parse(&with_lines("auth: basic")).unwrap_err();
    assert!(error.to_string().starts_with("line 5, column 11: expected one of bearer,"), "{error}");
}

#[test]
fn lists_of_parameters_and_the_paths_without_them_are_read() {
    let text = with_lines(
        "param_whitelist: {model: [gpt-4o, gpt-4.1-*], voice: [a]}\n    uninspected_endpoints: [/v1/batches]",
    );
    let providers = parse(&text).unwrap();
    let policy = &providers.by_name[&providers.default].inspection;
    let list = |globs: &[&str]| globs.iter().map(|glob| Glob::new(glob)).collect::<Vec<_>>();
    let lists = vec![("model".to_owned(), list(&["gpt-4o", "gpt-4.1-*"])), ("voice".to_owned(), list(&["a"]))];
    assert_eq!(policy.params, ParamRules::new(lists));
    assert_eq!(policy.uninspected, [crate::routing::EndpointPattern::parse("/v1/batches").unwrap()]);
}
