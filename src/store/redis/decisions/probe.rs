//! Tries the commands of requests, for readiness and `check`: a server that refuses every decision still answers a
//! `PING`.

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

/// The lifetime of a probe's key, if the script fails to delete it.
const KEPT: Duration = Duration::from_secs(10);

impl RedisStore {
    /// Tries the servers that make decisions. In a cluster, all are tried concurrently and one success is enough, so
    /// that losing some servers does not make the whole service unready.
    ///
    /// # Errors
    ///
    /// The [`StoreError`] of a server if none succeeds.
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

/// Runs every command that decisions need on one server, including acknowledgement.
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
        // The server answers; its slots are moving.
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
