//! Suspensions of an account's parts.

use whatsapp_otp::otp::{NewSuspension, NumberCountry, Opened, Suspension, SuspensionCause, SuspensionScope, Term};

use super::*;

contract! {
    a_part_is_suspended_once_and_resumed_once
    a_timed_suspension_ends_by_itself
    a_suspension_that_is_not_renewed_ends_after_a_day
    of_two_terms_the_one_that_ends_later_counts_with_its_cause
    a_suspension_is_not_resumed_for_an_older_one
    accounts_and_parts_are_apart
    of_fifty_at_once_one_suspends
}

const DAY: Duration = Duration::from_hours(24);
const ACCOUNT: &str = "200000000000001";

fn number() -> SuspensionScope {
    SuspensionScope::Sender("100000000000001".to_owned())
}

fn template() -> SuspensionScope {
    SuspensionScope::Template("300000000000001".to_owned())
}

async fn suspend(on: &TestStore, scope: &SuspensionScope, cause: SuspensionCause, term: Term) -> Opened {
    let new = NewSuspension { scope: scope.clone(), cause, term };
    on.suspensions.suspend(ACCOUNT, &new).await.unwrap()
}

async fn resume(on: &TestStore, scope: &SuspensionScope, seen: Option<&Suspension>) -> bool {
    on.suspensions.resume(ACCOUNT, scope, seen.map(|seen| seen.ends_at)).await.unwrap()
}

async fn listed(on: &TestStore) -> Vec<(SuspensionScope, SuspensionCause)> {
    let listed = on.suspensions.suspensions(ACCOUNT).await.unwrap();
    listed.into_iter().map(|suspension| (suspension.scope, suspension.cause)).collect()
}

async fn a_part_is_suspended_once_and_resumed_once(on: &TestStore) {
    assert_eq!(listed(on).await, []);
    assert!(!resume(on, &number(), None).await);
    let first = suspend(on, &number(), SuspensionCause::Blocked, Term::UntilResumed).await;
    assert!(first.is_new && !first.suspension.is_timed);
    assert_about(first.suspension.ends_in, DAY);
    on.advance(MINUTE).await;
    let again = suspend(on, &number(), SuspensionCause::Blocked, Term::UntilResumed).await;
    assert!(!again.is_new);
    assert!(again.suspension.ends_at >= first.suspension.ends_at);
    let [listed] = on.suspensions.suspensions(ACCOUNT).await.unwrap().try_into().unwrap();
    assert_eq!((&listed.scope, listed.cause, listed.is_timed), (&number(), SuspensionCause::Blocked, false));
    assert_eq!(listed.since, again.suspension.since);
    let length = listed.ends_at.since(listed.since);
    assert!((DAY + MINUTE..DAY + MINUTE + LEEWAY).contains(&length), "{length:?}");
    assert!(resume(on, &number(), Some(&listed)).await);
    assert!(!resume(on, &number(), Some(&listed)).await);
    assert_eq!(on.suspensions.suspensions(ACCOUNT).await.unwrap(), []);
    assert!(suspend(on, &number(), SuspensionCause::Blocked, Term::UntilResumed).await.is_new);
}

async fn a_timed_suspension_ends_by_itself(on: &TestStore) {
    let term = Term::For(15 * MINUTE);
    let suspended = suspend(on, &number(), SuspensionCause::SpamLimit, term).await.suspension;
    assert!(suspended.is_timed);
    assert_about(suspended.ends_in, 15 * MINUTE);
    on.advance(14 * MINUTE).await;
    assert_about(on.suspensions.suspensions(ACCOUNT).await.unwrap()[0].ends_in, MINUTE);
    assert!(!suspend(on, &number(), SuspensionCause::SpamLimit, Term::For(MINUTE / 6)).await.is_new);
    on.advance(MINUTE).await;
    assert_eq!(listed(on).await, []);
    assert!(!resume(on, &number(), None).await);
    assert!(suspend(on, &number(), SuspensionCause::SpamLimit, term).await.is_new);
}

async fn a_suspension_that_is_not_renewed_ends_after_a_day(on: &TestStore) {
    suspend(on, &template(), SuspensionCause::TemplatePaused, Term::UntilResumed).await;
    on.advance(DAY - MINUTE).await;
    suspend(on, &number(), SuspensionCause::SpamLimit, Term::For(15 * MINUTE)).await;
    assert_eq!(listed(on).await.len(), 2);
    on.advance(MINUTE).await;
    assert_eq!(listed(on).await, [(number(), SuspensionCause::SpamLimit)]);
    on.advance(15 * MINUTE).await;
    assert_eq!(listed(on).await, []);
    if let Some(keys) = on.keys() {
        let left: Vec<_> = keys.list().await.into_iter().filter(|key| key.contains("suspensions")).collect();
        assert_eq!(left, Vec::<String>::new(), "the key is gone as well");
    }
}

async fn of_two_terms_the_one_that_ends_later_counts_with_its_cause(on: &TestStore) {
    suspend(on, &number(), SuspensionCause::SpamLimit, Term::For(15 * MINUTE)).await;
    let longer = suspend(on, &number(), SuspensionCause::NumberNotUsable, Term::UntilResumed).await;
    assert!(!longer.is_new && !longer.suspension.is_timed);
    let shorter = suspend(on, &number(), SuspensionCause::SpamLimit, Term::For(15 * MINUTE)).await;
    assert_eq!(shorter.suspension.cause, SuspensionCause::NumberNotUsable);
    assert_eq!(shorter.suspension.ends_at, longer.suspension.ends_at);
    assert_eq!(listed(on).await, [(number(), SuspensionCause::NumberNotUsable)]);
}

async fn a_suspension_is_not_resumed_for_an_older_one(on: &TestStore) {
    let older = suspend(on, &number(), SuspensionCause::Blocked, Term::UntilResumed).await.suspension;
    on.advance(MINUTE).await;
    let newer = suspend(on, &number(), SuspensionCause::NumberNotUsable, Term::UntilResumed).await.suspension;
    assert!(!resume(on, &number(), Some(&older)).await);
    assert_eq!(listed(on).await, [(number(), SuspensionCause::NumberNotUsable)]);
    let seen = on.suspensions.suspensions(ACCOUNT).await.unwrap();
    assert_eq!(seen[0].ends_at, newer.ends_at);
    assert!(resume(on, &number(), seen.first()).await);
}

async fn accounts_and_parts_are_apart(on: &TestStore) {
    let german = NumberCountry::of(&PhoneNumber::parse("4915123456789").unwrap()).unwrap();
    let scopes = [SuspensionScope::Account, number(), template(), SuspensionScope::Country(german)];
    for scope in &scopes {
        assert!(suspend(on, scope, SuspensionCause::Blocked, Term::UntilResumed).await.is_new);
    }
    assert_eq!(on.suspensions.suspensions("200000000000002").await.unwrap(), []);
    assert!(resume(on, &number(), None).await);
    let left: Vec<_> = listed(on).await.into_iter().map(|(scope, _)| scope).collect();
    assert_eq!(left, [scopes[0].clone(), scopes[2].clone(), scopes[3].clone()]);
}

async fn of_fifty_at_once_one_suspends(on: &TestStore) {
    let number = number();
    let suspends = (0..50).map(|_| suspend(on, &number, SuspensionCause::Blocked, Term::UntilResumed));
    let opened = futures_util::future::join_all(suspends).await;
    assert_eq!(opened.iter().filter(|opened| opened.is_new).count(), 1);
}
