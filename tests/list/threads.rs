//! That only the chosen runtime is in the process.

use super::agreeable;
use crate::harness::{Client, get};

/// Threads are named by what starts them; tokio's and smol's pools and reactors are known by their first letters.
#[test]
fn no_thread_of_another_runtime_is_in_the_process() {
    let (_mock, proxy, token) = agreeable();
    assert_eq!(Client::once(proxy.addr, &get("/v1/models", &token)).status(), 200);
    let others: &[&str] = match super::super::RUNTIME {
        "tokio" => &["async-", "smol-", "blocking-"],
        _ => &["tokio"],
    };
    let threads = proxy.threads();
    assert!(threads.iter().any(|name| name.starts_with("worker-")), "{threads:?}");
    let foreign = |name: &&String| others.iter().any(|other| name.starts_with(other));
    assert_eq!(threads.iter().find(foreign), None, "{threads:?}");
}
