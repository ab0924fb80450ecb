//! Measures the memory of Redis regularly.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::store::redis::RedisStore;
use crate::supervisor;

const EVERY: Duration = Duration::from_secs(15);

/// Measures it for as long as the store is in use.
pub(super) fn measure(store: &Arc<RedisStore>) {
    let store = Arc::downgrade(store);
    supervisor::spawn("redis memory", async move {
        while let Some(store) = Weak::upgrade(&store) {
            store.measure_memory().await;
            drop(store);
            tokio::time::sleep(EVERY).await;
        }
    });
}
