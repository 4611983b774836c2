//! The rules of routing, one case beside the other.

use std::borrow::Cow;

use http::Method;

use super::*;
use crate::ids::{EventId, ProjectId, TokenId};

const ID: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

fn segments(path: &str) -> Vec<String> {
    NormalPath::parse(path).unwrap().segments().map(str::to_owned).collect()
}

fn refused(path: &str) -> BadPath {
    NormalPath::parse(path).expect_err(path)
}

fn is_under(endpoint: &str, path: &str) -> bool {
    let pattern = EndpointPattern::parse(endpoint).unwrap();
    NormalPath::parse(path).is_ok_and(|path| pattern.contains(&path))
}

#[test]
fn a_path_is_its_decoded_segments() {
    for (path, expected) in [
        ("/", &[][..]),
        ("/v1/models", &["v1", "models"]),
        ("/v1/models/", &["v1", "models"]),
        ("/v1/%6dodels", &["v1", "models"]),
        ("/v1/models/caf%C3%a9", &["v1", "models", "café"]),
        ("/v1/models/a%20b", &["v1", "models", "a b"]),
        ("/v1/models/100%25", &["v1", "models", "100%"]),
        ("/v1/models/5%25%20off", &["v1", "models", "5% off"]),
        ("/v1beta/models/m:generateContent", &["v1beta", "models", "m:generateContent"]),
    ] {
        assert_eq!(segments(path), expected, "{path}");
    }
}

#[test]
fn dot_segments_are_removed_in_every_spelling() {
    for path in [
        "/v1/./models",
        "/v1/%2e/models",
        "/v1/x/../models",
        "/v1/x/.%2E/models",
        "/v1/x/%2e%2e/models",
        "/v1/models/.",
        "/v1/models/x/..",
        "/./v1/a/b/../../models/",
    ] {
        assert_eq!(segments(path), ["v1", "models"], "{path}");
    }
}

#[test]
fn dots_within_a_name_are_a_name() {
    assert_eq!(segments("/v1/models/gpt-4.1/..x/.y/..."), ["v1", "models", "gpt-4.1", "..x", ".y", "..."]);
}

#[test]
fn an_ambiguous_path_is_refused_for_its_reason() {
    for (path, reason) in [
        ("/v1/%", BadPath::Encoding),
        ("/v1/%4", BadPath::Encoding),
        ("/v1/%4/x", BadPath::Encoding),
        ("/v1/%zz", BadPath::Encoding),
        ("/v1/%+1", BadPath::Encoding),
        ("/v1/%u002e", BadPath::Encoding),
        ("/v1/%ff", BadPath::Encoding),
        ("/v1/%c0%ae%c0%ae/x", BadPath::Encoding),
        ("/v1/x%2fy", BadPath::HiddenSlash),
        ("/v1/x%2Fy", BadPath::HiddenSlash),
        ("/v1/x%5cy", BadPath::HiddenSlash),
        ("/v1\\models", BadPath::HiddenSlash),
        ("/v1/%00", BadPath::Control),
        ("/v1/%0d%0a", BadPath::Control),
        ("/v1/%7f", BadPath::Control),
        ("/v1/\u{1}", BadPath::Control),
        ("/..", BadPath::Escape),
        ("/v1/../../x", BadPath::Escape),
        ("/%2e%2e/v1", BadPath::Escape),
        ("*", BadPath::NotAPath),
        ("", BadPath::NotAPath),
        ("v1/models", BadPath::NotAPath),
        ("/v1/models#x", BadPath::NotAPath),
        ("/v1/models?x", BadPath::NotAPath),
    ] {
        assert_eq!(refused(path), reason, "{path}");
    }
}

#[test]
fn an_empty_segment_is_refused_since_some_upstreams_merge_slashes() {
    for path in ["//v1/models", "/v1//models", "/v1/models//", "/v1/x//../models", "/v1/;a/models", "/v1/%20/models"] {
        assert_eq!(refused(path), BadPath::EmptySegment, "{path}");
    }
}

#[test]
fn what_a_second_decoder_would_find_is_refused() {
    for path in
        ["/v1/%252e%252e/x", "/v1/x%252fy", "/v1/x%255Cy", "/v1/%2500", "/v1/%25252e", "/v1/%25%32e", "/v1/..%253bx"]
    {
        assert_eq!(refused(path), BadPath::DoubleEncoding, "{path}");
    }
}

