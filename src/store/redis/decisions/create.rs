//! Creates a verification, whose limits may be on several servers.
//!
//! On one server, this is one script. In a Redis Cluster, the address, the app, the sender and the number have
//! different slots, so each makes its own decision, the number last. A refusal refunds the charges before it, and a
//! crash in between leaves a charge too many, never one too few. No code is sent unless the number's server has agreed.

use std::time::Duration;

use futures_util::future::join_all;
use metrics::histogram;
use tokio::time::Instant;

use super::parts::{Part, parts};
use super::scripts::{self, Lua, lua};
use super::{limit, take_back, unknown};
use crate::otp::{Charge, Charged, Creation, Event, NewVerification, Policy, StoreError, UnixMillis};
use crate::store::redis::{RedisStore, count, milliseconds};
use crate::telemetry::metrics::PACING_WAIT_SECONDS;

pub(super) static CREATE: Lua = lua!(
    "create",
    "arguments",
    "clock",
    "history",
    "moments",
    "slices",
    "counters",
    "pace",
    "failures",
    "verifications"
);

/// Creates a verification, or changes nothing.
///
/// # Errors
///
/// [`StoreError`]: the verification may have been stored.
pub(crate) async fn create(store: &RedisStore, new: &NewVerification, policy: &Policy) -> Result<Creation, StoreError> {
    let deadline = store.deadline();
    let counters = policy.limits.counters(Event::Send, &new.about());
    let parts = parts(store.route.is_one_server(), &counters, new.pacing.is_some());
    let mut done = Vec::new();
    let creation = create_parts(store, new, policy, &parts, deadline, &mut done).await;
    if !matches!(creation, Ok(Creation::Created(_))) {
        // Concurrently, so that a server that does not answer uses up no other server's time.
        let given_back =
            done.iter().map(|(part, charged)| take_back::give_back(store, part, new, charged, policy, deadline));
        join_all(given_back).await;
    }
    creation
}

/// Decides the parts in order, recording those that are done, and returns once replicas have all of them.
async fn create_parts<'p>(
    store: &RedisStore,
    new: &NewVerification,
    policy: &Policy,
    parts: &'p [Part<'p>],
    deadline: Instant,
    done: &mut Vec<(&'p Part<'p>, Vec<Charged>)>,
) -> Result<Creation, StoreError> {
    let (mut turn, mut tickets, mut replaces) = (Instant::now(), Vec::new(), false);
    let number = store.keys.number(&new.app, &new.phone);
    // The decision gets most of the time; the rest is for refunding a decision that was not made or acknowledged.
    let acknowledged_by = deadline - store.timeout / 4;
    let decided_by = if parts.len() > 1 { acknowledged_by } else { deadline };
    for part in parts {
        let mut call = CREATE.call();
        scripts::counters(&mut call, &store.keys, &part.counters);
        scripts::pace(&mut call, &store.keys, new.pacing.as_ref().filter(|_| part.has_pace));
        if part.has_number {
            let guesser = new.client.map(|client| store.keys.guesser(&client));
            call.arg(1);
            scripts::number(&mut call, &number, policy, guesser.as_deref());
            call.arg(new.id.to_string()).arg(new.sealed.digest.to_hex()).arg(new.sealed.secret_id.as_str());
            call.arg(policy.max_attempts).arg(milliseconds(policy.code_lifetime)).arg(milliseconds(policy.linger));
            call.arg(milliseconds(policy.send_time)).arg(scripts::fence(store.settings.after_failover));
        } else {
            call.arg(0);
        }
        let key = part.key(store, &number, new.pacing.as_ref());
        let (answer, ticket) = store.decide(CREATE.name, &key, &call, decided_by).await?;
        match reply(answer).inspect_err(count)? {
            Decided::Created { waits, at, is_replacing } => {
                turn = turn.max(Instant::now() + waits);
                replaces |= is_replacing;
                let charged =
                    part.counters.iter().map(|counter| Charged { scope: counter.scope, counter: counter.name(), at });
                done.push((part, charged.collect()));
            }
            Decided::Refused(refusal) => return Ok(refusal),
        }
        tickets.extend(ticket);
    }
    store.acknowledged(tickets, acknowledged_by).await?;
    let wait = turn.saturating_duration_since(Instant::now());
    if new.pacing.is_some() {
        histogram!(PACING_WAIT_SECONDS).record(wait);
    }
    let charged = done.iter().flat_map(|(_, charged)| charged.clone()).collect();
    Ok(Creation::Created(Charge { wait, replaces, charged }))
}

/// The script's decision.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Created { waits: Duration, at: UnixMillis, is_replacing: bool },
    Refused(Creation),
}

/// A tag, a name, a number, and the moment that was charged, if any.
pub(crate) type CreateReply = (String, String, u64, i64);

pub(crate) fn reply((tag, name, number, moment): CreateReply) -> Result<Decided, StoreError> {
    let duration = Duration::from_millis(number);
    Ok(match tag.as_str() {
        "created" => Decided::Created { waits: duration, at: UnixMillis(moment), is_replacing: name == "1" },
        "crowded" => Decided::Refused(Creation::Crowded { retry_after: duration }),
        "limited" => Decided::Refused(Creation::Limited { limit: limit(&name)?, retry_after: duration }),
        _ => return Err(unknown(&tag)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::LimitKind;

    #[test]
    fn every_tag_has_its_meaning() {
        let decoded = |tag: &str, name: &str| reply((tag.to_owned(), name.to_owned(), 1_500, 1_795_000_000_000));
        let duration = Duration::from_millis(1_500);
        for (name, is_replacing) in [("", false), ("1", true)] {
            let created = Decided::Created { waits: duration, at: UnixMillis(1_795_000_000_000), is_replacing };
            assert_eq!(decoded("created", name).unwrap(), created);
        }
        let crowded = Decided::Refused(Creation::Crowded { retry_after: duration });
        assert_eq!(decoded("crowded", "").unwrap(), crowded);
        let limit = LimitKind::named("per_ip").unwrap();
        let limited = Decided::Refused(Creation::Limited { limit, retry_after: duration });
        assert_eq!(decoded("limited", "per_ip").unwrap(), limited);
        assert!(matches!(decoded("limited", "per_moon"), Err(StoreError::Faulty(_))));
        assert!(matches!(decoded("approved", ""), Err(StoreError::Faulty(_))), "an unknown answer is an error");
    }
}
