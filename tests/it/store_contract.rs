//! What every store promises, written once and run on each of them.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SysRng;
use whatsapp_otp::otp::{
    Charge, Check, ClientAddress, Code, CodeLength, CodeStore, DigestKey, Guess, KeyRing, Limit, LimitKind, Limits,
    NewCode, Pacing, PhoneNumber, Policy, RecordId, Refund, Reservation, StoreError, Turn, Verdict,
};
use whatsapp_otp::store::redis::Subject;

use crate::harness::stores::TestStore;
use crate::harness::topology::Kind;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// Longer than anything here takes on Redis, too.
const SEND_TIME: Duration = MINUTE;
/// Longer than anything here takes on Redis, whose clock goes on by itself; shorter than any step of time.
const LEEWAY: Duration = Duration::from_secs(20);

/// Whether a code was reserved and need not wait for its turn.
pub fn at_its_turn(reservation: Reservation) -> bool {
    matches!(reservation, Reservation::Reserved(charge) if charge.wait.is_zero())
}

/// Runs each promise on each store.
macro_rules! contract {
    ($($promise:ident)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() { super::$promise(&super::TestStore::embedded()).await; })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() { super::on_redis(super::TestStore::redis(), super::$promise).await; })*
        }
        mod redis_hashed {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
                let key = super::DigestKey::new(vec![9; 32]).unwrap();
                super::on_redis(super::TestStore::redis_with(super::Subject::Hashed(key)), super::$promise).await;
            })*
        }
        mod redis_sentinel {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
                super::on_redis(super::TestStore::replicated(super::Kind::Sentinel).await, super::$promise).await;
            })*
        }
        mod redis_cluster {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $promise() {
                super::on_redis(super::TestStore::replicated(super::Kind::Cluster).await, super::$promise).await;
            })*
        }
    };
}

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
    revoking_drops_the_code_and_if_asked_the_limits
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
}

/// Runs a promise on Redis, then checks that everything left there goes away by itself.
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
        limits: Limits::default(),
        send_time: SEND_TIME,
        pacing: None,
    }
}

pub fn with_limits(limits: Limits) -> Policy {
    Policy { limits, ..policy() }
}

#[expect(clippy::unnecessary_wraps, reason = "`Limits` holds options")]
pub fn limit(text: &str) -> Option<Limit> {
    Some(text.parse().unwrap())
}

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(DigestKey::new(vec![byte; 32]).unwrap(), Vec::new())
}

pub fn phone(last_digits: u32) -> PhoneNumber {
    PhoneNumber::parse(&format!("1555123{last_digits:04}")).unwrap()
}

pub fn client(last: u8) -> ClientAddress {
    IpAddr::from([203, 0, 113, last]).into()
}

/// A fresh code for a phone, and guesses at it.
#[derive(Clone)]
pub struct Attempt {
    pub record: NewCode,
    pub right: String,
    pub wrong: String,
    ring: KeyRing,
}

impl Attempt {
    pub fn new(phone: &PhoneNumber) -> Self {
        Self::of(phone, client(7), &ring(1))
    }

    fn of(phone: &PhoneNumber, client: ClientAddress, ring: &KeyRing) -> Self {
        let code = Code::generate(CodeLength::new(6).unwrap(), &mut SysRng).unwrap();
        let id = RecordId::generate(&mut SysRng).unwrap();
        let sealed = ring.seal(&id, phone, &code);
        Self {
            right: code.expose().to_owned(),
            wrong: crate::harness::reply::wrong(code.expose()),
            record: NewCode { id, phone: phone.clone(), client: Some(client), sealed },
            ring: ring.clone(),
        }
    }

    async fn reserve(&self, on: &TestStore, policy: &Policy) -> Reservation {
        on.store.reserve(&self.record, policy).await.unwrap()
    }

