//! Checks that can be repeated: the same wrong guess costs one attempt, and an idempotency key repeats a result.

use whatsapp_otp::otp::{IdempotencyEntry, Settlement};

use super::*;

contract! {
    the_same_wrong_guess_costs_one_attempt_and_one_failure
    a_wrong_guess_by_number_costs_one_attempt_as_well
    of_fifty_equal_wrong_guesses_at_once_one_is_counted
    of_fifty_right_guesses_by_id_at_once_one_is_approved
    of_fifty_right_guesses_with_a_key_at_once_all_are_approved
    the_result_of_an_approval_is_repeated_for_its_key
    the_result_of_a_wrong_guess_is_repeated_for_its_key
    results_are_repeated_when_another_verification_is_newer
}

/// A check by id, as the verification API makes it.
async fn check(on: &TestStore, attempt: &Attempt, text: &str, key: Option<&str>, policy: &Policy) -> Settlement {
    let guess = Guess::parse(text, policy.code_length).unwrap();
    let entry = key.map(|key| entry(attempt, key));
    let (id, client, entry) = (Some(&attempt.new.message.id), Some(client(7)), entry.as_ref());
    let check = Check { id, client, is_repeatable: true, entry, ..attempt.check(&guess) };
    on.store.check(&check, policy).await.unwrap()
}

fn entry(attempt: &Attempt, key: &str) -> IdempotencyEntry {
    let (caller, id) = (KeyName::parse("backend").unwrap(), attempt.new.message.id.to_string());
    IdempotencyKey::parse(key).unwrap().entry(&attempt.ring, &caller, "check", &id)
}

/// Returns `count` different wrong guesses.
fn wrong_guesses(attempt: &Attempt, count: usize) -> Vec<String> {
    (0..).map(|number| format!("{number:06}")).filter(|text| *text != attempt.right).take(count).collect()
}

/// Returns the attempts that a verification and the failures that its number has had.
async fn counted(on: &TestStore, attempt: &Attempt, policy: &Policy) -> (u32, u32) {
    let Message { app, phone, .. } = &attempt.new.message;
    let limits = on.store.status(phone, app, policy).await.unwrap().limits;
    let failures = limits.iter().find(|(kind, ..)| kind.name == "failures_per_phone").map(|(_, count, _)| *count);
    (attempt.stored(on).await.unwrap().attempts, failures.unwrap())
}

fn policy() -> Policy {
    with_limits(limits([("failures_per_phone", limit("100/1h"))]))
}

#[track_caller]
fn assert_first(settlement: &Settlement, verdict: Verdict) {
    assert_eq!((settlement.verdict, settlement.is_replay), (verdict, false));
}

#[track_caller]
fn assert_replay(settlement: &Settlement, verdict: Verdict) {
    assert_eq!((settlement.verdict, settlement.is_replay), (verdict, true));
}

async fn the_same_wrong_guess_costs_one_attempt_and_one_failure(on: &TestStore) {
    let policy = policy();
    let attempt = created(on, &phone(480), &policy).await;
    let [one, two, three] = &wrong_guesses(&attempt, 3)[..] else { unreachable!() };
    for _ in 0..5 {
        assert_first(&check(on, &attempt, one, None, &policy).await, Verdict::Wrong { attempts_left: 2 });
    }
    assert_eq!(counted(on, &attempt, &policy).await, (1, 1));
    for text in [two, one, two] {
        assert_first(&check(on, &attempt, text, None, &policy).await, Verdict::Wrong { attempts_left: 1 });
    }
    assert_eq!(counted(on, &attempt, &policy).await, (2, 2));
    let settlement = check(on, &attempt, three, None, &policy).await;
    assert_first(&settlement, Verdict::Exhausted);
    assert_eq!(settlement.verification, None);
    for text in [three, one, &attempt.right] {
        assert_first(&check(on, &attempt, text, None, &policy).await, Verdict::Locked);
    }
    assert_eq!(counted(on, &attempt, &policy).await, (3, 3));

    // Repetitions cost nothing, so the right guess is still compared.
    let attempt = created(on, &phone(481), &policy).await;
    for _ in 0..9 {
        check(on, &attempt, &attempt.wrong, None, &policy).await;
    }
    let approved = check(on, &attempt, &attempt.right, None, &policy).await;
    assert_first(&approved, Verdict::Approved(attempt.new.message.id));
    let verification = approved.verification.unwrap();
    assert_eq!((verification.id, verification.status), (attempt.new.message.id, Status::Approved));
    assert!(verification.ended_at.is_some());
    // The sample's calls pay for each.
    let attempt = created(on, &phone(482), &policy).await;
    for left in [2, 1] {
        assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: left });
    }
}

