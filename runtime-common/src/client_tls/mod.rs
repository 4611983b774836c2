//! TLS towards clients: reads the certificate chain and its key, checks that they belong together, and keeps what new
//! connections are to use in a place where a reload can replace it. Connections that are there keep what they began with.
//!
//! TLS 1.2 and 1.3, HTTP/1.1 only, no client certificates. A client that offers protocols by ALPN and not `http/1.1` is
//! refused in the handshake (RFC 7301 section 3.2). No byte of a key appears in an error, a warning or a `Debug` print.

mod error;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use llm_proxy_core::time::Timestamp;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use crate::clock;
use crate::validity::Validity;

pub use error::{TlsFilesError, TlsSetting};

/// How large a file may be, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Which files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// TLS_CERT_FILE: the chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// TLS_KEY_FILE: its key.
    pub key: PathBuf,
}

/// What a reload came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsReloaded {
    /// Whether the certificates are others than before.
    pub changed: bool,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

/// Certificate and key for clients, as they are now. Clones share one place.
#[derive(Clone)]
pub struct ClientTls {
    files: TlsFiles,
    present: Arc<ArcSwap<Present>>,
}

struct Present {
    chain: Vec<CertificateDer<'static>>,
    config: Arc<rustls::ServerConfig>,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ClientTls {
    /// Reads the files. Gives what the operator should know beside.
    ///
    /// # Errors
    /// [`TlsFilesError`] if no client could be talked to with them.
    pub fn load(files: TlsFiles) -> Result<(Self, Vec<String>), TlsFilesError> {
        let (present, warnings) = read(&files)?;
        Ok((Self { files, present: Arc::new(ArcSwap::from_pointee(present)) }, warnings))
    }

    /// Reads the files anew, for connections from now on. What was saved to resume sessions is let go with a certificate
    /// that is replaced.
    ///
    /// # Errors
    /// As [`Self::load`]; what was there stays then.
    pub fn reload(&self) -> Result<TlsReloaded, TlsFilesError> {
        let (present, warnings) = read(&self.files)?;
        let changed = present.chain != self.present.load().chain;
        if changed {
            self.present.store(Arc::new(present));
        }
        Ok(TlsReloaded { changed, warnings })
    }

    /// What a new connection is to use.
    #[must_use]
    pub fn present(&self) -> Arc<rustls::ServerConfig> {
        self.present.load().config.clone()
    }

    /// Where it is read from.
    #[must_use]
    pub const fn files(&self) -> &TlsFiles {
        &self.files
    }
}

fn read(files: &TlsFiles) -> Result<(Present, Vec<String>), TlsFilesError> {
    let chain = read_chain(&files.certificate)?;
    let key = read_key(&files.key)?;
    let mut warnings = Vec::new();
    warnings.extend(chain.first().and_then(|own| out_of_time(own, &files.certificate, clock::now().wall)));
    warnings.extend(readable_by_others(&files.key));
    let config = Arc::new(config(files, chain.clone(), key)?);
    Ok((Present { chain, config }, warnings))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFilesError> {
    let text = read_file(TlsSetting::Certificate, path)?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|_| TlsFilesError::NotPem { setting: TlsSetting::Certificate, path: path.into() })?;
    if chain.is_empty() { Err(TlsFilesError::NoCertificate(path.into())) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFilesError> {
    let text = read_file(TlsSetting::Key, path)?;
    // Both forms of encryption say so in plain text: PKCS#8 in its label, the older ones in a `Proc-Type` line.
    let encrypted = || text.windows(9).any(|window| window == b"ENCRYPTED");
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(_) if encrypted() => Err(TlsFilesError::EncryptedKey(path.into())),
        Err(pem::Error::NoItemsFound) => Err(TlsFilesError::NoKey(path.into())),
        Err(_) => Err(TlsFilesError::NotPem { setting: TlsSetting::Key, path: path.into() }),
    }
}

fn regular(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.is_file() { Ok(()) } else { Err(io::Error::other("it is no regular file")) }
}

/// The file's bytes, which are wiped afterwards: they may be a key.
fn read_file(setting: TlsSetting, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsFilesError> {
    // Room for any usual file at once: what is outgrown is not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    // One byte more than is allowed, so that too many are seen, even of a file without end.
    // A pipe would be waited for, for ever, and with it every later reload.
    let read = regular(path).and_then(|()| File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(count) if count as u64 > MAX_BYTES => Err(TlsFilesError::TooLarge { setting, path: path.into() }),
        Ok(_) => Ok(bytes),
        Err(source) => Err(TlsFilesError::Read { setting, path: path.into(), source }),
    }
}

fn config(
    files: &TlsFiles,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<rustls::ServerConfig, TlsFilesError> {
    let unusable = |why| TlsFilesError::UnusableCertificate { path: files.certificate.clone(), why };
    let provider = Arc::new(ring::default_provider());
    let signer = provider.key_provider.load_private_key(key);
    let certified = CertifiedKey::new(chain, signer.map_err(|_| TlsFilesError::UnusableKey(files.key.clone()))?);
    match certified.keys_match() {
        Ok(()) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(TlsFilesError::Mismatch { certificate: files.certificate.clone(), key: files.key.clone() });
        }
        Err(why) => return Err(unusable(why)),
    }
    let versions = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    let mut config = versions.map_err(unusable)?.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A warning if a certificate is not valid now. Clients refuse it, so that starting with it does no harm.
fn out_of_time(certificate: &[u8], path: &Path, now: Timestamp) -> Option<String> {
    let validity = Validity::of(certificate)?;
    let path = path.display();
    if now > validity.not_after {
        let since = validity.not_after.to_rfc3339();
        return Some(format!("TLS_CERT_FILE: the certificate in {path} expired at {since}: clients will refuse it"));
    }
    (now < validity.not_before).then(|| {
        let from = validity.not_before.to_rfc3339();
        format!("TLS_CERT_FILE: the certificate in {path} is not valid before {from}: clients will refuse it")
    })
}

/// A warning if everybody on this machine can read the key.
fn readable_by_others(key: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = key.metadata().ok()?.permissions().mode();
    (mode & 0o004 != 0)
        .then(|| format!("TLS_KEY_FILE: every user of this machine can read {}: chmod 0600 it", key.display()))
}
