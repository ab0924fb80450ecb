//! Verifications and limits in memory, for one process: the sandbox and tests.
//!
//! It makes the same decisions as the Redis scripts, in the same order, each under one lock. Nothing survives the
//! process.

mod event_queue;
mod events;
mod idempotency;
mod record;
mod suspension_port;
mod suspensions;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use self::events::Queues;
use self::idempotency::Entries;
use self::record::Record;
use self::suspensions::Suspended;
use super::{Clock, SystemClock};
use crate::otp::{
    About, AppName, Begun, Cancellation, Charge, Charged, Check, ClientAddress, Counted, Counter, Counting, Creation,
    DeliveryReport, DeliveryStatus, Denial, EventType, EventTypes, FailedMessage, Finished, IdempotentCall, Limit,
    LimitKind, Manner, Message, MessageId, NewVerification, Pacing, PhoneNumber, PhoneStatus, Policy, Progress, Refund,
    Resending, Rule, Scope, Settlement, Status, StoreError, Subject, Turn, UnixMillis, Use, Verdict, Verification,
    VerificationId, VerificationStore, World,
};

/// The minimum time between two sweeps for expired records.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// The number of slices in the window of a limit that counts by slices.
const SLICES: i64 = 30;
/// The maximum number of earlier verifications of a number kept for an app.
const MOST_EARLIER: usize = 5;

/// Keeps verifications and limits in memory until they expire.
pub struct EmbeddedStore {
    clock: Arc<dyn Clock>,
    contents: Mutex<Contents>,
    /// Rings when there are new events.
    bell: Arc<Notify>,
}

#[derive(Default)]
struct Contents {
    /// The verifications of each number and app, newest first.
    verifications: HashMap<(PhoneNumber, AppName), Vec<Record>>,
    /// By subject and name.
    counters: HashMap<(Subject, &'static str), Counts>,
    /// Failures by number and client address.
    guessers: HashMap<(PhoneNumber, World, ClientAddress), Counts>,
    /// The next turn of each sender.
    next_turns: HashMap<String, UnixMicros>,
    idempotency: Entries,
    /// The moment of the next visit to each verification.
    timers: HashMap<VerificationId, UnixMillis>,
    /// The verifications whose codes are in messages, and the moment when that is forgotten.
    messages: HashMap<MessageId, (VerificationId, UnixMillis)>,
    events: Queues,
    suspended: Suspended,
    bell: Arc<Notify>,
    next_sweep: Option<UnixMillis>,
    /// The moment of the last decision.
    last: Option<UnixMillis>,
}

/// Microseconds since 1970.
type UnixMicros = i64;

/// Events, and the moment when the last of them expires.
struct Counts {
    /// Their moments, oldest first.
    moments: Vec<UnixMillis>,
    /// Their number by slice of the window, keyed by the slice's first moment.
    slices: BTreeMap<i64, u32>,
    gone_at: UnixMillis,
}

impl Default for EmbeddedStore {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl EmbeddedStore {
    /// Creates an empty store that uses `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let contents = Contents::default();
        let bell = Arc::clone(&contents.bell);
        Self { clock, contents: Mutex::new(contents), bell }
    }

    /// Returns the number of records, counters and entries, including expired ones that have not been swept yet.
    #[must_use]
    pub fn size(&self) -> usize {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.verifications.len()
            + contents.counters.len()
            + contents.guessers.len()
            + contents.idempotency.len()
            + contents.suspended.len()
    }

    /// Clears the counters of every limit.
    pub fn reset_limits(&self) {
        let (mut contents, _) = self.open();
        contents.counters.clear();
        contents.guessers.clear();
    }

    /// Returns the contents, swept if it is time, and the moment of the decision.
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
        self.verifications.retain(|_, records| records.first().is_some_and(|newest| now < newest.gone_at));
        self.counters.retain(|_, counts| now < counts.gone_at);
        self.guessers.retain(|_, counts| now < counts.gone_at);
        self.idempotency.sweep(now);
        self.suspended.sweep(now);
        self.messages.retain(|_, (_, gone_at)| now < *gone_at);
        self.next_sweep = Some(now.plus(SWEEP_EVERY));
    }

