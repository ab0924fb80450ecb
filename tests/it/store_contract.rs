//! The contract of stores, written once and run on each of them.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SysRng;
use whatsapp_otp::otp::{
    AppName, Begun, Cancellation, Channel, Charge, Check, ClientAddress, CodeLength, Creation, DeliveryReport,
    DeliveryStatus, Details, EventTypes, Finished, Guess, IdempotencyKey, IdempotentCall, Issued, KeyName, KeyRing,
    Limit, LimitKind, Limits, Manner, Message, NewVerification, OtpSecret, Pacing, PhoneNumber, Policy, Progress,
    Refund, Status, StoreError, Turn, UndeliveredReason, Verdict, Verification, VerificationId, VerificationStore,
};
use whatsapp_otp::store::redis::Subject;

use crate::harness::stores::TestStore;
use crate::harness::topology::Kind;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// Longer than any operation here takes, even on Redis.
const SEND_TIME: Duration = MINUTE;
/// Longer than any operation here takes on Redis, whose clock advances by itself; shorter than any step of time.
const LEEWAY: Duration = Duration::from_secs(20);

/// Returns `true` if a verification was created whose message need not wait for its turn.
pub fn at_its_turn(creation: &Creation) -> bool {
    matches!(creation, Creation::Created(charge) if charge.wait.is_zero())
}

/// Runs each promise on each store.
macro_rules! contract {
    ($($promise:ident)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
                super::$promise(&$crate::harness::stores::TestStore::embedded()).await;
            })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
                let store = $crate::harness::stores::TestStore::redis();
                $crate::store_contract::on_redis(store, super::$promise).await;
            })*
        }
        mod redis_hashed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
                let store = $crate::store_contract::hashed();
                $crate::store_contract::on_redis(store, super::$promise).await;
            })*
        }
        mod redis_sentinel {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
                let store = $crate::store_contract::on_several($crate::harness::topology::Kind::Sentinel).await;
                $crate::store_contract::on_redis(store, super::$promise).await;
            })*
        }
        mod redis_cluster {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
                let store = $crate::store_contract::on_several($crate::harness::topology::Kind::Cluster).await;
                $crate::store_contract::on_redis(store, super::$promise).await;
            })*
        }
    };
}

mod canceling;
mod events;
mod repeating;
mod resuming;
mod suspensions;
mod transitions;
mod worlds;

contract! {
    a_code_is_accepted_once
    an_unknown_phone_has_no_code
    wrong_guesses_are_counted_down_and_lock_even_the_right_one
    a_locked_code_stays_locked_until_its_record_goes
    a_code_expires_and_its_record_lingers
    a_new_code_replaces_the_old_one
    codes_of_different_phones_do_not_mix
    a_code_that_was_not_sent_is_taken_back_with_its_charges
    taking_back_an_older_code_leaves_the_newer_one
    a_refused_code_leaves_the_earlier_one_in_force_with_the_guesses_that_it_had
    while_a_code_is_being_sent_the_earlier_one_is_good_as_well
    a_guess_counts_against_every_code_that_it_is_compared_with
    of_several_codes_being_sent_each_ends_those_before_it
    a_send_that_never_told_has_replaced_the_earlier_code_when_its_time_is_up
    a_verified_code_leaves_the_one_that_is_being_sent
    what_is_given_back_depends_on_who_is_at_fault
    a_charge_given_back_is_one_of_several
    a_turn_given_back_is_anothers
    the_limit_per_phone_holds_in_every_window
    the_cooldown_holds_between_two_sends
    the_limit_per_ip_counts_all_phones_of_an_address
    guesses_of_one_address_are_limited_whether_there_are_codes_or_not
    without_an_address_no_limit_by_address_holds
    the_total_counts_all_phones_and_addresses
    one_address_cannot_close_a_phone_for_others
    a_verified_code_clears_the_failures
    instances_with_shorter_windows_forget_nothing_for_others
    a_clock_that_was_set_back_makes_nobody_wait_longer_than_is_said
    failures_add_up_over_codes_and_a_new_code_does_not_reset_them
    the_limit_that_holds_longest_is_named
    limits_that_are_off_do_not_hold
    a_refused_request_changes_nothing
    canceling_ends_the_verification_and_if_asked_the_limits
    a_code_under_a_previous_secret_is_still_good
    a_code_under_an_unknown_secret_is_not_compared
    operators_see_codes_and_limits
    codes_take_their_turns_at_the_senders_pace
    a_code_whose_turn_would_come_too_late_is_not_stored
    a_message_that_is_sent_again_takes_a_turn_of_its_own
    a_clock_that_was_set_back_does_not_stop_sending
    of_fifty_right_guesses_at_once_one_is_accepted
    of_fifty_wrong_guesses_at_once_three_are_compared
    of_fifty_requests_at_once_as_many_as_the_limit_are_sent
    apps_have_verifications_of_their_own_and_share_the_numbers_limits
    a_check_by_id_is_about_that_verification_alone
    a_verification_stays_as_a_status_until_deadline_and_linger
    a_replaced_verification_stays_as_a_status
    deliveries_move_forward_only
    of_two_calls_at_once_with_a_key_one_runs
    a_repeated_call_gets_the_result_of_the_first
    a_key_is_for_one_request
    a_call_without_a_result_may_run_again
    a_call_that_never_ended_holds_up_others_for_its_time_alone
    a_call_that_ends_late_leaves_another_ones_entry
    keys_of_calls_are_forgotten_in_time
}

/// A store that hashes numbers.
fn hashed() -> TestStore {
    TestStore::redis_with(Subject::Hashed(OtpSecret::new(vec![9; 32]).unwrap()))
}

async fn on_several(kind: Kind) -> TestStore {
    TestStore::replicated(kind).await
}

/// Runs a promise on Redis, then checks that every key left there has a TTL.
async fn on_redis(store: TestStore, promise: impl AsyncFnOnce(&TestStore)) {
    promise(&store).await;
    let keys = store.keys().unwrap();
    assert_eq!(keys.immortal().await, Vec::<String>::new(), "keys without a TTL under {}", keys.prefix());
}

pub fn policy() -> Policy {
    Policy {
        code_length: CodeLength::new(6).unwrap(),
        code_lifetime: 5 * MINUTE,
        linger: 10 * MINUTE,
        max_attempts: 3,
        max_sends: 3,
        resend_cooldown: MINUTE / 2,
        limits: Limits::default(),
        send_time: SEND_TIME,
        events: EventTypes::default(),
    }
}

/// Returns the limits with those names.
pub fn limits<const N: usize>(of: [(&str, Option<Limit>); N]) -> Limits {
    let mut limits = Limits::default();
    for (name, limit) in of {
        limits.set(LimitKind::named(name).unwrap(), limit);
    }
    limits
}

#[expect(clippy::unnecessary_wraps, reason = "a limit may be off")]
pub fn cooldown(window: Duration) -> Option<Limit> {
    Some(Limit { max: 1, window })
}

