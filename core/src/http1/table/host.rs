//! `Host` (RFC 9112 section 3.2).

use super::Malformed::{HostMissing, HostRepeated, HostValue};
use super::{Case, check_requests, head, refused};

const GET: &str = "GET / HTTP/1.1";

const COUNT: &[Case] = &[
    ("none", "9112 3.2", b"GET / HTTP/1.1\r\n\r\n", refused(HostMissing)),
    ("two", "9112 3.2", b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", refused(HostRepeated)),
    ("two with another case", "9112 3.2", b"GET / HTTP/1.1\r\nHost: h\r\nhOST: g\r\n\r\n", refused(HostRepeated)),
    ("two, one of them empty", "9112 3.2", b"GET / HTTP/1.1\r\nHost:\r\nHost: h\r\n\r\n", refused(HostRepeated)),
    ("one in HTTP/1.0", "9112 3.2", b"GET / HTTP/1.0\r\nHost: h\r\n\r\n", head("GET / HTTP/1.0")),
    ("two in HTTP/1.0", "9112 3.2", b"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", refused(HostRepeated)),
    ("an invalid one in HTTP/1.0", "9112 3.2", b"GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", refused(HostValue)),
    ("a name that only begins like it", "9110 5.1", b"GET / HTTP/1.1\r\nHosts: h\r\n\r\n", refused(HostMissing)),
];

const VALID: &[Case] = &[
    ("a name", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n", head(GET)),
    ("a name and a port", "9110 7.2", b"GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n", head(GET)),
    ("an empty port", "3986 3.2.3", b"GET / HTTP/1.1\r\nHost: example.com:\r\n\r\n", head(GET)),
    ("the highest port", "3986 3.2.3", b"GET / HTTP/1.1\r\nHost: h:65535\r\n\r\n", head(GET)),
    ("nothing", "9112 3.2", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", head(GET)),
    ("an IPv4 address", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", head(GET)),
    ("an IPv6 address", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", head(GET)),
    ("an IPv6 address and a port", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", head(GET)),
    ("an IPv4 address in an IPv6 one", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]\r\n\r\n", head(GET)),
    ("an underscore and an escape", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: a_b.%C3%a9\r\n\r\n", head(GET)),
    ("a dot at the end", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: example.com.\r\n\r\n", head(GET)),
];

const INVALID: &[Case] = &[
    ("a space", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", refused(HostValue)),
    ("a list", "9112 3.2", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", refused(HostValue)),
    ("user information", "9110 7.2", b"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", refused(HostValue)),
    ("a path", "9110 7.2", b"GET / HTTP/1.1\r\nHost: h/a\r\n\r\n", refused(HostValue)),
    ("a query", "9110 7.2", b"GET / HTTP/1.1\r\nHost: h?a\r\n\r\n", refused(HostValue)),
    ("a fragment", "9110 7.2", b"GET / HTTP/1.1\r\nHost: h#a\r\n\r\n", refused(HostValue)),
    ("a backslash", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: h\\a\r\n\r\n", refused(HostValue)),
    ("a URI", "9110 7.2", b"GET / HTTP/1.1\r\nHost: http://h\r\n\r\n", refused(HostValue)),
    ("obs-text", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", refused(HostValue)),
    ("half an escape", "3986 2.1", b"GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", refused(HostValue)),
    ("an escape that is none", "3986 2.1", b"GET / HTTP/1.1\r\nHost: a%2g\r\n\r\n", refused(HostValue)),
    ("a port alone", "9110 4.2.1", b"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", refused(HostValue)),
    ("a port that is no number", "3986 3.2.3", b"GET / HTTP/1.1\r\nHost: h:http\r\n\r\n", refused(HostValue)),
    ("a port with a sign", "3986 3.2.3", b"GET / HTTP/1.1\r\nHost: h:+80\r\n\r\n", refused(HostValue)),
    ("a port that is too high", "3986 3.2.3", b"GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n", refused(HostValue)),
    ("a port with too many digits", "3986 3.2.3", b"GET / HTTP/1.1\r\nHost: h:000080\r\n\r\n", refused(HostValue)),
    ("two ports", "3986 3.2.3", b"GET / HTTP/1.1\r\nHost: h:80:80\r\n\r\n", refused(HostValue)),
    ("an IPv6 address without brackets", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", refused(HostValue)),
    ("a bracket that does not close", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", refused(HostValue)),
    ("a bracket that does not open", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: ::1]\r\n\r\n", refused(HostValue)),
    ("brackets around nothing", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: []\r\n\r\n", refused(HostValue)),
    ("brackets around a name", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: [h]\r\n\r\n", refused(HostValue)),
    ("a name after brackets", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: [::1]h\r\n\r\n", refused(HostValue)),
    ("an IPv6 zone", "6874 2", b"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", refused(HostValue)),
    ("a later IP version", "3986 3.2.2", b"GET / HTTP/1.1\r\nHost: [v1.a]\r\n\r\n", refused(HostValue)),
];

#[test]
fn how_many() {
    check_requests(COUNT);
}

#[test]
fn valid_hosts() {
    check_requests(VALID);
}

#[test]
fn invalid_hosts() {
    check_requests(INVALID);
}
