//! What a caller sees of rates that several instances count in one Redis.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use llm_proxy_core::exchange::{StoreEffect, StoreOutcome};
use llm_proxy_core::ids::TokenId;
use llm_proxy_core::quota::{RateCheck, RateKey, RateLimit, RateVerdict, Remaining};
use llm_proxy_core::secret::Secret;
use llm_proxy_core::time::Now;
use llm_proxy_storage::{Database, RedisAddress, SharedRatesConfig, Storage, StorageConfig};
use redis::Commands as _;
use uuid::Uuid;

/// Long enough that nothing is refilled during a test.
const LONG: Duration = Duration::from_secs(100_000);

fn url() -> String {
    const VARIABLE: &str = "LLM_PROXY_TEST_REDIS_URL";
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} is not set: run the tests by ./scripts/test, or under ./scripts/with-databases")
    })
}

/// A prefix that no other test has, the names under it, and storages that count there.
struct Place {
    prefix: String,
    redis: redis::Connection,
}

impl Place {
    fn new() -> Self {
        let redis = redis::Client::open(url()).unwrap().get_connection().unwrap();
        Self { prefix: format!("test:{}:", unique()), redis }
    }

    fn config(&self) -> SharedRatesConfig {
        let redis = RedisAddress::parse(&url()).unwrap();
        SharedRatesConfig { redis, prefix: self.prefix.clone(), key_secret: None, fallback: false }
    }

    async fn instance(&self) -> Storage {
        open(self.config()).await
    }

    fn names(&mut self) -> Vec<String> {
        let mut names: Vec<String> = self.redis.keys(format!("{}*", self.prefix)).unwrap();
        names.retain(|name| !name.contains(":probe:"));
        names.sort();
        names
    }
}

fn unique() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    Uuid::from_u128(
        nanos << 40 | u128::from(std::process::id()) << 16 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed)),
    )
}

fn token() -> RateKey {
    RateKey::Token(TokenId::from_uuid(unique()))
}

const fn limit(requests: u64, window: Duration) -> RateLimit {
    RateLimit { requests, window }
}

async fn open(shared_rates: SharedRatesConfig) -> Storage {
    let config = StorageConfig { shared_rates: Some(shared_rates), ..StorageConfig::new(Database::Memory) };
    Storage::open(config).await.unwrap()
}

async fn check(storage: &Storage, limits: &[(RateKey, RateLimit)]) -> RateVerdict {
    let check = RateCheck { limits: limits.iter().copied().collect() };
    let outcome = storage.perform(StoreEffect::CheckRates(Box::new(check)), Now::default()).await;
    let StoreOutcome::Rates(verdict) = outcome else { panic!("{outcome:?}") };
    verdict.unwrap()
}

const fn is_allowed(verdict: &RateVerdict) -> bool {
    matches!(verdict, RateVerdict::Allowed { .. })
}

