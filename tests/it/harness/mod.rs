//! The harness of the tests: servers, proxies, whole applications.

pub mod api;
pub mod app;
pub mod backend;
pub mod docker;
pub mod endpoint;
pub mod fake_redis;
pub mod haproxy;
pub mod logs;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod reply;
pub mod stores;
pub mod stub;
pub mod topology;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Waits until the condition holds, for at most ten seconds.
#[track_caller]
pub fn eventually(what: &'static str, condition: impl AsyncFnMut() -> bool) -> impl Future<Output = Duration> {
    eventually_within(Duration::from_secs(10), what, condition)
}

/// Waits until the condition holds, and returns how long that took, which must be at most `bound`.
pub async fn eventually_within(
    bound: Duration,
    what: &'static str,
    mut condition: impl AsyncFnMut() -> bool,
) -> Duration {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() <= bound, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    assert!(took <= bound, "{what}, but only after {took:?}, more than {bound:?}");
    took
}

/// Prints a figure for those who run tests with `--nocapture`.
#[expect(clippy::print_stdout, reason = "a figure for people")]
pub fn measured(what: &str, took: Duration) {
    println!("{what}: {took:?}");
}

/// Returns a port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Returns a key prefix that no other test uses, in this run or another.
pub fn unique_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", uuid::Uuid::now_v7().simple(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Returns the environment variable, if it is set.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, none of the service's")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
