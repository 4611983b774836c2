//! What is a usable pair of files, and what each other pair is told.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::*;

/// A folder with the two files.
struct Files {
    _folder: TempDir,
    files: TlsFiles,
}

fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["proxy.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn files(certificate: &str, key: &str) -> Files {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files = TlsFiles { certificate: path("chain.pem"), key: path("key.pem") };
    fs::write(&files.certificate, certificate).unwrap();
    fs::write(&files.key, key).unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    Files { _folder: folder, files }
}

fn refused(certificate: &str, key: &str) -> String {
    ClientTls::load(files(certificate, key).files).unwrap_err().to_string()
}

#[test]
fn a_pair_that_matches_is_for_http_1_1_and_says_nothing() {
    let (certificate, key) = pair();
    let kept = files(&certificate, &key);
    let (tls, warnings) = ClientTls::load(kept.files).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(tls.present().alpn_protocols, [b"http/1.1".to_vec()]);
}

#[test]
fn each_mistake_is_told_with_its_setting_and_its_file() {
    let ((certificate, key), (_, other_key)) = (pair(), pair());
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old_encrypted =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (certificate, key, setting, said) in [
        (key.as_str(), key.as_str(), "TLS_CERT_FILE: no certificate in ", "chain.pem"),
        ("", &key, "TLS_CERT_FILE: no certificate in ", "chain.pem"),
        (&certificate[..certificate.len() - 30], &key, "TLS_CERT_FILE: ", "chain.pem is no PEM file"),
        (no_certificate, &key, "TLS_CERT_FILE: the first certificate in ", "chain.pem cannot be used: "),
        (&certificate, &certificate, "TLS_KEY_FILE: no private key in ", "key.pem"),
        (&certificate, encrypted, "TLS_KEY_FILE: the private key in ", "key.pem is encrypted"),
        (&certificate, old_encrypted, "TLS_KEY_FILE: the private key in ", "key.pem is encrypted"),
        (&certificate, no_key, "TLS_KEY_FILE: the private key in ", "key.pem cannot be used"),
        (&certificate, &key[..key.len() - 30], "TLS_KEY_FILE: ", "key.pem is no PEM file"),
        (
            &certificate,
            &other_key,
            "TLS_KEY_FILE: the private key in ",
            "key.pem does not match the first certificate in ",
        ),
    ] {
        let error = refused(certificate, key);
        assert!(error.starts_with(setting) && error.contains(said), "{error}");
        assert!(!error.contains('\n') && !error.contains("PRIVATE KEY"), "{error}");
    }
}

#[test]
fn a_file_that_is_missing_or_without_end_is_told() {
    let (certificate, key) = pair();
    let kept = files(&certificate, &key);
    let missing = TlsFiles { key: "/nowhere/key.pem".into(), ..kept.files.clone() };
    let error = ClientTls::load(missing).unwrap_err().to_string();
    assert!(error.starts_with("TLS_KEY_FILE: cannot read /nowhere/key.pem: "), "{error}");
    for endless in ["/dev/zero", "/dev"] {
        let endless = TlsFiles { certificate: PathBuf::from(endless), ..kept.files.clone() };
        let error = ClientTls::load(endless).unwrap_err().to_string();
        assert!(error.contains("it is no regular file"), "{error}");
    }
    fs::write(&kept.files.certificate, vec![b'x'; 2 << 20]).unwrap();
    assert!(matches!(ClientTls::load(kept.files), Err(TlsFilesError::TooLarge { .. })));
}

#[test]
fn a_certificate_out_of_its_time_is_a_warning() {
    for (from, to, said) in [(1990, 1991, "expired at 1991-01-01"), (2970, 2971, "not valid before 2970-01-01")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["proxy.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        let kept = files(&params.self_signed(&key).unwrap().pem(), &key.serialize_pem());
        let (_, warnings) = ClientTls::load(kept.files).unwrap();
        assert!(matches!(&warnings[..], [one] if one.contains(said)), "{warnings:?}");
    }
}

#[test]
fn a_key_that_everybody_can_read_is_a_warning() {
    let (certificate, key) = pair();
    let kept = files(&certificate, &key);
    fs::set_permissions(&kept.files.key, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, warnings) = ClientTls::load(kept.files).unwrap();
    assert!(matches!(&warnings[..], [one] if one.contains("key.pem: chmod 0600 it")), "{warnings:?}");
}

#[test]
fn a_reload_replaces_the_pair_for_all_clones_or_leaves_it() {
    let (certificate, key) = pair();
    let kept = files(&certificate, &key);
    let (tls, _) = ClientTls::load(kept.files.clone()).unwrap();
    let (clone, first) = (tls.clone(), tls.present());
    assert!(!tls.reload().unwrap().changed);
    assert!(Arc::ptr_eq(&clone.present(), &first), "sessions of the same certificate are still resumed");

    let (other_certificate, other_key) = pair();
    fs::write(&kept.files.certificate, &other_certificate).unwrap();
    assert!(matches!(tls.reload(), Err(TlsFilesError::Mismatch { .. })));
    assert!(Arc::ptr_eq(&clone.present(), &first));

    fs::write(&kept.files.key, &other_key).unwrap();
    assert!(tls.reload().unwrap().changed);
    assert!(!Arc::ptr_eq(&clone.present(), &first));
}

#[test]
fn printing_shows_the_files_and_nothing_of_them() {
    let (certificate, key) = pair();
    let kept = files(&certificate, &key);
    let printed = format!("{:?}", ClientTls::load(kept.files).unwrap().0);
    assert!(printed.starts_with("ClientTls { files: TlsFiles {") && printed.ends_with(", .. }"), "{printed}");
}
