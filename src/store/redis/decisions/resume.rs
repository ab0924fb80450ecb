//! Ends the suspension of a part of an account.

use super::scripts::{Lua, lua};
use crate::otp::{StoreError, SuspensionScope, UnixMillis};
use crate::store::redis::RedisStore;

pub(super) static RESUME: Lua = lua!("resume", "clock", "suspensions");

pub(crate) async fn resume(
    store: &RedisStore,
    account: &str,
    scope: &SuspensionScope,
    seen: Option<UnixMillis>,
) -> Result<bool, StoreError> {
    let deadline = store.deadline();
    let key = store.keys.suspensions(account);
    let mut call = RESUME.call();
    call.key(&key).arg(scope.to_string()).arg(seen.map_or_else(String::new, |UnixMillis(seen)| seen.to_string()));
    let (ended, ticket): (u8, _) = store.decide(RESUME.name, &key, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await?;
    Ok(ended == 1)
}