#[test]
fn dots_behind_a_parameter_or_a_blank_are_refused() {
    for path in [
        "/v1/..;/x",
        "/v1/..;a=b/x",
        "/v1/.;/x",
        "/v1/%2e%2e%3b/x",
        "/v1/..%20/x",
        "/v1/%20../x",
        "/v1/..%3fx",
        "/v1/..%23",
    ] {
        assert_eq!(refused(path), BadPath::HiddenDots, "{path}");
    }
}

#[test]
fn a_path_without_dot_segments_goes_upstream_byte_for_byte() {
    for path in ["/v1/models", "/v1/%6dodels/", "/v1/models;x=1", "/v1/files/caf%C3%a9", "/"] {
        let normal = NormalPath::parse(path).unwrap();
        assert!(matches!(normal.upstream_path(), Cow::Borrowed(sent) if sent == path), "{path}");
    }
}

#[test]
fn dot_segments_do_not_go_upstream() {
    for (path, sent) in [
        ("/admin/../v1/%6dodels", "/v1/%6dodels"),
        ("/v1/%2e/models/", "/v1/models/"),
        ("/v1/models/x/..", "/v1/models/"),
        ("/v1/models/.", "/v1/models/"),
        ("/%C3%A9/./caf%C3%A9/x%20y/%2E%2e/z", "/%C3%A9/caf%C3%A9/z"),
        ("/x/..", "/"),
    ] {
        assert_eq!(NormalPath::parse(path).unwrap().upstream_path(), sent, "{path}");
    }
}

#[test]
fn a_plain_path_is_not_copied() {
    let normal = NormalPath::parse("/v1/chat/completions").unwrap();
    let path = normal.segments().next().unwrap().as_ptr();
    assert_eq!(path, normal.upstream_path()[1..].as_ptr());
}

#[test]
fn printing_a_path_shows_no_segment() {
    assert_eq!(format!("{:?}", NormalPath::parse("/v1/sk-secret").unwrap()), "NormalPath(2 segments)");
}

#[test]
fn an_endpoint_holds_itself_and_what_is_below() {
    for path in ["/v1/models", "/v1/models/", "/v1/models/x", "/v1/models/x/y", "/v1/%6Dodels/x", "/v1/./models"] {
        assert!(is_under("/v1/models", path), "{path}");
        assert!(is_under("/v1/models/", path), "{path}");
    }
}

#[test]
fn an_endpoint_does_not_hold_its_neighbours() {
    for path in [
        "/",
        "/v1",
        "/v1/modelsx",
        "/v1/model",
        "/v1/Models",
        "/V1/models",
        "/v1/models;x",
        "/v1/models%3bx",
        "/v1/models%20",
        "/v1/models/../files",
        "/v1/models/..;/files",
        "/v1/models/%2e%2e/files",
        "/v1/models%2f..%2ffiles",
        "/x/v1/models",
        "//v1/models",
    ] {
        assert!(!is_under("/v1/models", path), "{path}");
    }
}

#[test]
fn a_placeholder_is_exactly_one_segment() {
    assert!(is_under("/v1/threads/{id}/runs", "/v1/threads/t1/runs"));
    assert!(is_under("/v1/threads/{id}/runs", "/v1/threads/t1/runs/r1"));
    assert!(!is_under("/v1/threads/{id}/runs", "/v1/threads/runs"));
    assert!(!is_under("/v1/threads/{id}/runs", "/v1/threads/a/b/runs"));
    assert!(!is_under("/v1/threads/{id}", "/v1/threads/"));
}

#[test]
fn the_root_endpoint_holds_every_path() {
    assert!(is_under("/", "/") && is_under("/", "/v1/models"));
}

#[test]
fn an_entry_that_nothing_could_match_is_refused() {
    for (text, error) in [
        ("v1/models", EndpointError::NoSlash),
        ("", EndpointError::NoSlash),
        ("/v1//models", EndpointError::Path(BadPath::EmptySegment)),
        ("/v1/models?x", EndpointError::Path(BadPath::NotAPath)),
        ("/v1/%2", EndpointError::Path(BadPath::Encoding)),
        ("/v1/{id}x", EndpointError::Placeholder),
        ("/v1/{}", EndpointError::Placeholder),
        ("/v1/{a}{b}", EndpointError::Placeholder),
        ("/v1/*", EndpointError::Star),
    ] {
        assert_eq!(EndpointPattern::parse(text), Err(error), "{text}");
    }
    assert_eq!(EndpointError::Star.to_string().matches("{name}").count(), 1);
}

