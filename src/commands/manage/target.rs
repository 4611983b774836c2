//! Which server is managed, and with which credential: from flags, else from the settings of a server in this place.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use llm_proxy_core::secret::Secret;
use llm_proxy_core::settings::BaseUrl;

use super::api::Api;
use super::failure::ManageError;
use crate::settings::{ClientSettings, ListenAddr, client_settings};

/// The flags that say whom to talk to.
#[derive(Args, Debug)]
#[command(next_help_heading = "Server")]
pub(super) struct TargetFlags {
    /// The server's URL; without it, where LISTEN_ADDR says, else http://127.0.0.1:8080; with https if TLS_CERT_FILE is set
    #[arg(long, global = true, value_name = "URL")]
    manage_api_base_url: Option<String>,
    /// The management token; better in the environment or the .env file (MANAGEMENT_TOKEN)
    #[arg(long, global = true, value_name = "TOKEN", value_parser = secret)]
    management_token: Option<Secret>,
    /// A file of settings, in place of .env
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

/// A flag's value that must never be shown.
#[expect(clippy::unnecessary_wraps, reason = "the form of clap's value parsers")]
pub(super) fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text.to_owned()))
}

impl TargetFlags {
    /// The API to call.
    pub(super) fn api(&self, environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Api, ManageError> {
        let settings = client_settings(self.env_file.as_deref(), environment).map_err(ManageError::Unusable)?;
        let token = self.management_token.as_ref().or(settings.management_token.as_ref()).ok_or_else(|| {
            ManageError::Usage(
                "the management token is missing: set MANAGEMENT_TOKEN in the environment or the .env file".to_owned(),
            )
        })?;
        let base = self.base_url(&settings)?;
        Api::new(&base, token, settings.ssl_cert_file.as_deref()).map_err(ManageError::Usage)
    }

    fn base_url(&self, settings: &ClientSettings) -> Result<BaseUrl, ManageError> {
        let usage = |why: String| ManageError::Usage(format!("--manage-api-base-url: {why}"));
        if let Some(url) = &self.manage_api_base_url {
            return BaseUrl::parse(url).map_err(|error| usage(error.to_string()));
        }
        let listen = settings.listen.as_ref().map_err(|why| ManageError::Unusable(why.clone()))?;
        let address = reachable(*listen).ok_or_else(|| {
            usage("say where the server listens: with LISTEN_ADDR on port 0 the system chose".to_owned())
        })?;
        let scheme = if settings.tls { "https" } else { "http" };
        BaseUrl::parse(&format!("{scheme}://{address}")).map_err(|error| usage(error.to_string()))
    }
}

/// Where a server that listens there can be reached from this machine; `None` if only the system knows.
fn reachable(listen: ListenAddr) -> Option<SocketAddr> {
    let address = match listen {
        ListenAddr::Everywhere(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        ListenAddr::At(address) => address,
    };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    (address.port() != 0).then(|| SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_url(flag: Option<&str>, listen: &str) -> Result<String, ManageError> {
        let flags = TargetFlags {
            manage_api_base_url: flag.map(str::to_owned),
            management_token: None,
            env_file: Some("/dev/null".into()),
        };
        let environment = [("LISTEN_ADDR".into(), listen.into())];
        let settings = client_settings(flags.env_file.as_deref(), environment.into_iter()).unwrap();
        flags.base_url(&settings).map(|url| url.to_string())
    }

    #[test]
    fn the_server_is_where_it_can_be_reached_from_here() {
        for (listen, url) in [
            ("", "http://127.0.0.1:8080"),
            (":9000", "http://127.0.0.1:9000"),
            ("0.0.0.0:9000", "http://127.0.0.1:9000"),
            ("[::]:9000", "http://[::1]:9000"),
            ("192.0.2.1:80", "http://192.0.2.1"),
        ] {
            assert_eq!(base_url(None, listen).unwrap(), url, "{listen}");
        }
    }

    #[test]
    fn a_server_with_a_certificate_is_called_over_tls() {
        let environment = [("LISTEN_ADDR", ":9000"), ("TLS_CERT_FILE", "chain.pem")];
        let environment = environment.map(|(name, value)| (name.into(), value.into()));
        let settings = client_settings(Some("/dev/null".as_ref()), environment.into_iter()).unwrap();
        let flags = TargetFlags { manage_api_base_url: None, management_token: None, env_file: None };
        assert_eq!(flags.base_url(&settings).unwrap().to_string(), "https://127.0.0.1:9000");
    }

    #[test]
    fn a_flag_names_the_server_whatever_the_settings_say() {
        assert_eq!(base_url(Some("https://proxy.example/llm/"), "nonsense").unwrap(), "https://proxy.example/llm");
    }

    #[test]
    fn a_place_that_nobody_can_know_is_asked_for() {
        assert!(matches!(base_url(None, ":0"), Err(ManageError::Usage(_))));
        assert!(matches!(base_url(Some("proxy.example"), ""), Err(ManageError::Usage(_))));
        assert!(matches!(base_url(None, "nonsense"), Err(ManageError::Unusable(_))));
    }

    #[test]
    fn the_flags_show_no_token() {
        let flags = TargetFlags {
            manage_api_base_url: None,
            management_token: Some(Secret::new("canary".to_owned())),
            env_file: None,
        };
        assert!(!format!("{flags:?}").contains("canary"));
    }
}
