//! Why a certificate and its key are of no use: each says which setting and which file, and what to do. None repeats a byte
//! of a file.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The setting that names a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsSetting {
    /// TLS_CERT_FILE
    Certificate,
    /// TLS_KEY_FILE
    Key,
}

impl std::fmt::Display for TlsSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Certificate => "TLS_CERT_FILE",
            Self::Key => "TLS_KEY_FILE",
        })
    }
}

/// Why there is no TLS towards clients.
#[derive(Debug, Error)]
pub enum TlsFilesError {
    /// A file cannot be read.
    #[error("{setting}: cannot read {path}: {source}", path = path.display())]
    Read {
        /// Which setting names it.
        setting: TlsSetting,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is larger than any certificate chain or key.
    #[error("{setting}: {path} is larger than 1 MiB, which no certificate chain and no key is", path = path.display())]
    TooLarge {
        /// Which setting names it.
        setting: TlsSetting,
        /// Which file.
        path: PathBuf,
    },
    /// A file is broken.
    #[error("{setting}: {path} is no PEM file: a section in it is broken", path = path.display())]
    NotPem {
        /// Which setting names it.
        setting: TlsSetting,
        /// Which file.
        path: PathBuf,
    },
    /// There is no certificate in the file of certificates.
    #[error("TLS_CERT_FILE: no certificate in {path}: write the path of a PEM file with the certificate chain, the server's own first", path = .0.display())]
    NoCertificate(PathBuf),
    /// There is no key in the file of the key.
    #[error("TLS_KEY_FILE: no private key in {path}: write the path of a PEM file with one (PKCS#8, PKCS#1 or SEC1)", path = .0.display())]
    NoKey(PathBuf),
    /// The key is under a passphrase.
    #[error("TLS_KEY_FILE: the private key in {path} is encrypted: write the path of one without a passphrase, mode 0600", path = .0.display())]
    EncryptedKey(PathBuf),
    /// The key is of a kind or size that is not supported.
    #[error("TLS_KEY_FILE: the private key in {path} cannot be used: it must be RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519", path = .0.display())]
    UnusableKey(PathBuf),
    /// The certificate is broken.
    #[error("TLS_CERT_FILE: the first certificate in {path} cannot be used: {why}", path = path.display())]
    UnusableCertificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: rustls::Error,
    },
    /// The key is another certificate's.
    #[error("TLS_KEY_FILE: the private key in {key} does not match the first certificate in {certificate} (TLS_CERT_FILE)",
        key = key.display(), certificate = certificate.display())]
    Mismatch {
        /// The file of the certificates.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}
