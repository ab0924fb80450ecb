//! What the tests stand on: servers, proxies, whole applications.

pub mod proxy;
pub mod redis;
pub mod stores;

use std::sync::atomic::{AtomicU32, Ordering};

/// A port that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A key prefix that no other test uses, in this run or another.
pub fn unique_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", uuid::Uuid::now_v7().simple(), NEXT.fetch_add(1, Ordering::Relaxed))
}
