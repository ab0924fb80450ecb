//! Ends the verifications of a number whose time is over.

use std::time::Duration;

use super::outbox;
use super::scripts::{self, Lua, lua};
use crate::otp::{AppName, PhoneNumber, Policy, StoreError, VerificationId};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static EXPIRE: Lua = lua!("expire", "clock", "history", "tell", "verifications");

/// Visits a number whose timer is due for this verification: ends what is over and, in a cluster, moves the events that
/// are still in the outbox. Returns the time until the next visit, if there is one.
pub(crate) async fn visit(
    store: &RedisStore,
    phone: &PhoneNumber,
    app: &AppName,
    id: &VerificationId,
    policy: &Policy,
) -> Result<Option<Duration>, StoreError> {
    let deadline = store.deadline();
    let key = store.keys.verification(app, phone);
    let is_moved = !store.route.is_one_server();
    let mut call = EXPIRE.call();
    call.key(&key).arg(id.to_string()).arg(milliseconds(policy.send_time));
    // Events may follow until the record is gone.
    call.arg(if is_moved { milliseconds(policy.linger) } else { 0 });
    scripts::events(&mut call, &store.events_key(app, phone), app, policy.events);
    let (next, ticket) = store.decide::<u64>(EXPIRE.name, &key, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await?;
    if is_moved {
        outbox::empty(&store.route, &store.keys, app, phone, store.timeout).await?;
    }
    store.events_written().notify_one();
    Ok((next > 0).then(|| Duration::from_millis(next)))
}
