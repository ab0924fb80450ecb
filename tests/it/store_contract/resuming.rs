//! Verifications that go on: creates that resume them, further messages, and what is left of the limits.

use std::collections::BTreeMap;

use whatsapp_otp::otp::{Audience, Locale, Metadata, Nonce, Reference, Resending, Use};

use super::*;

contract! {
    a_pending_verification_goes_on_with_the_same_code_deadline_and_attempts
    after_its_last_message_a_verification_still_goes_on
    a_limit_or_a_pace_stops_a_message_and_not_the_verification
    without_a_pending_verification_a_limit_refuses
    what_has_ended_does_not_go_on
    a_pending_verification_of_the_sample_goes_on
    of_twenty_creates_at_once_one_is_new
    of_twenty_creates_at_once_after_the_cooldown_one_sends
    details_stay_with_the_newest_and_with_earlier_ones
    a_message_is_sent_again_after_the_cooldown
    a_resend_of_what_has_ended_says_so
    a_resend_is_charged_like_any_message
    a_resend_that_was_refused_is_taken_back_alone
    what_is_left_of_the_limits_is_told
    what_left_the_window_is_no_longer_counted
}

/// The time between two messages for a verification: longer than any operation here takes.
const COOLDOWN: Duration = MINUTE;

fn policy() -> Policy {
    Policy { resend_cooldown: COOLDOWN, ..super::policy() }
}

fn with_limits(limits: Limits) -> Policy {
    Policy { limits, ..policy() }
}

fn resuming(last_digits: u32) -> Attempt {
    let mut attempt = Attempt::new(&phone(last_digits));
    attempt.new.message.manner = Manner::Resume;
    attempt
}

async fn started(on: &TestStore, last_digits: u32, policy: &Policy) -> Attempt {
    let attempt = resuming(last_digits);
    attempt.charged(on, policy).await;
    attempt
}

async fn resend(on: &TestStore, attempt: &Attempt, policy: &Policy) -> Resending {
    on.store.resend(&attempt.new.message, policy).await.unwrap()
}

/// Returns the verification that a create resumes without a message.
#[track_caller]
fn resumed(creation: Creation) -> Verification {
    match creation {
        Creation::Resumed(verification) => *verification,
        other => panic!("not resumed: {other:?}"),
    }
}

/// Returns the charge and the verification of a create that sends a message again.
#[track_caller]
fn resent(creation: Creation) -> (Charge, Verification) {
    match creation {
        Creation::Resent(charge, verification) => (charge, *verification),
        other => panic!("not sent again: {other:?}"),
    }
}

/// Returns the charge and the verification of a resend.
#[track_caller]
fn sent_again(resending: Resending) -> (Charge, Verification) {
    match resending {
        Resending::Resent(charge, verification) => (charge, *verification),
        other => panic!("not sent again: {other:?}"),
    }
}

#[track_caller]
fn assert_too_soon(resending: &Resending, expected: Duration) {
    let Resending::Limited { limit, retry_after } = resending else { panic!("not limited: {resending:?}") };
    assert_eq!(limit.name, "resend_cooldown");
    assert_about(*retry_after, expected);
}

