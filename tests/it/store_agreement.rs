//! Both stores give the same answers for the same history: properties over random histories.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::rngs::SysRng;
use whatsapp_otp::otp::{
    AppName, Charge, Check, ClientAddress, CodeLength, Counting, Creation, Details, EventTypes, Guess, IdempotencyKey,
    Issued, KeyName, KeyRing, Limit, LimitKind, Manner, Message, NewVerification, OtpSecret, PhoneNumber, Policy,
    Refund, Resending, SealedCode, Settlement, Status, Use, Verdict, Verification,
};

use crate::harness::stores::TestStore;
use crate::store_contract::{cooldown, limits};

/// No code here is one of these.
const WRONG: [&str; 2] = ["0000", "1111"];

#[derive(Debug, Clone)]
enum Step {
    Create { phone: u8, client: u8, manner: Manner },
    Resend { phone: u8, client: u8 },
    Guess { phone: u8, client: u8, guess: u8 },
    Check { phone: u8, client: u8, guess: u8, by_id: bool, key: Option<u8> },
    TakeBackLast { phone: u8, refund: Refund },
    ConfirmLast { phone: u8 },
    CancelOne { phone: u8 },
    Cancel { phone: u8, limits: bool },
    Wait { minutes: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (phone, client) = (0..3_u8, 0..2_u8);
    let refund = proptest::sample::select(vec![Refund::Everything, Refund::AllButAddress, Refund::Nothing]);
    let manner = proptest::sample::select(vec![Manner::Replace, Manner::Resume]);
    // One guess in three is right.
    let (guess, key) = (0..3_u8, proptest::option::of(0..3_u8));
    let checks = (phone.clone(), client.clone(), guess.clone(), any::<bool>(), key);
    prop_oneof![
        5 => (phone.clone(), client.clone(), manner)
            .prop_map(|(phone, client, manner)| Step::Create { phone, client, manner }),
        3 => (phone.clone(), client.clone()).prop_map(|(phone, client)| Step::Resend { phone, client }),
        5 => (phone.clone(), client, guess).prop_map(|(phone, client, guess)| Step::Guess { phone, client, guess }),
        6 => checks.prop_map(|(phone, client, guess, by_id, key)| Step::Check { phone, client, guess, by_id, key }),
        2 => (phone.clone(), refund).prop_map(|(phone, refund)| Step::TakeBackLast { phone, refund }),
        2 => phone.clone().prop_map(|phone| Step::ConfirmLast { phone }),
        1 => phone.clone().prop_map(|phone| Step::CancelOne { phone }),
        1 => (phone, any::<bool>()).prop_map(|(phone, limits)| Step::Cancel { phone, limits }),
        4 => (1..8_u64).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

/// Time advances in whole minutes, and each window ends at a different second, far from whole minutes and from other
/// windows. So the small lead of Redis's clock changes no decision, nor which of two waits is longer.
fn policy() -> Policy {
    let at = |minutes: u64, seconds: u64| Duration::from_secs(minutes * 60 + seconds);
    let limit = |max, window| Some(Limit { max, window });
    Policy {
        code_length: CodeLength::new(4).unwrap(),
        code_lifetime: at(5, 30),
        linger: at(10, 15),
        max_attempts: 3,
        max_sends: 3,
        resend_cooldown: at(1, 20),
        limits: limits([
            ("per_phone", limit(3, at(12, 10))),
            ("resend_cooldown", cooldown(at(1, 20))),
            ("per_ip", limit(5, at(9, 40))),
            ("checks_per_ip", limit(9, at(7, 25))),
            ("total", limit(11, at(14, 0))),
            ("failures_per_phone", limit(4, at(20, 50))),
        ]),
        send_time: at(0, 40),
        events: EventTypes::default(),
    }
}

/// A wait in steps of five seconds: Redis's clock advances by less than that in a history.
fn steps(wait: Duration) -> u128 {
    wait.as_millis().div_ceil(5_000)
}

/// Returns what the stores must agree on about a verification; each draws ids and codes of its own.
fn shown(verification: &Verification) -> String {
    let Verification { status, attempts, sends, expires_in, ended_at, .. } = verification;
    let is_resent = verification.sent_at > verification.created_at;
    // One that expired ends by itself; the store need not take note of when.
    let has_ended = *status != Status::Expired && ended_at.is_some();
    format!("{status:?} {attempts} {sends} {is_resent} {} {has_ended}", steps(*expires_in))
}

/// A wait until something fits into a limit again. Where it is counted by slices of time, the wait depends on the moment
/// at which a slice began.
fn until(limit: &LimitKind, wait: Duration) -> Option<u128> {
    (limit.counting == Counting::Moments).then(|| steps(wait))
}

fn charged(charge: &Charge) -> String {
    let left = |one: &Use| (one.rule.kind.name, one.remaining, until(one.rule.kind, one.resets_in));
    let uses: Vec<_> = charge.uses.iter().map(left).collect();
    format!("{} {} {} {uses:?}", charge.wait.as_millis(), charge.replaces, charge.charged.len())
}

fn limited(limit: &LimitKind, retry_after: Duration) -> String {
    format!("limited {} {:?}", limit.name, until(limit, retry_after))
}

fn settled(settlement: &Settlement) -> String {
    let verdict = match settlement.verdict {
        Verdict::Limited { limit, retry_after } => limited(limit, retry_after),
        Verdict::Approved(_) => "approved".to_owned(),
        other => format!("{other:?}"),
    };
    // An approved one has ended, so the time that it has left does not matter.
    let verification = settlement.verification.as_ref().map(|one| (one.status, one.attempts, one.sends));
    format!("{verdict} {verification:?} {}", settlement.is_replay)
}

/// The last verification of a phone, and what its last message was charged to.
#[derive(Default)]
struct Last {
    issued: Option<(Message, String)>,
    charge: Option<(Message, Charge, u32)>,
}

/// One store, with the phones of a history.
struct Player<'s> {
    on: &'s TestStore,
    ring: KeyRing,
    phones: [Last; 3],
}

impl Player<'_> {
    fn message(&self, phone: u8, client: u8, manner: Manner) -> (Message, SealedCode, String) {
        let (app, phone) = (AppName::default(), PhoneNumber::parse(&format!("1555765000{phone}")).unwrap());
        let issue = || self.ring.issue(&app, &phone, policy().code_length, &mut SysRng).unwrap();
        let is_free = |issued: &Issued| !WRONG.contains(&issued.code.expose());
        let Issued { id, code, sealed } = std::iter::repeat_with(issue).find(is_free).unwrap();
        let client = Some(ClientAddress::from(std::net::IpAddr::from([198, 51, 100, client])));
        (Message { id, app, phone, client, pacing: None, manner }, sealed, code.expose().to_owned())
    }

    async fn create(&mut self, phone: u8, client: u8, manner: Manner) -> String {
        let (message, sealed, code) = self.message(phone, client, manner);
        let new = NewVerification { message, sealed, details: Details::default() };
        let creation = self.on.store.create(&new, &policy()).await.unwrap();
        let last = &mut self.phones[usize::from(phone)];
        match creation {
            Creation::Created(charge) => {
                let text = format!("created {}", charged(&charge));
                *last = Last { charge: Some((new.message.clone(), charge, 1)), issued: Some((new.message, code)) };
                text
            }
            Creation::Resent(charge, verification) => {
                let text = format!("resent {} {}", charged(&charge), shown(&verification));
                last.resent(new.message, charge, &verification);
                text
            }
            Creation::Resumed(verification) => format!("resumed {}", shown(&verification)),
            Creation::Crowded { .. } => panic!("nothing is paced here"),
            Creation::Limited { limit, retry_after } => limited(limit, retry_after),
        }
    }

    async fn resend(&mut self, phone: u8, client: u8) -> String {
        let (unknown, ..) = self.message(phone, client, Manner::Resume);
        let last = &mut self.phones[usize::from(phone)];
        let id = last.issued.as_ref().map_or(unknown.id, |(message, _)| message.id);
        match self.on.store.resend(&Message { id, ..unknown.clone() }, &policy()).await.unwrap() {
            Resending::Resent(charge, verification) => {
                let text = format!("resent {} {}", charged(&charge), shown(&verification));
                last.resent(unknown, charge, &verification);
                text
            }
            Resending::Limited { limit, retry_after } => limited(limit, retry_after),
            Resending::SendsUsedUp { retry_after } => format!("used up {}", steps(retry_after)),
            other => format!("{other:?}"),
        }
    }

    async fn check(&self, phone: u8, client: u8, guess: u8, way: Way) -> String {
        let (unknown, ..) = self.message(phone, client, Manner::Replace);
        let last = self.phones[usize::from(phone)].issued.as_ref();
        let right = last.map_or(WRONG[0], |(_, code)| code);
        let text = usize::from(guess).checked_sub(1).map_or(right, |wrong| WRONG[wrong]);
        let guess = Guess::parse(text, policy().code_length).unwrap();
        let id = last.map_or(unknown.id, |(message, _)| message.id);
        let caller = KeyName::parse("backend").unwrap();
        let entry = |key: u8| {
            let key = IdempotencyKey::parse(&format!("key-{key}")).unwrap();
            key.entry(&self.ring, &caller, "check", &id.to_string())
        };
        let entry = way.key.map(entry);
        let Message { app, phone, client, .. } = &unknown;
        let check = Check {
            app,
            phone,
            id: way.by_id.then_some(&id),
            client: *client,
            guess: &guess,
            keys: &self.ring,
            is_repeatable: way.is_repeatable,
            entry: entry.as_ref(),
        };
        settled(&self.on.store.check(&check, &policy()).await.unwrap())
    }

    async fn take_back(&mut self, phone: u8, refund: Refund) {
        if let Some((message, charge, number)) = self.phones[usize::from(phone)].charge.take() {
            self.on.store.take_back(&message, number, &charge, refund, None, &policy()).await.unwrap();
        }
    }

    async fn play(&mut self, step: &Step) -> String {
        match *step {
            Step::Create { phone, client, manner } => return self.create(phone, client, manner).await,
            Step::Resend { phone, client } => return self.resend(phone, client).await,
            Step::Guess { phone, client, guess } => return self.check(phone, client, guess, Way::default()).await,
            Step::Check { phone, client, guess, by_id, key } => {
                return self.check(phone, client, guess, Way { is_repeatable: true, by_id, key }).await;
            }
            Step::TakeBackLast { phone, refund } => self.take_back(phone, refund).await,
            Step::ConfirmLast { phone } => {
                if let Some((message, _)) = &self.phones[usize::from(phone)].issued {
                    self.on.store.confirm(message, &policy()).await.unwrap();
                }
            }
            Step::CancelOne { phone } => {
                let Some((Message { app, phone, id, .. }, _)) = &self.phones[usize::from(phone)].issued else {
                    return String::new();
                };
                let canceled = self.on.store.cancel_one(phone, app, id, &policy()).await.unwrap();
                return canceled.as_ref().map_or_else(|| "absent".to_owned(), shown);
            }
            Step::Cancel { phone, limits } => {
                let (Message { app, phone, .. }, ..) = self.message(phone, 0, Manner::Replace);
                let canceled =
                    self.on.store.cancel(&phone, &[(app, EventTypes::default())], limits, &policy()).await.unwrap();
                return format!("{canceled:?}");
            }
            Step::Wait { minutes } => {
                self.on.advance(Duration::from_secs(minutes * 60)).await;
                // A refusal comes within the request's time, and on Redis the stored data is moved.
                for last in &mut self.phones {
                    last.charge = None;
                }
            }
        }
        String::new()
    }
}

impl Last {
    /// Takes note of a message that was sent again, unless it is another verification's.
    fn resent(&mut self, message: Message, charge: Charge, verification: &Verification) {
        let is_last = self.issued.as_ref().is_some_and(|(message, _)| message.id == verification.id);
        let message = Message { id: verification.id, ..message };
        self.charge = is_last.then_some((message, charge, verification.sends));
    }
}

/// The way in which a guess is made.
#[derive(Default)]
struct Way {
    is_repeatable: bool,
    by_id: bool,
    key: Option<u8>,
}

async fn play(on: &TestStore, history: &[Step]) -> Vec<String> {
    let ring = KeyRing::new(OtpSecret::new(vec![1; 32]).unwrap(), Vec::new());
    let mut player = Player { on, ring, phones: Default::default() };
    let mut outcomes = Vec::new();
    for step in history {
        outcomes.push(format!("{step:?}: {}", player.play(step).await));
        let phone = PhoneNumber::parse("15557650000").unwrap();
        let status = on.store.status(&phone, &AppName::default(), &policy()).await.unwrap();
        let limits: Vec<_> = status.limits.iter().map(|(kind, count, wait)| (kind.name, count, steps(*wait))).collect();
        outcomes.push(format!("{:?} {limits:?}", status.verifications.iter().map(shown).collect::<Vec<_>>()));
    }
    outcomes
}

#[test]
fn the_stores_agree_on_random_histories() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let histories = proptest::collection::vec(step(), 1..60);
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&histories, |steps| {
            let (on_redis, in_memory) = runtime.block_on(async {
                let redis = play(&TestStore::redis(), &steps).await;
                (redis, play(&TestStore::embedded(), &steps).await)
            });
            prop_assert_eq!(on_redis, in_memory);
            Ok(())
        })
        .unwrap();
}
