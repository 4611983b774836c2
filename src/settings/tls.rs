//! TLS towards clients: two settings that only make sense together.

use llm_proxy_runtime_common::{ClientTls, TlsFiles};

use super::table;
use super::values::Values;

/// What clients are shown, if it is TLS; outside of that, `None` if there is a problem.
#[expect(clippy::option_option, reason = "that there is no TLS is one thing, that a setting is wrong another")]
pub(super) fn client_tls(values: &mut Values, warnings: &mut Vec<String>) -> Option<Option<ClientTls>> {
    let certificate = values.read_optional(&table::TLS_CERT_FILE);
    let key = values.read_optional(&table::TLS_KEY_FILE);
    let files = match (certificate?, key?) {
        (None, None) => return Some(None),
        (Some(certificate), Some(key)) => TlsFiles { certificate, key },
        // A warning would not do: tokens would cross the network in plain text although TLS was asked for.
        (Some(_), None) => return half(values, "TLS_KEY_FILE", "TLS_CERT_FILE"),
        (None, Some(_)) => return half(values, "TLS_CERT_FILE", "TLS_KEY_FILE"),
    };
    match ClientTls::load(files) {
        Ok((tls, more)) => {
            warnings.extend(more);
            Some(Some(tls))
        }
        Err(error) => {
            values.add_problem(error.to_string());
            None
        }
    }
}

#[expect(clippy::option_option, reason = "as the caller's")]
fn half(values: &mut Values, missing: &str, given: &str) -> Option<Option<ClientTls>> {
    values.add_problem(format!("{missing} is missing, although {given} is set: TLS needs both; set both or neither"));
    None
}
