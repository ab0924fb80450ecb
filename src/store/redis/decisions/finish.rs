//! Keeps the result of a call with an idempotency key, or forgets the call.

use std::time::Duration;

use super::scripts::{Lua, lua};
use crate::otp::{Finished, IdempotentCall, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static FINISH: Lua = lua!("finish", "idempotency");

pub(crate) async fn finish(
    store: &RedisStore,
    call: &IdempotentCall,
    result: Option<Finished>,
    keep: Duration,
) -> Result<(), StoreError> {
    let deadline = store.deadline();
    let key = store.keys.idempotency(&call.entry);
    let (state, id) = match result {
        None => ("", String::new()),
        Some(Finished { id, created: true }) => ("created", id.to_string()),
        Some(Finished { id, created: false }) => ("resumed", id.to_string()),
    };
    let mut script = FINISH.call();
    script.key(&key).arg(call.fingerprint.to_hex()).arg(call.token);
    script.arg(state).arg(id).arg(milliseconds(keep).max(1));
    let (_, ticket) = store.decide::<u64>(FINISH.name, &key, &script, deadline).await?;
    store.acknowledged(ticket, deadline).await
}
