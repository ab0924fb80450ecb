//! Both stores, given the same history, answer the same: properties over random histories.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::rngs::SysRng;
use whatsapp_otp::otp::{
    Charge, Code, CodeLength, DigestKey, Guess, KeyRing, Limit, Limits, NewCode, PhoneNumber, Policy, RecordId,
    Reservation, Verdict,
};

use crate::harness::stores::TestStore;

#[derive(Debug, Clone)]
enum Step {
    Reserve { phone: u8, client: u8 },
    GuessRight { phone: u8 },
    GuessWrong { phone: u8 },
    TakeBackLast { phone: u8 },
    Revoke { phone: u8, limits: bool },
    Wait { minutes: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let phone = 0..3_u8;
    prop_oneof![
        4 => (phone.clone(), 0..2_u8).prop_map(|(phone, client)| Step::Reserve { phone, client }),
        2 => phone.clone().prop_map(|phone| Step::GuessRight { phone }),
        5 => phone.clone().prop_map(|phone| Step::GuessWrong { phone }),
        1 => phone.clone().prop_map(|phone| Step::TakeBackLast { phone }),
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
            failures_per_phone: limit(4, at(20, 50)),
        },
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
    let mut outcomes = Vec::new();
    for (step, code) in history.iter().zip(codes) {
        let policy = policy();
        outcomes.push(match *step {
            Step::Reserve { phone: index, client } => {
                let client = std::net::IpAddr::from([198, 51, 100, client]).into();
                let id = RecordId::generate(&mut SysRng).unwrap();
                let guess = Guess::new(code.clone()).unwrap();
                let sealed = ring.candidates(&phone(index), &guess).remove(0);
                let record = NewCode { id, phone: phone(index), client, sealed };
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
            Step::GuessRight { phone: index } | Step::GuessWrong { phone: index } => {
                let right = last[usize::from(index)].as_ref().map_or("none", |(_, code)| code);
                let wrong = matches!(step, Step::GuessWrong { .. });
                let guess = Guess::new(if wrong { format!("{right}x") } else { right.to_owned() }).unwrap();
                let candidates = ring.candidates(&phone(index), &guess);
                outcome(on.store.verify(&phone(index), &candidates, &policy).await.unwrap())
            }
            Step::TakeBackLast { phone: index } => {
                let charge = charges[usize::from(index)].take();
                if let (Some((record, _)), Some(charge)) = (&last[usize::from(index)], charge) {
                    on.store.take_back(record, charge, &policy).await.unwrap();
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
    let codes: Vec<String> = (0..60)
        .map(|_| Code::generate(CodeLength::new(4).unwrap(), &mut SysRng).unwrap().expose().to_owned())
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
