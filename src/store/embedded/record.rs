//! A verification in memory, and what may happen to it.

use std::time::Duration;

use crate::otp::{
    Check, CodeDigest, Delivery, DeliveryStatus, Event, EventSubject, EventType, EventTypes, FailedMessage,
    IdempotencyEntry, NewVerification, Policy, SealedCode, Settlement, Status, UnixMillis, Verdict, Verification,
};

/// The maximum number of guesses kept to be repeated.
const MOST_CHECKS: usize = 5;

/// A stored verification.
pub(super) struct Record {
    pub(super) verification: Verification,
    pub(super) sealed: SealedCode,
    pub(super) gone_at: UnixMillis,
    /// The last guesses that can be repeated, newest last.
    checks: Vec<PastCheck>,
    /// The number of events so far.
    sequence: u32,
    /// Events of the current decision.
    untold: Vec<EventType>,
    /// The message that was refused in the current decision.
    refused: Option<Delivery>,
}

/// A guess at a verification.
struct PastCheck {
    entry: Option<IdempotencyEntry>,
    guess: CodeDigest,
    verdict: Verdict,
}

impl Record {
    pub(super) fn new(new: &NewVerification, policy: &Policy, now: UnixMillis) -> Self {
        Self {
            verification: new.as_created(now, policy),
            sealed: new.sealed.clone(),
            gone_at: now.plus(policy.code_lifetime + policy.linger),
            checks: Vec::new(),
            sequence: 0,
            untold: vec![EventType::Created],
            refused: None,
        }
    }

    /// Returns the verdict on a guess that is not compared with the code; `None` if it is compared.
    pub(super) fn verdict_without_guess(&self, now: UnixMillis) -> Option<Verdict> {
        match self.verification.status {
            Status::Approved => Some(Verdict::Used),
            Status::Canceled => Some(Verdict::Canceled),
            Status::Failed => Some(Verdict::Locked),
            Status::Expired => Some(Verdict::Expired),
            Status::Pending => (now >= self.verification.expires_at).then_some(Verdict::Expired),
        }
    }

    pub(super) fn is_pending(&self, now: UnixMillis) -> bool {
        self.verdict_without_guess(now).is_none()
    }

    pub(super) fn finish(&mut self, status: Status, now: UnixMillis) {
        self.end(
            status,
            now,
            match status {
                Status::Approved => EventType::Approved,
                Status::Failed => EventType::Failed,
                Status::Expired => EventType::Expired,
                Status::Canceled | Status::Pending => EventType::Canceled,
            },
        );
    }

    /// Cancels the verification, as its recipient did not request the code.
    pub(super) fn deny(&mut self, now: UnixMillis) {
        self.end(Status::Canceled, now, EventType::Denied);
    }

    fn end(&mut self, status: Status, now: UnixMillis, event: EventType) {
        self.verification.status = status;
        self.verification.ended_at = Some(now);
        self.happened(event);
    }

    /// Takes note of an event.
    pub(super) fn happened(&mut self, event: EventType) {
        self.untold.push(event);
    }

    /// Takes note that a message was refused.
    pub(super) fn fail(&mut self, number: u32, failure: Option<&FailedMessage>) {
        if let Some(FailedMessage { channel, reason }) = failure {
            self.refused = Some(Delivery {
                number,
                channel: channel.to_string(),
                status: DeliveryStatus::Failed,
                at: self.verification.sent_at,
                reason: Some(reason.as_str().to_owned()),
                earlier: Vec::new(),
            });
            self.happened(EventType::Undelivered);
        }
    }

    /// Returns the events of the current decision that the app's endpoint is told of.
    pub(super) fn tell(&mut self, types: EventTypes, now: UnixMillis) -> Vec<Event> {
        let mut events = Vec::new();
        for event_type in std::mem::take(&mut self.untold) {
            if !types.contain(event_type) {
                continue;
            }
            self.sequence += 1;
            let sequence = self.sequence;
            let mut verification = Box::new(self.verification.clone());
            verification.digest.clear();
            if event_type == EventType::Undelivered
                && let Some(refused) = self.refused.take()
            {
                verification.deliveries.push(Delivery { at: now, ..refused });
            }
            verification.expires_in = verification.expires_at.since(now);
            let text = verification.id.to_string();
            let id = format!("evt_{}_{sequence}_{}", text.trim_start_matches("ver_"), now.0);
            let app = verification.app.clone();
            events.push(Event {
                id,
                event_type,
                app,
                at: now,
                about: EventSubject::Verification { verification, sequence },
            });
        }
        events
    }