    /// Reserves, which must succeed at once.
    async fn charged(&self, on: &TestStore, policy: &Policy) -> Charge {
        match self.reserve(on, policy).await {
            Reservation::Reserved(charge) if charge.wait.is_zero() => charge,
            other => panic!("not reserved at once: {other:?}"),
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

    /// A guess of which nobody says that it will be settled.
    pub async fn try_guess(
        &self,
        store: &dyn CodeStore,
        text: &str,
        client: ClientAddress,
        policy: &Policy,
    ) -> Result<Verdict, StoreError> {
        let guess = Guess::parse(text, policy.code_length).unwrap();
        store
            .verify(&Check { phone: &self.record.phone, client: Some(client), guess: &guess, keys: &self.ring }, policy)
            .await
    }

    async fn take_back(&self, on: &TestStore, charge: Charge, refund: Refund, policy: &Policy) {
        on.store.take_back(&self.record, charge, refund, policy).await.unwrap();
    }

    async fn confirm(&self, on: &TestStore, policy: &Policy) {
        on.store.confirm(&self.record, policy).await.unwrap();
    }
}

async fn reserved(on: &TestStore, phone: &PhoneNumber, policy: &Policy) -> Attempt {
    let attempt = Attempt::new(phone);
    attempt.charged(on, policy).await;
    attempt
}

/// The wait of a refusal, which must be by `kind` and about `expected` long.
fn assert_limited(reservation: Reservation, kind: LimitKind, expected: Duration) {
    let Reservation::Limited { kind: by, retry_after } = reservation else { panic!("not limited: {reservation:?}") };
    assert_eq!(by, kind);
    assert_about(retry_after, expected);
}

fn assert_about(actual: Duration, expected: Duration) {
    assert!(actual <= expected && actual + LEEWAY > expected && !actual.is_zero(), "{actual:?}, expected {expected:?}");
}

async fn a_code_is_accepted_once(on: &TestStore) {
    let attempt = reserved(on, &phone(1), &policy()).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Accepted);
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Absent);
}

async fn an_unknown_phone_has_no_code(on: &TestStore) {
    assert_eq!(Attempt::new(&phone(2)).guess_right(on, &policy()).await, Verdict::Absent);
}

async fn wrong_guesses_are_counted_down_and_lock_even_the_right_one(on: &TestStore) {
    let attempt = reserved(on, &phone(3), &policy()).await;
    assert_eq!(attempt.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(attempt.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    assert_eq!(attempt.guess_wrong(on, &policy()).await, Verdict::Locked);
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Locked);
    let attempt = reserved(on, &phone(3), &policy()).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Accepted);
}

async fn a_locked_code_stays_locked_until_its_record_goes(on: &TestStore) {
    let attempt = reserved(on, &phone(4), &policy()).await;
    for _ in 0..3 {
        attempt.guess_wrong(on, &policy()).await;
    }
    on.advance(6 * MINUTE).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Locked);
    on.advance(9 * MINUTE).await;
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Absent);
}