async fn a_pending_verification_goes_on_with_the_same_code_deadline_and_attempts(on: &TestStore) {
    let first = started(on, 400, &policy()).await;
    let id = first.new.message.id;
    assert_eq!(first.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    let now = resumed(resuming(400).create(on, &policy()).await);
    assert_eq!((now.id, now.status, now.sends, now.attempts), (id, Status::Pending, 1, 1));
    assert_about(now.expires_in, 5 * MINUTE);
    assert_eq!(now.digest, first.new.sealed.digest.shortened());

    on.advance(COOLDOWN).await;
    let (charge, now) = resent(resuming(400).create(on, &policy()).await);
    assert!(charge.wait.is_zero() && !charge.replaces);
    assert_eq!((now.id, now.status, now.sends, now.attempts), (id, Status::Pending, 2, 1));
    assert_about(now.expires_in, 4 * MINUTE);
    assert!(now.sent_at > now.created_at, "{now:?}");
    let now = resumed(resuming(400).create(on, &policy()).await);
    assert_eq!((now.id, now.sends), (id, 2), "the cooldown starts again");
    let Some(stored) = first.stored(on).await else { panic!("it is stored") };
    assert_eq!((stored.sends, stored.sent_at), (2, now.sent_at));
    assert_approved(first.guess_right(on, &policy()).await);
}

async fn after_its_last_message_a_verification_still_goes_on(on: &TestStore) {
    let first = started(on, 401, &policy()).await;
    for sends in [2, 3] {
        on.advance(COOLDOWN).await;
        assert_eq!(resent(resuming(401).create(on, &policy()).await).1.sends, sends);
    }
    on.advance(COOLDOWN).await;
    let now = resumed(resuming(401).create(on, &policy()).await);
    assert_eq!((now.id, now.sends), (first.new.message.id, 3));
    on.advance(2 * MINUTE).await;
    started(on, 401, &policy()).await;
}

async fn a_limit_or_a_pace_stops_a_message_and_not_the_verification(on: &TestStore) {
    let one = limit("1/1h");
    for (last, name) in [(402, "per_phone"), (403, "per_ip"), (404, "total")] {
        let policy = with_limits(limits([(name, one)]));
        let mut first = resuming(last);
        first.new.message.client = Some(client(u8::try_from(last - 300).unwrap()));
        first.charged(on, &policy).await;
        on.advance(COOLDOWN).await;
        let mut again = resuming(last);
        again.new.message.client = first.new.message.client;
        let now = resumed(again.create(on, &policy).await);
        assert_eq!((now.id, now.sends), (first.new.message.id, 1), "{name}");
    }
    let first = started(on, 405, &policy()).await;
    on.advance(COOLDOWN).await;
    let crowded = resuming(405).at_pace(&crowd(on).await).create(on, &policy()).await;
    let now = resumed(crowded);
    assert_eq!((now.id, now.sends), (first.new.message.id, 1));
}

/// Takes the turns of a sender, and returns its pace: another turn would come too late.
async fn crowd(on: &TestStore) -> Pacing {
    let pacing = pacing(1, Duration::from_millis(1_500));
    while on.store.take_turn(&pacing).await.unwrap() != Turn::Crowded {}
    pacing
}

async fn without_a_pending_verification_a_limit_refuses(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("1/1h"))]));
    let first = started(on, 408, &policy).await;
    assert_approved(first.guess_right(on, &policy).await);
    assert_limited(&resuming(408).create(on, &policy).await, "per_phone", HOUR);
    // The time between two messages is no limit of the number here.
    let policy = with_limits(limits([("resend_cooldown", cooldown(HOUR))]));
    let first = started(on, 409, &policy).await;
    assert_approved(first.guess_right(on, &policy).await);
    started(on, 409, &policy).await;
}

async fn what_has_ended_does_not_go_on(on: &TestStore) {
    let approved = started(on, 410, &policy()).await;
    assert_approved(approved.guess_right(on, &policy()).await);
    let failed = started(on, 411, &policy()).await;
    for _ in 0..3 {
        failed.guess_wrong(on, &policy()).await;
    }
    let canceled = started(on, 412, &policy()).await;
    let Message { app, phone, id, .. } = &canceled.new.message;
    on.store.cancel_one(phone, app, id, &policy()).await.unwrap();
    let expired = started(on, 413, &policy()).await;
    for last in [410, 411, 412] {
        started(on, last, &policy()).await;
    }
    on.advance(5 * MINUTE).await;
    let again = started(on, 413, &policy()).await;
    assert_eq!(expired.status(on).await, Some(Status::Expired));
    assert_eq!(again.status(on).await, Some(Status::Pending));
}

