//! Settles a guess: finds the verifications to compare it with, then counts and compares it.
//!
//! Digests depend on the verification, so one that an observer of Redis sees is useless for other codes. A guess by
//! number first looks for pending verifications; if there are none, it is settled without computing a digest. A guess
//! by id takes one script. An address on another server than the number is charged separately.

use std::time::Duration;

use super::scripts::{self, Lua, lua};
use super::{limit, status, unknown};
use crate::otp::{
    AppName, Check, Counted, Counter, IdempotencyEntry, Policy, Scope, SealedCode, Settlement, StoreError, UnixMillis,
    Verdict, VerificationId,
};
use crate::store::redis::{RedisStore, count, milliseconds};

pub(super) static FIND: Lua =
    lua!("find", "arguments", "clock", "history", "moments", "slices", "counters", "failures", "tell", "verifications");
pub(super) static CHECK: Lua = lua!(
    "check",
    "arguments",
    "clock",
    "history",
    "moments",
    "slices",
    "counters",
    "failures",
    "tell",
    "verifications",
    "checks"
);

/// The number of times that a code may be replaced while a guess is being settled. Each time, a new code arrived within
/// two round trips.
const ROUNDS: usize = 3;

/// Settles a guess.
///
/// # Errors
///
/// [`StoreError`]: the guess may have been counted, and a right one used.
pub(crate) async fn check(store: &RedisStore, check: &Check<'_>, policy: &Policy) -> Result<Settlement, StoreError> {
    let (deadline, keys) = (store.deadline(), &store.keys);
    let number = keys.number(check.app, check.phone);
    let guesser = check.client.map(|client| keys.guesser(&client));
    let guesser = guesser.as_deref();
    let counters = policy.limits.counters(Counted::Check, &check.about());
    let (of_number, elsewhere): (Vec<_>, Vec<_>) =
        counters.iter().partition(|counter| store.route.is_one_server() || counter.scope == Scope::Number);
    for counter in elsewhere {
        let mut call = FIND.call();
        scripts::counters(&mut call, keys, &[counter]);
        call.arg(0);
        let (answer, ticket) = store.decide(FIND.name, &keys.counter(counter), &call, deadline).await?;
        if let Found::Settled(verdict) = found(answer).inspect_err(count)? {
            store.acknowledged(ticket, deadline).await?;
            return Ok(verdict.into());
        }
    }

    let mut uncharged: &[&Counter] = &of_number;
    for _ in 0..ROUNDS {
        let candidates: Vec<_> = if let Some(id) = check.id {
            guess_at(check, id).into_iter().collect()
        } else {
            let mut call = FIND.call();
            scripts::counters(&mut call, keys, std::mem::take(&mut uncharged));
            call.arg(1);
            scripts::number(&mut call, &number, policy, guesser);
            call.arg(milliseconds(policy.send_time)).arg(scripts::fence(store.settings.after_failover));
            let (answer, ticket) = store.decide::<FindReply>(FIND.name, &number.verification, &call, deadline).await?;
            let ticket = ticket.filter(|_| tells_of_guesses(&answer.0));
            match found(answer).inspect_err(count)? {
                Found::Settled(verdict) => {
                    store.acknowledged(ticket, deadline).await?;
                    return Ok(verdict.into());
                }
                Found::Pending(pending) => {
                    pending.iter().filter_map(|(id, secret)| guess_under(check, id, secret)).collect()
                }
            }
        };
        if candidates.is_empty() {
            return Ok(Verdict::Unreadable.into());
        }
        let mut call = CHECK.call();
        scripts::counters(&mut call, keys, std::mem::take(&mut uncharged));
        scripts::number(&mut call, &number, policy, guesser);
        call.arg(milliseconds(policy.send_time)).arg(scripts::fence(store.settings.after_failover));
        call.arg(check.id.map(ToString::to_string).unwrap_or_default()).arg(if check.is_repeatable { "1" } else { "" });
        call.arg(check.entry.filter(|_| check.id.is_some()).map_or("", IdempotencyEntry::as_str));
        for (id, sealed) in &candidates {
            call.arg(id.to_string()).arg(sealed.digest.to_hex());
        }
        scripts::events(&mut call, &store.events_key(check.app, check.phone), check.app, policy.events);
        let (answer, ticket) = store.decide::<CheckReply>(CHECK.name, &number.verification, &call, deadline).await?;
        store.wrote_events(check.app, check.phone, policy);
        let ticket = ticket.filter(|_| tells_of_guesses(&answer.0));
        if let Some(settlement) = settled(check.app, check.phone.digits(), answer).inspect_err(count)? {
            store.acknowledged(ticket, deadline).await?;
            return Ok(settlement);
        }
    }
    // The code was replaced each time, so the guess is not the newest code.
    Ok(Verdict::Expired.into())
}

type GuessAt = (VerificationId, SealedCode);

fn guess_under(check: &Check<'_>, id: &str, secret_id: &str) -> Option<GuessAt> {
    let id = id.parse().ok()?;
    Some((id, check.sealed_as(&id, secret_id)?))
}

/// Seals the guess for the only verification that it may match, under the secret that made the id and the code.
fn guess_at(check: &Check<'_>, id: &VerificationId) -> Option<GuessAt> {
    let secret_id = check.keys.secret_of(id)?;
    Some((*id, check.sealed_as(id, secret_id.as_str())?))
}

/// A tag, a name, a number, the words of the verification if it is approved, and 1 for the result of an earlier check.
pub(crate) type CheckReply = (String, String, u64, Vec<String>, u8);

