//! The forms that values have: for each, how a text reads as a value, what is wrong with one that does not, and the
//! words that say what is accepted. Complaints never repeat the text: it may be a secret under the wrong name.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llm_proxy_core::secret::Secret;
use llm_proxy_core::settings::{BaseUrl, Networks, parse_duration, parse_size};
use llm_proxy_storage::{Driver, RedisAddress};
use zeroize::Zeroizing;

use super::ListenAddr;
use super::choices::{LogFormat, LogLevel, Runtime};

/// The longest grant age that the promises about revoked tokens allow.
const GRANT_AGE: Duration = Duration::from_secs(5);

/// The characters that a management token has at least.
const TOKEN_CHARS: usize = 16;

/// How a text reads as a `T`.
#[derive(Debug)]
pub(super) struct Form<T: 'static> {
    /// What is accepted, as the end of the sentence "write …".
    pub(super) accepted: &'static str,
    /// The value, or what is wrong with the text.
    pub(super) parse: fn(&str) -> Result<T, String>,
}

/// Any text.
pub(super) const TEXT: Form<String> = Form { accepted: "a text", parse: |text| Ok(text.to_owned()) };

/// Any text that must not be shown.
pub(super) const SECRET: Form<Secret> = Form { accepted: "a text", parse: |text| Ok(Secret::new(text.to_owned())) };

/// Yes or no, in the spellings of Go's `strconv.ParseBool`.
pub(super) const SWITCH: Form<bool> = Form { accepted: "true or false", parse: switch };

/// The path of a file.
pub(super) const FILE: Form<PathBuf> = Form { accepted: "the path of a file", parse: |text| Ok(PathBuf::from(text)) };

/// The path of a file, or that there is to be none. A variable that is empty is not set, so it cannot say that.
pub(super) const FILE_OR_NONE: Form<Option<PathBuf>> =
    Form { accepted: "the path of a file, or none", parse: |text| Ok((text != "none").then(|| PathBuf::from(text))) };

/// A number of things, none being fine.
pub(super) const COUNT: Form<u64> = Form { accepted: "a whole number, 0 or more", parse: count };

/// A duration, zero being fine.
pub(super) const PERIOD: Form<Duration> = Form {
    accepted: "a duration such as 30s, 1m30s or 500ms",
    parse: |text| parse_duration(text).map_err(|error| error.to_string()),
};

/// A duration above zero.
pub(super) const LIMIT: Form<Duration> =
    Form { accepted: "a duration above zero such as 120s, 2m or 500ms", parse: limit };

/// How old a grant may be.
pub(super) const AGE: Form<Duration> = Form { accepted: "a duration of at most 5s such as 5s or 500ms", parse: age };

/// Seconds as a plain number, or a duration.
pub(super) const SECONDS: Form<Duration> =
    Form { accepted: "a number of seconds, or a duration such as 5m", parse: seconds };

/// A size in bytes, above zero.
pub(super) const SIZE: Form<u64> =
    Form { accepted: "a size above zero: bytes, or a number with KB, MB, GB, KiB, MiB or GiB", parse: size };

/// Where to listen.
pub(super) const LISTEN: Form<ListenAddr> = Form {
    accepted: "a port on every interface such as :8080, or an address with a port such as 127.0.0.1:8080 or [::1]:8080",
    parse: |text| ListenAddr::parse(text).ok_or_else(|| "this is no address to listen on".to_owned()),
};

/// A list of networks.
pub(super) const NETWORKS: Form<Networks> = Form {
    accepted: "addresses and networks with commas between them such as 10.0.0.0/8,::1",
    parse: |text| Networks::parse(text).map_err(|error| format!("entry {} is no network", error.position)),
};

/// A provider's base URL.
pub(super) const BASE_URL: Form<BaseUrl> = Form {
    accepted: "a URL such as https://api.example.com or http://localhost:8000/v1",
    parse: |text| BaseUrl::parse(text).map_err(|error| error.to_string()),
};

/// The operator's secret.
pub(super) const MANAGEMENT_TOKEN: Form<Secret> =
    Form { accepted: "16 visible ASCII characters or more (make one with: openssl rand -base64 32)", parse: token };

/// The key that seals upstream keys.
pub(super) const SEALING_KEY: Form<Secret> =
    Form { accepted: "the base64 of exactly 32 bytes (make one with: openssl rand -base64 32)", parse: sealing_key };

/// Connections to a database.
pub(super) const POOL_SIZE: Form<NonZeroU32> = Form {
    accepted: "a whole number from 1 to 1000",
    parse: |text| one_to(1000, text).and_then(|number| NonZeroU32::new(number).ok_or_else(out_of_range)),
};

