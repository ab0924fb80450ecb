//! The verification whose code a message carries, by the channel's id of the message.

use super::scripts::{Lua, lua};
use crate::otp::{MessageId, Policy, StoreError, VerificationId};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static MESSAGE: Lua = lua!("message");

/// Returns the verification, if it is known.
pub(crate) async fn verification_of(
    store: &RedisStore,
    message: &MessageId,
) -> Result<Option<VerificationId>, StoreError> {
    ask(store, message, "", 0).await
}

/// Sets the verification. In a cluster, the message has a slot of its own.
pub(super) async fn set(
    store: &RedisStore,
    message: &MessageId,
    id: &VerificationId,
    policy: &Policy,
) -> Result<(), StoreError> {
    let kept = policy.code_lifetime + policy.linger;
    ask(store, message, &id.to_string(), milliseconds(kept)).await.map(drop)
}

async fn ask(
    store: &RedisStore,
    message: &MessageId,
    id: &str,
    kept: u64,
) -> Result<Option<VerificationId>, StoreError> {
    let (deadline, key) = (store.deadline(), store.keys.message(message));
    let mut call = MESSAGE.call();
    call.key(&key).arg(id).arg(kept);
    let (id, _) = store.decide::<String>(MESSAGE.name, &key, &call, deadline).await?;
    Ok(id.parse().ok())
}