async fn a_code_expires_and_its_record_lingers(on: &TestStore) {
    let attempt = reserved(on, &phone(5), &policy()).await;
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
    let old = reserved(on, &phone(6), &policy()).await;
    old.guess_wrong(on, &policy()).await;
    let new = reserved(on, &phone(6), &policy()).await;
    new.confirm(on, &policy()).await;
    assert_eq!(old.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(new.guess_right(on, &policy()).await, Verdict::Accepted);
}

async fn codes_of_different_phones_do_not_mix(on: &TestStore) {
    let one = reserved(on, &phone(7), &policy()).await;
    let other = reserved(on, &phone(8), &policy()).await;
    let crossed = if one.right == other.right { &one.wrong } else { &one.right };
    let crossed = other.guess(on, crossed, client(7), &policy()).await;
    assert_eq!(crossed, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(one.guess_right(on, &policy()).await, Verdict::Accepted);
    assert_eq!(other.guess_right(on, &policy()).await, Verdict::Accepted);
}

async fn a_code_that_was_not_sent_is_taken_back_with_its_charges(on: &TestStore) {
    let policy = with_limits(Limits {
        per_phone: limit("1/1h"),
        resend_cooldown: Some(MINUTE),
        per_ip: limit("1/1h"),
        ..Limits::default()
    });
    let attempt = Attempt::new(&phone(9));
    let charge = attempt.charged(on, &policy).await;
    attempt.take_back(on, charge, Refund::Everything, &policy).await;
    assert_eq!(attempt.guess_right(on, &policy).await, Verdict::Absent);
    reserved(on, &phone(9), &policy).await;
}

async fn taking_back_an_older_code_leaves_the_newer_one(on: &TestStore) {
    let old = Attempt::new(&phone(10));
    let charge = old.charged(on, &policy()).await;
    let new = reserved(on, &phone(10), &policy()).await;
    old.take_back(on, charge, Refund::Everything, &policy()).await;
    assert_eq!(new.guess_right(on, &policy()).await, Verdict::Accepted);
}

async fn a_refused_code_leaves_the_earlier_one_in_force_with_the_guesses_that_it_had(on: &TestStore) {
    let earlier = reserved(on, &phone(130), &policy()).await;
    earlier.guess_wrong(on, &policy()).await;
    on.advance(2 * MINUTE).await;
    for refund in [Refund::Everything, Refund::Phone, Refund::Nothing] {
        let refused = Attempt::new(&phone(130));
        let charge = refused.charged(on, &policy()).await;
        assert!(charge.replaces);
        refused.take_back(on, charge, refund, &policy()).await;
        // It is as dead as one that never was: no attempt of its own is left.
        assert_eq!(on.store.status(&phone(130), &policy()).await.unwrap().code.unwrap().attempts, 1);
    }
    assert_eq!(earlier.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    // Its lifetime is that from before.
    on.advance((3 * MINUTE).checked_sub(LEEWAY).unwrap()).await;
    let refused = Attempt::new(&phone(130));
    let charge = refused.charged(on, &policy()).await;
    refused.take_back(on, charge, Refund::Phone, &policy()).await;
    on.advance(LEEWAY).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Expired);
    on.advance(10 * MINUTE).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Absent);
}

async fn while_a_code_is_being_sent_the_earlier_one_is_good_as_well(on: &TestStore) {
    let (earlier, new) = (reserved(on, &phone(131), &policy()).await, reserved(on, &phone(131), &policy()).await);
    assert_eq!(new.guess_right(on, &policy()).await, Verdict::Accepted);
    for code in [&earlier, &new] {
        assert_eq!(code.guess_right(on, &policy()).await, Verdict::Absent, "the new one was used");
    }
}

async fn a_guess_counts_against_every_code_that_it_is_compared_with(on: &TestStore) {
    let earlier = reserved(on, &phone(132), &policy()).await;
    earlier.guess_wrong(on, &policy()).await;
    let refused = Attempt::new(&phone(132));
    let charge = refused.charged(on, &policy()).await;
    // The third guess at the earlier code, the second at the new one.
    assert_eq!(refused.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(refused.guess_wrong(on, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Locked, "the last attempt of the new one as well");
    refused.take_back(on, charge, Refund::Phone, &policy()).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Locked);
}

async fn of_several_codes_being_sent_each_ends_those_before_it(on: &TestStore) {
    // A double click on "send again": the second message is refused, the first one arrives.
    let first = reserved(on, &phone(133), &policy()).await;
    let (one, other) = (reserved(on, &phone(133), &policy()).await, Attempt::new(&phone(133)));
    let charge = other.charged(on, &policy()).await;
    other.take_back(on, charge, Refund::Nothing, &policy()).await;
    one.confirm(on, &policy()).await;
    assert_eq!(first.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(one.guess_right(on, &policy()).await, Verdict::Accepted);

    // The same, and the first message is told last.
    let first = reserved(on, &phone(134), &policy()).await;
    let (one, other) = (reserved(on, &phone(134), &policy()).await, reserved(on, &phone(134), &policy()).await);
    other.confirm(on, &policy()).await;
    one.confirm(on, &policy()).await;
    assert_eq!(first.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(one.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 1 });
    assert_eq!(other.guess_right(on, &policy()).await, Verdict::Accepted);

    // However many are asked for, the one that was there before is not forgotten.
    let first = reserved(on, &phone(135), &policy()).await;
    let mut charges = Vec::new();
    for _ in 0..6 {
        let refused = Attempt::new(&phone(135));
        charges.push((refused.charged(on, &policy()).await, refused));
    }
    for (charge, refused) in charges {
        refused.take_back(on, charge, Refund::Everything, &policy()).await;
    }
    assert_eq!(first.guess_right(on, &policy()).await, Verdict::Accepted);
}

async fn a_send_that_never_told_has_replaced_the_earlier_code_when_its_time_is_up(on: &TestStore) {
    let earlier = reserved(on, &phone(136), &policy()).await;
    let untold = reserved(on, &phone(136), &policy()).await;
    on.advance(SEND_TIME).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(untold.guess_right(on, &policy()).await, Verdict::Accepted);
}

async fn a_verified_code_leaves_the_one_that_is_being_sent(on: &TestStore) {
    let earlier = reserved(on, &phone(137), &policy()).await;
    let sending = reserved(on, &phone(137), &policy()).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Accepted);
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Wrong { attempts_left: 1 }, "it is used up");
    sending.confirm(on, &policy()).await;
    assert_eq!(sending.guess_right(on, &policy()).await, Verdict::Accepted);

    let earlier = reserved(on, &phone(137), &policy()).await;
    let refused = Attempt::new(&phone(137));
    let charge = refused.charged(on, &policy()).await;
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Accepted);
    refused.take_back(on, charge, Refund::Phone, &policy()).await;
    assert_eq!(refused.guess_right(on, &policy()).await, Verdict::Absent);
}