#[test]
fn the_longer_endpoint_is_the_more_specific() {
    let rank = |text| EndpointPattern::parse(text).unwrap().specificity();
    assert!(rank("/v1/audio/transcriptions") > rank("/v1/audio"));
    assert_eq!(rank("/v1/{x}/"), 2);
}

#[test]
fn probes_answer_get_and_head_only() {
    for (path, probe) in [("/health", Probe::Health), ("/ready", Probe::Ready), ("/live", Probe::Live)] {
        assert_eq!(route(&Method::GET, path), Route::Probe(probe));
        assert_eq!(route(&Method::HEAD, path), Route::Probe(probe));
        assert_eq!(route(&Method::POST, path), Route::ProbeMethodNotAllowed);
    }
}

#[test]
fn management_paths_are_known_by_their_segments() {
    let (project, token) = (ProjectId::parse(ID), TokenId::parse(ID));
    for (below, expected) in [
        ("/projects".to_owned(), ManageRoute::Projects),
        ("/projects/".to_owned(), ManageRoute::Projects),
        (format!("/projects/{ID}"), ManageRoute::Project(project)),
        ("/projects/7".to_owned(), ManageRoute::Project(None)),
        (format!("/projects/{ID}/tokens/revoke"), ManageRoute::RevokeTokens(project)),
        ("/projects/x/tokens/revoke".to_owned(), ManageRoute::RevokeTokens(None)),
        ("/tokens".to_owned(), ManageRoute::Tokens),
        ("/tokens/".to_owned(), ManageRoute::Tokens),
        (format!("/tokens/{ID}"), ManageRoute::Token(token)),
        (format!("/tokens/{}", ID.to_uppercase()), ManageRoute::Token(token)),
        ("/tokens/x".to_owned(), ManageRoute::Token(None)),
        ("/audit".to_owned(), ManageRoute::Events),
        ("/audit/".to_owned(), ManageRoute::Events),
        (format!("/audit/{ID}"), ManageRoute::Event(EventId::parse(ID))),
        ("/audit/x".to_owned(), ManageRoute::Event(None)),
        ("/cache/purge".to_owned(), ManageRoute::PurgeCache),
    ] {
        let path = format!("/manage{below}");
        assert_eq!(route(&Method::TRACE, &path), Route::Manage(expected), "{path}");
    }
}

#[test]
fn whatever_else_is_below_manage_is_unknown_and_never_proxied() {
    let deeper = format!("/manage/projects/{ID}/tokens/revoke/x");
    let slash = format!("/manage/tokens/{ID}/");
    for path in [
        "/manage",
        "/manage/",
        "/manage/x",
        "/manage/Projects",
        "/manage/projects//",
        "/manage//projects",
        "/manage/projects/x/tokens",
        "/manage/../v1/models",
        "/manage/%70rojects",
        &deeper,
        &slash,
    ] {
        assert_eq!(route(&Method::GET, path), Route::Manage(ManageRoute::Unknown), "{path}");
    }
}

#[test]
fn every_other_path_is_the_proxys() {
    for path in [
        "/",
        "*",
        "/managex",
        "/Manage/projects",
        "/%6danage/projects",
        "//manage",
        "/health/",
        "/healthz",
        "/v1/models",
    ] {
        assert_eq!(route(&Method::GET, path), Route::Proxy, "{path}");
    }
}

#[test]
fn head_is_there_wherever_get_is() {
    let all = [
        ManageRoute::Projects,
        ManageRoute::Project(None),
        ManageRoute::RevokeTokens(None),
        ManageRoute::Tokens,
        ManageRoute::Token(None),
        ManageRoute::Events,
        ManageRoute::Event(None),
        ManageRoute::PurgeCache,
        ManageRoute::Unknown,
    ];
    for route in all {
        assert_eq!(route.methods().contains(&Method::GET), route.methods().contains(&Method::HEAD), "{route:?}");
    }
    assert_eq!(ManageRoute::Projects.methods(), [Method::GET, Method::HEAD, Method::POST]);
    assert_eq!(ManageRoute::RevokeTokens(None).methods(), [Method::POST]);
    assert_eq!(ManageRoute::Unknown.methods(), [] as [Method; 0]);
}