async fn a_wrong_guess_by_number_costs_one_attempt_as_well(on: &TestStore) {
    let policy = policy();
    let attempt = created(on, &phone(483), &policy).await;
    let guess = Guess::parse(&attempt.wrong, policy.code_length).unwrap();
    for _ in 0..5 {
        let by_number = Check { is_repeatable: true, ..attempt.check(&guess) };
        let settlement = on.store.check(&by_number, &policy).await.unwrap();
        assert_first(&settlement, Verdict::Wrong { attempts_left: 2 });
        assert_first(&check(on, &attempt, &attempt.wrong, None, &policy).await, Verdict::Wrong { attempts_left: 2 });
    }
    assert_eq!(counted(on, &attempt, &policy).await, (1, 1));
    let guess = Guess::parse(&attempt.right, policy.code_length).unwrap();
    let approved = Check { is_repeatable: true, ..attempt.check(&guess) };
    let approved = on.store.check(&approved, &policy).await.unwrap();
    assert_first(&approved, Verdict::Approved(attempt.new.message.id));
    assert_eq!(approved.verification.unwrap().status, Status::Approved);
}

/// Makes the same guess fifty times at once, with a key or without one.
async fn fifty(on: &TestStore, attempt: &Attempt, text: &str, key: Option<&'static str>) -> Vec<Settlement> {
    at_once(50, || {
        let (on, attempt, text) = (on.clone(), attempt.clone(), text.to_owned());
        async move { check(&on, &attempt, &text, key, &policy()).await }
    })
    .await
}

async fn of_fifty_equal_wrong_guesses_at_once_one_is_counted(on: &TestStore) {
    let attempt = created(on, &phone(484), &policy()).await;
    let settlements = fifty(on, &attempt, &attempt.wrong, None).await;
    assert!(settlements.iter().all(|one| one.verdict == Verdict::Wrong { attempts_left: 2 }), "{settlements:?}");
    assert_eq!(counted(on, &attempt, &policy()).await, (1, 1));
}

async fn of_fifty_right_guesses_by_id_at_once_one_is_approved(on: &TestStore) {
    let attempt = created(on, &phone(485), &policy()).await;
    let settlements = fifty(on, &attempt, &attempt.right, None).await;
    let approved: Vec<_> = settlements.iter().filter(|one| matches!(one.verdict, Verdict::Approved(_))).collect();
    assert_eq!(approved.len(), 1);
    assert!(approved[0].verification.is_some());
    assert_eq!(settlements.iter().filter(|one| one.verdict == Verdict::Used).count(), 49);
}

async fn of_fifty_right_guesses_with_a_key_at_once_all_are_approved(on: &TestStore) {
    let attempt = created(on, &phone(486), &policy()).await;
    let settlements = fifty(on, &attempt, &attempt.right, Some("same")).await;
    assert!(settlements.iter().all(|one| matches!(one.verdict, Verdict::Approved(_))), "{settlements:?}");
    assert_eq!(settlements.iter().filter(|one| one.is_replay).count(), 49);
    assert_eq!(attempt.stored(on).await.unwrap().attempts, 1);
}

