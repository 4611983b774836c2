//! Whether and how several instances count rates together: the Redis, the names there, and the rate of tokens that have
//! none of their own.

use llm_proxy_core::quota::RateLimit;
use llm_proxy_storage::{RedisAddress, SharedRatesConfig};

use super::table;
use super::values::Values;

/// Rates that are counted in Redis.
#[derive(Debug)]
pub(crate) struct SharedRates {
    /// Where and how they are counted.
    pub(crate) config: SharedRatesConfig,
    /// The rate of a token that has none of its own; `None` is no limit.
    pub(crate) of_other_tokens: Option<RateLimit>,
}

/// How rates are shared, if they are; `None` if a setting is wrong, which is a problem then. All of them are read, also
/// where they have no effect, so that what is wrong is told before it counts.
#[expect(clippy::option_option, reason = "that nothing is shared is one thing, that a setting is wrong another")]
pub(super) fn shared_rates(values: &mut Values) -> Option<Option<SharedRates>> {
    let enabled = values.read(&table::DISTRIBUTED_RATE_LIMIT_ENABLED);
    let prefix = values.read(&table::DISTRIBUTED_RATE_LIMIT_PREFIX);
    let window = values.read(&table::DISTRIBUTED_RATE_LIMIT_WINDOW);
    let requests = values.read(&table::DISTRIBUTED_RATE_LIMIT_MAX);
    let fallback = values.read(&table::DISTRIBUTED_RATE_LIMIT_FALLBACK);
    let key_secret = values.read_optional(&table::DISTRIBUTED_RATE_LIMIT_KEY_SECRET);
    let redis = redis(values);
    let config = SharedRatesConfig { redis: redis?, prefix: prefix?, key_secret: key_secret?, fallback: fallback? };
    let (requests, window) = (requests?, window?);
    let of_other_tokens = (requests > 0).then_some(RateLimit { requests, window });
    Some(enabled?.then_some(SharedRates { config, of_other_tokens }))
}

/// The Redis. What is given by itself counts more than what its address says.
fn redis(values: &mut Values) -> Option<RedisAddress> {
    let address = values.read(&table::REDIS_ADDR);
    let password = values.read_optional(&table::REDIS_PASSWORD);
    let database = values.read_optional(&table::REDIS_DB);
    let mut address = address?;
    if let Some(password) = password? {
        address = address.with_password(&password);
    }
    if let Some(database) = database? {
        address = address.with_database(database);
    }
    // A file that cannot be read is told where upstreams need it.
    if let Some(pem) = values.text(&table::SSL_CERT_FILE.about).and_then(|path| std::fs::read(path).ok()) {
        address = address.with_roots(pem);
    }
    Some(address)
}