pub fn with_limits(limits: Limits) -> Policy {
    Policy { limits, ..policy() }
}

#[expect(clippy::unnecessary_wraps, reason = "`Limits` holds options")]
pub fn limit(text: &str) -> Option<Limit> {
    Some(text.parse().unwrap())
}

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(OtpSecret::new(vec![byte; 32]).unwrap(), Vec::new())
}

pub fn phone(last_digits: u32) -> PhoneNumber {
    PhoneNumber::parse(&format!("1555123{last_digits:04}")).unwrap()
}

pub fn client(last: u8) -> ClientAddress {
    IpAddr::from([203, 0, 113, last]).into()
}

/// A new verification of a phone, with guesses at its code.
#[derive(Clone)]
pub struct Attempt {
    pub new: NewVerification,
    pub right: String,
    pub wrong: String,
    ring: KeyRing,
}

impl Attempt {
    pub fn new(phone: &PhoneNumber) -> Self {
        Self::of(phone, client(7), &ring(1))
    }

    fn of(phone: &PhoneNumber, client: ClientAddress, ring: &KeyRing) -> Self {
        Self::for_app(&AppName::default(), phone, client, ring)
    }

    fn for_app(app: &AppName, phone: &PhoneNumber, client: ClientAddress, ring: &KeyRing) -> Self {
        let issued = ring.issue(app, phone, policy().code_length, &mut SysRng).unwrap();
        let Issued { id, code, sealed } = issued;
        Self {
            right: code.expose().to_owned(),
            wrong: crate::harness::reply::wrong(code.expose()),
            new: NewVerification {
                message: Message {
                    id,
                    app: app.clone(),
                    phone: phone.clone(),
                    client: Some(client),
                    pacing: None,
                    manner: Manner::Replace,
                },
                sealed,
                details: Details::default(),
            },
            ring: ring.clone(),
        }
    }

    fn at_pace(mut self, pacing: &Pacing) -> Self {
        self.new.message.pacing = Some(pacing.clone());
        self
    }

    async fn create(&self, on: &TestStore, policy: &Policy) -> Creation {
        on.store.create(&self.new, policy).await.unwrap()
    }

    /// Creates it, which must succeed without a wait.
    async fn charged(&self, on: &TestStore, policy: &Policy) -> Charge {
        match self.create(on, policy).await {
            Creation::Created(charge) if charge.wait.is_zero() => charge,
            other => panic!("not created at once: {other:?}"),
        }
    }

    pub async fn guess_right(&self, on: &TestStore, policy: &Policy) -> Verdict {
        self.guess(on, &self.right, client(7), policy).await
    }

    pub async fn guess_wrong(&self, on: &TestStore, policy: &Policy) -> Verdict {
        self.guess(on, &self.wrong, client(7), policy).await
    }

    async fn guess(&self, on: &TestStore, text: &str, client: ClientAddress, policy: &Policy) -> Verdict {
        self.try_guess(on.store.as_ref(), text, client, policy).await.unwrap()
    }

    /// Makes a guess that may fail to be settled.
    pub async fn try_guess(
        &self,
        store: &dyn VerificationStore,
        text: &str,
        client: ClientAddress,
        policy: &Policy,
    ) -> Result<Verdict, StoreError> {
        self.try_guess_at(store, None, text, client, policy).await
    }

    async fn try_guess_at(
        &self,
        store: &dyn VerificationStore,
        id: Option<&VerificationId>,
        text: &str,
        client: ClientAddress,
        policy: &Policy,
    ) -> Result<Verdict, StoreError> {
        let guess = Guess::parse(text, policy.code_length).unwrap();
        let check = Check { id, client: Some(client), ..self.check(&guess) };
        Ok(store.check(&check, policy).await?.verdict)
    }

    /// Returns a check of any pending code of the number.
    fn check<'c>(&'c self, guess: &'c Guess) -> Check<'c> {
        let Message { app, phone, .. } = &self.new.message;
        Check { app, phone, id: None, client: None, guess, keys: &self.ring, is_repeatable: false, entry: None }
    }

    /// Makes a guess at this verification alone.
    async fn guess_by_id(&self, on: &TestStore, text: &str, policy: &Policy) -> Verdict {
        self.try_guess_at(on.store.as_ref(), Some(&self.new.message.id), text, client(7), policy).await.unwrap()
    }

    /// Returns this verification as it is stored.
    async fn stored(&self, on: &TestStore) -> Option<Verification> {
        let Message { app, phone, id, .. } = &self.new.message;
        let status = on.store.status(phone, app, &policy()).await.unwrap();
        status.verifications.into_iter().find(|verification| verification.id == *id)
    }

    /// Returns the status of this verification.
    async fn status(&self, on: &TestStore) -> Option<Status> {
        self.stored(on).await.map(|verification| verification.status)
    }

    async fn take_back(&self, on: &TestStore, charge: Charge, refund: Refund, policy: &Policy) {
        on.store.take_back(&self.new.message, 1, &charge, refund, None, policy).await.unwrap();
    }

    async fn confirm(&self, on: &TestStore, policy: &Policy) {
        on.store.confirm(&self.new.message, policy).await.unwrap();
    }
}

async fn created(on: &TestStore, phone: &PhoneNumber, policy: &Policy) -> Attempt {
    let attempt = Attempt::new(phone);
    attempt.charged(on, policy).await;
    attempt
}

/// Asserts that a refusal is by the limit `name` with a wait of about `expected`.
fn assert_limited(creation: &Creation, name: &str, expected: Duration) {
    let Creation::Limited { limit, retry_after } = creation else { panic!("not limited: {creation:?}") };
    assert_eq!(limit.name, name);
    assert_about(*retry_after, expected);
}

#[track_caller]
pub fn assert_approved(verdict: Verdict) {
    assert!(matches!(verdict, Verdict::Approved(_)), "{verdict:?}");
}

fn assert_about(actual: Duration, expected: Duration) {
    assert!(actual <= expected && actual + LEEWAY > expected && !actual.is_zero(), "{actual:?}, expected {expected:?}");
}

async fn a_code_is_accepted_once(on: &TestStore) {
    let attempt = created(on, &phone(1), &policy()).await;
    assert_approved(attempt.guess_right(on, &policy()).await);
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Used);
}

async fn an_unknown_phone_has_no_code(on: &TestStore) {
    assert_eq!(Attempt::new(&phone(2)).guess_right(on, &policy()).await, Verdict::Absent);
}

async fn wrong_guesses_are_counted_down_and_lock_even_the_right_one(on: &TestStore) {
    let attempt = created(on, &phone(3), &policy()).await;
    assert_eq!(attempt.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(attempt.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    assert_eq!(attempt.guess_wrong(on, &policy()).await, Verdict::Exhausted);
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Locked);
    let attempt = created(on, &phone(3), &policy()).await;
    assert_approved(attempt.guess_right(on, &policy()).await);
}

async fn a_locked_code_stays_locked_until_its_record_goes(on: &TestStore) {
    let attempt = created(on, &phone(4), &policy()).await;
    for _ in 0..3 {
        attempt.guess_wrong(on, &policy()).await;
    }
    on.advance(6 * MINUTE).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Locked);
    on.advance(9 * MINUTE).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Absent);
}