async fn what_is_given_back_depends_on_who_is_at_fault(on: &TestStore) {
    let one = limit("1/1h");
    for (last, refund, limited_by) in [
        (138, Refund::Everything, None),
        (139, Refund::Phone, Some(LimitKind::PerIp)),
        (140, Refund::Nothing, Some(LimitKind::PerPhone)),
    ] {
        let limits = Limits { per_phone: one, per_ip: one, ..Limits::default() };
        let policy = with_limits(limits);
        let address = client(u8::try_from(last).unwrap());
        let refused = Attempt::of(&phone(last), address, &ring(1));
        let charge = refused.charged(on, &policy).await;
        refused.take_back(on, charge, refund, &policy).await;
        assert_eq!(refused.guess_right(on, &policy).await, Verdict::Absent);
        match (Attempt::of(&phone(last), address, &ring(1)).reserve(on, &policy).await, limited_by) {
            (Reservation::Reserved(_), None) => {}
            // Where the address is on a server of its own, it is asked first.
            (Reservation::Limited { kind, .. }, Some(expected)) => {
                assert!(kind == expected || kind == LimitKind::PerIp, "{refund:?}: {kind:?}");
            }
            (other, _) => panic!("{refund:?}: {other:?}"),
        }
    }
    // A phone that keeps its charge keeps it for others, too.
    let per_phone = with_limits(Limits { per_phone: one, ..Limits::default() });
    let elsewhere = Attempt::of(&phone(140), client(9), &ring(1));
    assert_limited(elsewhere.reserve(on, &per_phone).await, LimitKind::PerPhone, HOUR);
    // What the app may send is given back unless the recipient is at fault.
    let total = with_limits(Limits { total: one, ..Limits::default() });
    for (last, refund) in [(141, Refund::Everything), (142, Refund::Phone), (143, Refund::Nothing)] {
        let refused = Attempt::new(&phone(last));
        let charge = refused.charged(on, &total).await;
        refused.take_back(on, charge, refund, &total).await;
    }
    assert!(matches!(
        Attempt::new(&phone(144)).reserve(on, &total).await,
        Reservation::Limited { kind: LimitKind::Total, .. }
    ));
}

async fn a_charge_given_back_is_one_of_several(on: &TestStore) {
    let policy = with_limits(Limits { per_phone: limit("3/1h"), per_ip: limit("3/1h"), ..Limits::default() });
    reserved(on, &phone(43), &policy).await;
    on.advance(30 * MINUTE).await;
    reserved(on, &phone(43), &policy).await;
    let refused = Attempt::new(&phone(43));
    let charge = refused.charged(on, &policy).await;
    refused.take_back(on, charge, Refund::Everything, &policy).await;
    reserved(on, &phone(43), &policy).await;
    // The older ones are as old as they were.
    let elsewhere = Attempt::of(&phone(43), client(11), &ring(1));
    assert_limited(elsewhere.reserve(on, &policy).await, LimitKind::PerPhone, 30 * MINUTE);
    assert_limited(Attempt::new(&phone(44)).reserve(on, &policy).await, LimitKind::PerIp, 30 * MINUTE);
}

async fn a_turn_given_back_is_anothers(on: &TestStore) {
    let policy = paced(1, HOUR);
    let attempt = Attempt::new(&phone(45));
    let charge = attempt.charged(on, &policy).await;
    attempt.take_back(on, charge, Refund::Everything, &policy).await;
    reserved(on, &phone(46), &policy).await;
    assert!(!at_its_turn(Attempt::new(&phone(47)).reserve(on, &policy).await));
}

async fn the_limit_per_phone_holds_in_every_window(on: &TestStore) {
    let policy = with_limits(Limits { per_phone: limit("3/1h"), ..Limits::default() });
    reserved(on, &phone(11), &policy).await;
    on.advance(30 * MINUTE).await;
    reserved(on, &phone(11), &policy).await;
    reserved(on, &phone(11), &policy).await;
    // Three in the last half hour: a counter that starts anew each hour would let three more through soon.
    assert_limited(Attempt::new(&phone(11)).reserve(on, &policy).await, LimitKind::PerPhone, 30 * MINUTE);
    on.advance(30 * MINUTE).await;
    reserved(on, &phone(11), &policy).await;
    assert_limited(Attempt::new(&phone(11)).reserve(on, &policy).await, LimitKind::PerPhone, 30 * MINUTE);
    on.advance(30 * MINUTE).await;
    reserved(on, &phone(11), &policy).await;
    reserved(on, &phone(11), &policy).await;
    assert_limited(Attempt::new(&phone(11)).reserve(on, &policy).await, LimitKind::PerPhone, 30 * MINUTE);
    reserved(on, &phone(12), &policy).await;
}

