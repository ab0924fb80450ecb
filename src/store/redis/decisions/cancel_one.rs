//! Cancels one verification.

use super::scripts::{self, Lua, lua};
use super::status;
use crate::otp::{AppName, PhoneNumber, Policy, StoreError, UnixMillis, Verification, VerificationId};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static CANCEL_ONE: Lua = lua!("cancel_one", "clock", "history", "tell", "verifications");

pub(crate) async fn cancel_one(
    store: &RedisStore,
    phone: &PhoneNumber,
    app: &AppName,
    id: &VerificationId,
    policy: &Policy,
) -> Result<Option<Verification>, StoreError> {
    let deadline = store.deadline();
    let key = store.keys.verification(app, phone);
    let mut call = CANCEL_ONE.call();
    call.key(&key).arg(id.to_string()).arg(milliseconds(policy.send_time));
    call.arg(scripts::fence(store.settings.after_failover));
    scripts::events(&mut call, &store.events_key(app, phone), app, policy.events);
    let ((now, words), ticket): ((i64, Vec<String>), _) = store.decide(CANCEL_ONE.name, &key, &call, deadline).await?;
    store.wrote_events(app, phone, policy);
    store.acknowledged(ticket, deadline).await?;
    Ok(status::verification(app, phone.digits(), &words, UnixMillis(now)))
}