async fn a_code_expires_and_its_record_lingers(on: &TestStore) {
    let attempt = created(on, &phone(5), &policy()).await;
    on.advance((5 * MINUTE).checked_sub(LEEWAY).unwrap()).await;
    assert_eq!(attempt.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    on.advance(LEEWAY).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Expired);
    on.advance((10 * MINUTE).checked_sub(LEEWAY).unwrap()).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Expired);
    on.advance(LEEWAY).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Absent);
}

async fn a_new_code_replaces_the_old_one(on: &TestStore) {
    let old = created(on, &phone(6), &policy()).await;
    old.guess_wrong(on, &policy()).await;
    let new = created(on, &phone(6), &policy()).await;
    new.confirm(on, &policy()).await;
    assert_eq!(old.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_approved(new.guess_right(on, &policy()).await);
}

async fn codes_of_different_phones_do_not_mix(on: &TestStore) {
    let one = created(on, &phone(7), &policy()).await;
    let other = created(on, &phone(8), &policy()).await;
    let crossed = if one.right == other.right { &one.wrong } else { &one.right };
    let crossed = other.guess(on, crossed, client(7), &policy()).await;
    assert_eq!(crossed, Verdict::Wrong { attempts_left: 2 });
    assert_approved(one.guess_right(on, &policy()).await);
    assert_approved(other.guess_right(on, &policy()).await);
}

async fn a_code_that_was_not_sent_is_taken_back_with_its_charges(on: &TestStore) {
    let policy = with_limits(limits([
        ("per_phone", limit("1/1h")),
        ("resend_cooldown", cooldown(MINUTE)),
        ("per_ip", limit("1/1h")),
    ]));
    let attempt = Attempt::new(&phone(9));
    let charge = attempt.charged(on, &policy).await;
    attempt.take_back(on, charge, Refund::Everything, &policy).await;
    assert_eq!(attempt.guess_right(on, &policy).await, Verdict::Absent);
    created(on, &phone(9), &policy).await;
}

async fn taking_back_an_older_code_leaves_the_newer_one(on: &TestStore) {
    let old = Attempt::new(&phone(10));
    let charge = old.charged(on, &policy()).await;
    let new = created(on, &phone(10), &policy()).await;
    old.take_back(on, charge, Refund::Everything, &policy()).await;
    assert_approved(new.guess_right(on, &policy()).await);
}

async fn a_refused_code_leaves_the_earlier_one_in_force_with_the_guesses_that_it_had(on: &TestStore) {
    let earlier = created(on, &phone(130), &policy()).await;
    earlier.guess_wrong(on, &policy()).await;
    on.advance(2 * MINUTE).await;
    for refund in [Refund::Everything, Refund::AllButAddress, Refund::Nothing] {
        let refused = Attempt::new(&phone(130));
        let charge = refused.charged(on, &policy()).await;
        assert!(charge.replaces);
        refused.take_back(on, charge, refund, &policy()).await;
        // It has no effect on the earlier code's attempts.
        assert_eq!(
            on.store.status(&phone(130), &AppName::default(), &policy()).await.unwrap().active().unwrap().attempts,
            1
        );
    }
    assert_eq!(earlier.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    // Its lifetime has not changed.
    on.advance((3 * MINUTE).checked_sub(LEEWAY).unwrap()).await;
    let refused = Attempt::new(&phone(130));
    let charge = refused.charged(on, &policy()).await;
    refused.take_back(on, charge, Refund::AllButAddress, &policy()).await;
    on.advance(LEEWAY).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Expired);
    on.advance(10 * MINUTE).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Absent);
}

async fn while_a_code_is_being_sent_the_earlier_one_is_good_as_well(on: &TestStore) {
    let (earlier, new) = (created(on, &phone(131), &policy()).await, created(on, &phone(131), &policy()).await);
    assert_approved(new.guess_right(on, &policy()).await);
    for code in [&earlier, &new] {
        assert_eq!(code.guess_right(on, &policy()).await, Verdict::Used);
    }
}

async fn a_guess_counts_against_every_code_that_it_is_compared_with(on: &TestStore) {
    let earlier = created(on, &phone(132), &policy()).await;
    earlier.guess_wrong(on, &policy()).await;
    let refused = Attempt::new(&phone(132));
    let charge = refused.charged(on, &policy()).await;
    // This is the third guess at the earlier code, and the second at the new one.
    assert_eq!(refused.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(refused.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Exhausted, "the last attempt of the new one as well");
    refused.take_back(on, charge, Refund::AllButAddress, &policy()).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Locked);
}

