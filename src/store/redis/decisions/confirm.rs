//! Ends the earlier verifications of a number, once the message with the new code was not refused.

use super::scripts::{Lua, lua};
use crate::otp::{Message, Policy, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static CONFIRM: Lua = lua!("confirm", "clock", "verifications");

pub(crate) async fn confirm(store: &RedisStore, message: &Message, policy: &Policy) -> Result<(), StoreError> {
    let deadline = store.deadline();
    let key = store.keys.verification(&message.app, &message.phone);
    let mut call = CONFIRM.call();
    call.key(&key).arg(message.id.to_string()).arg(milliseconds(policy.send_time));
    let (_, ticket) = store.decide::<u64>(CONFIRM.name, &key, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await
}