    /// Moves events that lie ahead of a clock that was set back to now. Otherwise the reported wait would be shorter
    /// than the actual one.
    fn set_back(&mut self, now: UnixMillis) {
        let counts = self.counters.values_mut().chain(self.guessers.values_mut());
        for event in counts.flat_map(|counts| &mut counts.moments) {
            *event = now.min(*event);
        }
        self.next_sweep = None;
    }

    /// Returns the wait until the next message's turn or, as an error, until a message could get a turn in time.
    fn take_turn(&mut self, pacing: &Pacing, now: UnixMillis) -> Result<Duration, Duration> {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4);
        let (now, interval, max_wait) =
            (now.0.saturating_mul(1_000), micros(pacing.interval()), micros(pacing.max_wait));
        // No message waits longer than that, so a turn further ahead was set by another clock.
        let next = self.next_turns.get(&pacing.sender).copied();
        let next = next.filter(|next| *next <= now.saturating_add(max_wait).saturating_add(interval));
        let turn = next.map_or(now, |next| next.max(now));
        let wait = |micros: i64| Duration::from_millis(u64::try_from(micros).unwrap_or(0).div_ceil(1_000));
        if turn - now > max_wait {
            return Err(wait(turn - now - max_wait));
        }
        self.next_turns.insert(pacing.sender.clone(), turn + interval);
        Ok(wait(turn - now))
    }

    /// Returns the number's verifications for the app, newest first, after canceling those that have been replaced.
    fn records(
        &mut self,
        phone: &PhoneNumber,
        app: &AppName,
        send_time: Duration,
        now: UnixMillis,
    ) -> &mut Vec<Record> {
        let records = self.verifications.entry((phone.clone(), app.clone())).or_default();
        if records.first().is_some_and(|newest| now >= newest.gone_at) {
            records.clear();
        }
        // A verification replaces the earlier ones once the time for its send is over.
        for earlier in 1..records.len() {
            let replaced_at = records[earlier - 1].verification.created_at.plus(send_time);
            if now >= replaced_at {
                cancel(&mut records[earlier..=earlier], replaced_at);
            }
        }
        records
    }

    /// Adds the events of a number's verifications that happened in this decision.
    fn tell(&mut self, phone: &PhoneNumber, app: &AppName, types: EventTypes, now: UnixMillis) {
        let records = self.verifications.entry((phone.clone(), app.clone())).or_default();
        for record in records {
            record.tell(types, now).into_iter().for_each(|event| self.events.push(event));
        }
        self.bell.notify_one();
    }

    /// Returns the rule with the longest wait, and that wait.
    fn wait(&self, counters: &[Counter], now: UnixMillis) -> Option<(&'static LimitKind, Duration)> {
        let waits = counters.iter().flat_map(|counter| {
            let counts = self.counters.get(&(counter.subject.clone(), counter.name()));
            counter
                .rules
                .iter()
                .filter_map(move |rule| Some((rule.kind, counts?.wait(rule.limit, counter.counting, now)?)))
        });
        longest(waits)
    }

    /// Records an event in those counters.
    fn charge(&mut self, counters: &[Counter], now: UnixMillis) {
        for counter in counters {
            let counts =
                self.counters.entry((counter.subject.clone(), counter.name())).or_insert_with(|| Counts::new(now));
            counts.add(counter.window(), counter.counting, now);
        }
    }

    /// Checks every limit and, if none is reached, charges a message. Returns the wait until its turn.
    fn charge_message(
        &mut self,
        message: &Message,
        policy: &Policy,
        now: UnixMillis,
    ) -> Result<(ChargedMessage, Duration), Refused> {
        let (about, rule) = (message.about(), policy.limits.failures());
        let counters = message.counters(policy);
        let failures = rule.and_then(|rule| Some((rule.kind, self.failures_wait(&about, Some(rule), now)?)));
        if let Some((limit, retry_after)) = longest(self.wait(&counters, now).into_iter().chain(failures)) {
            return Err(Refused::Limited { limit, retry_after });
        }
        let turn = message.pacing.as_ref().map_or(Ok(Duration::ZERO), |pacing| self.take_turn(pacing, now));
        let wait = turn.map_err(|retry_after| Refused::Crowded { retry_after })?;
        self.charge(&counters, now);
        Ok((ChargedMessage { counters, reports_uses: message.manner == Manner::Resume }, wait))
    }

    /// Returns the use of each rule of these counters.
    fn uses(&self, counters: &[Counter], now: UnixMillis) -> Vec<Use> {
        let of_counter = |counter: &Counter| {
            let counts = self.counters.get(&(counter.subject.clone(), counter.name()));
            let of_rule = |rule: &Rule| Some(counts?.left(*rule, counter.counting, now));
            counter.rules.iter().filter_map(of_rule).collect::<Vec<_>>()
        };
        counters.iter().flat_map(of_counter).collect()
    }

    fn clear_failures(&mut self, about: &About<'_>) {
        let key = failures_of(about);
        self.counters.retain(|other, _| Some(other) != key.as_ref());
        self.guessers.retain(|(phone, world, _), _| phone != about.phone || *world != about.app.world());
    }

    /// Returns the wait until another guess at the number is compared.
    fn failures_wait(&self, about: &About<'_>, rule: Option<Rule>, now: UnixMillis) -> Option<Duration> {
        let limit = rule?.limit;
        let shared = self.counters.get(&failures_of(about)?);
        let own = about.client.and_then(|client| self.guessers.get(&(about.phone.clone(), about.app.world(), client)));
        [shared, own].into_iter().flatten().filter_map(|counts| counts.wait(limit, Counting::Moments, now)).max()
    }

    fn add_failure(&mut self, about: &About<'_>, rule: Option<Rule>, now: UnixMillis) {
        let (Some(Rule { limit, .. }), Some(key)) = (rule, failures_of(about)) else { return };
        let mut is_shared = true;
        if let Some(client) = about.client {
            let own = self
                .guessers
                .entry((about.phone.clone(), about.app.world(), client))
                .or_insert_with(|| Counts::new(now));
            is_shared = own.count(limit.window, now) < limit.share() as usize;
            own.add(limit.window, Counting::Moments, now);
        }
        if is_shared {
            let counts = self.counters.entry(key).or_insert_with(|| Counts::new(now));
            counts.add(limit.window, Counting::Moments, now);
        }
    }
}

