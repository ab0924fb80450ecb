//! Both stores, given the same history, answer the same: properties over random histories.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::rngs::SysRng;
use whatsapp_otp::otp::{
    Charge, Check, ClientAddress, Code, CodeLength, DigestKey, Guess, KeyRing, Limit, Limits, NewCode, PhoneNumber,
    Policy, RecordId, Refund, Reservation, Verdict,
};

use crate::harness::stores::TestStore;

/// No code here is this one.
const WRONG: &str = "0000";

#[derive(Debug, Clone)]
enum Step {
    Reserve { phone: u8, client: u8 },
    GuessRight { phone: u8, client: u8 },
    GuessWrong { phone: u8, client: u8 },
    TakeBackLast { phone: u8, refund: Refund },
    ConfirmLast { phone: u8 },
    Revoke { phone: u8, limits: bool },
    Wait { minutes: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let phone = 0..3_u8;
    let refund = proptest::sample::select(vec![Refund::Everything, Refund::Phone, Refund::Nothing]);
    prop_oneof![
        4 => (phone.clone(), 0..2_u8).prop_map(|(phone, client)| Step::Reserve { phone, client }),
        2 => (phone.clone(), 0..2_u8).prop_map(|(phone, client)| Step::GuessRight { phone, client }),
        5 => (phone.clone(), 0..2_u8).prop_map(|(phone, client)| Step::GuessWrong { phone, client }),
        2 => (phone.clone(), refund).prop_map(|(phone, refund)| Step::TakeBackLast { phone, refund }),
        2 => phone.clone().prop_map(|phone| Step::ConfirmLast { phone }),
        1 => (phone, any::<bool>()).prop_map(|(phone, limits)| Step::Revoke { phone, limits }),
        4 => (1..8_u64).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

/// Time goes in whole minutes here, and each window ends at another second of its own, far from whole minutes and from
/// the others: the moments by which Redis's clock is ahead of the other decide nothing, nor which of two waits is longer.
fn policy() -> Policy {
    let at = |minutes: u64, seconds: u64| Duration::from_secs(minutes * 60 + seconds);
    let limit = |max, window| Some(Limit { max, window });
    Policy {
        code_length: CodeLength::new(4).unwrap(),
        code_lifetime: at(5, 30),
        linger: at(10, 15),
        max_attempts: 2,
        limits: Limits {
            per_phone: limit(3, at(12, 10)),
            resend_cooldown: Some(at(1, 20)),
            per_ip: limit(5, at(9, 40)),
            checks_per_ip: limit(9, at(7, 25)),
            total: limit(11, at(14, 0)),
            failures_per_phone: limit(4, at(20, 50)),
            ..Limits::default()
        },
        send_time: at(0, 40),
        pacing: None,
    }
}

/// A wait in steps of five seconds: Redis's clock goes on by less than that in a history.
fn steps(wait: Duration) -> u128 {
    wait.as_millis().div_ceil(5_000)
}

fn outcome(verdict: Verdict) -> String {
    match verdict {
        Verdict::Limited { kind, retry_after } => format!("limited {} {}", kind.as_str(), steps(retry_after)),
        other => format!("{other:?}"),
    }
}

async fn play(on: &TestStore, history: &[Step], codes: &[String]) -> Vec<String> {
    let ring = KeyRing::new(DigestKey::new(vec![1; 32]).unwrap(), Vec::new());
    let phone = |index: u8| PhoneNumber::parse(&format!("1555765000{index}")).unwrap();
    let mut last: [Option<(NewCode, String)>; 3] = Default::default();
    let mut charges: [Option<Charge>; 3] = Default::default();
    let address = |last: u8| ClientAddress::from(std::net::IpAddr::from([198, 51, 100, last]));
    let mut outcomes = Vec::new();
    for (step, code) in history.iter().zip(codes) {
        let policy = policy();
        outcomes.push(match *step {
            Step::Reserve { phone: index, client } => {
                let id = RecordId::generate(&mut SysRng).unwrap();
                let guess = Guess::parse(code, policy.code_length).unwrap();
                let secret = ring.current().id().as_str();
                let sealed = ring.seal_guess(secret, id.as_str(), &phone(index), &guess).unwrap();
                let record = NewCode { id, phone: phone(index), client: Some(address(client)), sealed };
                let answer = on.store.reserve(&record, &policy).await.unwrap();
                match answer {
                    Reservation::Reserved(charge) => {
                        charges[usize::from(index)] = Some(charge);
                        last[usize::from(index)] = Some((record, code.clone()));
                        "reserved".to_owned()
                    }
                    Reservation::Crowded { .. } => panic!("nothing is paced here"),
                    Reservation::Limited { kind, retry_after } => {
                        format!("limited {} {}", kind.as_str(), steps(retry_after))
                    }
                }
            }
            Step::GuessRight { phone: index, client } | Step::GuessWrong { phone: index, client } => {
                let right = last[usize::from(index)].as_ref().map_or("0000", |(_, code)| code);
                let wrong = matches!(step, Step::GuessWrong { .. });
                let text = if wrong { WRONG } else { right };
                let guess = Guess::parse(text, policy.code_length).unwrap();
                let check = Check { phone: &phone(index), client: Some(address(client)), guess: &guess, keys: &ring };
                outcome(on.store.verify(&check, &policy).await.unwrap())
            }
            Step::TakeBackLast { phone: index, refund } => {
                let charge = charges[usize::from(index)].take();
                if let (Some((record, _)), Some(charge)) = (&last[usize::from(index)], charge) {
                    on.store.take_back(record, charge, refund, &policy).await.unwrap();
                }
                String::new()
            }
            Step::ConfirmLast { phone: index } => {
                if let Some((record, _)) = &last[usize::from(index)] {
                    on.store.confirm(record, &policy).await.unwrap();
                }
                String::new()
            }
            Step::Revoke { phone: index, limits } => {
                on.store.revoke(&phone(index), limits).await.unwrap();
                String::new()
            }
            Step::Wait { minutes } => {
                on.advance(Duration::from_secs(minutes * 60)).await;
                // A refusal comes within the request's time, and on Redis it is the past that moves.
                charges = Default::default();
                String::new()
            }
        });
        let status = on.store.status(&phone(0), &policy).await.unwrap();
        let limits: Vec<_> = status.limits.iter().map(|(kind, count, wait)| (kind, count, steps(*wait))).collect();
        outcomes.push(format!("{:?} {limits:?}", status.code.map(|code| (code.attempts, steps(code.expires_in)))));
    }
    outcomes
}

#[test]
fn the_stores_agree_on_random_histories() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let codes: Vec<String> =
        std::iter::repeat_with(|| Code::generate(CodeLength::new(4).unwrap(), &mut SysRng).unwrap())
            .map(|code| code.expose().to_owned())
            .filter(|code| code != WRONG)
            .take(60)
            .collect();
    let histories = proptest::collection::vec(step(), 1..60);
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&histories, |steps| {
            let (on_redis, in_memory) = runtime.block_on(async {
                let redis = play(&TestStore::redis(), &steps, &codes).await;
                (redis, play(&TestStore::embedded(), &steps, &codes).await)
            });
            prop_assert_eq!(on_redis, in_memory);
            Ok(())
        })
        .unwrap();
}