async fn of_several_codes_being_sent_each_ends_those_before_it(on: &TestStore) {
    // A double click on "send again": the second message is refused, the first one arrives.
    let first = created(on, &phone(133), &policy()).await;
    let (one, other) = (created(on, &phone(133), &policy()).await, Attempt::new(&phone(133)));
    let charge = other.charged(on, &policy()).await;
    other.take_back(on, charge, Refund::Nothing, &policy()).await;
    one.confirm(on, &policy()).await;
    assert_eq!(first.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_approved(one.guess_right(on, &policy()).await);

    // The same, but the first message is confirmed last.
    let first = created(on, &phone(134), &policy()).await;
    let (one, other) = (created(on, &phone(134), &policy()).await, created(on, &phone(134), &policy()).await);
    other.confirm(on, &policy()).await;
    one.confirm(on, &policy()).await;
    assert_eq!(first.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(one.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    assert_approved(other.guess_right(on, &policy()).await);

    // However many are requested, the first one is not forgotten.
    let first = created(on, &phone(135), &policy()).await;
    let mut charges = Vec::new();
    for _ in 0..6 {
        let refused = Attempt::new(&phone(135));
        charges.push((refused.charged(on, &policy()).await, refused));
    }
    for (charge, refused) in charges {
        refused.take_back(on, charge, Refund::Everything, &policy()).await;
    }
    assert_approved(first.guess_right(on, &policy()).await);
}

async fn a_send_that_never_told_has_replaced_the_earlier_code_when_its_time_is_up(on: &TestStore) {
    let earlier = created(on, &phone(136), &policy()).await;
    let untold = created(on, &phone(136), &policy()).await;
    on.advance(SEND_TIME).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_approved(untold.guess_right(on, &policy()).await);
}

async fn a_verified_code_leaves_the_one_that_is_being_sent(on: &TestStore) {
    let earlier = created(on, &phone(137), &policy()).await;
    let sending = created(on, &phone(137), &policy()).await;
    assert_approved(earlier.guess_right(on, &policy()).await);
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 1 }, "it is used up");
    sending.confirm(on, &policy()).await;
    assert_approved(sending.guess_right(on, &policy()).await);

    let earlier = created(on, &phone(137), &policy()).await;
    let refused = Attempt::new(&phone(137));
    let charge = refused.charged(on, &policy()).await;
    assert_approved(earlier.guess_right(on, &policy()).await);
    refused.take_back(on, charge, Refund::AllButAddress, &policy()).await;
    assert_eq!(refused.guess_right(on, &policy()).await, Verdict::Used);
}

async fn what_is_given_back_depends_on_who_is_at_fault(on: &TestStore) {
    let one = limit("1/1h");
    for (last, refund, limited_by) in [
        (138, Refund::Everything, None),
        (139, Refund::AllButAddress, Some("per_ip")),
        (140, Refund::Nothing, Some("per_phone")),
    ] {
        let policy = with_limits(limits([("per_phone", one), ("per_ip", one)]));
        let address = client(u8::try_from(last).unwrap());
        let refused = Attempt::of(&phone(last), address, &ring(1));
        let charge = refused.charged(on, &policy).await;
        refused.take_back(on, charge, refund, &policy).await;
        assert_eq!(refused.guess_right(on, &policy).await, Verdict::Absent);
        match (Attempt::of(&phone(last), address, &ring(1)).create(on, &policy).await, limited_by) {
            (Creation::Created(_), None) => {}
            // If the address is on another server, it is checked first.
            (Creation::Limited { limit, .. }, Some(expected)) => {
                assert!([expected, "per_ip"].contains(&limit.name), "{refund:?}: {limit:?}");
            }
            (other, _) => panic!("{refund:?}: {other:?}"),
        }
    }
    // A phone that keeps its charge keeps it for other callers, too.
    let per_phone = with_limits(limits([("per_phone", one)]));
    let elsewhere = Attempt::of(&phone(140), client(9), &ring(1));
    assert_limited(&elsewhere.create(on, &per_phone).await, "per_phone", HOUR);
    // The total is refunded unless the recipient is at fault.
    let total = with_limits(limits([("total", one)]));
    for (last, refund) in [(141, Refund::Everything), (142, Refund::AllButAddress), (143, Refund::Nothing)] {
        let refused = Attempt::new(&phone(last));
        let charge = refused.charged(on, &total).await;
        refused.take_back(on, charge, refund, &total).await;
    }
    assert!(matches!(
        Attempt::new(&phone(144)).create(on, &total).await,
        Creation::Limited { limit: LimitKind { name: "total", .. }, .. }
    ));
}

async fn a_charge_given_back_is_one_of_several(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("3/1h")), ("per_ip", limit("3/1h"))]));
    created(on, &phone(43), &policy).await;
    on.advance(30 * MINUTE).await;
    created(on, &phone(43), &policy).await;
    let refused = Attempt::new(&phone(43));
    let charge = refused.charged(on, &policy).await;
    refused.take_back(on, charge, Refund::Everything, &policy).await;
    created(on, &phone(43), &policy).await;
    // The older charges keep their age.
    let elsewhere = Attempt::of(&phone(43), client(11), &ring(1));
    assert_limited(&elsewhere.create(on, &policy).await, "per_phone", 30 * MINUTE);
    assert_limited(&Attempt::new(&phone(44)).create(on, &policy).await, "per_ip", 30 * MINUTE);
}

async fn a_turn_given_back_is_anothers(on: &TestStore) {
    let (policy, pacing) = (policy(), pacing(1, HOUR));
    let attempt = Attempt::new(&phone(45)).at_pace(&pacing);
    let charge = attempt.charged(on, &policy).await;
    attempt.take_back(on, charge, Refund::Everything, &policy).await;
    Attempt::new(&phone(46)).at_pace(&pacing).charged(on, &policy).await;
    assert!(!at_its_turn(&Attempt::new(&phone(47)).at_pace(&pacing).create(on, &policy).await));
}

async fn the_limit_per_phone_holds_in_every_window(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("3/1h"))]));
    created(on, &phone(11), &policy).await;
    on.advance(30 * MINUTE).await;
    created(on, &phone(11), &policy).await;
    created(on, &phone(11), &policy).await;
    // Three in the last half hour: a counter that restarts each hour would soon allow three more.
    assert_limited(&Attempt::new(&phone(11)).create(on, &policy).await, "per_phone", 30 * MINUTE);
    on.advance(30 * MINUTE).await;
    created(on, &phone(11), &policy).await;
    assert_limited(&Attempt::new(&phone(11)).create(on, &policy).await, "per_phone", 30 * MINUTE);
    on.advance(30 * MINUTE).await;
    created(on, &phone(11), &policy).await;
    created(on, &phone(11), &policy).await;
    assert_limited(&Attempt::new(&phone(11)).create(on, &policy).await, "per_phone", 30 * MINUTE);
    created(on, &phone(12), &policy).await;
}

async fn the_cooldown_holds_between_two_sends(on: &TestStore) {
    let policy = with_limits(limits([("resend_cooldown", cooldown(2 * MINUTE))]));
    created(on, &phone(13), &policy).await;
    assert_limited(&Attempt::new(&phone(13)).create(on, &policy).await, "resend_cooldown", 2 * MINUTE);
    on.advance(MINUTE).await;
    assert_limited(&Attempt::new(&phone(13)).create(on, &policy).await, "resend_cooldown", MINUTE);
    on.advance(MINUTE).await;
    created(on, &phone(13), &policy).await;
}

async fn the_limit_per_ip_counts_all_phones_of_an_address(on: &TestStore) {
    let policy = with_limits(limits([("per_ip", limit("2/1h"))]));
    created(on, &phone(14), &policy).await;
    created(on, &phone(15), &policy).await;
    assert_limited(&Attempt::new(&phone(16)).create(on, &policy).await, "per_ip", HOUR);
    let elsewhere = Attempt::of(&phone(16), client(8), &ring(1));
    assert!(at_its_turn(&elsewhere.create(on, &policy).await));
    on.advance(HOUR).await;
    created(on, &phone(16), &policy).await;
}

async fn guesses_of_one_address_are_limited_whether_there_are_codes_or_not(on: &TestStore) {
    let policy = with_limits(limits([("checks_per_ip", limit("3/1h"))]));
    let attempt = created(on, &phone(150), &policy).await;
    let unknown = Attempt::new(&phone(151));
    assert_eq!(unknown.guess_right(on, &policy).await, Verdict::Absent);
    on.advance(30 * MINUTE).await;
    assert_eq!(unknown.guess_wrong(on, &policy).await, Verdict::Absent);
    let attempt = {
        attempt.take_back(on, attempt.charged(on, &policy).await, Refund::Everything, &policy).await;
        attempt
    };
    attempt.charged(on, &policy).await;
    assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 2 });
    let Verdict::Limited { limit, retry_after } = attempt.guess_right(on, &policy).await else { panic!("not limited") };
    assert_eq!(limit.name, "checks_per_ip");
    assert_about(retry_after, 30 * MINUTE);
    // It was not compared, and guesses from other addresses are not limited.
    assert_approved(attempt.guess(on, &attempt.right, client(8), &policy).await);
}

