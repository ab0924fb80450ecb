//! The memory of the servers, for metrics.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use metrics::gauge;

use crate::store::redis::RedisStore;
use crate::store::redis::client::info::{Info, Memory};
use crate::telemetry::metrics::{REDIS_MAX_MEMORY_BYTES, REDIS_USED_MEMORY_BYTES};

impl RedisStore {
    /// Measures the memory of the servers that make decisions. Servers that do not answer, or forbid `INFO`, keep their
    /// last values.
    pub async fn measure_memory(&self) {
        let deadline = self.deadline();
        let Ok(primaries) = self.route.primaries(deadline).await else { return };
        let mut seen = BTreeSet::new();
        for primary in primaries {
            let Ok(server) = primary.whereabouts() else { continue };
            seen.insert(server.name().to_owned());
            let info = primary.run::<String>(redis::cmd("INFO").arg("memory"), self.deadline()).await;
            let Some(memory) = info.ok().and_then(|info| Info::parse(&info).memory()) else { continue };
            show(server.name(), memory);
        }
        // The memory of a server that no longer makes decisions does not matter.
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in measured.difference(&seen) {
            show(gone, Memory { used: 0, max: None });
        }
        *measured = seen;
    }
}

#[expect(clippy::cast_precision_loss, reason = "no server has 2^53 bytes of memory")]
fn show(server: &str, memory: Memory) {
    gauge!(REDIS_USED_MEMORY_BYTES, "primary" => server.to_owned()).set(memory.used as f64);
    gauge!(REDIS_MAX_MEMORY_BYTES, "primary" => server.to_owned()).set(memory.max.unwrap_or(0) as f64);
}
