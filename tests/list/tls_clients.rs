//! Clients over TLS: what works without it works with it, on TLS 1.2 and 1.3, and each mistake at the start is told.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, ProtocolVersion, StreamOwned};

use super::{assert_refused, start, start_in_vain};
use crate::harness::{
    Authority, Broken, Client, Identity, MANAGEMENT_TOKEN, Mock, Options, PATIENCE, Proxy, Signal, cli, get, ok, post,
    python_with,
};

const SSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The program before a mock, over TLS, with a token.
fn before(mock: &Mock, identity: &Identity) -> (Proxy, String) {
    let proxy = start(&Options::towards(mock).over_tls(identity));
    let token = proxy.credential();
    (proxy, token)
}

#[test]
fn both_versions_of_tls_serve_one_request_after_another() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (proxy, token) = before(&mock, &identity);
    for (version, name) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let config = identity.authority.client(&[version], &["h2", "http/1.1"]);
        let (mut client, shaken) = Client::tls(proxy.addr, &config).unwrap();
        assert_eq!((shaken.version, shaken.protocol.as_deref()), (Some(name), Some("http/1.1")));
        for _ in 0..3 {
            client.send(&get("/v1/models", &token));
            assert_eq!(client.response().text(), "{}");
            client.send(&post("/v1/responses", &token, "{\"input\": 1}"));
            assert_eq!(client.response().status(), 200);
        }
    }
    assert_eq!(mock.count(), 12);
}

#[test]
fn a_client_without_protocols_is_served_and_one_without_ours_is_refused() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (proxy, token) = before(&mock, &identity);
    let versions = rustls::ALL_VERSIONS;
    let (mut client, shaken) = Client::tls(proxy.addr, &identity.authority.client(versions, &[])).unwrap();
    assert_eq!(shaken.protocol, None);
    client.send(&get("/v1/models", &token));
    assert_eq!(client.response().status(), 200);
    let refused = Client::tls(proxy.addr, &identity.authority.client(versions, &["h2"])).err().unwrap();
    assert!(refused.to_string().to_lowercase().contains("applicationprotocol"), "{refused}");
}

#[test]
fn each_event_of_a_stream_passes_before_the_next_is_sent() {
    let (next, identity) = (Signal::default(), Identity::new());
    let waiting = next.clone();
    let mock = Mock::start(move |connection, _| {
        connection.send(SSE);
        connection.chunk(b"data: 1\n\n");
        waiting.wait();
        connection.chunk(b"data: 2\n\n");
        connection.send(b"0\r\n\r\n");
    });
    let (proxy, token) = before(&mock, &identity);
    let mut client = proxy.client();
    client.send(&get("/v1/models", &token));
    assert_eq!(client.head().status(), 200);
    client.expect_body(b"data: 1\n\n");
    next.set();
    client.expect_body(b"data: 2\n\n");
    client.expect_end();
}

#[test]
fn five_mebibytes_pass_both_ways() {
    let content: String = (0..5 << 20).map(|at: u32| char::from(b'a' + (at % 23) as u8)).collect();
    let identity = Identity::new();
    let mock = Mock::start(|connection, request| {
        let text = String::from_utf8(request.body.clone()).unwrap();
        connection.send(&ok(&text));
    });
    let (proxy, token) = before(&mock, &identity);
    for version in [&TLS12, &TLS13] {
        let (mut client, _) = Client::tls(proxy.addr, &identity.authority.client(&[version], &[])).unwrap();
        for _ in 0..2 {
            client.send(&post("/v1/responses", &token, &content));
            assert!(client.response().text() == content, "another body came back");
        }
    }
}

