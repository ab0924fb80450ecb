//! Codes and limits in memory, for one process: the sandbox and tests.
//!
//! The same decisions as the Redis scripts, in the same order, each under one lock. Nothing survives the process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Clock, PACE_WINDOW, SystemClock};
use crate::otp::{
    ActiveCode, Charge, ClientAddress, CodeStore, Limit, LimitKind, NewCode, Pacing, PhoneNumber, PhoneStatus, Policy,
    RecordId, Reservation, Revocation, SealedCode, StoreError, UnixMillis, Verdict,
};

/// Least time between two sweeps for records that nobody asked about again.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Keeps codes and limits in memory; what has expired goes.
pub struct EmbeddedStore {
    clock: Arc<dyn Clock>,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    codes: HashMap<PhoneNumber, Record>,
    sends: HashMap<PhoneNumber, Window>,
    failures: HashMap<PhoneNumber, Window>,
    address_sends: HashMap<ClientAddress, Window>,
    /// Turns of the one sender, oldest first.
    turns: Vec<UnixMillis>,
    next_sweep: Option<UnixMillis>,
}

struct Record {
    id: RecordId,
    sealed: SealedCode,
    attempts: u32,
    max_attempts: u32,
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
        contents.codes.len() + contents.sends.len() + contents.failures.len() + contents.address_sends.len()
    }

    /// The contents, swept if it is time, and the moment to decide by.
    fn open(&self) -> (MutexGuard<'_, Contents>, UnixMillis) {
        let now = self.clock.now();
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.next_sweep.is_none_or(|sweep| now >= sweep) {
            contents.sweep(now);
        }
        (contents, now)
    }
}

impl Contents {
    fn sweep(&mut self, now: UnixMillis) {
        self.codes.retain(|_, record| now < record.gone_at);
        self.sends.retain(|_, window| now < window.gone_at);
        self.failures.retain(|_, window| now < window.gone_at);
        self.address_sends.retain(|_, window| now < window.gone_at);
        self.next_sweep = Some(now.plus(SWEEP_EVERY));
    }

    /// When the next message may go, or how long until one could go in time.
    fn take_turn(&mut self, pacing: &Pacing, now: UnixMillis) -> Result<UnixMillis, Duration> {
        self.turns.retain(|turn| now < turn.plus(PACE_WINDOW));
        let per_window = pacing.per_second.get() as usize;
        let before = self.turns.len().checked_sub(per_window).map(|index| self.turns[index]);
        let turn = before.map_or(now, |before| before.plus(PACE_WINDOW).max(now));
        match turn.since(now).checked_sub(pacing.max_wait) {
            Some(late) if !late.is_zero() => Err(late),
            _ => {
                self.turns.push(turn);
                Ok(turn)
            }
        }
    }

    /// The phone's record, unless it is gone.
    fn record(&mut self, phone: &PhoneNumber, now: UnixMillis) -> Option<&mut Record> {
        self.codes.get_mut(phone).filter(|record| now < record.gone_at)
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
        window.events.retain(|at| now < at.plus(keep));
        let place = window.events.partition_point(|at| *at <= now);
        window.events.insert(place, now);
        window.gone_at = now.plus(keep);
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
        let waits = [
            (LimitKind::PerPhone, Window::wait(sends, limits.per_phone, now)),
            (LimitKind::ResendCooldown, Window::wait(sends, cooldown(policy), now)),
            (LimitKind::PerIp, Window::wait(contents.address_sends.get(&code.client), limits.per_ip, now)),
            (
                LimitKind::FailuresPerPhone,
                Window::wait(contents.failures.get(&code.phone), limits.failures_per_phone, now),
            ),
        ];
        let longest = waits.into_iter().filter_map(|(kind, wait)| wait.map(|wait| (kind, wait)));
        if let Some((kind, retry_after)) = longest.reduce(|one, other| if other.1 > one.1 { other } else { one }) {
            return Ok(Reservation::Limited { kind, retry_after });
        }

        let turn = match &policy.pacing {
            None => now,
            Some(pacing) => match contents.take_turn(pacing, now) {
                Ok(turn) => turn,
                Err(retry_after) => return Ok(Reservation::Crowded { retry_after }),
            },
        };
        let keep = limits.per_phone.map(|limit| limit.window).max(limits.resend_cooldown);
        if let Some(keep) = keep {
            Window::add(&mut contents.sends, code.phone.clone(), keep, now);
        }
        if let Some(limit) = limits.per_ip {
            Window::add(&mut contents.address_sends, code.client, limit.window, now);
        }
        let record = Record {
            id: code.id.clone(),
            sealed: code.sealed.clone(),
            attempts: 0,
            max_attempts: policy.max_attempts,
            expires_at: now.plus(policy.code_lifetime),
            gone_at: now.plus(policy.code_lifetime + policy.linger),
        };
        contents.codes.insert(code.phone.clone(), record);
        Ok(Reservation::Reserved(Charge::new(now, turn.since(now))))
    }

