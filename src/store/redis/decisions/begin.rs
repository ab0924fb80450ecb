//! Decides if a call with an idempotency key runs.

use std::time::Duration;

use super::scripts::{Lua, lua};
use super::unknown;
use crate::otp::{Begun, Finished, IdempotentCall, StoreError};
use crate::store::redis::{RedisStore, count, milliseconds};

pub(super) static BEGIN: Lua = lua!("begin", "idempotency");

pub(crate) async fn begin(store: &RedisStore, call: &IdempotentCall, hold: Duration) -> Result<Begun, StoreError> {
    let deadline = store.deadline();
    let key = store.keys.idempotency(&call.entry);
    let mut script = BEGIN.call();
    script.key(&key).arg(call.fingerprint.to_hex()).arg(call.token).arg(milliseconds(hold).max(1));
    let (answer, ticket) = store.decide(BEGIN.name, &key, &script, deadline).await?;
    let begun = reply(answer).inspect_err(count)?;
    store.acknowledged(ticket, deadline).await?;
    Ok(begun)
}

fn reply((tag, id): (String, String)) -> Result<Begun, StoreError> {
    let finished = |created| Ok(Begun::Finished(Finished { id: id.parse().map_err(|_| unknown(&id))?, created }));
    match tag.as_str() {
        "new" => Ok(Begun::New),
        "running" => Ok(Begun::Running),
        "reused" => Ok(Begun::Reused),
        "created" => finished(true),
        "resumed" => finished(false),
        _ => Err(unknown(&tag)),
    }
}
