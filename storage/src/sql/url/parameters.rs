//! What follows the `?` of an address. One list for PostgreSQL and MySQL: the names of either are understood for both.

use super::UrlError;

/// What a parameter sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Parameter {
    /// Whether the connection is encrypted, and what is verified.
    Verify,
    /// The file of root certificates.
    Roots,
    /// The file of our own certificate.
    Certificate,
    /// The file of its key.
    Key,
    /// The host, or for PostgreSQL the folder of its socket.
    Host,
    /// The port.
    Port,
    /// The user.
    User,
    /// The password.
    Password,
    /// The database.
    Database,
    /// What the server's lists of sessions call us.
    ApplicationName,
    /// How many prepared statements a connection keeps; 0 behind a pooler that changes sessions between statements.
    Cache,
    /// The socket.
    Socket,
    /// Known to other programs; what it asks for is so anyway, or does not matter here.
    WithoutEffect,
}

/// How much a connection is secured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verify {
    /// Not encrypted.
    Plain,
    /// Encrypted if the server insists.
    Allow,
    /// Encrypted if the server can.
    Prefer,
    /// Encrypted, with whoever answers.
    Require,
    /// The certificate is of a root that is believed.
    Ca,
    /// And it is the host's.
    Full,
}

/// The parameter of a name.
pub(super) fn known(name: &str) -> Option<Parameter> {
    Some(match name {
        "sslmode" | "ssl-mode" => Parameter::Verify,
        "sslrootcert" | "ssl-root-cert" | "sslca" | "ssl-ca" => Parameter::Roots,
        "sslcert" | "ssl-cert" => Parameter::Certificate,
        "sslkey" | "ssl-key" => Parameter::Key,
        "host" | "hostaddr" => Parameter::Host,
        "port" => Parameter::Port,
        "user" => Parameter::User,
        "password" => Parameter::Password,
        "dbname" => Parameter::Database,
        "application_name" => Parameter::ApplicationName,
        "statement-cache-capacity" => Parameter::Cache,
        "socket" => Parameter::Socket,
        "connect_timeout"
        | "target_session_attrs"
        | "channel_binding"
        | "client_encoding"
        | "timezone"
        | "TimeZone"
        | "charset"
        | "collation"
        | "parseTime"
        | "loc" => Parameter::WithoutEffect,
        _ => return None,
    })
}

/// The words of PostgreSQL and those of MySQL.
pub(super) fn verify(value: &str) -> Result<Verify, UrlError> {
    match value.to_ascii_lowercase().replace('_', "-").as_str() {
        "disable" | "disabled" => Ok(Verify::Plain),
        "allow" => Ok(Verify::Allow),
        "prefer" | "preferred" => Ok(Verify::Prefer),
        "require" | "required" => Ok(Verify::Require),
        "verify-ca" => Ok(Verify::Ca),
        "verify-full" | "verify-identity" => Ok(Verify::Full),
        _ => Err(UrlError::BadParameter("sslmode")),
    }
}

pub(super) fn capacity(value: &str) -> Result<usize, UrlError> {
    value.parse().map_err(|_| UrlError::BadParameter("statement-cache-capacity"))
}

/// The address before the `?`, and the parameters after it as names and values.
pub(super) fn split(text: &str) -> (&str, impl Iterator<Item = Result<(String, String), UrlError>>) {
    let (address, query) = text.split_once('?').unwrap_or((text, ""));
    (address, pairs(query))
}

/// The names and values of `a=b&c=d`.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = Result<(String, String), UrlError>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((percent_decoded(name)?, percent_decoded(value)?))
    })
}

/// Text with its `%XX` as what they stand for (RFC 3986 section 2.1).
pub(super) fn percent_decoded(text: &str) -> Result<String, UrlError> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or(UrlError::Malformed)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex).ok_or(UrlError::Malformed)?;
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Malformed)
}
