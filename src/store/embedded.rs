//! Codes and limits in memory, for one process: the sandbox and tests.
//!
//! The same decisions as the Redis scripts, in the same order, each under one lock. Nothing survives the process.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Clock, SystemClock};
use crate::otp::{
    ActiveCode, Charge, Check, ClientAddress, CodeStore, Limit, LimitKind, NewCode, Pacing, PhoneNumber, PhoneStatus,
    Policy, RecordId, Refund, Reservation, Revocation, SealedCode, StoreError, Turn, UnixMillis, Verdict,
};

/// Least time between two sweeps for records that nobody asked about again.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// In so many slices the window of a limit that counts by slices is cut.
const SLICES: i64 = 30;

/// Keeps codes and limits in memory; what has expired goes.
pub struct EmbeddedStore {
    clock: Arc<dyn Clock>,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    /// Of each phone the codes that are not replaced yet, newest first.
    codes: HashMap<PhoneNumber, Vec<Record>>,
    sends: HashMap<PhoneNumber, Window>,
    failures: HashMap<PhoneNumber, Window>,
    guessers: HashMap<(PhoneNumber, ClientAddress), Window>,
    address_sends: HashMap<ClientAddress, Window>,
    address_checks: HashMap<ClientAddress, Window>,
    /// Sends of the app by slice of the window, each by the moment that it begins with.
    total: BTreeMap<i64, u32>,
    /// When the next turn of the one sender is.
    next_turn: Option<UnixMicros>,
    next_sweep: Option<UnixMillis>,
    /// The last moment that was decided by.
    last: Option<UnixMillis>,
}

/// Microseconds since 1970.
type UnixMicros = i64;

struct Record {
    id: RecordId,
    sealed: SealedCode,
    attempts: u32,
    max_attempts: u32,
    created_at: UnixMillis,
    expires_at: UnixMillis,
    gone_at: UnixMillis,
}

/// The moments of events, oldest first, and when the youngest of them ceases to matter.
struct Window {
    events: Vec<UnixMillis>,
    gone_at: UnixMillis,
}

impl Default for EmbeddedStore {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl EmbeddedStore {
    /// An empty store that goes by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, contents: Mutex::default() }
    }

    /// How many records and windows are held, expired ones that were not swept yet included.
    #[must_use]
    pub fn size(&self) -> usize {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let windows = contents.sends.len() + contents.failures.len() + contents.guessers.len();
        contents.codes.len() + windows + contents.address_sends.len() + contents.address_checks.len()
    }

    /// The contents, swept if it is time, and the moment to decide by.
    fn open(&self) -> (MutexGuard<'_, Contents>, UnixMillis) {
        let now = self.clock.now();
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.last.is_some_and(|last| now < last) {
            contents.set_back(now);
        }
        contents.last = Some(now);
        if contents.next_sweep.is_none_or(|sweep| now >= sweep) {
            contents.sweep(now);
        }
        (contents, now)
    }
}

impl Contents {
    fn sweep(&mut self, now: UnixMillis) {
        self.codes.retain(|_, codes| codes.first().is_some_and(|newest| now < newest.gone_at));
        sweep(&mut self.sends, now);
        sweep(&mut self.failures, now);
        sweep(&mut self.guessers, now);
        sweep(&mut self.address_sends, now);
        sweep(&mut self.address_checks, now);
        self.next_sweep = Some(now.plus(SWEEP_EVERY));
    }

    /// Makes events that lie ahead of a clock that was set back events of now: otherwise the wait that is told would be
    /// shorter than the wait that follows.
    fn set_back(&mut self, now: UnixMillis) {
        let windows = self.sends.values_mut().chain(self.failures.values_mut()).chain(self.guessers.values_mut());
        let windows = windows.chain(self.address_sends.values_mut()).chain(self.address_checks.values_mut());
        for event in windows.flat_map(|window| &mut window.events) {
            *event = now.min(*event);
        }
        self.next_sweep = None;
    }

