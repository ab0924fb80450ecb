//! Both stores give the same answers for the same history: properties over random histories.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::rngs::SysRng;
use whatsapp_otp::otp::{
    AppName, Charge, Check, ClientAddress, CodeLength, Creation, Details, Guess, Issued, KeyRing, Limit, Manner,
    Message, NewVerification, OtpSecret, PhoneNumber, Policy, Refund, Verdict,
};

use crate::harness::stores::TestStore;
use crate::store_contract::{cooldown, limits};

/// No code here is this one.
const WRONG: &str = "0000";

#[derive(Debug, Clone)]
enum Step {
    Create { phone: u8, client: u8 },
    GuessRight { phone: u8, client: u8 },
    GuessWrong { phone: u8, client: u8 },
    TakeBackLast { phone: u8, refund: Refund },
    ConfirmLast { phone: u8 },
    Cancel { phone: u8, limits: bool },
    Wait { minutes: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let phone = 0..3_u8;
    let refund = proptest::sample::select(vec![Refund::Everything, Refund::AllButAddress, Refund::Nothing]);
    prop_oneof![
        4 => (phone.clone(), 0..2_u8).prop_map(|(phone, client)| Step::Create { phone, client }),
        2 => (phone.clone(), 0..2_u8).prop_map(|(phone, client)| Step::GuessRight { phone, client }),
        5 => (phone.clone(), 0..2_u8).prop_map(|(phone, client)| Step::GuessWrong { phone, client }),
        2 => (phone.clone(), refund).prop_map(|(phone, refund)| Step::TakeBackLast { phone, refund }),
        2 => phone.clone().prop_map(|phone| Step::ConfirmLast { phone }),
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
        max_attempts: 2,
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
    }
}

/// A wait in steps of five seconds: Redis's clock advances by less than that in a history.
fn steps(wait: Duration) -> u128 {
    wait.as_millis().div_ceil(5_000)
}

fn outcome(verdict: Verdict) -> String {
    match verdict {
        Verdict::Limited { limit, retry_after } => format!("limited {} {}", limit.name, steps(retry_after)),
        Verdict::Approved(_) => "approved".to_owned(),
        other => format!("{other:?}"),
    }
}

async fn play(on: &TestStore, history: &[Step]) -> Vec<String> {
    let ring = KeyRing::new(OtpSecret::new(vec![1; 32]).unwrap(), Vec::new());
    let phone = |index: u8| PhoneNumber::parse(&format!("1555765000{index}")).unwrap();
    let mut last: [Option<(NewVerification, String)>; 3] = Default::default();
    let mut charges: [Option<Charge>; 3] = Default::default();
    let address = |last: u8| ClientAddress::from(std::net::IpAddr::from([198, 51, 100, last]));
    let mut outcomes = Vec::new();
    for step in history {
        let policy = policy();
        outcomes.push(match *step {
            Step::Create { phone: index, client } => {
                let (app, phone) = (AppName::default(), phone(index));
                let issue = || ring.issue(&app, &phone, policy.code_length, &mut SysRng).unwrap();
                let issued = std::iter::repeat_with(issue).find(|issued| issued.code.expose() != WRONG).unwrap();
                let (Issued { id, code, sealed }, client) = (issued, Some(address(client)));
                let (pacing, manner, details) = (None, Manner::Replace, Details::default());
                let message = Message { id, app, phone: phone.clone(), client, pacing, manner };
                let new = NewVerification { message, sealed, details };
                match on.store.create(&new, &policy).await.unwrap() {
                    Creation::Created(charge) => {
                        charges[usize::from(index)] = Some(charge);
                        last[usize::from(index)] = Some((new, code.expose().to_owned()));
                        "created".to_owned()
                    }
                    other @ (Creation::Crowded { .. } | Creation::Resent(..) | Creation::Resumed(_)) => {
                        panic!("nothing is paced or resumed here: {other:?}")
                    }
                    Creation::Limited { limit, retry_after } => {
                        format!("limited {} {}", limit.name, steps(retry_after))
                    }
                }
            }
            Step::GuessRight { phone: index, client } | Step::GuessWrong { phone: index, client } => {
                let right = last[usize::from(index)].as_ref().map_or("0000", |(_, code)| code);
                let wrong = matches!(step, Step::GuessWrong { .. });
                let text = if wrong { WRONG } else { right };
                let guess = Guess::parse(text, policy.code_length).unwrap();
                let (app, phone, client) = (&AppName::default(), &phone(index), Some(address(client)));
                let (id, keys, entry) = (None, &ring, None);
                let check = Check { app, phone, id, client, guess: &guess, keys, is_repeatable: false, entry };
                outcome(on.store.check(&check, &policy).await.unwrap().verdict)
            }
            Step::TakeBackLast { phone: index, refund } => {
                let charge = charges[usize::from(index)].take();
                if let (Some((new, _)), Some(charge)) = (&last[usize::from(index)], charge) {
                    on.store.take_back(&new.message, 1, &charge, refund, &policy).await.unwrap();
                }
                String::new()
            }
            Step::ConfirmLast { phone: index } => {
                if let Some((new, _)) = &last[usize::from(index)] {
                    on.store.confirm(&new.message, &policy).await.unwrap();
                }
                String::new()
            }
            Step::Cancel { phone: index, limits } => {
                on.store.cancel(&phone(index), &[AppName::default()], limits, &policy).await.unwrap();
                String::new()
            }
            Step::Wait { minutes } => {
                on.advance(Duration::from_secs(minutes * 60)).await;
                // A refusal comes within the request's time, and on Redis the stored data is moved.
                charges = Default::default();
                String::new()
            }
        });
        let status = on.store.status(&phone(0), &AppName::default(), &policy).await.unwrap();
        let limits: Vec<_> = status.limits.iter().map(|(kind, count, wait)| (kind.name, count, steps(*wait))).collect();
        let shown = status.verifications.iter().map(|one| (one.status, one.attempts, steps(one.expires_in)));
        outcomes.push(format!("{:?} {limits:?}", shown.collect::<Vec<_>>()));
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