async fn the_result_of_an_approval_is_repeated_for_its_key(on: &TestStore) {
    let policy = policy();
    let attempt = created(on, &phone(487), &policy).await;
    let approval = Verdict::Approved(attempt.new.message.id);
    let first = check(on, &attempt, &attempt.right, Some("mine"), &policy).await;
    assert_first(&first, approval);
    for _ in 0..3 {
        let replay = check(on, &attempt, &attempt.right, Some("mine"), &policy).await;
        assert_replay(&replay, approval);
        assert_eq!(replay.verification.as_ref().map(|one| one.status), Some(Status::Approved));
        assert_eq!(replay.verification.unwrap().ended_at, first.verification.as_ref().unwrap().ended_at);
    }
    assert_first(&check(on, &attempt, &attempt.wrong, Some("mine"), &policy).await, Verdict::KeyReused);
    for key in [Some("another"), None] {
        let used = check(on, &attempt, &attempt.right, key, &policy).await;
        assert_first(&used, Verdict::Used);
        assert_eq!(used.verification, None);
        assert_first(&check(on, &attempt, &attempt.wrong, key, &policy).await, Verdict::Used);
    }
    assert_eq!(counted(on, &attempt, &policy).await, (1, 0));
    // As long as it is stored.
    on.advance(15 * MINUTE - LEEWAY).await;
    assert_replay(&check(on, &attempt, &attempt.right, Some("mine"), &policy).await, approval);
    on.advance(LEEWAY).await;
    assert_first(&check(on, &attempt, &attempt.right, Some("mine"), &policy).await, Verdict::Absent);
}

async fn the_result_of_a_wrong_guess_is_repeated_for_its_key(on: &TestStore) {
    let policy = policy();
    let attempt = created(on, &phone(488), &policy).await;
    let [one, two, three] = &wrong_guesses(&attempt, 3)[..] else { unreachable!() };
    assert_first(&check(on, &attempt, one, Some("one"), &policy).await, Verdict::Wrong { attempts_left: 2 });
    assert_replay(&check(on, &attempt, one, Some("one"), &policy).await, Verdict::Wrong { attempts_left: 2 });
    assert_first(&check(on, &attempt, two, Some("two"), &policy).await, Verdict::Wrong { attempts_left: 1 });
    // Each key has its own result, whatever happened since.
    assert_replay(&check(on, &attempt, one, Some("one"), &policy).await, Verdict::Wrong { attempts_left: 2 });
    assert_first(&check(on, &attempt, two, Some("one"), &policy).await, Verdict::KeyReused);
    assert_first(&check(on, &attempt, &attempt.right, Some("two"), &policy).await, Verdict::KeyReused);
    assert_eq!(counted(on, &attempt, &policy).await, (2, 2));
    assert_first(&check(on, &attempt, three, Some("three"), &policy).await, Verdict::Exhausted);
    assert_replay(&check(on, &attempt, three, Some("three"), &policy).await, Verdict::Exhausted);
    assert_replay(&check(on, &attempt, two, Some("two"), &policy).await, Verdict::Wrong { attempts_left: 1 });
    assert_first(&check(on, &attempt, three, Some("four"), &policy).await, Verdict::Locked);
    assert_eq!(counted(on, &attempt, &policy).await, (3, 3));
}

async fn results_are_repeated_when_another_verification_is_newer(on: &TestStore) {
    let policy = policy();
    let approved = created(on, &phone(489), &policy).await;
    check(on, &approved, &approved.wrong, Some("wrong"), &policy).await;
    check(on, &approved, &approved.right, Some("right"), &policy).await;
    let failed = created(on, &phone(489), &policy).await;
    let wrong = wrong_guesses(&failed, 3);
    for text in &wrong {
        check(on, &failed, text, Some(&format!("wrong-{text}")), &policy).await;
    }
    let newest = created(on, &phone(489), &policy).await;
    newest.confirm(on, &policy).await;
    let approval = Verdict::Approved(approved.new.message.id);
    for _ in 0..2 {
        let replay = check(on, &approved, &approved.right, Some("right"), &policy).await;
        assert_replay(&replay, approval);
        assert_eq!(replay.verification.unwrap().id, approved.new.message.id);
        let replay = check(on, &approved, &approved.wrong, Some("wrong"), &policy).await;
        assert_replay(&replay, Verdict::Wrong { attempts_left: 2 });
        assert_first(&check(on, &approved, &approved.wrong, Some("right"), &policy).await, Verdict::KeyReused);
        assert_first(&check(on, &approved, &approved.right, Some("other"), &policy).await, Verdict::Used);
        let text = &wrong[2];
        let replay = check(on, &failed, text, Some(&format!("wrong-{text}")), &policy).await;
        assert_replay(&replay, Verdict::Exhausted);
        // Once more, after the record was written again.
        newest.guess_wrong(on, &policy).await;
    }
    assert_approved(newest.guess_by_id(on, &newest.right, &policy).await);
}