async fn the_cooldown_holds_between_two_sends(on: &TestStore) {
    let policy = with_limits(Limits { resend_cooldown: Some(2 * MINUTE), ..Limits::default() });
    reserved(on, &phone(13), &policy).await;
    assert_limited(Attempt::new(&phone(13)).reserve(on, &policy).await, LimitKind::ResendCooldown, 2 * MINUTE);
    on.advance(MINUTE).await;
    assert_limited(Attempt::new(&phone(13)).reserve(on, &policy).await, LimitKind::ResendCooldown, MINUTE);
    on.advance(MINUTE).await;
    reserved(on, &phone(13), &policy).await;
}

async fn the_limit_per_ip_counts_all_phones_of_an_address(on: &TestStore) {
    let policy = with_limits(Limits { per_ip: limit("2/1h"), ..Limits::default() });
    reserved(on, &phone(14), &policy).await;
    reserved(on, &phone(15), &policy).await;
    assert_limited(Attempt::new(&phone(16)).reserve(on, &policy).await, LimitKind::PerIp, HOUR);
    let elsewhere = Attempt::of(&phone(16), client(8), &ring(1));
    assert!(at_its_turn(elsewhere.reserve(on, &policy).await));
    on.advance(HOUR).await;
    reserved(on, &phone(16), &policy).await;
}

async fn guesses_of_one_address_are_limited_whether_there_are_codes_or_not(on: &TestStore) {
    let policy = with_limits(Limits { checks_per_ip: limit("3/1h"), ..Limits::default() });
    let attempt = reserved(on, &phone(150), &policy).await;
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
    let Verdict::Limited { kind, retry_after } = attempt.guess_right(on, &policy).await else { panic!("not limited") };
    assert_eq!(kind, LimitKind::ChecksPerIp);
    assert_about(retry_after, 30 * MINUTE);
    // It was not compared, and what others guess is not limited by it.
    assert_eq!(attempt.guess(on, &attempt.right, client(8), &policy).await, Verdict::Accepted);
}

async fn without_an_address_no_limit_by_address_holds(on: &TestStore) {
    let policy = with_limits(Limits { per_ip: limit("1/1h"), checks_per_ip: limit("1/1h"), ..Limits::default() });
    for last in 152..155 {
        let mut attempt = Attempt::new(&phone(last));
        attempt.record.client = None;
        attempt.charged(on, &policy).await;
        for text in [&attempt.wrong, &attempt.right] {
            let guess = Guess::parse(text, policy.code_length).unwrap();
            let check = Check { phone: &phone(last), client: None, guess: &guess, keys: &attempt.ring };
            let verdict = on.store.verify(&check, &policy).await.unwrap();
            assert!(matches!(verdict, Verdict::Wrong { .. } | Verdict::Accepted), "{verdict:?}");
        }
    }
}

async fn the_total_counts_all_phones_and_addresses(on: &TestStore) {
    let policy = with_limits(Limits { total: limit("3/1h"), ..Limits::default() });
    for (last, minutes) in [(1, 20), (2, 20), (3, 0)] {
        Attempt::of(&phone(155 + last), client(u8::try_from(last).unwrap()), &ring(1)).charged(on, &policy).await;
        on.advance(MINUTE * minutes).await;
    }
    let Reservation::Limited { kind: LimitKind::Total, retry_after } =
        Attempt::new(&phone(159)).reserve(on, &policy).await
    else {
        panic!("not limited")
    };
    // A slice is two minutes here: the first send may wait that long until it makes room.
    assert!(retry_after <= 22 * MINUTE && retry_after + LEEWAY > 20 * MINUTE, "{retry_after:?}");
    on.advance(retry_after).await;
    Attempt::new(&phone(159)).charged(on, &policy).await;
    assert!(matches!(Attempt::new(&phone(158)).reserve(on, &policy).await, Reservation::Limited { .. }));
}

async fn one_address_cannot_close_a_phone_for_others(on: &TestStore) {
    let policy = with_limits(Limits { failures_per_phone: limit("6/24h"), ..Limits::default() });
    for _ in 0..2 {
        let attempt = reserved(on, &phone(162), &policy).await;
        for _ in 0..3 {
            attempt.guess(on, &attempt.wrong, client(66), &policy).await;
        }
    }
    let stranger = Attempt::of(&phone(162), client(66), &ring(1));
    assert_limited(stranger.reserve(on, &policy).await, LimitKind::FailuresPerPhone, 24 * HOUR);
    let owner = reserved(on, &phone(162), &policy).await;
    let guessed = owner.guess(on, &owner.right, client(66), &policy).await;
    assert!(matches!(guessed, Verdict::Limited { kind: LimitKind::FailuresPerPhone, .. }), "{guessed:?}");
    assert_eq!(owner.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 2 });
    assert_eq!(owner.guess_right(on, &policy).await, Verdict::Accepted);
}