async fn a_pending_verification_of_the_sample_goes_on(on: &TestStore) {
    let sample = created(on, &phone(414), &policy()).await;
    assert_eq!(resumed(resuming(414).create(on, &policy()).await).id, sample.new.message.id);
    on.advance(COOLDOWN).await;
    let (_, now) = resent(resuming(414).create(on, &policy()).await);
    assert_eq!((now.id, now.sends), (sample.new.message.id, 2));
    // Of two that are pending, the newer one goes on.
    let newer = created(on, &phone(414), &policy()).await;
    assert_eq!(resumed(resuming(414).create(on, &policy()).await).id, newer.new.message.id);
    assert_approved(newer.guess_right(on, &policy()).await);
}

/// Creates twenty at once, and returns the results.
async fn twenty(on: &TestStore, last_digits: u32, policy: &Policy) -> Vec<(VerificationId, Creation)> {
    at_once(20, || {
        let (store, attempt, policy) = (Arc::clone(&on.store), resuming(last_digits), policy.clone());
        async move { (attempt.new.message.id, store.create(&attempt.new, &policy).await.unwrap()) }
    })
    .await
}

async fn of_twenty_creates_at_once_one_is_new(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("30/1h")), ("per_ip", limit("30/1h"))]));
    let answers = twenty(on, 415, &policy).await;
    let new: Vec<_> = answers.iter().filter(|(_, creation)| at_its_turn(creation)).map(|(id, _)| *id).collect();
    let [id] = new[..] else { panic!("{} are new", new.len()) };
    let others = answers.into_iter().map(|(_, creation)| creation).filter(|creation| !at_its_turn(creation));
    let others: Vec<_> = others.map(resumed).collect();
    assert_eq!(others.len(), 19);
    assert!(others.iter().all(|other| (other.id, other.sends) == (id, 1)));
    let status = on.store.status(&phone(415), &AppName::default(), &policy).await.unwrap();
    assert_eq!((status.verifications.len(), status.limits[0].1), (1, 1), "one is stored and charged");
}

async fn of_twenty_creates_at_once_after_the_cooldown_one_sends(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("30/1h")), ("per_ip", limit("30/1h"))]));
    let first = started(on, 416, &policy).await;
    on.advance(COOLDOWN).await;
    let answers = twenty(on, 416, &policy).await;
    let sent = answers.iter().filter(|(_, creation)| matches!(creation, Creation::Resent(..))).count();
    let going_on = answers.iter().filter(|(_, creation)| matches!(creation, Creation::Resumed(_))).count();
    assert_eq!((sent, going_on), (1, 19));
    let status = on.store.status(&phone(416), &AppName::default(), &policy).await.unwrap();
    assert_eq!(status.limits[0].1, 2, "one message more is charged");
    assert_eq!(first.stored(on).await.unwrap().sends, 2);
}

fn details() -> Details {
    let pairs = [("a b", "x, y\n\r\t \"z\" 'q' \\"), ("- \u{2028}", ""), ("é:1,2", "{}\u{b}\0")];
    let pairs: BTreeMap<_, _> = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Details {
        locale: Locale::parse("pt_BR").ok(),
        channel: Some(Channel::whatsapp()),
        reference: Reference::parse("order 42,\n\"-\" 1795000000000 ").ok(),
        metadata: Metadata::parse(pairs).unwrap(),
        audience: Audience::parse("https://shop.example.com").ok(),
        nonce: Nonce::parse("n-0S6_WzA2Mj,\"'").ok(),
    }
}