    /// How long until the next message may go, or how long until one could go in time.
    fn take_turn(&mut self, pacing: &Pacing, now: UnixMillis) -> Result<Duration, Duration> {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4);
        let (now, interval, max_wait) =
            (now.0.saturating_mul(1_000), micros(pacing.interval()), micros(pacing.max_wait));
        // No message waits longer than that, so a turn that lies further ahead is another clock's.
        let next = self.next_turn.filter(|next| *next <= now.saturating_add(max_wait).saturating_add(interval));
        let turn = next.map_or(now, |next| next.max(now));
        let wait = |micros: i64| Duration::from_millis(u64::try_from(micros).unwrap_or(0).div_ceil(1_000));
        if turn - now > max_wait {
            return Err(wait(turn - now - max_wait));
        }
        self.next_turn = Some(turn + interval);
        Ok(wait(turn - now))
    }

    /// The phone's codes that are not replaced yet, newest first.
    fn codes(&mut self, phone: &PhoneNumber, send_time: Duration, now: UnixMillis) -> &mut Vec<Record> {
        let codes = self.codes.entry(phone.clone()).or_default();
        if codes.first().is_some_and(|newest| now >= newest.gone_at) {
            codes.clear();
        }
        // The newest whose send has had its time has replaced all before it.
        if let Some(last) = codes.iter().position(|code| now >= code.created_at.plus(send_time)) {
            codes.truncate(last + 1);
        }
        codes
    }

    fn remove_code(&mut self, phone: &PhoneNumber, index: usize, linger: Duration) {
        if let Some(codes) = self.codes.get_mut(phone) {
            codes.remove(index);
            match codes.first_mut() {
                None => drop(self.codes.remove(phone)),
                Some(newest) => newest.gone_at = newest.expires_at.plus(linger),
            }
        }
    }

    /// How long until the app may send one more message, `None` if it may now.
    fn total_wait(&self, limit: Option<Limit>, now: UnixMillis) -> Option<Duration> {
        let limit = limit?;
        let (width, window) = (slice_width(limit), millis(limit.window));
        let gone_at = |slice: i64| slice.min(now.0) + width + window;
        let live = self.total.iter().filter(|(slice, _)| gone_at(**slice) > now.0);
        let mut left: u32 = live.clone().map(|(_, count)| count).sum();
        if left < limit.max {
            return None;
        }
        for (slice, count) in live {
            left -= count;
            if left < limit.max {
                return Some(Duration::from_millis(u64::try_from(gone_at(*slice) - now.0).unwrap_or(1)));
            }
        }
        Some(limit.window)
    }

    fn add_to_total(&mut self, limit: Option<Limit>, now: UnixMillis) {
        let Some(limit) = limit else { return };
        let (width, window) = (slice_width(limit), millis(limit.window));
        *self.total.entry(slice_of(now, limit)).or_default() += 1;
        self.total.retain(|slice, _| slice + width + window > now.0);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

fn slice_width(limit: Limit) -> i64 {
    (millis(limit.window) + SLICES - 1) / SLICES
}

/// The moment that the slice of a moment begins with.
fn slice_of(at: UnixMillis, limit: Limit) -> i64 {
    at.0 - at.0.rem_euclid(slice_width(limit))
}

fn sweep<K: Eq + Hash>(windows: &mut HashMap<K, Window>, now: UnixMillis) {
    windows.retain(|_, window| now < window.gone_at);
}

impl Record {
    /// Why the code is not compared with a guess, `None` if it is.
    fn dead(&self, now: UnixMillis) -> Option<Verdict> {
        if self.attempts >= self.max_attempts {
            return Some(Verdict::Locked);
        }
        (now >= self.expires_at).then_some(Verdict::Expired)
    }
}

impl Window {
    fn count(&self, length: Duration, now: UnixMillis) -> usize {
        self.events.iter().filter(|at| now < at.plus(length)).count()
    }

    /// How long until one more event fits, `None` if one does now.
    fn wait(window: Option<&Self>, limit: Option<Limit>, now: UnixMillis) -> Option<Duration> {
        let (window, limit) = (window?, limit?);
        let max = limit.max as usize;
        if window.count(limit.window, now) < max {
            return None;
        }
        let leaver = window.events[window.events.len() - max];
        Some(leaver.plus(limit.window).since(now).min(limit.window).max(Duration::from_millis(1)))
    }

    fn add<K: Eq + Hash>(windows: &mut HashMap<K, Self>, key: K, keep: Duration, now: UnixMillis) {
        let window = windows.entry(key).or_insert(Self { events: Vec::new(), gone_at: now });
        window.gone_at = window.gone_at.max(now.plus(keep));
        let kept = window.gone_at.since(now);
        window.events.retain(|at| now < at.plus(kept));
        window.events.push(now);
    }

    fn remove<K: Eq + Hash>(windows: &mut HashMap<K, Self>, key: &K, event: UnixMillis) {
        if let Some(window) = windows.get_mut(key) {
            remove_one(&mut window.events, event);
        }
    }
}

/// Those of one moment are alike.
fn remove_one(events: &mut Vec<UnixMillis>, event: UnixMillis) {
    if let Some(place) = events.iter().rposition(|at| *at == event) {
        events.remove(place);
    }
}

/// A cooldown is a window that holds one send.
fn cooldown(policy: &Policy) -> Option<Limit> {
    policy.limits.resend_cooldown.map(|window| Limit { max: 1, window })
}

#[async_trait]
impl CodeStore for EmbeddedStore {
    async fn reserve(&self, code: &NewCode, policy: &Policy) -> Result<Reservation, StoreError> {
        let (mut contents, now) = self.open();
        let limits = &policy.limits;
        let sends = contents.sends.get(&code.phone);
        let by_address = code.client.and_then(|client| contents.address_sends.get(&client));
        let own = code.client.and_then(|client| contents.guessers.get(&(code.phone.clone(), client)));
        let failures_wait = Window::wait(contents.failures.get(&code.phone), limits.failures_per_phone, now)
            .max(Window::wait(own, limits.failures_per_phone, now));
        let waits = [
            (LimitKind::PerPhone, Window::wait(sends, limits.per_phone, now)),
            (LimitKind::ResendCooldown, Window::wait(sends, cooldown(policy), now)),
            (LimitKind::PerIp, Window::wait(by_address, limits.per_ip, now)),
            (LimitKind::Total, contents.total_wait(limits.total, now)),
            (LimitKind::FailuresPerPhone, failures_wait),
        ];
        let longest = waits.into_iter().filter_map(|(kind, wait)| wait.map(|wait| (kind, wait)));
        if let Some((kind, retry_after)) = longest.reduce(|one, other| if other.1 > one.1 { other } else { one }) {
            return Ok(Reservation::Limited { kind, retry_after });
        }

        let wait = match &policy.pacing {
            None => Duration::ZERO,
            Some(pacing) => match contents.take_turn(pacing, now) {
                Ok(wait) => wait,
                Err(retry_after) => return Ok(Reservation::Crowded { retry_after }),
            },
        };
        let keep = limits.per_phone.map(|limit| limit.window).max(limits.resend_cooldown);
        if let Some(keep) = keep {
            Window::add(&mut contents.sends, code.phone.clone(), keep, now);
        }
        if let (Some(limit), Some(client)) = (limits.per_ip, code.client) {
            Window::add(&mut contents.address_sends, client, limit.window, now);
        }
        contents.add_to_total(limits.total, now);
        let record = Record {
            id: code.id.clone(),
            sealed: code.sealed.clone(),
            attempts: 0,
            max_attempts: policy.max_attempts,
            created_at: now,
            expires_at: now.plus(policy.code_lifetime),
            gone_at: now.plus(policy.code_lifetime + policy.linger),
        };
        let codes = contents.codes(&code.phone, policy.send_time, now);
        let replaces = codes.iter().any(|code| code.dead(now).is_none());
        codes.insert(0, record);
        Ok(Reservation::Reserved(Charge::new(now, wait, replaces)))
    }

    async fn confirm(&self, code: &NewCode, policy: &Policy) -> Result<(), StoreError> {
        let (mut contents, now) = self.open();
        let codes = contents.codes(&code.phone, policy.send_time, now);
        if let Some(index) = codes.iter().position(|record| record.id == code.id) {
            codes.truncate(index + 1);
        }
        Ok(())
    }

    async fn verify(&self, check: &Check<'_>, policy: &Policy) -> Result<Verdict, StoreError> {
        let (mut contents, now) = self.open();
        let phone = check.phone;
        if let (Some(limit), Some(client)) = (policy.limits.checks_per_ip, check.client) {
            let checks = contents.address_checks.get(&client);
            if let Some(retry_after) = Window::wait(checks, Some(limit), now) {
                return Ok(Verdict::Limited { kind: LimitKind::ChecksPerIp, retry_after });
            }
            Window::add(&mut contents.address_checks, client, limit.window, now);
        }
        let failures = policy.limits.failures_per_phone;
        let guesser = check.client.map(|client| (phone.clone(), client));
        let own = guesser.as_ref().and_then(|guesser| contents.guessers.get(guesser));
        let wait = Window::wait(contents.failures.get(phone), failures, now).max(Window::wait(own, failures, now));
        if let Some(retry_after) = wait {
            return Ok(Verdict::Limited { kind: LimitKind::FailuresPerPhone, retry_after });
        }

        let codes = contents.codes(phone, policy.send_time, now);
        let mut verdict = Verdict::Absent;
        let mut compared = Vec::new();
        for (index, code) in codes.iter().enumerate().rev() {
            match (code.dead(now), check.sealed_as(code.id.as_str(), code.sealed.secret_id.as_str())) {
                (Some(dead), _) => verdict = dead,
                (None, None) => verdict = Verdict::Unreadable,
                (None, Some(guess)) => compared.insert(0, (index, guess)),
            }
        }
        let Some(&(newest, _)) = compared.first() else {
            if codes.is_empty() {
                contents.codes.remove(phone);
            }
            return Ok(verdict);
        };
        let mut right = None;
        for (index, guess) in compared {
            codes[index].attempts += 1;
            if right.is_none() && codes[index].sealed.digest == guess.digest {
                right = Some(index);
            }
        }
        let attempts_left = codes[newest].max_attempts - codes[newest].attempts;
        if let Some(index) = right {
            // It is used up, and those before it are of no use any more. One that is being sent is a code of its own.
            codes.truncate(index);
            if index == 0 {
                contents.codes.remove(phone);
            }
            contents.failures.remove(phone);
            contents.guessers.retain(|(guessed, _), _| guessed != phone);
            return Ok(Verdict::Accepted);
        }
        if let Some(limit) = failures {
            let own = guesser.as_ref().and_then(|guesser| contents.guessers.get(guesser));
            if own.map_or(0, |own| own.count(limit.window, now)) < limit.share() as usize {
                Window::add(&mut contents.failures, phone.clone(), limit.window, now);
            }
            if let Some(guesser) = guesser {
                Window::add(&mut contents.guessers, guesser, limit.window, now);
            }
        }
        Ok(if attempts_left == 0 { Verdict::Locked } else { Verdict::Wrong { attempts_left } })
    }

    async fn take_back(
        &self,
        code: &NewCode,
        charge: Charge,
        refund: Refund,
        policy: &Policy,
    ) -> Result<(), StoreError> {
        let (mut contents, now) = self.open();
        if refund != Refund::Nothing {
            Window::remove(&mut contents.sends, &code.phone, charge.phone_at);
            if let Some(limit) = policy.limits.total
                && let Some(count) = contents.total.get_mut(&slice_of(charge.total_at, limit))
            {
                *count = count.saturating_sub(1);
            }
        }
        if refund == Refund::Everything {
            if let Some(client) = code.client {
                Window::remove(&mut contents.address_sends, &client, charge.address_at);
            }
            if let (Some(pacing), Some(next)) = (&policy.pacing, &mut contents.next_turn) {
                // The last turn instead of this one, which makes no difference: those who wait keep theirs.
                *next -= i64::try_from(pacing.interval().as_micros()).unwrap_or(0);
            }
        }
        let codes = contents.codes(&code.phone, policy.send_time, now);
        if let Some(index) = codes.iter().position(|record| record.id == code.id) {
            contents.remove_code(&code.phone, index, policy.linger);
        }
        Ok(())
    }

    async fn take_turn(&self, policy: &Policy) -> Result<Turn, StoreError> {
        let (mut contents, now) = self.open();
        let turn = policy.pacing.as_ref().map_or(Ok(Duration::ZERO), |pacing| contents.take_turn(pacing, now));
        Ok(turn.map_or(Turn::Crowded, Turn::After))
    }

    async fn revoke(&self, phone: &PhoneNumber, limits: bool) -> Result<Revocation, StoreError> {
        let (mut contents, now) = self.open();
        let code = contents.codes.remove(phone);
        let code = code.and_then(|codes| Some(now < codes.first()?.gone_at)).unwrap_or(false);
        let mut dropped = false;
        if limits {
            let sends = contents.sends.remove(phone).is_some_and(|window| now < window.gone_at);
            let failures = contents.failures.remove(phone).is_some_and(|window| now < window.gone_at);
            contents.guessers.retain(|(guessed, _), _| guessed != phone);
            dropped = sends || failures;
        }
        Ok(Revocation { code, limits: dropped })
    }

    async fn status(&self, phone: &PhoneNumber, policy: &Policy) -> Result<PhoneStatus, StoreError> {
        let (contents, now) = self.open();
        let newest = contents.codes.get(phone).and_then(|codes| codes.first());
        let code = newest.filter(|record| now < record.gone_at).map(|record| active_code(phone, record, now));
        let of = |kind, window: Option<&Window>, limit: Option<Limit>| {
            limit.map(|limit| {
                let count = window.map_or(0, |window| window.count(limit.window, now));
                let wait = Window::wait(window, Some(limit), now).unwrap_or_default();
                (kind, u32::try_from(count).unwrap_or(u32::MAX), wait)
            })
        };
        let (sends, failures) = (contents.sends.get(phone), contents.failures.get(phone));
        let limits = [
            of(LimitKind::PerPhone, sends, policy.limits.per_phone),
            of(LimitKind::ResendCooldown, sends, cooldown(policy)),
            of(LimitKind::FailuresPerPhone, failures, policy.limits.failures_per_phone),
        ];
        Ok(PhoneStatus { code, limits: limits.into_iter().flatten().collect() })
    }

    async fn active(&self, most: usize) -> Result<Vec<ActiveCode>, StoreError> {
        let (contents, now) = self.open();
        let records = contents.codes.iter().filter_map(|(phone, codes)| Some((phone, codes.first()?)));
        let records = records.filter(|(_, record)| now < record.gone_at);
        let mut active: Vec<_> = records.map(|(phone, record)| active_code(phone, record, now)).collect();
        active.sort_unstable_by(|one, other| one.subject.cmp(&other.subject));
        active.truncate(most);
        Ok(active)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn active_code(phone: &PhoneNumber, record: &Record, now: UnixMillis) -> ActiveCode {
    ActiveCode {
        subject: phone.digits().to_owned(),
        digest: record.sealed.digest.shortened(),
        expires_at: record.expires_at,
        expires_in: record.expires_at.since(now),
        attempts: record.attempts,
        max_attempts: record.max_attempts,
    }
}
