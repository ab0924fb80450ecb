//! Ends the earlier verifications of a number, once the message with the new code was not refused.

use super::scripts::{self, Lua, lua};
use crate::otp::{Message, Policy, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static CONFIRM: Lua = lua!("confirm", "clock", "tell", "verifications");

pub(crate) async fn confirm(store: &RedisStore, message: &Message, policy: &Policy) -> Result<(), StoreError> {
    let deadline = store.deadline();
    let key = store.keys.verification(&message.app, &message.phone);
    let mut call = CONFIRM.call();
    call.key(&key).arg(message.id.to_string()).arg(milliseconds(policy.send_time));
    scripts::events(&mut call, &store.events_key(&message.app, &message.phone), &message.app, policy.events);
    let (_, ticket) = store.decide::<u64>(CONFIRM.name, &key, &call, deadline).await?;
    store.wrote_events(&message.app, &message.phone, policy);
    store.acknowledged(ticket, deadline).await
}
