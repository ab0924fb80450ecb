//! Trying what requests do, for readiness and `check`: a `PING` is answered by a server that refuses every decision.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select_ok;
use tokio::time::Instant;

use super::keys::Keys;
use super::scripts::{self, Lua, lua};
use crate::otp::StoreError;
use crate::store::redis::client::primary::{Failure, Manner, Primary};
use crate::store::redis::settings::AfterFailover;
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static PROBE: Lua = lua!("probe", "history");

/// How long the key of a probe may stay if the script does not come to delete it.
const KEPT: Duration = Duration::from_secs(10);

impl RedisStore {
    /// Tries the servers that decide. In a cluster all are tried at once and one that works is enough, as the loss of the
    /// others must not take the whole service away.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of a server if none works.
    pub(crate) async fn try_any(&self) -> Result<(), StoreError> {
        let primaries = self.route.primaries(self.deadline()).await?;
        let deadline = self.deadline();
        let trials =
            primaries.iter().map(|primary| probe(primary, self.settings.after_failover, &self.keys, deadline).boxed());
        let trials: Vec<_> = trials.collect();
        if trials.is_empty() {
            return Err(StoreError::Unreachable("no server is known".into()));
        }
        select_ok(trials).await.map(drop)
    }
}

/// Runs every command that decisions need on one server, acknowledgement included.
///
/// # Errors
///
/// [`StoreError`]: with [`StoreError::Faulty`] the text names the command that was refused.
pub(crate) async fn probe(
    primary: &Primary,
    after_failover: AfterFailover,
    keys: &Keys,
    deadline: Instant,
) -> Result<(), StoreError> {
    let key = keys.probe(&primary.slots());
    let mut call = PROBE.call();
    call.key(&key).arg(milliseconds(KEPT)).arg(scripts::fence(after_failover));
    let answer = primary.decide::<Vec<String>>(&call, Manner::Plain, deadline).await;
    let (refused, ticket) = match answer {
        // It answers; its slots are on the move.
        Err(Failure::Moving | Failure::Elsewhere { once: true, .. }) => return Ok(()),
        answer => answer?,
    };
    if let [command, error] = refused.as_slice() {
        return Err(StoreError::Faulty(format!("{command} is refused: {error}").into()));
    }
    match ticket {
        Some(ticket) => ticket.redeem(deadline).wait().await,
        None => Ok(()),
    }
}
