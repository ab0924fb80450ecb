//! Charges a message to limits that may be on several servers.
//!
//! On one server, this is one script. In a Redis Cluster, the address, the app, the sender and the number have
//! different slots, so each makes its own decision, the number last. A refusal refunds the charges before it, and a
//! crash in between leaves a charge too many, never one too few. No code is sent unless the number's server has agreed.

use std::time::Duration;

use futures_util::future::join_all;
use metrics::histogram;
use redis::ScriptInvocation;
use tokio::time::Instant;

use super::keys::NumberKeys;
use super::parts::{Part, parts};
use super::scripts::{self, Lua, lua};
use super::{limit, status, take_back, unknown};
use crate::otp::{
    Charge, Charged, Counter, LimitKind, Manner, Message, Policy, Status, StoreError, UnixMillis, Use, Verification,
    VerificationId,
};
use crate::store::redis::{RedisStore, count};
use crate::telemetry::metrics::PACING_WAIT_SECONDS;

/// Creates a verification. For a slot without the number, it charges the counters there.
pub(super) static CREATE: Lua = lua!(
    "create",
    "arguments",
    "clock",
    "history",
    "moments",
    "slices",
    "counters",
    "uses",
    "pace",
    "failures",
    "tell",
    "verifications",
    "resends",
    "timers"
);

/// A message to charge.
pub(super) struct Charging<'c> {
    store: &'c RedisStore,
    message: &'c Message,
    policy: &'c Policy,
    counters: Vec<Counter>,
    keys: NumberKeys,
}

/// The decision about a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Charged(Charge, Step),
    /// A pending verification goes on without a message.
    NotDue(Box<Verification>),
    Ended(Status),
    Absent,
    SendsUsedUp {
        retry_after: Duration,
    },
    Crowded {
        retry_after: Duration,
    },
    Limited {
        limit: &'static LimitKind,
        retry_after: Duration,
    },
}

/// The place of a message among those of its verification.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Step {
    #[default]
    First,
    Again(Box<Verification>),
}

/// The parts that are decided, with the counters charged in each, and what to undo of the number's.
#[derive(Default)]
struct Done<'p> {
    parts: Vec<(&'p Part<'p>, Vec<Charged>)>,
    step: Step,
    uses: Vec<Use>,
}

impl<'c> Charging<'c> {
    pub(super) fn new(store: &'c RedisStore, message: &'c Message, policy: &'c Policy) -> Self {
        let keys = store.keys.number(&message.app, &message.phone);
        Self { store, message, policy, counters: message.counters(policy), keys }
    }

    /// Decides with `script`, to whose call for the number's slot `number` adds what follows counters and pace.
    pub(super) async fn decide(
        &self,
        script: &'static Lua,
        number: impl Fn(&mut ScriptInvocation<'_>, &NumberKeys),
    ) -> Result<Decided, StoreError> {
        let Self { store, message, policy, counters, .. } = self;
        let deadline = store.deadline();
        let parts = parts(store.route.is_one_server(), counters, message.pacing.is_some());
        let mut done = Done::default();
        let decided = self.decide_parts(script, number, &parts, deadline, &mut done).await;
        if !matches!(decided, Ok(Decided::Charged(..))) {
            let (id, sends) = done.step.of(message);
            let message = &Message { id, ..(*message).clone() };
            let unsent = take_back::Unsent { message, number: sends, failure: None };
            // Concurrently, so that a server that does not answer uses up no other server's time.
            let given_back = done
                .parts
                .iter()
                .map(|(part, charged)| take_back::give_back(store, part, &unsent, charged, policy, deadline));
            join_all(given_back).await;
        }
        decided
    }

    /// Decides the parts in order, recording those that are done, and returns once replicas have all of them.
    async fn decide_parts<'p>(
        &self,
        script: &'static Lua,
        number: impl Fn(&mut ScriptInvocation<'_>, &NumberKeys),
        parts: &'p [Part<'p>],
        deadline: Instant,
        done: &mut Done<'p>,
    ) -> Result<Decided, StoreError> {
        let Self { store, message, keys, .. } = self;
        let (mut turn, mut tickets, mut replaces, mut now) = (Instant::now(), Vec::new(), false, UnixMillis(0));
        // The decision gets most of the time; the rest is for refunding a decision that was not made or acknowledged.
        let acknowledged_by = deadline - store.timeout / 4;
        let decided_by = if parts.len() > 1 { acknowledged_by } else { deadline };
        for part in parts {
            let script = if part.has_number { script } else { &CREATE };
            let mut call = script.call();
            scripts::counters(&mut call, &store.keys, &part.counters);
            scripts::pace(&mut call, &store.keys, message.pacing.as_ref().filter(|_| part.has_pace));
            if part.has_number {
                number(&mut call, keys);
            } else {
                call.arg(uses(message)).arg(0);
            }
            let key = part.key(store, keys, message.pacing.as_ref());
            let (answer, ticket) = store.decide(script.name, &key, &call, decided_by).await?;
            match self.reply(answer).inspect_err(count)? {
                Answer::Charged { waits, at, is_replacing, step, uses } => {
                    turn = turn.max(Instant::now() + waits);
                    (replaces, now) = (replaces | is_replacing, at);
                    let charged = part.counters.iter();
                    let charged = charged.map(|counter| Charged { scope: counter.scope, counter: counter.name(), at });
                    done.parts.push((part, charged.collect()));
                    done.step = step;
                    done.uses.extend(uses);
                }
                Answer::Refused(refusal) => {
                    // Callers act on what they learn of a verification, so replicas must have it first.
                    let is_told = matches!(refusal, Decided::NotDue(_) | Decided::Ended(_));
                    store.acknowledged(ticket.filter(|_| is_told), acknowledged_by).await?;
                    return Ok(refusal);
                }
            }
            tickets.extend(ticket);
        }
        store.acknowledged(tickets, acknowledged_by).await?;
        let wait = turn.saturating_duration_since(Instant::now());
        if message.pacing.is_some() {
            histogram!(PACING_WAIT_SECONDS).record(wait);
        }
        let charged = done.parts.iter().flat_map(|(_, charged)| charged.clone()).collect();
        let uses = std::mem::take(&mut done.uses);
        Ok(Decided::Charged(Charge { wait, replaces, charged, at: now, uses }, std::mem::take(&mut done.step)))
    }