async fn without_an_address_no_limit_by_address_holds(on: &TestStore) {
    let policy = with_limits(limits([("per_ip", limit("1/1h")), ("checks_per_ip", limit("1/1h"))]));
    for last in 152..155 {
        let mut attempt = Attempt::new(&phone(last));
        attempt.new.message.client = None;
        attempt.charged(on, &policy).await;
        for text in [&attempt.wrong, &attempt.right] {
            let guess = Guess::parse(text, policy.code_length).unwrap();
            let verdict = on.store.check(&attempt.check(&guess), &policy).await.unwrap();
            assert!(matches!(verdict.verdict, Verdict::Wrong { .. } | Verdict::Approved(_)), "{verdict:?}");
        }
    }
}

async fn the_total_counts_all_phones_and_addresses(on: &TestStore) {
    let policy = with_limits(limits([("total", limit("3/1h"))]));
    for (last, minutes) in [(1, 20), (2, 20), (3, 0)] {
        Attempt::of(&phone(155 + last), client(u8::try_from(last).unwrap()), &ring(1)).charged(on, &policy).await;
        on.advance(MINUTE * minutes).await;
    }
    let Creation::Limited { limit: _, retry_after } = Attempt::new(&phone(159)).create(on, &policy).await else {
        panic!("not limited")
    };
    // A slice is two minutes here, so the first send may count for that much too long.
    assert!(retry_after <= 22 * MINUTE && retry_after + LEEWAY > 20 * MINUTE, "{retry_after:?}");
    on.advance(retry_after).await;
    Attempt::new(&phone(159)).charged(on, &policy).await;
    assert!(matches!(Attempt::new(&phone(158)).create(on, &policy).await, Creation::Limited { .. }));
}

async fn one_address_cannot_close_a_phone_for_others(on: &TestStore) {
    let policy = with_limits(limits([("failures_per_phone", limit("6/24h"))]));
    for _ in 0..2 {
        let attempt = created(on, &phone(162), &policy).await;
        for _ in 0..3 {
            attempt.guess(on, &attempt.wrong, client(66), &policy).await;
        }
    }
    let stranger = Attempt::of(&phone(162), client(66), &ring(1));
    assert_limited(&stranger.create(on, &policy).await, "failures_per_phone", 24 * HOUR);
    let owner = created(on, &phone(162), &policy).await;
    let guessed = owner.guess(on, &owner.right, client(66), &policy).await;
    assert!(
        matches!(guessed, Verdict::Limited { limit: LimitKind { name: "failures_per_phone", .. }, .. }),
        "{guessed:?}"
    );
    assert_eq!(owner.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 2 });
    assert_approved(owner.guess_right(on, &policy).await);
}

async fn a_verified_code_clears_the_failures(on: &TestStore) {
    let policy = with_limits(limits([("failures_per_phone", limit("3/24h"))]));
    for _ in 0..3 {
        let attempt = created(on, &phone(163), &policy).await;
        assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 2 });
        assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 1 });
        assert_approved(attempt.guess_right(on, &policy).await);
    }
    assert_eq!(on.store.status(&phone(163), &AppName::default(), &policy).await.unwrap().limits[0].1, 0);
}

async fn instances_with_shorter_windows_forget_nothing_for_others(on: &TestStore) {
    let day = with_limits(limits([("failures_per_phone", limit("3/24h"))]));
    let minute = with_limits(limits([("failures_per_phone", limit("1/1m"))]));
    let attempt = created(on, &phone(164), &day).await;
    for _ in 0..3 {
        attempt.guess_wrong(on, &day).await;
    }
    on.advance(2 * MINUTE).await;
    let attempt = created(on, &phone(164), &minute).await;
    assert_eq!(attempt.guess_wrong(on, &minute).await, Verdict::Wrong { attempts_left: 2 });
    on.advance(HOUR).await;
    let creation = Attempt::new(&phone(164)).create(on, &day).await;
    assert_limited(&creation, "failures_per_phone", 23 * HOUR - 2 * MINUTE);
}

async fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_is_said(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("2/1h"))]));
    created(on, &phone(165), &policy).await;
    created(on, &phone(165), &policy).await;
    on.set_back(10 * HOUR).await;
    assert_limited(&Attempt::new(&phone(165)).create(on, &policy).await, "per_phone", HOUR);
    on.advance(HOUR).await;
    created(on, &phone(165), &policy).await;
}

async fn failures_add_up_over_codes_and_a_new_code_does_not_reset_them(on: &TestStore) {
    let policy = with_limits(limits([("failures_per_phone", limit("4/24h"))]));
    let attempt = created(on, &phone(17), &policy).await;
    for _ in 0..3 {
        attempt.guess_wrong(on, &policy).await;
    }
    assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Locked, "not compared, so not a failure");
    on.advance(HOUR).await;
    let attempt = created(on, &phone(17), &policy).await;
    assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 2 });
    let Verdict::Limited { limit, retry_after } = attempt.guess_right(on, &policy).await else {
        panic!("the right code must be refused as well");
    };
    assert_eq!(limit.name, "failures_per_phone");
    assert_about(retry_after, 23 * HOUR);
    assert_limited(&Attempt::new(&phone(17)).create(on, &policy).await, "failures_per_phone", 23 * HOUR);
    on.advance(23 * HOUR).await;
    let attempt = created(on, &phone(17), &policy).await;
    assert_approved(attempt.guess_right(on, &policy).await);
}

async fn the_limit_that_holds_longest_is_named(on: &TestStore) {
    let policy = with_limits(limits([
        ("per_phone", limit("1/10m")),
        ("resend_cooldown", cooldown(MINUTE)),
        ("per_ip", limit("1/1h")),
    ]));
    created(on, &phone(18), &policy).await;
    assert_limited(&Attempt::new(&phone(18)).create(on, &policy).await, "per_ip", HOUR);
    let elsewhere = Attempt::of(&phone(18), client(9), &ring(1));
    assert_limited(&elsewhere.create(on, &policy).await, "per_phone", 10 * MINUTE);
}

async fn limits_that_are_off_do_not_hold(on: &TestStore) {
    for _ in 0..20 {
        created(on, &phone(19), &policy()).await.guess_wrong(on, &policy()).await;
    }
    let status = on.store.status(&phone(19), &AppName::default(), &policy()).await.unwrap();
    assert!(status.limits.is_empty() && status.active().is_some());
}

async fn a_refused_request_changes_nothing(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("1/1h")), ("per_ip", limit("2/1h"))]));
    let sent = created(on, &phone(20), &policy).await;
    for _ in 0..5 {
        assert_limited(&Attempt::new(&phone(20)).create(on, &policy).await, "per_phone", HOUR);
    }
    assert_approved(sent.guess_right(on, &policy).await); // the code that was sent is still the one
    created(on, &phone(21), &policy).await;
}

