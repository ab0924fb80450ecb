//! Ends the earlier verifications of a number, once the message with the new code was not refused.

use super::scripts::{Lua, lua};
use crate::otp::{NewVerification, Policy, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static CONFIRM: Lua = lua!("confirm", "clock", "verifications");

pub(crate) async fn confirm(store: &RedisStore, new: &NewVerification, policy: &Policy) -> Result<(), StoreError> {
    let deadline = store.deadline();
    let key = store.keys.verification(&new.app, &new.phone);
    let mut call = CONFIRM.call();
    call.key(&key).arg(new.id.to_string()).arg(milliseconds(policy.send_time));
    let (_, ticket) = store.decide::<u64>(CONFIRM.name, &key, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await
}