    fn reply(&self, reply: ChargeReply) -> Result<Answer, StoreError> {
        let Self { message, policy, .. } = self;
        answer(message, policy, reply)
    }
}

impl Step {
    /// Returns the verification of the message, and the message's number.
    fn of(&self, message: &Message) -> (VerificationId, u32) {
        match self {
            Self::First => (message.id, 1),
            Self::Again(verification) => (verification.id, verification.sends),
        }
    }
}

impl Decided {
    /// Returns the error for a decision that the script does not make.
    pub(super) fn unexpected(self) -> StoreError {
        StoreError::Faulty(format!("a script made an unexpected decision: {self:?}").into())
    }
}

/// Returns the word that asks for the use of the limits.
pub(super) fn uses(message: &Message) -> &'static str {
    match message.manner {
        Manner::Replace => "",
        Manner::Resume => "uses",
    }
}

/// A script's answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Charged { waits: Duration, at: UnixMillis, is_replacing: bool, step: Step, uses: Vec<Use> },
    Refused(Decided),
}

/// A tag, a name, a number, the moment that was charged, the words of a verification, and the use of each limit.
pub(crate) type ChargeReply = (String, String, u64, i64, Vec<String>, Vec<String>);

pub(crate) fn answer(
    message: &Message,
    policy: &Policy,
    (tag, name, number, moment, words, uses): ChargeReply,
) -> Result<Answer, StoreError> {
    let (retry_after, at) = (Duration::from_millis(number), UnixMillis(moment));
    let verification = || {
        let (app, subject) = (&message.app, message.phone.digits());
        status::verification(app, subject, &words, at).map(Box::new).ok_or_else(|| unknown(&tag))
    };
    let refused = |decided| Ok(Answer::Refused(decided));
    let step = match tag.as_str() {
        "created" => Step::First,
        "resent" => Step::Again(verification()?),
        "resumed" => return refused(Decided::NotDue(verification()?)),
        "ended" => return refused(Decided::Ended(ended(&name)?)),
        "absent" => return refused(Decided::Absent),
        "crowded" => return refused(Decided::Crowded { retry_after }),
        "limited" if name == "max_sends" => return refused(Decided::SendsUsedUp { retry_after }),
        "limited" => return refused(Decided::Limited { limit: limit(&name)?, retry_after }),
        _ => return Err(unknown(&tag)),
    };
    Ok(Answer::Charged { waits: retry_after, at, is_replacing: name == "1", step, uses: read_uses(policy, &uses) })
}

/// Returns the status of a verification that a script refuses for this reason.
fn ended(reason: &str) -> Result<Status, StoreError> {
    match reason {
        "fenced" => Ok(Status::Expired),
        _ => Status::from_name(reason).ok_or_else(|| unknown(reason)),
    }
}

