//! By which certificates upstreams are verified.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// TLS towards upstreams, HTTP/1.1 only, with the roots of that file; without one, the system's, or those that the environment's SSL_CERT_FILE and
/// SSL_CERT_DIR name. Where there are none, TLS upstreams cannot be verified and so not be reached; a warning says
/// so.
///
/// # Errors
/// If the TLS library has no version and cipher in common with itself.
pub fn tls_client_config(roots_file: Option<&Path>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let loaded = match roots_file {
        Some(file) => rustls_native_certs::load_certs_from_paths(Some(file), None),
        None => rustls_native_certs::load_native_certs(),
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added == 0 {
        let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
        tracing::warn!(
            ?errors,
            "no root certificates found: https upstreams cannot be verified; install ca-certificates or set SSL_CERT_FILE"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