/// Worker threads.
pub(super) const WORKERS: Form<NonZeroUsize> = Form {
    accepted: "a whole number from 1 to 1024",
    parse: |text| {
        let number = one_to(1024, text)?;
        usize::try_from(number).ok().and_then(NonZeroUsize::new).ok_or_else(out_of_range)
    },
};

/// How many entries a cache holds, about.
pub(super) const CAPACITY: Form<usize> = Form {
    accepted: "a whole number from 1 to 10000000",
    parse: |text| one_to(10_000_000, text).and_then(|number| usize::try_from(number).map_err(|_| out_of_range())),
};

/// How many connections at a time.
pub(super) const CONNECTIONS: Form<Option<NonZeroUsize>> = Form {
    accepted: "a whole number, or 0 for what the open-file limit allows",
    parse: |text| {
        let number = usize::try_from(count(text)?).map_err(|_| out_of_range())?;
        Ok(NonZeroUsize::new(number))
    },
};

/// Which database.
pub(super) const DATABASE: Form<Option<Driver>> = Form { accepted: "sqlite, postgres or mysql", parse: database };

/// Where a database server is. What is read of it depends on the driver.
pub(super) const DATABASE_ADDRESS: Form<Secret> = Form {
    accepted: "a URL such as postgres://user:password@host:5432/database or mysql://user:password@host:3306/database, or \
               for MySQL a data source name as Go's driver takes it, such as user:password@tcp(host:3306)/database",
    parse: SECRET.parse,
};

/// Which runtime.
pub(super) const RUNTIME: Form<Runtime> =
    Form { accepted: "tokio or smol", parse: |text| Runtime::parse(text).ok_or_else(not_a_word) };

/// How much is logged.
pub(super) const LEVEL: Form<LogLevel> = Form {
    accepted: "one of error, warn, info, debug and trace",
    parse: |text| LogLevel::parse(text).ok_or_else(not_a_word),
};

/// In which form.
pub(super) const LOG_FORMAT: Form<LogFormat> =
    Form { accepted: "json or text", parse: |text| LogFormat::parse(text).ok_or_else(not_a_word) };

/// Which event bus; its alias is the original's.
pub(super) const EVENT_BUS: Form<()> = Form {
    accepted: "in-memory, redis-streams or redis",
    parse: |text| word(text, &["in-memory", "redis-streams", "redis"]),
};

/// Where the response cache is.
pub(super) const CACHE_BACKEND: Form<()> =
    Form { accepted: "in-memory or redis", parse: |text| word(text, &["in-memory", "redis"]) };

/// Where a Redis is.
pub(super) const REDIS_ADDRESS: Form<RedisAddress> = Form {
    accepted: "a host with a port such as localhost:6379, or a URL such as redis://user:password@localhost:6379/0 \
               (rediss:// for TLS)",
    parse: |text| RedisAddress::parse(text).map_err(|error| error.to_string()),
};

/// A database of a Redis.
pub(super) const REDIS_DATABASE: Form<u32> =
    Form { accepted: "a number, 0 or more", parse: |text| u32::try_from(count(text)?).map_err(|_| out_of_range()) };

/// A path on our own routes.
pub(super) const ROUTE: Form<()> = Form { accepted: "a path such as /admin", parse: route };

fn not_a_word() -> String {
    "this is none of the accepted words".to_owned()
}

fn out_of_range() -> String {
    "this number is out of range".to_owned()
}

fn word(text: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&text) { Ok(()) } else { Err(not_a_word()) }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("this is neither true nor false".to_owned()),
    }
}

fn count(text: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("this is no whole number".to_owned());
    }
    text.parse().map_err(|_| out_of_range())
}

fn one_to(most: u32, text: &str) -> Result<u32, String> {
    let number = u32::try_from(count(text)?).map_err(|_| out_of_range())?;
    if (1..=most).contains(&number) { Ok(number) } else { Err(out_of_range()) }
}

fn limit(text: &str) -> Result<Duration, String> {
    match (PERIOD.parse)(text)? {
        Duration::ZERO => Err("this duration must be above zero".to_owned()),
        duration => Ok(duration),
    }
}

fn age(text: &str) -> Result<Duration, String> {
    let age = (PERIOD.parse)(text)?;
    if age > GRANT_AGE { Err("this is longer than revoked tokens may live on".to_owned()) } else { Ok(age) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    count(text).map(Duration::from_secs).or_else(|_| (PERIOD.parse)(text))
}

fn size(text: &str) -> Result<u64, String> {
    match parse_size(text) {
        Ok(0) => Err("this size must be above zero".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(error.to_string()),
    }
}

/// A token that cannot stand in `Authorization: Bearer …` could never be presented.
fn token(text: &str) -> Result<Secret, String> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it has spaces or characters that are not ASCII".to_owned());
    }
    if text.len() < TOKEN_CHARS {
        return Err(format!("it has {} characters only", text.len()));
    }
    Ok(Secret::new(text.to_owned()))
}