#[tokio::test]
async fn eight_threads_on_two_instances_are_let_in_exactly_as_often_as_the_limit_says() {
    let place = Place::new();
    let instances = [place.instance().await, place.instance().await];
    let limits = [(token(), limit(1000, LONG))];
    let count = |instance: &Storage| {
        block_on(async {
            let mut allowed = 0;
            for _ in 0..200 {
                allowed += usize::from(is_allowed(&check(instance, &limits).await));
            }
            allowed
        })
    };
    let allowed: usize = std::thread::scope(|scope| {
        let eight = instances.iter().cycle().take(8);
        let threads: Vec<_> = eight.map(|instance| scope.spawn(|| count(instance))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(allowed, 1000);
}

#[tokio::test]
async fn a_check_that_one_limit_refuses_counts_against_none() {
    let place = Place::new();
    let instance = place.instance().await;
    let (wide, narrow) = ((RateKey::Everyone, limit(10, LONG)), (token(), limit(2, LONG)));
    for _ in 0..5 {
        check(&instance, &[wide, narrow]).await;
    }
    // Two of ten were counted, and the order of the limits does not matter.
    for _ in 0..5 {
        assert!(!is_allowed(&check(&instance, &[narrow, wide]).await));
    }
    let verdict = check(&instance, &[wide]).await;
    let RateVerdict::Allowed { remaining: Some(Remaining { requests, .. }) } = verdict else { panic!("{verdict:?}") };
    assert_eq!(requests, 7);
}

#[tokio::test]
async fn what_is_left_is_that_of_the_last_limit_and_the_wait_is_the_longest() {
    let place = Place::new();
    let instance = place.instance().await;
    let (slow, quick) = ((token(), limit(1, LONG)), (token(), limit(4, LONG)));
    assert!(is_allowed(&check(&instance, &[slow, quick]).await));
    let verdict = check(&instance, &[slow, quick]).await;
    let RateVerdict::Refused { retry_after, remaining: Some(remaining) } = verdict else { panic!("{verdict:?}") };
    assert!(retry_after <= LONG && retry_after > LONG - Duration::from_secs(60), "{retry_after:?}");
    assert_eq!((remaining.limit, remaining.requests), (quick.1, 3));
    assert!(remaining.next_in <= LONG / 4 && remaining.next_in > LONG / 4 - Duration::from_secs(60), "{remaining:?}");
}

#[tokio::test]
async fn who_waits_as_long_as_is_said_is_let_in() {
    let place = Place::new();
    let instance = place.instance().await;
    let limits = [(token(), limit(3, Duration::from_millis(300)))];
    let (began, mut allowed) = (Instant::now(), 0);
    while allowed < 6 {
        match check(&instance, &limits).await {
            RateVerdict::Allowed { .. } => allowed += 1,
            RateVerdict::Refused { retry_after, .. } => {
                assert!(retry_after <= Duration::from_millis(100), "{retry_after:?}");
                tokio::time::sleep(retry_after).await;
            }
        }
    }
    // Three at once, three more at 100 ms each.
    assert!(began.elapsed() >= Duration::from_millis(299), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_thousand_million_requests_in_a_minute_are_counted_one_by_one() {
    let place = Place::new();
    let instance = place.instance().await;
    let limits = [(token(), limit(1_000_000_000, LONG))];
    for used in 1..=20 {
        let verdict = check(&instance, &limits).await;
        let RateVerdict::Allowed { remaining: Some(remaining) } = verdict else { panic!("{verdict:?}") };
        // 10,000 come back in a second.
        assert!(remaining.requests >= 1_000_000_000 - used && remaining.requests < 1_000_000_000, "{remaining:?}");
    }
}

#[tokio::test]
async fn names_tell_neither_tokens_nor_addresses_and_go_by_themselves() {
    let mut place = Place::new();
    let mut config = place.config();
    config.key_secret = Some(Secret::new("a secret of the names".into()));
    let (first, second) = (open(place.config()).await, open(config).await);
    let id = TokenId::from_uuid(unique());
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
    let minute = limit(10, Duration::from_secs(60));
    let limits = [(RateKey::Token(id), minute), (RateKey::address(address), minute), (RateKey::Everyone, minute)];
    check(&first, &limits).await;
    check(&second, &limits).await;
    let names = place.names();
    // Each under its own names.
    assert_eq!(names.len(), 6, "{names:?}");
    for name in names {
        assert!(!name.contains(&id.to_string()) && !name.contains("192.0.2"), "{name}");
        let (_, digest) = name.rsplit_once(':').unwrap();
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        // A tenth of a minute is used, so a tenth of a minute later nothing need be known.
        let left: i64 = place.redis.pttl(&name).unwrap();
        assert!((1..=6_002).contains(&left), "{name} {left}");
    }
}

#[tokio::test]
async fn failed_attempts_are_never_shared() {
    let mut place = Place::new();
    let instance = place.instance().await;
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 78));
    check(&instance, &[(RateKey::failed_management(address), limit(10, LONG))]).await;
    assert_eq!(place.names(), [""; 0]);
}

#[tokio::test]
async fn a_redis_that_has_forgotten_the_script_is_given_it_again() {
    let mut place = Place::new();
    let instance = place.instance().await;
    let limits = [(token(), limit(2, LONG))];
    check(&instance, &limits).await;
    redis::cmd("SCRIPT").arg("FLUSH").exec(&mut place.redis).unwrap();
    assert!(is_allowed(&check(&instance, &limits).await));
    assert!(!is_allowed(&check(&instance, &limits).await));
}

#[tokio::test]
async fn a_counter_that_is_none_or_of_another_limit_does_no_harm() {
    let mut place = Place::new();
    let instance = place.instance().await;
    let key = token();
    check(&instance, &[(key, limit(3, LONG))]).await;
    let name = place.names().remove(0);
    // A third is used; of seven, that leaves four and two thirds.
    let verdict = check(&instance, &[(key, limit(7, LONG))]).await;
    let RateVerdict::Allowed { remaining: Some(remaining) } = verdict else { panic!("{verdict:?}") };
    assert_eq!(remaining.requests, 3);
    // Used up under a long window is used up under a short one, no more.
    let (_, short): ((), Duration) = (place.redis.set(&name, "9007199254740991:0:3").unwrap(), Duration::from_secs(10));
    let verdict = check(&instance, &[(key, limit(2, short))]).await;
    let RateVerdict::Refused { retry_after, .. } = verdict else { panic!("{verdict:?}") };
    assert!(retry_after <= short / 2, "{retry_after:?}");
    for nonsense in ["", "nonsense", "-1:0:3"] {
        let () = place.redis.set(&name, nonsense).unwrap();
        assert!(is_allowed(&check(&instance, &[(key, limit(1, LONG))]).await), "{nonsense}");
    }
    let () = place.redis.del(&name).unwrap();
    let () = place.redis.lpush(&name, "a list").unwrap();
    assert!(is_allowed(&check(&instance, &[(key, limit(1, LONG))]).await));
    assert!(!is_allowed(&check(&instance, &[(key, limit(1, LONG))]).await));
}