/// A tag, a name and a number, with the id and secret id of each verification to compare the guess with.
pub(crate) type FindReply = (String, String, u64, Vec<String>);

/// The result of looking for verifications to compare a guess with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Pending verifications, by id and secret id, newest first.
    Pending(Vec<(String, String)>),
    /// None: the guess is settled.
    Settled(Verdict),
}

pub(crate) fn found((tag, name, number, pending): FindReply) -> Result<Found, StoreError> {
    if tag == "pending" {
        let mut words = pending.into_iter();
        let pending = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
        return Ok(Found::Pending(pending.collect()));
    }
    verdict((tag, name, number)).map(Found::Settled)
}

/// Returns the result of comparing a guess with the verifications that were found; `None` if others have replaced them.
pub(crate) fn settled(app: &AppName, subject: &str, reply: CheckReply) -> Result<Option<Settlement>, StoreError> {
    let (tag, name, number, words, is_replay) = reply;
    if tag == "replaced" {
        return Ok(None);
    }
    // An approved verification has ended, so the time does not matter.
    let verification = status::verification(app, subject, &words, UnixMillis(0)).map(Box::new);
    Ok(Some(Settlement { verdict: verdict((tag, name, number))?, verification, is_replay: is_replay == 1 }))
}

fn verdict((tag, name, number): (String, String, u64)) -> Result<Verdict, StoreError> {
    Ok(match tag.as_str() {
        "approved" => Verdict::Approved(name.parse().map_err(|_| unknown(&tag))?),
        "wrong" => Verdict::Wrong { attempts_left: u32::try_from(number).map_err(|_| unknown(&tag))? },
        "exhausted" => Verdict::Exhausted,
        "reused" => Verdict::KeyReused,
        "failed" => Verdict::Locked,
        "expired" => Verdict::Expired,
        "fenced" => Verdict::Fenced,
        "used" => Verdict::Used,
        "canceled" => Verdict::Canceled,
        "absent" => Verdict::Absent,
        "limited" => Verdict::Limited { limit: limit(&name)?, retry_after: Duration::from_millis(number) },
        _ => return Err(unknown(&tag)),
    })
}

/// Returns `true` if the answer reveals the result of guesses. Replicas must have it first; otherwise callers could
/// learn from it and repeat the guesses after a failover.
fn tells_of_guesses(tag: &str) -> bool {
    matches!(tag, "approved" | "used" | "wrong" | "exhausted" | "failed" | "limited")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::LimitKind;

    fn reply(tag: &str, name: &str, number: u64) -> (String, String, u64) {
        (tag.to_owned(), name.to_owned(), number)
    }

    fn settled_as(tag: &str, name: &str, number: u64) -> Option<Settlement> {
        let (tag, name, number) = reply(tag, name, number);
        settled(&AppName::default(), "15551234567", (tag, name, number, Vec::new(), 0)).unwrap()
    }

    #[test]
    fn every_tag_has_its_meaning() {
        let (limit, retry_after) = (LimitKind::named("per_ip").unwrap(), Duration::from_millis(1_500));
        assert_eq!(verdict(reply("limited", "per_ip", 1_500)).unwrap(), Verdict::Limited { limit, retry_after });
        let id = "ver_01jee7m001081g81860w40kazz";
        for (tag, name, number, expected) in [
            ("approved", id, 0, Verdict::Approved(id.parse().unwrap())),
            ("wrong", "", 2, Verdict::Wrong { attempts_left: 2 }),
            ("failed", "", 0, Verdict::Locked),
            ("expired", "", 0, Verdict::Expired),
            ("fenced", "", 0, Verdict::Fenced),
            ("used", "", 0, Verdict::Used),
            ("canceled", "", 0, Verdict::Canceled),
            ("absent", "", 0, Verdict::Absent),
        ] {
            assert_eq!(settled_as(tag, name, number), Some(expected.into()));
            let found = found((tag.to_owned(), name.to_owned(), number, Vec::new())).unwrap();
            assert_eq!(found, Found::Settled(expected));
        }
        assert_eq!(settled_as("exhausted", "", 0), Some(Verdict::Exhausted.into()));
        assert_eq!(settled_as("reused", "", 0), Some(Verdict::KeyReused.into()));
        assert_eq!(settled_as("replaced", "", 0), None);
        let pending = ["one", "s1", "two", "s2", "odd"].map(str::to_owned).into();
        let verifications = vec![("one".to_owned(), "s1".to_owned()), ("two".to_owned(), "s2".to_owned())];
        let found = found(("pending".to_owned(), String::new(), 0, pending)).unwrap();
        assert_eq!(found, Found::Pending(verifications));
    }

    #[test]
    fn what_tells_of_guesses_is_known() {
        for tag in ["approved", "used", "wrong", "exhausted", "failed", "limited"] {
            assert!(tells_of_guesses(tag), "{tag}");
        }
        for tag in ["expired", "fenced", "pending", "replaced", "absent", "canceled"] {
            assert!(!tells_of_guesses(tag), "{tag}");
        }
    }

    #[test]
    fn an_unknown_answer_is_an_error_and_never_a_guess() {
        assert!(matches!(verdict(reply("fine", "", 0)), Err(StoreError::Faulty(_))));
        assert!(matches!(verdict(reply("limited", "per_moon", 5)), Err(StoreError::Faulty(_))));
        assert!(matches!(verdict(reply("approved", "nobody", 0)), Err(StoreError::Faulty(_))));
    }
}