/// The answer is larger than all buffers on its way, and ends with the connection: its last bytes wait in TLS when the
/// session is done.
#[test]
fn the_last_bytes_of_an_answer_that_closes_do_not_stay_behind() {
    let identity = Identity::new();
    let mock = Mock::answering(ok(&"x".repeat(8 << 20)));
    let (proxy, token) = before(&mock, &identity);
    let mut client = proxy.client();
    let request =
        format!("GET /v1/models HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    client.send(request.as_bytes());
    assert_eq!(client.head().status(), 200);
    let mut length = 0;
    while let Some(piece) = client.piece(1 << 20).unwrap() {
        length += piece.len();
    }
    assert_eq!(length, 8 << 20);
    client.expect_close();
}

#[test]
fn a_client_that_goes_away_cancels_the_upstream_request() {
    let (gone, identity) = (Signal::default(), Identity::new());
    let said = gone.clone();
    let mock = Mock::start(move |connection, _| {
        connection.send(SSE);
        connection.chunk(b"data: 1\n\n");
        assert!(connection.closed(PATIENCE).is_some(), "the upstream request went on");
        said.set();
    });
    let (proxy, token) = before(&mock, &identity);
    let mut client = proxy.client();
    client.send(&get("/v1/models", &token));
    assert_eq!(client.head().status(), 200);
    client.expect_body(b"data: 1\n\n");
    drop(client);
    gone.wait();
}

/// The request's content is declared longer than what comes: whoever cuts TCP without a word of TLS cannot end it.
#[test]
fn a_stream_of_tls_that_is_cut_in_a_body_is_a_broken_client() {
    let (begun, gone, identity) = (Signal::default(), Signal::default(), Identity::new());
    let (began, said) = (begun.clone(), gone.clone());
    let mock = Mock::raw(move |connection| {
        if connection.request_head().is_some() {
            began.set();
            while connection.piece(1 << 16).is_some() {}
            said.set();
        }
    });
    let (proxy, token) = before(&mock, &identity);
    let mut client = proxy.client();
    let head = format!("POST /v1/responses HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n");
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").as_bytes());
    begun.wait();
    client.half_close();
    gone.wait();
    client.expect_close();
    assert_eq!(mock.count(), 0, "no whole request reached the upstream");
}

#[test]
fn plain_http_gets_no_answer() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (proxy, token) = before(&mock, &identity);
    let mut plain = TcpStream::connect(proxy.addr).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(&get("/v1/models", &token)).unwrap();
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard);
    assert!(!heard.starts_with(b"HTTP"), "{:?}", String::from_utf8_lossy(&heard));
    assert_eq!(mock.count(), 0);
}

#[test]
fn a_handshake_that_stands_still_keeps_nobody_waiting_and_no_stop() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (mut proxy, token) = before(&mock, &identity);
    let silent: Vec<TcpStream> = (0..16).map(|_| TcpStream::connect(proxy.addr).unwrap()).collect();
    let mut client = proxy.client();
    client.send(&get("/v1/models", &token));
    assert_eq!(client.response().status(), 200);
    let begin = std::time::Instant::now();
    proxy.terminate();
    assert_eq!(proxy.wait(), Some(0));
    assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
    drop(silent);
}

#[test]
fn a_connection_that_is_closed_ends_with_a_word_of_tls() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (proxy, token) = before(&mock, &identity);
    let session = ClientConnection::new(identity.client(), ServerName::from(proxy.addr.ip())).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(proxy.addr).unwrap());
    stream.sock.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("GET /v1/models HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n");
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut heard = String::new();
    // It fails on an end without that word.
    stream.read_to_string(&mut heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 200 OK\r\n") && heard.ends_with("\r\n\r\n{}"), "{heard}");
}

#[test]
fn an_answer_that_breaks_off_has_no_clean_end() {
    let identity = Identity::new();
    let mock = Mock::raw(|connection| {
        if connection.request().is_some() {
            connection.send(SSE);
            connection.chunk(b"data: 1\n\n");
        }
    });
    let (proxy, token) = before(&mock, &identity);
    let mut client = proxy.client();
    client.send(&get("/v1/models", &token));
    assert_eq!(client.head().status(), 200);
    client.expect_body(b"data: 1\n\n");
    assert!(matches!(client.piece(1), Err(Broken::Cut | Broken::Reset)));
}

/// Of HTTP/1.0, so that only the connection's end marks the answer's.
#[test]
fn an_old_client_does_not_take_an_answer_that_breaks_off_for_whole() {
    let identity = Identity::new();
    let mock = Mock::raw(|connection| {
        if connection.request().is_some() {
            connection.send(SSE);
            connection.chunk(b"data: 1\n\n");
        }
    });
    let (proxy, token) = before(&mock, &identity);
    let mut client = proxy.client();
    client.send(format!("GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n").as_bytes());
    assert_eq!(client.head().status(), 200);
    client.expect_body(b"data: 1\n\n");
    assert_eq!(client.piece(1), Err(Broken::Reset));
}