async fn details_stay_with_the_newest_and_with_earlier_ones(on: &TestStore) {
    let mut detailed = resuming(417);
    detailed.new.details = details();
    detailed.charged(on, &policy()).await;
    let kept = async |when: &str| {
        let stored = detailed.stored(on).await.unwrap_or_else(|| panic!("it is stored {when}"));
        assert_eq!(stored.details, details(), "{when}");
        stored
    };
    kept("when it is new").await;
    let mut again = resuming(417);
    again.new.details.reference = Reference::parse("another").ok();
    assert_eq!(resumed(again.create(on, &policy()).await).details, details(), "those of the first create");
    detailed.guess_wrong(on, &policy()).await;
    on.advance(COOLDOWN).await;
    assert_eq!(resent(again.create(on, &policy()).await).1.details, details());

    let newer = created(on, &phone(417), &policy()).await;
    assert_eq!(newer.stored(on).await.unwrap().details, Details::default());
    assert_eq!(kept("while another is being sent").await.status, Status::Pending);
    on.advance(COOLDOWN).await;
    let (_, now) = sent_again(resend(on, &newer, &policy()).await);
    assert_eq!(now.details, Details::default());
    newer.confirm(on, &policy()).await;
    let kept = kept("when another has replaced it").await;
    assert_eq!((kept.status, kept.sends, kept.attempts), (Status::Canceled, 2, 1));
}

async fn a_message_is_sent_again_after_the_cooldown(on: &TestStore) {
    let policy = policy();
    let first = started(on, 418, &policy).await;
    first.guess_wrong(on, &policy).await;
    assert_too_soon(&resend(on, &first, &policy).await, COOLDOWN);
    on.advance(COOLDOWN / 2).await;
    assert_too_soon(&resend(on, &first, &policy).await, COOLDOWN / 2);
    on.advance(COOLDOWN / 2).await;
    let (charge, now) = sent_again(resend(on, &first, &policy).await);
    assert!(charge.wait.is_zero() && !charge.replaces);
    assert_eq!((now.id, now.sends, now.attempts), (first.new.message.id, 2, 1));
    assert_eq!(now.status, Status::Pending);
    assert_about(now.expires_in, 4 * MINUTE);
    assert_too_soon(&resend(on, &first, &policy).await, COOLDOWN);
    on.advance(COOLDOWN).await;
    assert_eq!(sent_again(resend(on, &first, &policy).await).1.sends, 3);
    for wait in [Duration::ZERO, COOLDOWN] {
        on.advance(wait).await;
        let used_up = resend(on, &first, &policy).await;
        let Resending::SendsUsedUp { retry_after } = used_up else { panic!("not used up: {used_up:?}") };
        assert_about(retry_after, 3 * MINUTE - wait);
    }
    assert_approved(first.guess_right(on, &policy).await);
}

async fn a_resend_of_what_has_ended_says_so(on: &TestStore) {
    let policy = policy();
    let approved = started(on, 419, &policy).await;
    assert_approved(approved.guess_right(on, &policy).await);
    let failed = started(on, 420, &policy).await;
    for _ in 0..3 {
        failed.guess_wrong(on, &policy).await;
    }
    let canceled = started(on, 421, &policy).await;
    on.store.cancel(&phone(421), &[(AppName::default(), EventTypes::default())], false, &policy).await.unwrap();
    let replaced = started(on, 422, &policy).await;
    created(on, &phone(422), &policy).await.confirm(on, &policy).await;
    let expired = started(on, 423, &policy).await;
    on.advance(5 * MINUTE).await;
    for (attempt, status) in [
        (&approved, Status::Approved),
        (&failed, Status::Failed),
        (&canceled, Status::Canceled),
        (&replaced, Status::Canceled),
        (&expired, Status::Expired),
    ] {
        assert_eq!(resend(on, attempt, &policy).await, Resending::Ended(status));
    }
    assert_eq!(resend(on, &resuming(419), &policy).await, Resending::Absent, "another id");
    assert_eq!(resend(on, &resuming(424), &policy).await, Resending::Absent, "another number");
    on.advance(10 * MINUTE).await;
    assert_eq!(resend(on, &approved, &policy).await, Resending::Absent, "it is no longer stored");
}

