//! Data source names as Go's MySQL driver takes them: `[user[:password]@][network[(address)]]/database[?parameters]`
//! (<https://github.com/go-sql-driver/mysql#dsn-data-source-name>). The password is written as it is, whatever
//! characters it has.

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use super::{Address, DatabaseUrl, UrlError, parameters};

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 3306;

/// Whether it is one rather than a URL. A password may hold `://`, so the network must be there or the scheme not.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.contains('/') && (["@tcp(", "@unix("].iter().any(|network| text.contains(network)) || !text.contains("://"))
}

pub(super) fn parse(text: &str) -> Result<DatabaseUrl, UrlError> {
    // The last of each: before it, a password may have them too.
    let (before, after) = text.rsplit_once('/').ok_or(UrlError::Malformed)?;
    let (database, query) = after.split_once('?').unwrap_or((after, ""));
    if database.is_empty() {
        return Err(UrlError::NoDatabase);
    }
    let (login, network) = before.rsplit_once('@').unwrap_or(("", before));
    let (user, password) = login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
    // Go's driver does not encrypt unless it is told to.
    let mut options = MySqlConnectOptions::new()
        .username(user)
        .database(&parameters::percent_decoded(database)?)
        .ssl_mode(MySqlSslMode::Disabled);
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        options = options.password(password);
    }
    options = at_network(options, network)?;
    for pair in parameters::pairs(query) {
        let (name, value) = pair?;
        options = with_parameter(options, name, &value)?;
    }
    Ok(DatabaseUrl(Address::MySql(Box::new(options))))
}

fn at_network(options: MySqlConnectOptions, network: &str) -> Result<MySqlConnectOptions, UrlError> {
    let (kind, address) = match network.split_once('(') {
        Some((kind, rest)) => (kind, rest.strip_suffix(')').ok_or(UrlError::Malformed)?),
        None => (network, ""),
    };
    match (kind, address) {
        ("" | "tcp", "") => Ok(options.host(DEFAULT_HOST).port(DEFAULT_PORT)),
        ("tcp", address) => {
            let (host, port) = host_and_port(address)?;
            Ok(options.host(host).port(port))
        }
        ("unix", path) if !path.is_empty() => Ok(options.socket(path)),
        _ => Err(UrlError::Malformed),
    }
}

/// `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
fn host_and_port(address: &str) -> Result<(&str, u16), UrlError> {
    let bracket = address.rfind(']').map_or(0, |at| at + 1);
    let colon = address[bracket..].rfind(':').map(|at| bracket + at);
    let (host, port) = match colon {
        Some(at) => (&address[..at], address[at + 1..].parse().map_err(|_| UrlError::Malformed)?),
        None => (address, DEFAULT_PORT),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || host.contains(['[', ']', '(', ')', '@']) {
        return Err(UrlError::Malformed);
    }
    Ok((host, port))
}

/// Those of Go's driver that change nothing here: times are numbers, text is UTF-8, and time limits are our own.
fn with_parameter(options: MySqlConnectOptions, name: String, value: &str) -> Result<MySqlConnectOptions, UrlError> {
    match name.as_str() {
        "tls" => Ok(options.ssl_mode(tls(value)?)),
        "parseTime"
        | "loc"
        | "charset"
        | "collation"
        | "timeout"
        | "readTimeout"
        | "writeTimeout"
        | "allowNativePasswords"
        | "allowOldPasswords"
        | "checkConnLiveness"
        | "clientFoundRows"
        | "columnsWithAlias"
        | "interpolateParams"
        | "maxAllowedPacket"
        | "multiStatements"
        | "rejectReadOnly"
        | "serverPubKey"
        | "timeTruncate"
        | "connectionAttributes" => Ok(options),
        _ => Err(UrlError::UnknownParameter(name)),
    }
}

/// Other words name configurations that a Go program registered.
fn tls(value: &str) -> Result<MySqlSslMode, UrlError> {
    match value {
        "false" | "FALSE" | "False" | "0" => Ok(MySqlSslMode::Disabled),
        "true" | "TRUE" | "True" | "1" => Ok(MySqlSslMode::VerifyIdentity),
        "skip-verify" => Ok(MySqlSslMode::Required),
        "preferred" => Ok(MySqlSslMode::Preferred),
        _ => Err(UrlError::BadParameter("tls")),
    }
}