async fn canceling_ends_the_verification_and_if_asked_the_limits(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("1/1h")), ("failures_per_phone", limit("1/1h"))]));
    let attempt = created(on, &phone(22), &policy).await;
    attempt.guess_wrong(on, &policy).await;
    let cancel = async |limits| {
        on.store.cancel(&phone(22), &[(AppName::default(), EventTypes::default())], limits, &policy).await.unwrap()
    };
    assert_eq!(cancel(false).await, Cancellation { verifications: 1, limits: false });
    assert_eq!(cancel(false).await, Cancellation { verifications: 0, limits: false });
    assert_eq!(attempt.status(on).await, Some(Status::Canceled));
    assert!(matches!(Attempt::new(&phone(22)).create(on, &policy).await, Creation::Limited { .. }));
    assert_eq!(cancel(true).await, Cancellation { verifications: 0, limits: true });
    assert_eq!(attempt.guess_right(on, &policy).await, Verdict::Canceled);
    let attempt = created(on, &phone(22), &policy).await;
    assert_approved(attempt.guess_right(on, &policy).await);
}

async fn a_code_under_a_previous_secret_is_still_good(on: &TestStore) {
    let attempt = created(on, &phone(23), &policy()).await;
    let rotated = KeyRing::new(OtpSecret::new(vec![2; 32]).unwrap(), vec![ring(1).current().clone()]);
    let newer = Attempt::of(&phone(24), client(7), &rotated);
    newer.create(on, &policy()).await;
    let earlier = Attempt { ring: rotated, ..attempt };
    assert!(matches!(earlier.guess_wrong(on, &policy()).await, Verdict::Wrong { .. }));
    assert_approved(earlier.guess_right(on, &policy()).await);
    assert_approved(newer.guess_right(on, &policy()).await);
}

async fn a_code_under_an_unknown_secret_is_not_compared(on: &TestStore) {
    let attempt = created(on, &phone(25), &policy()).await;
    let stranger = Attempt { ring: ring(3), ..attempt.clone() };
    for _ in 0..5 {
        assert_eq!(stranger.guess_right(on, &policy()).await, Verdict::Unreadable);
    }
    assert_approved(attempt.guess_right(on, &policy()).await); // no attempt was used up
}

async fn operators_see_codes_and_limits(on: &TestStore) {
    let policy = with_limits(limits([
        ("per_phone", limit("2/1h")),
        ("resend_cooldown", cooldown(MINUTE)),
        ("failures_per_phone", limit("5/24h")),
    ]));
    let status = on.store.status(&phone(26), &AppName::default(), &policy).await.unwrap();
    assert!(status.active().is_none() && status.limits.iter().all(|(_, count, wait)| *count == 0 && wait.is_zero()));

    let attempt = created(on, &phone(26), &policy).await;
    attempt.guess_wrong(on, &policy).await;
    let status = on.store.status(&phone(26), &AppName::default(), &policy).await.unwrap();
    let code = status.active().unwrap();
    assert_eq!((code.attempts, code.max_attempts), (1, 3));
    assert_eq!(code.digest, attempt.new.sealed.digest.shortened());
    assert_about(code.expires_in, 5 * MINUTE);
    let counts: Vec<_> = status.limits.iter().map(|(kind, count, _)| (kind.name, *count)).collect();
    assert_eq!(counts, [("per_phone", 1), ("resend_cooldown", 1), ("failures_per_phone", 1)]);
    assert_about(status.limits[1].2, MINUTE);

    for last in 27..37 {
        on.store.create(&Attempt::new(&phone(last)).new, &policy).await.unwrap();
    }
    assert_eq!(on.store.active(4).await.unwrap().len(), 4);
    let all = on.store.active(100).await.unwrap();
    assert_eq!(all.len(), 11);
    assert!(all.is_sorted_by(|one, other| one.subject < other.subject));
    on.store.probe().await.unwrap();
}

fn pacing(per_second: u32, max_wait: Duration) -> Pacing {
    let per_second = NonZeroU32::new(per_second).unwrap();
    Pacing { sender: "106540352242922".to_owned(), per_second, max_wait }
}

async fn codes_take_their_turns_at_the_senders_pace(on: &TestStore) {
    let pacing = pacing(5, HOUR);
    let mut waits = Vec::new();
    for last in 0..20 {
        match Attempt::new(&phone(100 + last)).at_pace(&pacing).create(on, &policy()).await {
            Creation::Created(charge) => waits.push(charge.wait),
            other => panic!("{other:?}"),
        }
    }
    // In order, five in slightly more than a second, to allow for messages under way. Meanwhile, Redis's clock
    // advances.
    for (index, wait) in waits.into_iter().enumerate() {
        let most = Duration::from_millis(211) * u32::try_from(index).unwrap();
        assert!(wait <= most && wait + LEEWAY >= most, "code {index} waits {wait:?}");
    }
    on.advance(MINUTE).await;
    assert!(at_its_turn(&Attempt::new(&phone(120)).at_pace(&pacing).create(on, &policy()).await));
}

async fn a_code_whose_turn_would_come_too_late_is_not_stored(on: &TestStore) {
    let pacing = pacing(2, Duration::from_millis(500));
    Attempt::new(&phone(121)).at_pace(&pacing).charged(on, &policy()).await;
    Attempt::new(&phone(122)).at_pace(&pacing).create(on, &policy()).await;
    let late = Attempt::new(&phone(123)).at_pace(&pacing);
    let Creation::Crowded { retry_after } = late.create(on, &policy()).await else { panic!("its turn is too late") };
    assert!(!retry_after.is_zero() && retry_after <= Duration::from_millis(550), "{retry_after:?}");
    assert_eq!(late.guess_right(on, &policy()).await, Verdict::Absent);
    on.advance(MINUTE).await;
    Attempt::new(&phone(123)).at_pace(&pacing).charged(on, &policy()).await;
}

async fn a_message_that_is_sent_again_takes_a_turn_of_its_own(on: &TestStore) {
    let pacing = pacing(1, Duration::from_millis(1_500));
    Attempt::new(&phone(160)).at_pace(&pacing).charged(on, &policy()).await;
    let Turn::After(wait) = on.store.take_turn(&pacing).await.unwrap() else { panic!("there is a turn in time") };
    assert!(!wait.is_zero() && wait <= Duration::from_millis(1_050), "{wait:?}");
    assert_eq!(on.store.take_turn(&pacing).await.unwrap(), Turn::Crowded);
    assert!(matches!(Attempt::new(&phone(161)).at_pace(&pacing).create(on, &policy()).await, Creation::Crowded { .. }));
    on.advance(MINUTE).await;
    assert_eq!(on.store.take_turn(&pacing).await.unwrap(), Turn::After(Duration::ZERO));
}

async fn a_clock_that_was_set_back_does_not_stop_sending(on: &TestStore) {
    let pacing = pacing(80, Duration::from_millis(1_100));
    for last in 0..85 {
        Attempt::new(&phone(200 + last)).at_pace(&pacing).create(on, &policy()).await;
    }
    on.set_back(Duration::from_secs(10)).await;
    assert!(at_its_turn(&Attempt::new(&phone(300)).at_pace(&pacing).create(on, &policy()).await));
    assert!(matches!(Attempt::new(&phone(301)).at_pace(&pacing).create(on, &policy()).await, Creation::Created(_)));
}

