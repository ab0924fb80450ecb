//! The worlds of live and of test keys, which share nothing.

use whatsapp_otp::otp::World;

use super::*;

contract! {
    a_test_verification_is_apart_from_the_live_one
    a_test_verification_is_not_resumed_by_a_live_create
    limits_of_the_worlds_are_apart
    failures_and_guessers_of_the_worlds_are_apart
    canceling_ends_nothing_in_the_other_world
    operators_are_not_shown_test_verifications
}

fn test_app() -> AppName {
    AppName::default().in_world(World::Test)
}

fn test(last_digits: u32) -> Attempt {
    Attempt::for_app(&test_app(), &phone(last_digits), client(7), &ring(1))
}

async fn both(on: &TestStore, last_digits: u32, policy: &Policy) -> [Attempt; 2] {
    let test = test(last_digits);
    test.charged(on, policy).await;
    [created(on, &phone(last_digits), policy).await, test]
}

async fn a_test_verification_is_apart_from_the_live_one(on: &TestStore) {
    let [live, test] = both(on, 460, &policy()).await;
    assert_eq!((live.status(on).await, test.status(on).await), (Some(Status::Pending), Some(Status::Pending)));
    let crossed = if live.right == test.right { &live.wrong } else { &test.right };
    assert_eq!(live.guess(on, crossed, client(7), &policy()).await, Verdict::Wrong { attempts_left: 2 });
    let status = on.store.status(&phone(460), &AppName::default(), &policy()).await.unwrap();
    assert_eq!(status.verifications.len(), 1);
    assert_eq!(test.stored(on).await.unwrap().attempts, 0);
    assert!(test.stored(on).await.unwrap().app.is_test());
    assert_approved(test.guess_right(on, &policy()).await);
    assert_eq!(live.status(on).await, Some(Status::Pending));
    assert_approved(live.guess_right(on, &policy()).await);
}

async fn a_test_verification_is_not_resumed_by_a_live_create(on: &TestStore) {
    let resuming = |mut attempt: Attempt| {
        attempt.new.message.manner = Manner::Resume;
        attempt
    };
    resuming(test(461)).charged(on, &policy()).await;
    resuming(Attempt::new(&phone(461))).charged(on, &policy()).await;
    assert!(matches!(resuming(test(461)).create(on, &policy()).await, Creation::Resumed(_)));
}

async fn limits_of_the_worlds_are_apart(on: &TestStore) {
    for (last, name) in [(462, "per_phone"), (463, "per_ip"), (464, "total")] {
        let policy = with_limits(limits([(name, limit("1/1h"))]));
        both(on, last, &policy).await;
        for again in [Attempt::new(&phone(last)), test(last)] {
            let refused = again.create(on, &policy).await;
            assert!(matches!(&refused, Creation::Limited { limit, .. } if limit.name == name), "{name}: {refused:?}");
        }
    }
    let checks = with_limits(limits([("checks_per_ip", limit("1/1h"))]));
    let [live, test] = both(on, 465, &checks).await;
    for attempt in [live, test] {
        assert!(matches!(attempt.guess_wrong(on, &checks).await, Verdict::Wrong { .. }));
        assert!(matches!(attempt.guess_right(on, &checks).await, Verdict::Limited { .. }));
    }
}

async fn failures_and_guessers_of_the_worlds_are_apart(on: &TestStore) {
    let policy = Policy { max_attempts: 9, ..with_limits(limits([("failures_per_phone", limit("3/1h"))])) };
    let [live, test] = both(on, 466, &policy).await;
    for attempt in [&live, &test] {
        // One address causes only its share of the number's failures, but for itself it has reached the limit.
        for left in [8, 7, 6] {
            assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: left });
        }
        assert!(matches!(attempt.guess_right(on, &policy).await, Verdict::Limited { .. }));
    }
    assert_approved(test.guess(on, &test.right, client(8), &policy).await);
    // That cleared the failures of its own world alone.
    assert!(matches!(live.guess_right(on, &policy).await, Verdict::Limited { .. }));
}

async fn canceling_ends_nothing_in_the_other_world(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("1/1h")), ("failures_per_phone", limit("1/1h"))]));
    let [live, test] = both(on, 467, &policy).await;
    for attempt in [&live, &test] {
        attempt.guess_wrong(on, &policy).await;
    }
    let canceled = on.store.cancel(&phone(467), &[(test_app(), EventTypes::default())], true, &policy).await.unwrap();
    assert_eq!(canceled, Cancellation { verifications: 1, limits: true });
    assert_eq!((live.status(on).await, test.status(on).await), (Some(Status::Pending), Some(Status::Canceled)));
    assert!(matches!(live.guess_right(on, &policy).await, Verdict::Limited { .. }));
    assert!(matches!(Attempt::new(&phone(467)).create(on, &policy).await, Creation::Limited { .. }));
    self::test(467).charged(on, &policy).await;
}

async fn operators_are_not_shown_test_verifications(on: &TestStore) {
    let [live, _] = both(on, 468, &policy()).await;
    test(469).charged(on, &policy()).await;
    let active = on.store.active(100).await.unwrap();
    let ids: Vec<_> = active.iter().map(|verification| verification.id).collect();
    assert_eq!(ids, [live.new.message.id]);
    let (glanced, is_complete) = on.store.glance(100).await.unwrap();
    assert!(glanced.iter().all(|verification| verification.id == live.new.message.id) && is_complete);
}