    /// Cancels the verification, and returns `true` if its code was still valid.
    pub(super) fn cancel(&mut self, now: UnixMillis) -> bool {
        let is_pending = self.is_pending(now);
        if self.verification.status == Status::Pending {
            self.finish(if is_pending { Status::Canceled } else { Status::Expired }, now);
        }
        is_pending
    }

    /// Returns the verification as of `now`.
    pub(super) fn shown(&self, now: UnixMillis) -> Verification {
        let mut shown = self.verification.clone();
        shown.expires_in = shown.expires_at.since(now);
        if shown.status == Status::Pending && now >= shown.expires_at {
            shown.status = Status::Expired;
        }
        shown
    }

    /// Returns the wait until another message may be sent, or as an error the wait until the verification expires, as it
    /// has had all its messages.
    pub(super) fn resend_wait(&self, policy: &Policy, now: UnixMillis) -> Result<Duration, Duration> {
        if self.verification.sends >= policy.max_sends {
            return Err(self.verification.expires_at.since(now).max(Duration::from_millis(1)));
        }
        // The last message lies ahead of a clock that was set back.
        Ok(self.verification.sent_at.plus(policy.resend_cooldown).since(now).min(policy.resend_cooldown))
    }

    /// Counts another message.
    pub(super) fn resend(&mut self, now: UnixMillis) {
        self.verification.sends += 1;
        self.verification.sent_at = now;
    }

    /// Undoes the message with this number, unless there is a later one.
    pub(super) fn undo_resend(&mut self, number: u32) {
        if self.verification.sends == number {
            self.verification.sends = number - 1;
            self.verification.sent_at = self.verification.created_at;
        }
    }

    /// Returns the result of an earlier check with the same idempotency key.
    pub(super) fn replay(&self, check: &Check<'_>) -> Option<Settlement> {
        let entry = check.entry?;
        let past = self.checks.iter().find(|past| past.entry.as_ref() == Some(entry))?;
        let guess = check.sealed_as(&self.verification.id, self.sealed.secret_id.as_str())?;
        if past.guess != guess.digest {
            return Some(Verdict::KeyReused.into());
        }
        Some(Settlement { is_replay: true, ..self.settlement(past.verdict) })
    }

    /// Returns `true` if the guess is known to be wrong.
    pub(super) fn is_known_wrong(&self, guess: &CodeDigest) -> bool {
        self.checks.iter().any(|past| past.guess == *guess && !matches!(past.verdict, Verdict::Approved(_)))
    }

    /// Returns the verdict on a wrong guess that was counted.
    pub(super) fn wrong(&self) -> Verdict {
        match self.verification.max_attempts.saturating_sub(self.verification.attempts) {
            0 => Verdict::Exhausted,
            attempts_left => Verdict::Wrong { attempts_left },
        }
    }

    /// Keeps a guess to be repeated, and returns its result.
    pub(super) fn settle(&mut self, check: &Check<'_>, guess: CodeDigest, verdict: Verdict) -> Settlement {
        if !check.is_repeatable {
            return self.settlement(verdict);
        }
        self.checks.push(PastCheck { entry: check.entry.filter(|_| check.id.is_some()).cloned(), guess, verdict });
        if self.checks.len() > MOST_CHECKS {
            self.checks.remove(0);
        }
        self.settlement(verdict)
    }

    fn settlement(&self, verdict: Verdict) -> Settlement {
        let approved = matches!(verdict, Verdict::Approved(_)).then(|| Box::new(self.verification.clone()));
        Settlement { verdict, verification: approved, is_replay: false }
    }
}