/// Runs `times` copies of a request concurrently, on several threads if the runtime has them.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    times: usize,
    request: impl Fn() -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..times).map(|_| tokio::spawn(request())).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

async fn of_fifty_right_guesses_at_once_one_is_accepted(on: &TestStore) {
    let attempt = created(on, &phone(40), &policy()).await;
    let verdicts = at_once(50, || {
        let (on, attempt) = (on.clone(), attempt.clone());
        async move { attempt.guess_right(&on, &policy()).await }
    })
    .await;
    assert_eq!(verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Approved(_))).count(), 1);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Used).count(), 49);
}

async fn of_fifty_wrong_guesses_at_once_three_are_compared(on: &TestStore) {
    let policy = with_limits(limits([("failures_per_phone", limit("100/1h"))]));
    let attempt = created(on, &phone(41), &policy).await;
    let verdicts = at_once(50, || {
        let (on, attempt, policy) = (on.clone(), attempt.clone(), policy.clone());
        async move { attempt.guess_wrong(&on, &policy).await }
    })
    .await;
    assert_eq!(verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Wrong { .. })).count(), 2);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Exhausted).count(), 1);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Locked).count(), 47);
    let status = on.store.status(&phone(41), &AppName::default(), &policy).await.unwrap();
    assert_eq!(status.limits[0].1, 3, "failures are what was compared");
    assert_eq!(status.active().unwrap().attempts, 3);
}

async fn of_fifty_requests_at_once_as_many_as_the_limit_are_sent(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("5/1h")), ("per_ip", limit("4/1h"))]));
    let answers = at_once(50, || {
        let (store, attempt, policy) = (Arc::clone(&on.store), Attempt::new(&phone(42)), policy.clone());
        async move { store.create(&attempt.new, &policy).await.unwrap() }
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| at_its_turn(answer)).count(), 4);
}

async fn apps_have_verifications_of_their_own_and_share_the_numbers_limits(on: &TestStore) {
    let policy = with_limits(limits([("per_phone", limit("2/1h")), ("total", limit("1/1h"))]));
    let shop = AppName::parse("shop").unwrap();
    let of_default = created(on, &phone(170), &policy).await;
    let of_shop = Attempt::for_app(&shop, &phone(170), client(7), &ring(1));
    of_shop.charged(on, &policy).await;
    let crossed = if of_shop.right == of_default.right { &of_shop.wrong } else { &of_shop.right };
    assert_eq!(of_default.guess(on, crossed, client(7), &policy).await, Verdict::Wrong { attempts_left: 2 });
    assert_approved(of_shop.guess_right(on, &policy).await);
    assert_approved(of_default.guess_right(on, &policy).await);
    let without_total = with_limits(limits([("per_phone", limit("2/1h"))]));
    for app in [AppName::default(), shop] {
        let another = Attempt::for_app(&app, &phone(170), client(7), &ring(1));
        assert_limited(&another.create(on, &without_total).await, "per_phone", HOUR);
    }
}