async fn a_resend_is_charged_like_any_message(on: &TestStore) {
    for (last, name) in [(425, "per_phone"), (426, "per_ip"), (427, "total")] {
        let policy = with_limits(limits([(name, limit("2/1h"))]));
        let mut first = resuming(last);
        first.new.message.client = Some(client(u8::try_from(last - 300).unwrap()));
        first.charged(on, &policy).await;
        on.advance(COOLDOWN).await;
        let (charge, _) = sent_again(resend(on, &first, &policy).await);
        assert_eq!(charge.charged.len(), 1, "{name}");
        on.advance(COOLDOWN).await;
        let refused = resend(on, &first, &policy).await;
        let Resending::Limited { limit, retry_after } = refused else { panic!("{name}: {refused:?}") };
        assert_eq!(limit.name, name);
        // A slice of the total is two minutes.
        assert!(retry_after <= HOUR && retry_after > HOUR - 3 * MINUTE, "{name}: {retry_after:?}");
        assert_eq!(first.stored(on).await.unwrap().sends, 2, "{name}: nothing changed");
    }
    let failures = with_limits(limits([("failures_per_phone", limit("1/1h"))]));
    let first = started(on, 428, &failures).await;
    first.guess_wrong(on, &failures).await;
    on.advance(COOLDOWN).await;
    let refused = resend(on, &first, &failures).await;
    assert!(matches!(&refused, Resending::Limited { limit, .. } if limit.name == "failures_per_phone"), "{refused:?}");

    let first = started(on, 429, &policy()).await;
    on.advance(COOLDOWN).await;
    let refused = resend(on, &first.at_pace(&crowd(on).await), &policy()).await;
    assert!(matches!(refused, Resending::Crowded { retry_after } if !retry_after.is_zero()), "{refused:?}");
}

async fn a_resend_that_was_refused_is_taken_back_alone(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("3/1h")), ("per_ip", limit("3/1h"))]));
    let first = started(on, 432, &policy).await;
    first.guess_wrong(on, &policy).await;
    on.advance(COOLDOWN).await;
    let take_back = async |number, charge: &Charge, refund| {
        on.store.take_back(&first.new.message, number, charge, refund, None, &policy).await.unwrap();
    };
    for _ in 0..4 {
        let (charge, now) = sent_again(resend(on, &first, &policy).await);
        assert_eq!(now.sends, 2);
        take_back(2, &charge, Refund::Everything).await;
        let stored = first.stored(on).await.unwrap();
        assert_eq!((stored.status, stored.sends, stored.attempts), (Status::Pending, 1, 1));
        assert_eq!(stored.sent_at, stored.created_at);
    }
    // The same when it is no longer the newest, and whichever way it was sent again.
    let (charge, now) = resent(resuming(432).create(on, &policy).await);
    assert_eq!(now.sends, 2);
    let newer = Attempt::new(&phone(432));
    let newer_charge = newer.charged(on, &policy).await;
    take_back(2, &charge, Refund::Everything).await;
    assert_eq!(first.stored(on).await.unwrap().sends, 1);
    newer.take_back(on, newer_charge, Refund::Everything, &policy).await;
    assert_eq!(newer.status(on).await, None);

    // One that is taken back late leaves a later one alone.
    let (late, _) = sent_again(resend(on, &first, &policy).await);
    on.advance(COOLDOWN).await;
    assert_eq!(sent_again(resend(on, &first, &policy).await).1.sends, 3);
    take_back(2, &late, Refund::Nothing).await;
    assert_eq!(first.stored(on).await.unwrap().sends, 3);
    let status = on.store.status(&phone(432), &AppName::default(), &policy).await.unwrap();
    assert_eq!(status.limits[0].1, 3, "what was not given back is charged");
    assert_approved(first.guess_right(on, &policy).await);
}

fn of<'u>(uses: &'u [Use], name: &str) -> &'u Use {
    uses.iter().find(|one| one.rule.kind.name == name).unwrap_or_else(|| panic!("{name} is in {uses:?}"))
}