/// An upstream that holds its answer back, and a client of TLS whose request is there.
fn waiting(identity: &Identity) -> (Signal, Mock, Proxy, StreamOwned<ClientConnection, TcpStream>) {
    let gone = Signal::default();
    let said = gone.clone();
    let mock = Mock::start(move |connection, _| {
        assert!(connection.closed(PATIENCE).is_some(), "the upstream request went on");
        said.set();
    });
    let (proxy, token) = before(&mock, identity);
    let session = ClientConnection::new(identity.client(), ServerName::from(proxy.addr.ip())).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(proxy.addr).unwrap());
    stream.write_all(&get("/v1/models", &token)).unwrap();
    mock.request(0);
    (gone, mock, proxy, stream)
}

#[test]
fn a_client_that_ends_its_side_of_tls_alone_cancels_the_upstream_request() {
    let identity = Identity::new();
    let (gone, _mock, _proxy, mut stream) = waiting(&identity);
    stream.conn.send_close_notify();
    stream.conn.complete_io(&mut stream.sock).unwrap();
    gone.wait();
}

/// More than the program reads ahead of an answer, so that it does not read when the client leaves.
#[test]
fn a_client_that_is_not_read_and_goes_away_is_noticed() {
    let identity = Identity::new();
    let (gone, _mock, _proxy, mut stream) = waiting(&identity);
    stream.write_all(&[b'x'; 400 << 10]).unwrap();
    drop(stream);
    gone.wait();
}

#[test]
fn the_commands_find_the_server_over_tls_by_its_settings() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (proxy, _) = before(&mock, &identity);
    let (addr, roots, chain) = (proxy.addr.to_string(), identity.roots(), identity.certificate());
    let environment = [
        ("MANAGEMENT_TOKEN", MANAGEMENT_TOKEN),
        ("LISTEN_ADDR", &addr),
        ("TLS_CERT_FILE", chain.to_str().unwrap()),
        ("SSL_CERT_FILE", roots.to_str().unwrap()),
    ];
    let ran = cli(&["manage", "project", "list", "--quiet"], &environment, "");
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 1), "{ran:?}");
}

#[test]
fn refusals_pass_over_tls() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (proxy, _) = before(&mock, &identity);
    let mut client = proxy.client();
    client.send(&get("/v1/models", "sk-AAECAwQFBgcICQoLDA0ODw"));
    assert_refused(&client.response(), 401, "invalid_token");
}

#[test]
fn curl_and_an_sdk_that_know_the_authority_are_served() {
    let identity = Identity::new();
    let list = r#"{"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "o"}]}"#;
    let mock = Mock::answering(ok(list));
    let (proxy, token) = before(&mock, &identity);
    let (roots, base) = (identity.roots(), format!("https://{}", proxy.addr));

    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--cacert"]).arg(&roots);
    curl.args(["-H", &format!("Authorization: Bearer {token}"), &format!("{base}/v1/models")]);
    let output = curl.env_clear().output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), list, "{}", String::from_utf8_lossy(&output.stderr));

    let environment = [("SSL_CERT_FILE", roots.to_str().unwrap())];
    let said = python_with("openai_client.py", &[&base, &token, "models", "0"], &environment);
    assert_eq!(said["result"], serde_json::json!(["m"]), "{said}");
    assert_eq!(mock.count(), 2);
}

#[test]
fn a_reload_shows_new_connections_another_certificate_and_leaves_a_stream_alone() {
    let (finish, identity) = (Signal::default(), Identity::new());
    let waiting = finish.clone();
    let mock = Mock::start(move |connection, _| {
        connection.send(SSE);
        connection.chunk(b"data: 1\n\n");
        waiting.wait();
        connection.chunk(b"data: 2\n\n");
        connection.send(b"0\r\n\r\n");
    });
    let (proxy, token) = before(&mock, &identity);
    let config = identity.client();
    let (mut client, first) = Client::tls(proxy.addr, &config).unwrap();
    client.send(&get("/v1/models", &token));
    assert_eq!(client.head().status(), 200);
    client.expect_body(b"data: 1\n\n");

    let second = identity.renew();
    let said = proxy.reload("certificate");
    assert_eq!((said["level"].as_str(), said["message"].as_str()), (Some("INFO"), Some("reloaded")), "{said}");
    assert!(said["changes"].as_str().unwrap().contains("another certificate"), "{said}");
    let (_, shaken) = Client::tls(proxy.addr, &config).unwrap();
    assert!(shaken.certificate == second && first.certificate != second);

    finish.set();
    client.expect_body(b"data: 2\n\n");
    client.expect_end();
}