async fn a_check_by_id_is_about_that_verification_alone(on: &TestStore) {
    let earlier = created(on, &phone(171), &policy()).await;
    let newer = created(on, &phone(171), &policy()).await;
    assert_eq!(earlier.guess_by_id(on, &earlier.wrong, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(earlier.guess_by_id(on, &earlier.wrong, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    let crossed = if earlier.right == newer.right { &newer.wrong } else { &earlier.right };
    assert_eq!(newer.guess_by_id(on, crossed, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(newer.guess_by_id(on, &newer.right, &policy()).await, Verdict::Approved(newer.new.message.id));
    assert_eq!(newer.guess_by_id(on, &newer.right, &policy()).await, Verdict::Used);
    assert_eq!(earlier.guess_by_id(on, &earlier.right, &policy()).await, Verdict::Canceled);
    let unknown = Attempt::new(&phone(171));
    assert_eq!(unknown.guess_by_id(on, &unknown.right, &policy()).await, Verdict::Absent);
    let foreign = Attempt { ring: ring(3), ..newer };
    let verdict = foreign.guess_by_id(on, &foreign.right, &policy()).await;
    assert!(matches!(verdict, Verdict::Used | Verdict::Unreadable), "{verdict:?}");
}

async fn a_verification_stays_as_a_status_until_deadline_and_linger(on: &TestStore) {
    let approved = created(on, &phone(172), &policy()).await;
    assert_eq!(approved.status(on).await, Some(Status::Pending));
    approved.guess_right(on, &policy()).await;
    let failed = created(on, &phone(173), &policy()).await;
    for _ in 0..3 {
        failed.guess_wrong(on, &policy()).await;
    }
    let expired = created(on, &phone(174), &policy()).await;
    on.advance(15 * MINUTE - LEEWAY).await;
    assert_eq!(approved.status(on).await, Some(Status::Approved));
    assert_eq!(failed.status(on).await, Some(Status::Failed));
    assert_eq!(expired.status(on).await, Some(Status::Expired));
    on.advance(LEEWAY).await;
    for gone in [approved, failed, expired] {
        assert_eq!(gone.status(on).await, None);
    }
}

async fn a_replaced_verification_stays_as_a_status(on: &TestStore) {
    let approved = created(on, &phone(175), &policy()).await;
    approved.guess_right(on, &policy()).await;
    let replaced = created(on, &phone(175), &policy()).await;
    let newest = created(on, &phone(175), &policy()).await;
    assert_eq!(replaced.status(on).await, Some(Status::Pending), "nobody knows yet which code is on the phone");
    newest.confirm(on, &policy()).await;
    assert_eq!(approved.status(on).await, Some(Status::Approved));
    assert_eq!(replaced.status(on).await, Some(Status::Canceled));
    assert_eq!(newest.status(on).await, Some(Status::Pending));
    assert_eq!(replaced.guess_by_id(on, &replaced.right, &policy()).await, Verdict::Canceled);
    // However many there are, storage is bounded.
    for _ in 0..20 {
        created(on, &phone(175), &policy()).await.confirm(on, &policy()).await;
    }
    let status = on.store.status(&phone(175), &AppName::default(), &policy()).await.unwrap();
    assert!(status.verifications.len() <= 8, "{} are kept", status.verifications.len());
}

async fn deliveries_move_forward_only(on: &TestStore) {
    use DeliveryStatus::{Accepted, Delivered, Failed, Read, Sent};
    let attempt = created(on, &phone(176), &policy()).await;
    let report = |status, reason| DeliveryReport {
        id: attempt.new.message.id,
        app: attempt.new.message.app.clone(),
        phone: attempt.new.message.phone.clone(),
        delivery: 1,
        channel: Channel::whatsapp(),
        status,
        reason,
        message: None,
    };
    let record =
        async |status, reason| match on.store.record_delivery(&report(status, reason), &policy()).await.unwrap() {
            Progress::Recorded { before, .. } => Ok(before),
            Progress::Stale(status) => Err(status),
            Progress::Absent => panic!("it is absent"),
        };
    assert_eq!(record(Sent, None).await, Ok(None));
    assert_eq!(record(Accepted, None).await, Err(Sent));
    assert_eq!(record(Sent, None).await, Err(Sent), "a duplicate");
    assert_eq!(record(Failed, Some(UndeliveredReason::NotOnWhatsApp)).await, Ok(Some(Sent)));
    let deliveries = async || {
        let status = on.store.status(&phone(176), &AppName::default(), &policy()).await.unwrap();
        status.verifications.iter().find(|one| one.id == attempt.new.message.id).unwrap().deliveries.clone()
    };
    let [delivery] = &deliveries().await[..] else { panic!("one delivery") };
    assert_eq!((delivery.number, delivery.channel.as_str(), delivery.status), (1, "whatsapp", Failed));
    assert_eq!(delivery.reason.as_deref(), Some("not_on_whatsapp"));
    assert_eq!(record(Delivered, None).await, Ok(Some(Failed)), "another device had it");
    assert_eq!(record(Failed, Some(UndeliveredReason::NotOnWhatsApp)).await, Err(Delivered));
    assert_approved(attempt.guess_right(on, &policy()).await);
    assert_eq!(record(Read, None).await, Ok(Some(Delivered)), "after the approval as well");
    created(on, &phone(176), &policy()).await.confirm(on, &policy()).await;
    assert_eq!(record(Read, None).await, Err(Read), "when another has taken its place as well");
    assert_eq!(deliveries().await[0].status, Read);
    let second = DeliveryReport { delivery: 2, ..report(Sent, None) };
    assert_eq!(on.store.record_delivery(&second, &policy()).await.unwrap(), Progress::Absent, "only one was sent");
    let unknown = DeliveryReport { id: Attempt::new(&phone(176)).new.message.id, ..report(Sent, None) };
    assert_eq!(on.store.record_delivery(&unknown, &policy()).await.unwrap(), Progress::Absent);
}

/// Returns a call with that key and request.
fn call(key: &str, request: &str) -> IdempotentCall {
    let (keys, caller) = (ring(1), KeyName::parse("backend").unwrap());
    let entry = IdempotencyKey::parse(key).unwrap().entry(&keys, &caller, "create", "");
    IdempotentCall::new(entry, keys.fingerprint(request.as_bytes()), &mut SysRng).unwrap()
}

async fn begin(on: &TestStore, call: &IdempotentCall) -> Begun {
    on.store.begin(call, SEND_TIME).await.unwrap()
}

async fn finish(on: &TestStore, call: &IdempotentCall, result: Option<Finished>) {
    on.store.finish(call, result, HOUR).await.unwrap();
}

fn result(created: bool) -> Finished {
    Finished { id: Attempt::new(&phone(1)).new.message.id, created }
}

async fn of_two_calls_at_once_with_a_key_one_runs(on: &TestStore) {
    for round in 0..20 {
        let key = format!("at-once-{round}");
        let (one, other) = (call(&key, "{}"), call(&key, "{}"));
        let mut begun = <[Begun; 2]>::from(tokio::join!(begin(on, &one), begin(on, &other)));
        begun.sort_by_key(|begun| *begun != Begun::New);
        assert_eq!(begun, [Begun::New, Begun::Running]);
    }
}

async fn a_repeated_call_gets_the_result_of_the_first(on: &TestStore) {
    for created in [true, false] {
        let (key, result) = (format!("repeated-{created}"), result(created));
        let first = call(&key, "{}");
        assert_eq!(begin(on, &first).await, Begun::New);
        finish(on, &first, Some(result)).await;
        for _ in 0..2 {
            assert_eq!(begin(on, &call(&key, "{}")).await, Begun::Finished(result));
        }
        // A repetition has nothing to end.
        finish(on, &call(&key, "{}"), None).await;
        finish(on, &call(&key, "{}"), Some(self::result(!created))).await;
        assert_eq!(begin(on, &call(&key, "{}")).await, Begun::Finished(result));
    }
}

async fn a_key_is_for_one_request(on: &TestStore) {
    let first = call("reused", "{\"to\":1}");
    assert_eq!(begin(on, &first).await, Begun::New);
    assert_eq!(begin(on, &call("reused", "{\"to\":2}")).await, Begun::Reused);
    finish(on, &first, Some(result(true))).await;
    assert_eq!(begin(on, &call("reused", "{\"to\":2}")).await, Begun::Reused);
    assert_eq!(begin(on, &call("another", "{\"to\":2}")).await, Begun::New);
}

async fn a_call_without_a_result_may_run_again(on: &TestStore) {
    let first = call("again", "{}");
    assert_eq!(begin(on, &first).await, Begun::New);
    finish(on, &first, None).await;
    assert_eq!(begin(on, &call("again", "{\"to\":2}")).await, Begun::New, "even with another request");
}

async fn a_call_that_never_ended_holds_up_others_for_its_time_alone(on: &TestStore) {
    assert_eq!(begin(on, &call("lost", "{}")).await, Begun::New);
    on.advance(SEND_TIME.checked_sub(LEEWAY).unwrap()).await;
    assert_eq!(begin(on, &call("lost", "{}")).await, Begun::Running, "which extends nothing");
    on.advance(LEEWAY).await;
    assert_eq!(begin(on, &call("lost", "{}")).await, Begun::New);
}

async fn a_call_that_ends_late_leaves_another_ones_entry(on: &TestStore) {
    let (late, next, result) = (call("late", "{}"), call("late", "{}"), result(false));
    assert_eq!(begin(on, &late).await, Begun::New);
    on.advance(SEND_TIME).await;
    assert_eq!(begin(on, &next).await, Begun::New);
    for foreign in [None, Some(self::result(true))] {
        finish(on, &late, foreign).await;
        assert_eq!(begin(on, &call("late", "{}")).await, Begun::Running);
    }
    finish(on, &next, Some(result)).await;
    finish(on, &late, Some(self::result(true))).await;
    assert_eq!(begin(on, &call("late", "{}")).await, Begun::Finished(result));
    // If none has begun since, its result is worth keeping.
    let alone = call("alone", "{}");
    assert_eq!(begin(on, &alone).await, Begun::New);
    on.advance(SEND_TIME).await;
    finish(on, &alone, Some(result)).await;
    assert_eq!(begin(on, &call("alone", "{}")).await, Begun::Finished(result));
}

async fn keys_of_calls_are_forgotten_in_time(on: &TestStore) {
    let (first, result) = (call("kept", "{}"), result(true));
    assert_eq!(begin(on, &first).await, Begun::New);
    finish(on, &first, Some(result)).await;
    on.advance(HOUR.checked_sub(LEEWAY).unwrap()).await;
    assert_eq!(begin(on, &call("kept", "{}")).await, Begun::Finished(result));
    on.advance(LEEWAY).await;
    assert_eq!(begin(on, &call("kept", "{}")).await, Begun::New);
}