async fn a_verified_code_clears_the_failures(on: &TestStore) {
    let policy = with_limits(Limits { failures_per_phone: limit("3/24h"), ..Limits::default() });
    for _ in 0..3 {
        let attempt = reserved(on, &phone(163), &policy).await;
        assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 2 });
        assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 1 });
        assert_eq!(attempt.guess_right(on, &policy).await, Verdict::Accepted);
    }
    assert_eq!(on.store.status(&phone(163), &policy).await.unwrap().limits[0].1, 0);
}

async fn instances_with_shorter_windows_forget_nothing_for_others(on: &TestStore) {
    let day = with_limits(Limits { failures_per_phone: limit("3/24h"), ..Limits::default() });
    let minute = with_limits(Limits { failures_per_phone: limit("1/1m"), ..Limits::default() });
    let attempt = reserved(on, &phone(164), &day).await;
    for _ in 0..3 {
        attempt.guess_wrong(on, &day).await;
    }
    on.advance(2 * MINUTE).await;
    let attempt = reserved(on, &phone(164), &minute).await;
    assert_eq!(attempt.guess_wrong(on, &minute).await, Verdict::Wrong { attempts_left: 2 });
    on.advance(HOUR).await;
    let reservation = Attempt::new(&phone(164)).reserve(on, &day).await;
    assert_limited(reservation, LimitKind::FailuresPerPhone, 23 * HOUR - 2 * MINUTE);
}

async fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_is_said(on: &TestStore) {
    let policy = with_limits(Limits { per_phone: limit("2/1h"), ..Limits::default() });
    reserved(on, &phone(165), &policy).await;
    reserved(on, &phone(165), &policy).await;
    on.set_back(10 * HOUR).await;
    assert_limited(Attempt::new(&phone(165)).reserve(on, &policy).await, LimitKind::PerPhone, HOUR);
    on.advance(HOUR).await;
    reserved(on, &phone(165), &policy).await;
}

async fn failures_add_up_over_codes_and_a_new_code_does_not_reset_them(on: &TestStore) {
    let policy = with_limits(Limits { failures_per_phone: limit("4/24h"), ..Limits::default() });
    let attempt = reserved(on, &phone(17), &policy).await;
    for _ in 0..3 {
        attempt.guess_wrong(on, &policy).await;
    }
    assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Locked, "not compared, so not a failure");
    on.advance(HOUR).await;
    let attempt = reserved(on, &phone(17), &policy).await;
    assert_eq!(attempt.guess_wrong(on, &policy).await, Verdict::Wrong { attempts_left: 2 });
    let Verdict::Limited { kind, retry_after } = attempt.guess_right(on, &policy).await else {
        panic!("the right code must be refused as well");
    };
    assert_eq!(kind, LimitKind::FailuresPerPhone);
    assert_about(retry_after, 23 * HOUR);
    assert_limited(Attempt::new(&phone(17)).reserve(on, &policy).await, LimitKind::FailuresPerPhone, 23 * HOUR);
    on.advance(23 * HOUR).await;
    let attempt = reserved(on, &phone(17), &policy).await;
    assert_eq!(attempt.guess_right(on, &policy).await, Verdict::Accepted);
}

async fn the_limit_that_holds_longest_is_named(on: &TestStore) {
    let policy = with_limits(Limits {
        per_phone: limit("1/10m"),
        resend_cooldown: Some(MINUTE),
        per_ip: limit("1/1h"),
        ..Limits::default()
    });
    reserved(on, &phone(18), &policy).await;
    assert_limited(Attempt::new(&phone(18)).reserve(on, &policy).await, LimitKind::PerIp, HOUR);
    let elsewhere = Attempt::of(&phone(18), client(9), &ring(1));
    assert_limited(elsewhere.reserve(on, &policy).await, LimitKind::PerPhone, 10 * MINUTE);
}

async fn limits_that_are_off_do_not_hold(on: &TestStore) {
    for _ in 0..20 {
        reserved(on, &phone(19), &policy()).await.guess_wrong(on, &policy()).await;
    }
    let status = on.store.status(&phone(19), &policy()).await.unwrap();
    assert!(status.limits.is_empty() && status.code.is_some());
}