/// A message that is not charged.
enum Refused {
    Limited { limit: &'static LimitKind, retry_after: Duration },
    Crowded { retry_after: Duration },
}

impl From<Refused> for Creation {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited { limit, retry_after } => Self::Limited { limit, retry_after },
            Refused::Crowded { retry_after } => Self::Crowded { retry_after },
        }
    }
}

/// The counters that a message was charged to.
struct ChargedMessage {
    counters: Vec<Counter>,
    reports_uses: bool,
}

impl ChargedMessage {
    fn of(self, contents: &Contents, wait: Duration, replaces: bool, now: UnixMillis) -> Charge {
        let Self { counters, reports_uses } = self;
        let charged = |counter: &Counter| Charged { scope: counter.scope, counter: counter.name(), at: now };
        let uses = if reports_uses { contents.uses(&counters, now) } else { Vec::new() };
        Charge { wait, replaces, charged: counters.iter().map(charged).collect(), at: now, uses }
    }
}

fn record<'r>(records: &'r mut [Record], id: &VerificationId) -> Option<&'r mut Record> {
    records.iter_mut().find(|record| record.verification.id == *id)
}

/// Returns the key of a number's failures.
fn failures_of(about: &About<'_>) -> Option<(Subject, &'static str)> {
    Some((Scope::Number.subject(about)?, Counted::Failure.as_str()))
}