    async fn verify(
        &self,
        phone: &PhoneNumber,
        candidates: &[SealedCode],
        policy: &Policy,
    ) -> Result<Verdict, StoreError> {
        let (mut contents, now) = self.open();
        let failures = policy.limits.failures_per_phone;
        if let Some(retry_after) = Window::wait(contents.failures.get(phone), failures, now) {
            return Ok(Verdict::Limited { kind: LimitKind::FailuresPerPhone, retry_after });
        }
        let Some(record) = contents.record(phone, now) else { return Ok(Verdict::Absent) };
        if record.attempts >= record.max_attempts {
            return Ok(Verdict::Locked);
        }
        if now >= record.expires_at {
            return Ok(Verdict::Expired);
        }
        let Some(guess) = candidates.iter().find(|candidate| candidate.secret_id == record.sealed.secret_id) else {
            return Ok(Verdict::Unreadable);
        };

        record.attempts += 1;
        if guess.digest == record.sealed.digest {
            contents.codes.remove(phone);
            return Ok(Verdict::Accepted);
        }
        let attempts_left = record.max_attempts - record.attempts;
        if let Some(limit) = failures {
            Window::add(&mut contents.failures, phone.clone(), limit.window, now);
        }
        Ok(if attempts_left == 0 { Verdict::Locked } else { Verdict::Wrong { attempts_left } })
    }

    async fn take_back(&self, code: &NewCode, charge: Charge, _: &Policy) -> Result<(), StoreError> {
        let (mut contents, now) = self.open();
        Window::remove(&mut contents.sends, &code.phone, charge.phone_at);
        Window::remove(&mut contents.address_sends, &code.client, charge.address_at);
        remove_one(&mut contents.turns, charge.turn);
        if contents.record(&code.phone, now).is_some_and(|record| record.id == code.id) {
            contents.codes.remove(&code.phone);
        }
        Ok(())
    }

    async fn revoke(&self, phone: &PhoneNumber, limits: bool) -> Result<Revocation, StoreError> {
        let (mut contents, now) = self.open();
        let code = contents.record(phone, now).is_some();
        contents.codes.remove(phone);
        let mut dropped = false;
        if limits {
            let sends = contents.sends.remove(phone).is_some_and(|window| now < window.gone_at);
            let failures = contents.failures.remove(phone).is_some_and(|window| now < window.gone_at);
            dropped = sends || failures;
        }
        Ok(Revocation { code, limits: dropped })
    }

    async fn status(&self, phone: &PhoneNumber, policy: &Policy) -> Result<PhoneStatus, StoreError> {
        let (mut contents, now) = self.open();
        let code = contents.record(phone, now).map(|record| active_code(phone, record, now));
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
        let records = contents.codes.iter().filter(|(_, record)| now < record.gone_at);
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