fn sealing_key(text: &str) -> Result<Secret, String> {
    let bytes = STANDARD.decode(text).map(Zeroizing::new).map_err(|_| "this is not base64".to_owned())?;
    match bytes.len() {
        32 => Ok(Secret::new(text.to_owned())),
        length => Err(format!("this is the base64 of {length} bytes")),
    }
}

/// `None` is SQLite, which is no server.
fn database(text: &str) -> Result<Option<Driver>, String> {
    match text {
        "sqlite" => Ok(None),
        "postgres" => Ok(Some(Driver::Postgres)),
        "mysql" => Ok(Some(Driver::MySql)),
        _ => Err(not_a_word()),
    }
}

fn route(text: &str) -> Result<(), String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    if text.starts_with('/') && plain { Ok(()) } else { Err("this is no path".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_read_as_in_go() {
        for (text, value) in [("1", true), ("true", true), ("T", true), ("0", false), ("False", false)] {
            assert_eq!((SWITCH.parse)(text), Ok(value));
        }
        for text in ["", "yes", "on", "tRUE", " true"] {
            assert!((SWITCH.parse)(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_stay_in_their_range() {
        assert!((COUNT.parse)("0").is_ok() && (COUNT.parse)("18446744073709551615").is_ok());
        for text in ["", "-1", "+1", "1.0", "1k", "18446744073709551616"] {
            assert!((COUNT.parse)(text).is_err(), "{text}");
        }
        for (text, good) in [("1", true), ("1000", true), ("0", false), ("1001", false), ("4294967297", false)] {
            assert_eq!((POOL_SIZE.parse)(text).is_ok(), good, "{text}");
        }
        assert_eq!((CONNECTIONS.parse)("0"), Ok(None));
        assert_eq!((CONNECTIONS.parse)("7"), Ok(NonZeroUsize::new(7)));
    }

    #[test]
    fn a_grant_lives_five_seconds_at_most() {
        assert_eq!((AGE.parse)("5s"), Ok(Duration::from_secs(5)));
        assert_eq!((AGE.parse)("0"), Ok(Duration::ZERO));
        assert!((AGE.parse)("5001ms").is_err());
    }

    #[test]
    fn a_limit_is_above_zero() {
        assert!((LIMIT.parse)("0s").is_err());
        assert_eq!((LIMIT.parse)("1ms"), Ok(Duration::from_millis(1)));
    }

    #[test]
    fn seconds_may_have_no_unit() {
        assert_eq!((SECONDS.parse)("300"), Ok(Duration::from_secs(300)));
        assert_eq!((SECONDS.parse)("5m"), Ok(Duration::from_secs(300)));
        assert!((SECONDS.parse)("5 m").is_err());
    }

    #[test]
    fn a_management_token_has_sixteen_characters_that_a_header_can_carry() {
        assert!((MANAGEMENT_TOKEN.parse)("0123456789abcdef").is_ok());
        for text in ["0123456789abcde", "0123456789 abcdef", "0123456789äbcdef", "0123456789abcdef\n"] {
            assert!((MANAGEMENT_TOKEN.parse)(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_sealing_key_is_the_base64_of_32_bytes() {
        assert!((SEALING_KEY.parse)("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").is_ok());
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "not base64!"] {
            assert!((SEALING_KEY.parse)(text).is_err(), "{text}");
        }
    }

    #[test]
    fn databases_and_runtimes_have_their_words() {
        assert_eq!((DATABASE.parse)("mysql"), Ok(Some(Driver::MySql)));
        assert_eq!((DATABASE.parse)("oracle"), Err(not_a_word()));
        assert_eq!((RUNTIME.parse)("async-std"), Err(not_a_word()));
    }

    #[test]
    fn no_complaint_repeats_the_text() {
        let text = "hunter2:secret@example";
        let complaints = [
            (SWITCH.parse)(text).map(drop),
            (COUNT.parse)(text).map(drop),
            (PERIOD.parse)(text).map(drop),
            (SIZE.parse)(text).map(drop),
            (LISTEN.parse)(text).map(drop),
            (NETWORKS.parse)(text).map(drop),
            (BASE_URL.parse)(text).map(drop),
            (SEALING_KEY.parse)(text).map(drop),
            (DATABASE.parse)(text).map(drop),
            (RUNTIME.parse)(text).map(drop),
            (LEVEL.parse)(text).map(drop),
            (REDIS_ADDRESS.parse)(text).map(drop),
            (REDIS_DATABASE.parse)(text).map(drop),
            (ROUTE.parse)(text).map(drop),
        ];
        for complaint in complaints.map(|complaint| complaint.unwrap_err()) {
            assert!(!complaint.contains("hunter2"), "{complaint}");
        }
    }
}