fn read_uses(policy: &Policy, words: &[String]) -> Vec<Use> {
    let read = |words: &[String]| {
        let [name, remaining, ms] = words else { return None };
        let rule = *policy.limits.rules().iter().find(|rule| rule.kind.name == name)?;
        let resets_in = Duration::from_millis(ms.parse().ok()?);
        Some(Use { rule, remaining: remaining.parse().ok()?, resets_in })
    };
    words.chunks(3).filter_map(read).collect()
}

/// A message for tests.
#[cfg(any(test, fuzzing))]
#[expect(clippy::unwrap_used, reason = "a test that finds something panics")]
pub(crate) fn fuzzed_message() -> Message {
    let (app, phone) = (crate::otp::AppName::default(), crate::otp::PhoneNumber::parse("15551234567").unwrap());
    let id = "ver_01jee7m001081g81860w40kazz".parse().unwrap();
    Message { id, app, phone, client: None, pacing: None, manner: Manner::Resume }
}

/// A policy for tests.
#[cfg(any(test, fuzzing))]
#[expect(clippy::unwrap_used, reason = "a test that finds something panics")]
pub(crate) fn fuzzed_policy() -> Policy {
    let mut limits = crate::otp::Limits::default();
    limits.set(LimitKind::named("per_phone").unwrap(), "5/1h".parse().ok());
    Policy {
        code_length: crate::otp::CodeLength::new(6).unwrap(),
        code_lifetime: Duration::from_mins(5),
        linger: Duration::ZERO,
        max_attempts: 3,
        max_sends: 3,
        resend_cooldown: Duration::ZERO,
        limits,
        send_time: Duration::ZERO,
        events: crate::otp::EventTypes::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tag: &str, name: &str, words: &[&str], uses: &[&str]) -> Result<Answer, StoreError> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let reply = (tag.to_owned(), name.to_owned(), 1_500, 1_795_000_000_000, owned(words), owned(uses));
        answer(&fuzzed_message(), &fuzzed_policy(), reply)
    }

    /// The words of a verification with two messages.
    const WORDS: [&str; 14] = [
        "ver_01jee7m001081g81860w40kazz",
        "pending",
        "0123456789abcdef0123456789abcdef",
        "01234567",
        "1",
        "3",
        "2",
        "1794999960000",
        "1795000260000",
        "",
        "",
        "",
        "1794999990000",
        "",
    ];

    #[test]
    fn a_charge_names_its_place_and_what_is_left() {
        let (waits, at) = (Duration::from_millis(1_500), UnixMillis(1_795_000_000_000));
        for (name, is_replacing) in [("", false), ("1", true)] {
            let created = Answer::Charged { waits, at, is_replacing, step: Step::First, uses: Vec::new() };
            assert_eq!(read("created", name, &[], &[]).unwrap(), created);
        }
        let resent = read("resent", "", &WORDS, &["per_phone", "2", "1800000", "per_moon", "1", "1"]).unwrap();
        let Answer::Charged { step: Step::Again(verification), uses, .. } = resent else { panic!("{resent:?}") };
        assert_eq!((verification.sends, verification.attempts, verification.status), (2, 1, Status::Pending));
        assert_eq!(verification.sent_at, UnixMillis(1_794_999_990_000));
        let [Use { rule, remaining: 2, resets_in }] = uses[..] else { panic!("{uses:?}") };
        assert_eq!((rule.kind.name, resets_in), ("per_phone", Duration::from_mins(30)));
    }

    #[test]
    fn a_refusal_says_why() {
        let retry_after = Duration::from_millis(1_500);
        let limit = LimitKind::named("per_ip").unwrap();
        for (tag, name, expected) in [
            ("crowded", "", Decided::Crowded { retry_after }),
            ("limited", "per_ip", Decided::Limited { limit, retry_after }),
            ("limited", "max_sends", Decided::SendsUsedUp { retry_after }),
            ("ended", "approved", Decided::Ended(Status::Approved)),
            ("ended", "fenced", Decided::Ended(Status::Expired)),
            ("absent", "", Decided::Absent),
        ] {
            assert_eq!(read(tag, name, &[], &[]).unwrap(), Answer::Refused(expected));
        }
        let resumed = read("resumed", "", &WORDS, &[]).unwrap();
        assert!(matches!(resumed, Answer::Refused(Decided::NotDue(_))), "{resumed:?}");
    }

    #[test]
    fn an_unknown_answer_is_an_error() {
        for (tag, name) in
            [("limited", "per_moon"), ("approved", ""), ("ended", "lost"), ("resent", ""), ("resumed", "")]
        {
            assert!(matches!(read(tag, name, &[], &[]), Err(StoreError::Faulty(_))), "{tag}");
        }
    }
}