async fn a_refused_request_changes_nothing(on: &TestStore) {
    let policy = with_limits(Limits { per_phone: limit("1/1h"), per_ip: limit("2/1h"), ..Limits::default() });
    let sent = reserved(on, &phone(20), &policy).await;
    for _ in 0..5 {
        assert_limited(Attempt::new(&phone(20)).reserve(on, &policy).await, LimitKind::PerPhone, HOUR);
    }
    assert_eq!(sent.guess_right(on, &policy).await, Verdict::Accepted, "the code that was sent is still the one");
    reserved(on, &phone(21), &policy).await;
}

async fn revoking_drops_the_code_and_if_asked_the_limits(on: &TestStore) {
    let policy =
        with_limits(Limits { per_phone: limit("1/1h"), failures_per_phone: limit("1/1h"), ..Limits::default() });
    let attempt = reserved(on, &phone(22), &policy).await;
    attempt.guess_wrong(on, &policy).await;
    let revoked = on.store.revoke(&phone(22), false).await.unwrap();
    assert!(revoked.code && !revoked.limits);
    let again = on.store.revoke(&phone(22), false).await.unwrap();
    assert!(!again.code);
    assert!(matches!(Attempt::new(&phone(22)).reserve(on, &policy).await, Reservation::Limited { .. }));
    let revoked = on.store.revoke(&phone(22), true).await.unwrap();
    assert!(!revoked.code && revoked.limits);
    let attempt = reserved(on, &phone(22), &policy).await;
    assert_eq!(attempt.guess_right(on, &policy).await, Verdict::Accepted);
}

async fn a_code_under_a_previous_secret_is_still_good(on: &TestStore) {
    let attempt = reserved(on, &phone(23), &policy()).await;
    let rotated = KeyRing::new(DigestKey::new(vec![2; 32]).unwrap(), vec![ring(1).current().clone()]);
    let newer = Attempt::of(&phone(24), client(7), &rotated);
    newer.reserve(on, &policy()).await;
    let earlier = Attempt { ring: rotated, ..attempt };
    assert!(matches!(earlier.guess_wrong(on, &policy()).await, Verdict::Wrong { .. }));
    assert_eq!(earlier.guess_right(on, &policy()).await, Verdict::Accepted);
    assert_eq!(newer.guess_right(on, &policy()).await, Verdict::Accepted);
}

async fn a_code_under_an_unknown_secret_is_not_compared(on: &TestStore) {
    let attempt = reserved(on, &phone(25), &policy()).await;
    let stranger = Attempt { ring: ring(3), ..attempt.clone() };
    for _ in 0..5 {
        assert_eq!(stranger.guess_right(on, &policy()).await, Verdict::Unreadable);
    }
    assert_eq!(attempt.guess_right(on, &policy()).await, Verdict::Accepted, "no attempt was used up");
}

async fn operators_see_codes_and_limits(on: &TestStore) {
    let policy = with_limits(Limits {
        per_phone: limit("2/1h"),
        resend_cooldown: Some(MINUTE),
        failures_per_phone: limit("5/24h"),
        ..Limits::default()
    });
    let status = on.store.status(&phone(26), &policy).await.unwrap();
    assert!(status.code.is_none() && status.limits.iter().all(|(_, count, wait)| *count == 0 && wait.is_zero()));

    let attempt = reserved(on, &phone(26), &policy).await;
    attempt.guess_wrong(on, &policy).await;
    let status = on.store.status(&phone(26), &policy).await.unwrap();
    let code = status.code.unwrap();
    assert_eq!((code.attempts, code.max_attempts), (1, 3));
    assert_eq!(code.digest, attempt.record.sealed.digest.shortened());
    assert_about(code.expires_in, 5 * MINUTE);
    let counts: Vec<_> = status.limits.iter().map(|(kind, count, _)| (*kind, *count)).collect();
    let (per_phone, cooldown, failures) = (LimitKind::PerPhone, LimitKind::ResendCooldown, LimitKind::FailuresPerPhone);
    assert_eq!(counts, [(per_phone, 1), (cooldown, 1), (failures, 1)]);
    assert_about(status.limits[1].2, MINUTE);

    for last in 27..37 {
        on.store.reserve(&Attempt::new(&phone(last)).record, &policy).await.unwrap();
    }
    assert_eq!(on.store.active(4).await.unwrap().len(), 4);
    let all = on.store.active(100).await.unwrap();
    assert_eq!(all.len(), 11);
    assert!(all.is_sorted_by(|one, other| one.subject < other.subject));
    on.store.probe().await.unwrap();
}

fn paced(per_second: u32, max_wait: Duration) -> Policy {
    let per_second = NonZeroU32::new(per_second).unwrap();
    Policy { pacing: Some(Pacing { sender: "106540352242922".to_owned(), per_second, max_wait }), ..policy() }
}

