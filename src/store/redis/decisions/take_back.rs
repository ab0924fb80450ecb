//! Undoes a creation whose message was refused, or that another server refused.

use tokio::time::Instant;

use super::parts::{Part, parts};
use super::scripts::{self, Lua, lua};
use crate::otp::{Charge, Charged, Message, Policy, Refund, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static TAKE_BACK: Lua =
    lua!("take_back", "arguments", "clock", "moments", "slices", "verifications", "resends");

/// Undoes a creation whose message was refused, and refunds according to `refund`.
///
/// # Errors
///
/// The first [`StoreError`]; the other refunds are still made.
pub(crate) async fn take_back(
    store: &RedisStore,
    message: &Message,
    number: u32,
    charge: &Charge,
    refund: Refund,
    policy: &Policy,
) -> Result<(), StoreError> {
    let deadline = store.deadline();
    let mut counters = message.counters(policy);
    counters.retain(|counter| refund.covers(counter.scope));
    let gets_turn_back = message.pacing.is_some() && refund == Refund::Everything;
    let mut result = Ok(());
    // The number comes first: its code must not remain.
    for part in parts(store.route.is_one_server(), &counters, gets_turn_back).iter().rev() {
        result = result.and(undo(store, part, (message, number), &charge.charged, policy, deadline).await);
    }
    result
}

/// Refunds one part of a failed creation; what cannot be refunded expires.
pub(super) async fn give_back(
    store: &RedisStore,
    part: &Part<'_>,
    (message, number): (&Message, u32),
    charged: &[Charged],
    policy: &Policy,
    deadline: Instant,
) {
    if let Err(error) = undo(store, part, (message, number), charged, policy, deadline).await {
        let counters: Vec<_> = part.counters.iter().map(|counter| counter.name()).collect();
        let counters = counters.join(" ");
        tracing::warn!(%error, counters, verification = %message.id, "limits count a code that was not sent");
    }
}

async fn undo(
    store: &RedisStore,
    part: &Part<'_>,
    (message, number): (&Message, u32),
    charged: &[Charged],
    policy: &Policy,
    deadline: Instant,
) -> Result<(), StoreError> {
    let keys = store.keys.number(&message.app, &message.phone);
    let charge_of = |counter: &&crate::otp::Counter| {
        let charge = charged.iter().find(|charge| (charge.scope, charge.counter) == (counter.scope, counter.name()))?;
        Some((store.keys.counter(counter), counter.counting, charge.at, counter.window()))
    };
    let to_give_back: Vec<_> = part.counters.iter().filter_map(charge_of).collect();
    let mut call = TAKE_BACK.call();
    call.arg(to_give_back.len());
    for (key, counting, at, window) in to_give_back {
        call.key(key).arg(scripts::how(counting)).arg(at.0).arg(milliseconds(window));
    }
    match message.pacing.as_ref().filter(|_| part.has_pace) {
        None => call.arg(0),
        Some(pacing) => call.arg(scripts::interval(pacing)).key(store.keys.pace(pacing)),
    };
    if part.has_number {
        call.arg(1).key(&keys.verification).arg(message.id.to_string());
        call.arg(milliseconds(policy.send_time)).arg(milliseconds(policy.linger)).arg(number);
    } else {
        call.arg(0);
    }
    let key = part.key(store, &keys, message.pacing.as_ref());
    store.decide::<u64>(TAKE_BACK.name, &key, &call, deadline).await.map(drop)
}