#[test]
fn a_broken_certificate_keeps_the_old_one_and_the_providers_are_still_reloaded() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let proxy = start(&Options::towards(&mock).over_tls(&identity).errors_expected());
    let (_, first) = Client::tls(proxy.addr, &identity.client()).unwrap();
    fs::write(identity.key(), "no key").unwrap();
    let said = proxy.reload("certificate");
    assert_eq!(said["level"], "ERROR", "{said}");
    let error = said["error"].as_str().unwrap();
    assert!(error.contains("TLS_KEY_FILE") && error.contains("key.pem"), "{error}");
    let (_, shaken) = Client::tls(proxy.addr, &identity.client()).unwrap();
    assert_eq!(shaken.certificate, first.certificate);
    assert_eq!(proxy.reload("providers")["message"], "reloaded");
}

#[test]
fn each_mistake_at_the_start_is_one_line_that_names_setting_and_file() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (certificate, key) = (identity.certificate(), identity.key());
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let file = |name: &str, text: &str| {
        let path = identity.folder().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let other_key = file("other.pem", &Authority::new().issue("127.0.0.1").1);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = file("encrypted.pem", encrypted);
    for (certificate, key, said) in [
        ("/nowhere/chain.pem", key, "TLS_CERT_FILE: cannot read /nowhere/chain.pem"),
        (certificate, "/nowhere/key.pem", "TLS_KEY_FILE: cannot read /nowhere/key.pem"),
        (key, key, "TLS_CERT_FILE: no certificate in "),
        (certificate, certificate, "TLS_KEY_FILE: no private key in "),
        (certificate, &other_key, "other.pem does not match the first certificate in "),
        (certificate, &encrypted, "encrypted.pem is encrypted"),
        (certificate, "", "TLS_KEY_FILE is missing, although TLS_CERT_FILE is set"),
        ("", key, "TLS_CERT_FILE is missing, although TLS_KEY_FILE is set"),
    ] {
        let options = Options::towards(&mock).env("TLS_CERT_FILE", certificate).env("TLS_KEY_FILE", key);
        let exited = start_in_vain(&options);
        assert_eq!(exited.code, Some(1), "{exited:?}");
        let lines: Vec<&str> = exited.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("error: ") && lines[0].contains(said), "{said}: {lines:?}");
    }
}

#[test]
fn a_session_is_resumed_and_no_secret_of_tls_is_logged() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let options = Options::towards(&mock).over_tls(&identity).env("LOG_LEVEL", "debug");
    let proxy = start(&options);
    let token = proxy.credential();
    for line in fs::read_to_string(identity.key()).unwrap().lines().filter(|line| !line.starts_with('-')) {
        proxy.guard(line);
    }
    let config = identity.client();
    for resumed in [false, true] {
        let session = ClientConnection::new(Arc::clone(&config), ServerName::from(proxy.addr.ip())).unwrap();
        let mut stream = StreamOwned::new(session, TcpStream::connect(proxy.addr).unwrap());
        let head = format!("GET /v1/models HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer {token}\r\n");
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        let kind = stream.conn.handshake_kind().unwrap();
        assert_eq!(kind == rustls::HandshakeKind::Resumed, resumed, "{kind:?}");
    }
}

#[test]
fn an_idle_connection_is_closed_at_the_stop_with_a_word_of_tls() {
    let (mock, identity) = (Mock::agreeable(), Identity::new());
    let (mut proxy, token) = before(&mock, &identity);
    let session = ClientConnection::new(identity.client(), ServerName::from(proxy.addr.ip())).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(proxy.addr).unwrap());
    stream.sock.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&get("/v1/models", &token)).unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n{}") {
        let mut room = [0; 4096];
        let count = stream.read(&mut room).unwrap();
        heard.extend_from_slice(&room[..count]);
    }
    proxy.terminate();
    // It fails on an end without that word.
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(proxy.wait(), Some(0));
}
