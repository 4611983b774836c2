//! Request targets (RFC 9112 section 3.2).

use super::Malformed::{HostMissing, HostValue, Method, Target};
use super::{Case, check_requests, head, refused};

const ORIGIN: &[Case] = &[
    ("a path and a query", "9112 3.2.1", b"GET /a/b?c=d&e HTTP/1.0\r\n\r\n", head("GET /a/b?c=d&e HTTP/1.0")),
    ("an empty query", "9112 3.2.1", b"GET /? HTTP/1.0\r\n\r\n", head("GET /? HTTP/1.0")),
    ("a path of two slashes", "9112 3.2.1", b"GET // HTTP/1.0\r\n\r\n", head("GET // HTTP/1.0")),
    ("a host in the path is a path", "9112 3.2.1", b"GET //h/a HTTP/1.0\r\n\r\n", head("GET //h/a HTTP/1.0")),
    (
        "escapes and dots pass as they are",
        "9112 3.2.1",
        b"GET /%2e/../%zz HTTP/1.0\r\n\r\n",
        head("GET /%2e/../%zz HTTP/1.0"),
    ),
    ("all visible bytes pass", "9112 3.2.1", b"GET /\"<>\\^`{|}~ HTTP/1.0\r\n\r\n", head("GET /\"<>\\^`{|}~ HTTP/1.0")),
    ("a URI in the query", "9112 3.2.1", b"GET /?u=http://a@b HTTP/1.0\r\n\r\n", head("GET /?u=http://a@b HTTP/1.0")),
    ("a fragment", "9112 3.2.1", b"GET /a#b HTTP/1.0\r\n", refused(Target)),
    ("a fragment in the query", "9112 3.2.1", b"GET /a?b#c HTTP/1.0\r\n", refused(Target)),
    ("obs-text", "9112 3.2.1", b"GET /\xc3\xa9 HTTP/1.0\r\n", refused(Target)),
    ("no slash first", "9112 3.2.1", b"GET a HTTP/1.0\r\n", refused(Target)),
    ("a query alone", "9112 3.2.1", b"GET ?a HTTP/1.0\r\n", refused(Target)),
    ("a backslash first", "9112 3.2.1", b"GET \\a HTTP/1.0\r\n", refused(Target)),
];

const ABSOLUTE: &[Case] = &[
    (
        "with a path and a query",
        "9112 3.2.2",
        b"GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n",
        head("GET /a?b HTTP/1.1"),
    ),
    ("https", "9112 3.2.2", b"GET https://h/a HTTP/1.1\r\nHost: h\r\n\r\n", head("GET /a HTTP/1.1")),
    ("a scheme has no case", "3986 3.1", b"GET HtTp://h/a HTTP/1.1\r\nHost: h\r\n\r\n", head("GET /a HTTP/1.1")),
    ("with a port", "9112 3.2.2", b"GET http://h:80/a HTTP/1.1\r\nHost: h\r\n\r\n", head("GET /a HTTP/1.1")),
    (
        "with an IPv6 address",
        "9112 3.2.2",
        b"GET http://[::1]:80/a HTTP/1.1\r\nHost: h\r\n\r\n",
        head("GET /a HTTP/1.1"),
    ),
    ("without a path", "9112 3.2.2", b"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", head("GET / HTTP/1.1")),
    ("with a query and no path", "9112 3.2.2", b"GET http://h?a HTTP/1.1\r\nHost: h\r\n\r\n", head("GET /?a HTTP/1.1")),
    (
        "with an empty query and no path",
        "9112 3.2.2",
        b"GET http://h? HTTP/1.1\r\nHost: h\r\n\r\n",
        head("GET /? HTTP/1.1"),
    ),
    (
        "a slash in the query is no path",
        "3986 3",
        b"GET http://h?/a HTTP/1.1\r\nHost: h\r\n\r\n",
        head("GET /?/a HTTP/1.1"),
    ),
    ("another host than in Host", "9112 3.2.2", b"GET http://g/ HTTP/1.1\r\nHost: h\r\n\r\n", head("GET / HTTP/1.1")),
    ("without Host", "9112 3.2", b"GET http://h/ HTTP/1.1\r\n\r\n", refused(HostMissing)),
    ("with an invalid Host", "9112 3.2", b"GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", refused(HostValue)),
    ("user information", "9110 4.2.4", b"GET http://u:p@h/ HTTP/1.1\r\n", refused(Target)),
    ("an empty host", "9110 4.2.1", b"GET http:///a HTTP/1.1\r\n", refused(Target)),
    ("an empty host with a port", "9110 4.2.1", b"GET http://:80/a HTTP/1.1\r\n", refused(Target)),
    ("an invalid port", "3986 3.2.3", b"GET http://h:8o/a HTTP/1.1\r\n", refused(Target)),
    ("a fragment", "9112 3.2.2", b"GET http://h#a HTTP/1.1\r\n", refused(Target)),
    ("a backslash for the slash", "3986 3.2", b"GET http://h\\a HTTP/1.1\r\n", refused(Target)),
    ("one slash", "9110 4.2.1", b"GET http:/h/a HTTP/1.1\r\n", refused(Target)),
    ("another scheme", "9112 3.2.2", b"GET ftp://h/a HTTP/1.1\r\n", refused(Target)),
    ("no scheme", "9112 3.2.3", b"GET h:80 HTTP/1.1\r\n", refused(Target)),
    ("a scheme alone", "9110 4.2.1", b"GET http:// HTTP/1.1\r\n", refused(Target)),
];

const ASTERISK: &[Case] = &[
    ("with OPTIONS", "9112 3.2.4", b"OPTIONS * HTTP/1.0\r\n\r\n", head("OPTIONS * HTTP/1.0")),
    ("asked of a proxy", "9112 3.2.4", b"OPTIONS http://h HTTP/1.0\r\n\r\n", head("OPTIONS * HTTP/1.0")),
    (
        "not asked, since there is a path",
        "9112 3.2.4",
        b"OPTIONS http://h/ HTTP/1.0\r\n\r\n",
        head("OPTIONS / HTTP/1.0"),
    ),
    (
        "not asked, since there is a query",
        "9112 3.2.4",
        b"OPTIONS http://h? HTTP/1.0\r\n\r\n",
        head("OPTIONS /? HTTP/1.0"),
    ),
    ("with another method", "9112 3.2.4", b"GET * HTTP/1.0\r\n", refused(Target)),
    ("with a method like OPTIONS", "9112 3.2.4", b"options * HTTP/1.0\r\n", refused(Target)),
    ("with something after it", "9112 3.2.4", b"OPTIONS *a HTTP/1.0\r\n", refused(Target)),
    ("as a method", "9110 9.1", b"(*) * HTTP/1.0\r\n", refused(super::Malformed::NotHttp)),
    ("in a method", "9110 9.1", b"A(*) * HTTP/1.0\r\n", refused(Method)),
];

#[test]
fn origin_form() {
    check_requests(ORIGIN);
}

#[test]
fn absolute_form() {
    check_requests(ABSOLUTE);
}

#[test]
fn asterisk_form() {
    check_requests(ASTERISK);
}