async fn what_is_left_of_the_limits_is_told(on: &TestStore) {
    let policy = with_limits(limits([
        ("per_phone", limit("5/1h")),
        ("resend_cooldown", cooldown(MINUTE)),
        ("per_ip", limit("9/2h")),
        ("total", limit("100/1h")),
    ]));
    let first = resuming(433);
    let charge = first.charged(on, &policy).await;
    assert_eq!(charge.uses.len(), 3, "{:?}", charge.uses);
    for (name, remaining, window) in [("per_phone", 4, HOUR), ("per_ip", 8, 2 * HOUR)] {
        let left = of(&charge.uses, name);
        assert_eq!(left.remaining, remaining, "{name}");
        assert_eq!(left.resets_in, window, "{name}");
        assert_eq!(left.rule.limit.window, window);
    }
    let total = of(&charge.uses, "total");
    assert_eq!(total.remaining, 99);
    assert!((HOUR..=HOUR + 2 * MINUTE).contains(&total.resets_in), "{total:?}");

    on.advance(MINUTE).await;
    let (charge, _) = sent_again(resend(on, &first, &policy).await);
    for (name, remaining, until) in [("per_phone", 3, 59 * MINUTE), ("per_ip", 7, 119 * MINUTE)] {
        assert_eq!(of(&charge.uses, name).remaining, remaining, "{name}");
        assert_about(of(&charge.uses, name).resets_in, until);
    }
    // Another number of the same address.
    let charge = resuming(434).charged(on, &policy).await;
    assert_eq!((of(&charge.uses, "per_phone").remaining, of(&charge.uses, "per_ip").remaining), (4, 6));
    assert_eq!(of(&charge.uses, "total").remaining, 97);
    // The sample has no use for it.
    assert_eq!(Attempt::new(&phone(435)).charged(on, &policy).await.uses, []);
}

async fn what_left_the_window_is_no_longer_counted(on: &TestStore) {
    let policy =
        with_limits(limits([("per_phone", limit("5/1h")), ("per_ip", limit("9/1h")), ("total", limit("100/1h"))]));
    started(on, 436, &policy).await;
    on.advance(30 * MINUTE).await;
    started(on, 436, &policy).await;
    // A slice of the total is two minutes, so the first one counts for up to that much longer.
    on.advance(33 * MINUTE).await;
    let charge = resuming(436).charged(on, &policy).await;
    for (name, remaining) in [("per_phone", 3), ("per_ip", 7)] {
        assert_eq!(of(&charge.uses, name).remaining, remaining, "{name}");
        assert_about(of(&charge.uses, name).resets_in, 27 * MINUTE);
    }
    let total = of(&charge.uses, "total");
    assert_eq!(total.remaining, 98);
    assert!(total.resets_in > 26 * MINUTE && total.resets_in <= 29 * MINUTE, "{total:?}");
    // When all fit, the last one is told as well.
    let narrow = with_limits(limits([("per_phone", limit("4/1h"))]));
    on.advance(5 * MINUTE).await;
    let charge = resuming(436).charged(on, &narrow).await;
    assert_eq!(of(&charge.uses, "per_phone").remaining, 1);
    on.advance(5 * MINUTE).await;
    let charge = resuming(436).charged(on, &narrow).await;
    assert_eq!(of(&charge.uses, "per_phone").remaining, 0);
}

/// A code of another replication history may have been used or guessed at, so it does not go on.
async fn what_is_fenced_does_not_go_on(kind: Kind) {
    on_redis(TestStore::replicated(kind).await, async |on: &TestStore| {
        let fenced = started(on, 437, &policy()).await;
        on.keys().unwrap().forge(phone(437).digits(), "history", "0123456789abcdef").await;
        assert_eq!(resend(on, &fenced, &policy()).await, Resending::Ended(Status::Expired));
        let again = started(on, 437, &policy()).await;
        assert_ne!(again.new.message.id, fenced.new.message.id);
        assert_approved(again.guess_right(on, &policy()).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_fenced_does_not_go_on_with_sentinels() {
    what_is_fenced_does_not_go_on(Kind::Sentinel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_fenced_does_not_go_on_in_a_cluster() {
    what_is_fenced_does_not_go_on(Kind::Cluster).await;
}
