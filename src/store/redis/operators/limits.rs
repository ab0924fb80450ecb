//! Resets the limits of everyone, for the sandbox; never part of a decision.

use crate::otp::StoreError;
use crate::store::redis::RedisStore;

/// The keys that one step of a scan looks at.
const STEP: usize = 500;

impl RedisStore {
    /// Deletes the counters of every limit, whosever they are.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: some may have been deleted.
    pub async fn reset_limits(&self) -> Result<(), StoreError> {
        for primary in self.route.primaries(self.deadline()).await? {
            let mut cursor = 0_u64;
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(self.keys.pattern()).arg("COUNT").arg(STEP);
                let (next, keys): (u64, Vec<String>) = primary.run(&scan, self.deadline()).await?;
                for key in keys.iter().filter(|key| self.keys.is_counter(key)) {
                    // One at a time, as in a cluster they are in several slots.
                    let _: u64 = primary.run(redis::cmd("UNLINK").arg(key), self.deadline()).await?;
                }
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        Ok(())
    }
}
