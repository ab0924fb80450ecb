//! Undoes a creation whose message was refused, or that another server refused.

use tokio::time::Instant;

use super::parts::{Part, parts};
use super::scripts::{self, Lua, lua};
use crate::otp::{Charge, Charged, FailedMessage, Message, Policy, Refund, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static TAKE_BACK: Lua =
    lua!("take_back", "arguments", "clock", "moments", "slices", "tell", "verifications", "resends", "deliveries");

/// A message that was not sent.
pub(super) struct Unsent<'u> {
    pub(super) message: &'u Message,
    /// Its number among those of its verification, from 1.
    pub(super) number: u32,
    /// The reason; `None` if it was never tried.
    pub(super) failure: Option<&'u FailedMessage>,
}

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
    failure: Option<&FailedMessage>,
    policy: &Policy,
) -> Result<(), StoreError> {
    let deadline = store.deadline();
    let mut counters = message.counters(policy);
    counters.retain(|counter| refund.covers(counter.scope));
    let gets_turn_back = message.pacing.is_some() && refund == Refund::Everything;
    let unsent = Unsent { message, number, failure };
    let mut result = Ok(());
    // The number comes first: its code must not remain.
    for part in parts(store.route.is_one_server(), &counters, gets_turn_back).iter().rev() {
        result = result.and(undo(store, part, &unsent, &charge.charged, policy, deadline).await);
    }
    result
}

/// Refunds one part of a failed creation; what cannot be refunded expires.
pub(super) async fn give_back(
    store: &RedisStore,
    part: &Part<'_>,
    unsent: &Unsent<'_>,
    charged: &[Charged],
    policy: &Policy,
    deadline: Instant,
) {
    if let Err(error) = undo(store, part, unsent, charged, policy, deadline).await {
        let counters: Vec<_> = part.counters.iter().map(|counter| counter.name()).collect();
        let counters = counters.join(" ");
        tracing::warn!(%error, counters, verification = %unsent.message.id, "limits count a code that was not sent");
    }
}

async fn undo(
    store: &RedisStore,
    part: &Part<'_>,
    &Unsent { message, number, failure }: &Unsent<'_>,
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
        call.arg(failure.map_or("", |failure| failure.channel.as_str()));
        call.arg(failure.map_or("", |failure| failure.reason.as_str()));
        scripts::events(&mut call, &store.events_key(&message.app, &message.phone), &message.app, policy.events);
    } else {
        call.arg(0);
    }
    let key = part.key(store, &keys, message.pacing.as_ref());
    store.decide::<u64>(TAKE_BACK.name, &key, &call, deadline).await?;
    store.wrote_events(&message.app, &message.phone, policy);
    Ok(())
}