async fn codes_take_their_turns_at_the_senders_pace(on: &TestStore) {
    let policy = paced(5, HOUR);
    let mut waits = Vec::new();
    for last in 0..20 {
        match Attempt::new(&phone(100 + last)).reserve(on, &policy).await {
            Reservation::Reserved(charge) => waits.push(charge.wait),
            other => panic!("{other:?}"),
        }
    }
    // One after the other, five in a little more than a second, for messages under way. Time goes on meanwhile, on Redis.
    for (index, wait) in waits.into_iter().enumerate() {
        let most = Duration::from_millis(211) * u32::try_from(index).unwrap();
        assert!(wait <= most && wait + LEEWAY >= most, "code {index} waits {wait:?}");
    }
    on.advance(MINUTE).await;
    assert!(at_its_turn(Attempt::new(&phone(120)).reserve(on, &policy).await));
}

async fn a_code_whose_turn_would_come_too_late_is_not_stored(on: &TestStore) {
    let policy = paced(2, Duration::from_millis(500));
    reserved(on, &phone(121), &policy).await;
    Attempt::new(&phone(122)).reserve(on, &policy).await;
    let late = Attempt::new(&phone(123));
    let Reservation::Crowded { retry_after } = late.reserve(on, &policy).await else { panic!("its turn is too late") };
    assert!(!retry_after.is_zero() && retry_after <= Duration::from_millis(550), "{retry_after:?}");
    assert_eq!(late.guess_right(on, &policy).await, Verdict::Absent);
    on.advance(MINUTE).await;
    reserved(on, &phone(123), &policy).await;
}

async fn a_message_that_is_sent_again_takes_a_turn_of_its_own(on: &TestStore) {
    let policy = paced(1, Duration::from_millis(1_500));
    reserved(on, &phone(160), &policy).await;
    let Turn::After(wait) = on.store.take_turn(&policy).await.unwrap() else { panic!("there is a turn in time") };
    assert!(!wait.is_zero() && wait <= Duration::from_millis(1_050), "{wait:?}");
    assert_eq!(on.store.take_turn(&policy).await.unwrap(), Turn::Crowded);
    assert!(matches!(Attempt::new(&phone(161)).reserve(on, &policy).await, Reservation::Crowded { .. }));
    on.advance(MINUTE).await;
    assert_eq!(on.store.take_turn(&policy).await.unwrap(), Turn::After(Duration::ZERO));
}

async fn a_clock_that_was_set_back_does_not_stop_sending(on: &TestStore) {
    let policy = paced(80, Duration::from_millis(1_100));
    for last in 0..85 {
        Attempt::new(&phone(200 + last)).reserve(on, &policy).await;
    }
    on.set_back(Duration::from_secs(10)).await;
    assert!(at_its_turn(Attempt::new(&phone(300)).reserve(on, &policy).await));
    assert!(matches!(Attempt::new(&phone(301)).reserve(on, &policy).await, Reservation::Reserved(_)));
}

/// Runs `times` copies of a request at once, on several threads where the runtime has them.
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
    let attempt = reserved(on, &phone(40), &policy()).await;
    let verdicts = at_once(50, || {
        let (on, attempt) = (on.clone(), attempt.clone());
        async move { attempt.guess_right(&on, &policy()).await }
    })
    .await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Accepted).count(), 1);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Absent).count(), 49);
}

async fn of_fifty_wrong_guesses_at_once_three_are_compared(on: &TestStore) {
    let policy = with_limits(Limits { failures_per_phone: limit("100/1h"), ..Limits::default() });
    let attempt = reserved(on, &phone(41), &policy).await;
    let verdicts = at_once(50, || {
        let (on, attempt, policy) = (on.clone(), attempt.clone(), policy.clone());
        async move { attempt.guess_wrong(&on, &policy).await }
    })
    .await;
    assert_eq!(verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Wrong { .. })).count(), 2);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Locked).count(), 48);
    let status = on.store.status(&phone(41), &policy).await.unwrap();
    assert_eq!(status.limits[0].1, 3, "failures are what was compared");
    assert_eq!(status.code.unwrap().attempts, 3);
}

async fn of_fifty_requests_at_once_as_many_as_the_limit_are_sent(on: &TestStore) {
    let policy = with_limits(Limits { per_phone: limit("5/1h"), per_ip: limit("4/1h"), ..Limits::default() });
    let answers = at_once(50, || {
        let (store, attempt, policy) = (Arc::clone(&on.store), Attempt::new(&phone(42)), policy.clone());
        async move { store.reserve(&attempt.record, &policy).await.unwrap() }
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| at_its_turn(**answer)).count(), 4);
}