/// Returns the longest wait, or the first among equals.
fn longest(waits: impl Iterator<Item = (&'static LimitKind, Duration)>) -> Option<(&'static LimitKind, Duration)> {
    waits.reduce(|one, other| if other.1 > one.1 { other } else { one })
}

/// Cancels the pending records. Returns the number of codes that were still valid.
fn cancel(records: &mut [Record], now: UnixMillis) -> u64 {
    records.iter_mut().map(|record| u64::from(record.cancel(now))).sum()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

fn slice_width(window: Duration) -> i64 {
    (millis(window) + SLICES - 1) / SLICES
}

/// Returns the first moment of the slice that contains `at`.
fn slice_of(at: UnixMillis, window: Duration) -> i64 {
    at.0 - at.0.rem_euclid(slice_width(window))
}

impl Counts {
    fn new(now: UnixMillis) -> Self {
        Self { moments: Vec::new(), slices: BTreeMap::new(), gone_at: now }
    }

    fn count(&self, window: Duration, now: UnixMillis) -> usize {
        self.moments.iter().filter(|at| now < at.plus(window)).count()
    }

    /// Returns the wait until one more event fits; `None` if one fits now.
    fn wait(&self, limit: Limit, counting: Counting, now: UnixMillis) -> Option<Duration> {
        match counting {
            Counting::Moments => {
                let max = limit.max as usize;
                if self.count(limit.window, now) < max {
                    return None;
                }
                let leaver = self.moments[self.moments.len() - max];
                Some(leaver.plus(limit.window).since(now).min(limit.window).max(Duration::from_millis(1)))
            }
            Counting::Slices => {
                let gone_at = |slice: i64| slice.min(now.0) + slice_width(limit.window) + millis(limit.window);
                let live = self.slices.iter().filter(|(slice, _)| gone_at(**slice) > now.0);
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
        }
    }

    /// Returns what is left of a rule.
    fn left(&self, rule: Rule, counting: Counting, now: UnixMillis) -> Use {
        let Limit { max, window } = rule.limit;
        let (count, first_gone_at) = match counting {
            Counting::Moments => {
                let counted = self.count(window, now).min(max as usize);
                let oldest = counted.checked_sub(1).map(|_| self.moments[self.moments.len() - counted]);
                (u32::try_from(counted).unwrap_or(max), oldest.map(|oldest| oldest.plus(window)))
            }
            Counting::Slices => {
                let gone_at = |slice: i64| slice.min(now.0) + slice_width(window) + millis(window);
                let live = self.slices.iter().filter(|(slice, _)| gone_at(**slice) > now.0);
                let oldest = live.clone().next().map(|(slice, _)| UnixMillis(gone_at(*slice)));
                (live.map(|(_, count)| count).sum(), oldest)
            }
        };
        let resets_in = first_gone_at.map_or(Duration::ZERO, |gone_at| gone_at.since(now));
        Use { rule, remaining: max.saturating_sub(count), resets_in }
    }

    fn add(&mut self, window: Duration, counting: Counting, now: UnixMillis) {
        self.gone_at = self.gone_at.max(now.plus(window));
        match counting {
            Counting::Moments => {
                let kept = self.gone_at.since(now);
                self.moments.retain(|at| now < at.plus(kept));
                self.moments.push(now);
            }
            Counting::Slices => {
                let width = slice_width(window);
                self.gone_at = self.gone_at.plus(window / 30);
                *self.slices.entry(slice_of(now, window)).or_default() += 1;
                self.slices.retain(|slice, _| slice + width + millis(window) > now.0);
            }
        }
    }

    /// Removes an event. Events of the same moment are interchangeable.
    fn remove(&mut self, at: UnixMillis, window: Duration, counting: Counting) {
        match counting {
            Counting::Moments => {
                if let Some(place) = self.moments.iter().rposition(|moment| *moment == at) {
                    self.moments.remove(place);
                }
            }
            Counting::Slices => {
                if let Some(count) = self.slices.get_mut(&slice_of(at, window)) {
                    *count = count.saturating_sub(1);
                }
            }
        }
    }
}

#[async_trait]
impl VerificationStore for EmbeddedStore {
    async fn create(&self, new: &NewVerification, policy: &Policy) -> Result<Creation, StoreError> {
        let (mut contents, now) = self.open();
        let Message { phone, app, manner, .. } = &new.message;
        let records = contents.records(phone, app, policy.send_time, now);
        let pending = records.iter().find(|record| *manner == Manner::Resume && record.is_pending(now));
        let resumed = pending.map(|record| Creation::Resumed(Box::new(record.shown(now))));
        let pending = pending.map(|record| record.verification.id);
        if let Some(id) = pending
            && !matches!(record(records, &id).map(|record| record.resend_wait(policy, now)), Some(Ok(Duration::ZERO)))
            && let Some(resumed) = resumed
        {
            return Ok(resumed);
        }
        let (charge, wait) = match contents.charge_message(&new.message, policy, now) {
            Ok(charged) => charged,
            Err(refusal) => return Ok(resumed.unwrap_or_else(|| refusal.into())),
        };
        let records = contents.records(phone, app, policy.send_time, now);
        if let Some(record) = pending.and_then(|id| record(records, &id)) {
            record.resend(now);
            let resent = Box::new(record.shown(now));
            return Ok(Creation::Resent(charge.of(&contents, wait, false, now), resent));
        }
        let mut replaces = false;
        for record in records.iter_mut().filter(|record| record.verification.status == Status::Pending) {
            if record.is_pending(now) {
                replaces = true;
            } else {
                record.finish(Status::Expired, now);
            }
        }
        records.insert(0, Record::new(new, policy, now));
        let expires_at = now.plus(policy.code_lifetime);
        let has_ended = |record: &Record| record.verification.status != Status::Pending;
        while records.iter().filter(|record| has_ended(record)).count() > MOST_EARLIER {
            if let Some(oldest) = records.iter().rposition(has_ended) {
                records.remove(oldest);
            }
        }
        contents.tell(phone, app, policy.events, now);
        if !policy.events.is_empty() {
            contents.timers.insert(new.message.id, expires_at);
        }
        Ok(Creation::Created(charge.of(&contents, wait, replaces, now)))
    }

    async fn confirm(&self, message: &Message, policy: &Policy) -> Result<(), StoreError> {
        let (mut contents, now) = self.open();
        let records = contents.records(&message.phone, &message.app, policy.send_time, now);
        if let Some(index) = records.iter().position(|record| record.verification.id == message.id) {
            cancel(&mut records[index + 1..], now);
        }
        contents.tell(&message.phone, &message.app, policy.events, now);
        Ok(())
    }

    async fn resend(&self, message: &Message, policy: &Policy) -> Result<Resending, StoreError> {
        let (mut contents, now) = self.open();
        let records = contents.records(&message.phone, &message.app, policy.send_time, now);
        let Some(found) = record(records, &message.id) else {
            return Ok(Resending::Absent);
        };
        if !found.is_pending(now) {
            return Ok(Resending::Ended(found.shown(now).status));
        }
        match found.resend_wait(policy, now) {
            Err(retry_after) => return Ok(Resending::SendsUsedUp { retry_after }),
            Ok(Duration::ZERO) => {}
            Ok(retry_after) => match LimitKind::named("resend_cooldown") {
                Some(limit) => return Ok(Resending::Limited { limit, retry_after }),
                None => return Ok(Resending::Crowded { retry_after }),
            },
        }
        let (charge, wait) = match contents.charge_message(message, policy, now) {
            Ok(charged) => charged,
            Err(Refused::Limited { limit, retry_after }) => return Ok(Resending::Limited { limit, retry_after }),
            Err(Refused::Crowded { retry_after }) => return Ok(Resending::Crowded { retry_after }),
        };
        let records = contents.records(&message.phone, &message.app, policy.send_time, now);
        let Some(found) = record(records, &message.id) else {
            return Ok(Resending::Absent);
        };
        found.resend(now);
        let resent = Box::new(found.shown(now));
        Ok(Resending::Resent(charge.of(&contents, wait, false, now), resent))
    }

    async fn check(&self, check: &Check<'_>, policy: &Policy) -> Result<Settlement, StoreError> {
        let (mut contents, now) = self.open();
        let (about, rule) = (check.about(), policy.limits.failures());
        let counters = policy.limits.counters(Counted::Check, &about);
        if let Some((limit, retry_after)) = contents.wait(&counters, now) {
            return Ok(Verdict::Limited { limit, retry_after }.into());
        }
        contents.charge(&counters, now);
        if let Some(rule) = rule
            && let Some(retry_after) = contents.failures_wait(&about, Some(rule), now)
        {
            return Ok(Verdict::Limited { limit: rule.kind, retry_after }.into());
        }

        let records = contents.records(check.phone, check.app, policy.send_time, now);
        if let Some(replay) = check.id.and_then(|id| record(records, id)?.replay(check)) {
            return Ok(replay);
        }
        let mut verdict = Verdict::Absent;
        let mut compared = Vec::new();
        let meant = |record: &Record| check.id.is_none_or(|id| record.verification.id == *id);
        for (index, record) in records.iter().enumerate().rev().filter(|(_, record)| meant(record)) {
            let sealed = check.sealed_as(&record.verification.id, record.sealed.secret_id.as_str());
            match (record.verdict_without_guess(now), sealed) {
                (Some(settled), _) => verdict = settled,
                (None, None) => verdict = Verdict::Unreadable,
                (None, Some(guess)) => compared.insert(0, (index, guess)),
            }
        }
        let Some((newest, guess)) = compared.first().cloned() else {
            return Ok(verdict.into());
        };
        // Comparing with a guess that is known to be wrong reveals nothing and costs nothing.
        if check.is_repeatable && compared.len() == 1 && records[newest].is_known_wrong(&guess.digest) {
            return Ok(records[newest].wrong().into());
        }
        let mut right = None;
        for (index, guess) in compared {
            let record = &mut records[index];
            record.verification.attempts += 1;
            if right.is_none() && record.sealed.digest == guess.digest {
                right = Some((index, guess.digest));
            } else if record.verification.attempts >= record.verification.max_attempts {
                record.finish(Status::Failed, now);
            }
        }
        let Some((index, guess)) = right else {
            let verdict = records[newest].wrong();
            let settlement = records[newest].settle(check, guess.digest, verdict);
            contents.add_failure(&about, rule, now);
            contents.tell(check.phone, check.app, policy.events, now);
            return Ok(settlement);
        };
        let verdict = Verdict::Approved(records[index].verification.id);
        records[index].finish(Status::Approved, now);
        let settlement = records[index].settle(check, guess, verdict);
        // The older codes are no longer needed. A newer one that is being sent is a verification of its own.
        cancel(&mut records[index + 1..], now);
        contents.clear_failures(&about);
        contents.tell(check.phone, check.app, policy.events, now);
        Ok(settlement)
    }

    async fn take_back(
        &self,
        message: &Message,
        number: u32,
        charge: &Charge,
        refund: Refund,
        failure: Option<&FailedMessage>,
        policy: &Policy,
    ) -> Result<(), StoreError> {
        let (mut contents, now) = self.open();
        for counter in message.counters(policy).iter().filter(|counter| refund.covers(counter.scope)) {
            let charged = charge
                .charged
                .iter()
                .find(|charged| (charged.scope, charged.counter) == (counter.scope, counter.name()));
            let counts = contents.counters.get_mut(&(counter.subject.clone(), counter.name()));
            if let (Some(charged), Some(counts)) = (charged, counts) {
                counts.remove(charged.at, counter.window(), counter.counting);
            }
        }
        if refund == Refund::Everything
            && let Some(pacing) = &message.pacing
            && let Some(next) = contents.next_turns.get_mut(&pacing.sender)
        {
            // This gives up the last turn rather than this one; the waiting messages keep theirs.
            *next -= i64::try_from(pacing.interval().as_micros()).unwrap_or(0);
        }
        let records = contents.records(&message.phone, &message.app, policy.send_time, now);
        if number > 1 {
            if let Some(resent) = record(records, &message.id) {
                resent.undo_resend(number);
                resent.fail(number, failure);
            }
            contents.tell(&message.phone, &message.app, policy.events, now);
            return Ok(());
        }
        if let Some(dropped) = record(records, &message.id) {
            dropped.fail(number, failure);
            dropped.finish(Status::Canceled, now);
        }
        contents.tell(&message.phone, &message.app, policy.events, now);
        let records = contents.records(&message.phone, &message.app, policy.send_time, now);
        records.retain(|record| record.verification.id != message.id);
        if let Some(newest) = records.first_mut() {
            newest.gone_at = newest.verification.expires_at.plus(policy.linger);
        }
        Ok(())
    }

    async fn take_turn(&self, pacing: &Pacing) -> Result<Turn, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.take_turn(pacing, now).map_or(Turn::Crowded, Turn::After))
    }

    async fn record_delivery(&self, report: &DeliveryReport, policy: &Policy) -> Result<Progress, StoreError> {
        let (mut contents, now) = self.open();
        let records = contents.records(&report.phone, &report.app, policy.send_time, now);
        let found = record(records, &report.id);
        let Some(record) = found.filter(|record| report.delivery <= record.verification.sends) else {
            return Ok(Progress::Absent);
        };
        let gone_at = record.verification.expires_at.plus(policy.linger);
        let verification = &mut record.verification;
        let before = verification.deliveries.iter().find(|delivery| delivery.number == report.delivery);
        let before = before.map(|delivery| delivery.status);
        if let Some(before) = before.filter(|before| report.status <= *before) {
            return Ok(Progress::Stale(before));
        }
        // Once the code is of no use, it does not matter that a message failed.
        let is_open = matches!(verification.status, Status::Pending | Status::Expired);
        if report.status == DeliveryStatus::Failed && !is_open {
            return Ok(Progress::Stale(before.unwrap_or(report.status)));
        }
        let since_sent = now.since(verification.sent_at);
        verification.note(report, now);
        let was_delivered = before.is_some_and(|before| before >= DeliveryStatus::Delivered);
        if is_open && report.status >= DeliveryStatus::Delivered && !was_delivered {
            record.happened(EventType::Delivered);
        } else if report.status == DeliveryStatus::Failed {
            record.happened(EventType::Undelivered);
        }
        contents.tell(&report.phone, &report.app, policy.events, now);
        if let Some(message) = &report.message {
            contents.messages.insert(message.clone(), (report.id, gone_at));
        }
        Ok(Progress::Recorded { before, since_sent })
    }

    async fn begin(&self, call: &IdempotentCall, hold: Duration) -> Result<Begun, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.idempotency.begin(call, hold, now))
    }

    async fn finish(&self, call: &IdempotentCall, result: Option<Finished>, keep: Duration) -> Result<(), StoreError> {
        let (mut contents, now) = self.open();
        contents.idempotency.finish(call, result, keep, now);
        Ok(())
    }

    async fn cancel(
        &self,
        phone: &PhoneNumber,
        apps: &[(AppName, EventTypes)],
        limits: bool,
        policy: &Policy,
    ) -> Result<Cancellation, StoreError> {
        let (mut contents, now) = self.open();
        let mut verifications = 0;
        for (app, types) in apps {
            verifications += cancel(contents.records(phone, app, policy.send_time, now), now);
            contents.tell(phone, app, *types, now);
        }
        let mut dropped = false;
        if limits {
            let app = apps.first().map(|(app, _)| app.clone()).unwrap_or_default();
            let about = About { app: &app, phone, client: None };
            let number = Scope::Number.subject(&about);
            contents.counters.retain(|(subject, _), counts| {
                let is_of_number = Some(subject) == number.as_ref();
                dropped |= is_of_number && now < counts.gone_at && !counts.moments.is_empty();
                !is_of_number
            });
            contents.guessers.retain(|(guessed, world, _), _| guessed != phone || *world != app.world());
        }
        Ok(Cancellation { verifications, limits: dropped })
    }

    async fn cancel_one(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Option<Verification>, StoreError> {
        let (mut contents, now) = self.open();
        let found = record(contents.records(phone, app, policy.send_time, now), id);
        let canceled = found.map(|record| {
            record.cancel(now);
            record.shown(now)
        });
        contents.tell(phone, app, policy.events, now);
        Ok(canceled)
    }

    async fn deny(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Denial, StoreError> {
        let (mut contents, now) = self.open();
        let Some(record) = record(contents.records(phone, app, policy.send_time, now), id) else {
            return Ok(Denial::Absent);
        };
        if !record.is_pending(now) {
            return Ok(Denial::Ended);
        }
        record.deny(now);
        contents.tell(phone, app, policy.events, now);
        Ok(Denial::Denied)
    }

    async fn verification_of(&self, message: &MessageId) -> Result<Option<VerificationId>, StoreError> {
        let (contents, now) = self.open();
        let found = contents.messages.get(message).filter(|(_, gone_at)| now < *gone_at);
        Ok(found.map(|(id, _)| *id))
    }

    async fn due(&self, most: usize, lease: Duration) -> Result<Vec<VerificationId>, StoreError> {
        let (mut contents, now) = self.open();
        let due = contents.timers.iter_mut().filter(|(_, at)| **at <= now).take(most);
        Ok(due.map(|(id, at)| (*id, *at = now.plus(lease)).0).collect())
    }

    async fn visit(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Option<Duration>, StoreError> {
        let (mut contents, now) = self.open();
        let records = contents.records(phone, app, policy.send_time, now);
        for record in records.iter_mut().filter(|record| !record.is_pending(now)) {
            record.cancel(now);
        }
        let left = record(records, id).map(|record| record.verification.expires_at.since(now));
        contents.tell(phone, app, policy.events, now);
        Ok(left.filter(|left| !left.is_zero()))
    }

    async fn visited(&self, visits: &[(VerificationId, Option<Duration>)]) -> Result<(), StoreError> {
        let (mut contents, now) = self.open();
        for (id, next) in visits {
            match next {
                Some(next) => contents.timers.insert(*id, now.plus(*next)),
                None => contents.timers.remove(id),
            };
        }
        Ok(())
    }

    async fn status(&self, phone: &PhoneNumber, app: &AppName, policy: &Policy) -> Result<PhoneStatus, StoreError> {
        let (mut contents, now) = self.open();
        let records = contents.records(phone, app, policy.send_time, now);
        let verifications = records.iter().map(|record| record.shown(now)).collect();
        let about = About { app, phone, client: None };
        let rules = policy.limits.rules().iter().filter(|rule| rule.kind.scope == Scope::Number);
        let limits = rules.map(|rule| {
            let key = Scope::Number.subject(&about).map(|subject| (subject, rule.kind.event.as_str()));
            let counts = key.and_then(|key| contents.counters.get(&key));
            let count = counts.map_or(0, |counts| counts.count(rule.limit.window, now)).min(rule.limit.max as usize);
            let wait = counts.and_then(|counts| counts.wait(rule.limit, Counting::Moments, now)).unwrap_or_default();
            (rule.kind, u32::try_from(count).unwrap_or(u32::MAX), wait)
        });
        Ok(PhoneStatus { verifications, limits: limits.collect() })
    }

    async fn active(&self, most: usize) -> Result<Vec<Verification>, StoreError> {
        let (contents, now) = self.open();
        let newest = contents.verifications.iter().filter_map(|(key, records)| Some((key, records.first()?)));
        let mut active: Vec<_> = newest
            .filter(|(_, record)| now < record.gone_at)
            .filter(|((_, app), _)| !app.is_test())
            .filter(|(_, record)| !matches!(record.verification.status, Status::Approved | Status::Canceled))
            .map(|(_, record)| record.shown(now))
            .collect();
        active.sort_unstable_by(|one, other| (&one.subject, &one.app).cmp(&(&other.subject, &other.app)));
        active.truncate(most);
        Ok(active)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
