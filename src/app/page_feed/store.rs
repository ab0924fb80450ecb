//! A store whose decisions are noted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use whatsapp_otp_simulator::StepKind;

use super::{Noted, Recorder, wait};
use crate::otp::{
    AppName, Begun, Cancellation, Charge, Check, Creation, DeliveryReport, Denial, EventTypes, FailedMessage, Finished,
    IdempotentCall, LimitKind, Message, MessageId, NewVerification, Pacing, PhoneNumber, PhoneStatus, Policy, Progress,
    Refund, Resending, Settlement, StoreError, Turn, Verdict, Verification, VerificationId, VerificationStore,
};

/// Notes the decisions of another store that are part of a request.
pub(in crate::app) struct WatchedStore {
    inner: Arc<dyn VerificationStore>,
    recorder: Recorder,
}

impl WatchedStore {
    pub(in crate::app) fn over(inner: Arc<dyn VerificationStore>, recorder: &Recorder) -> Arc<dyn VerificationStore> {
        Arc::new(Self { inner, recorder: recorder.clone() })
    }

    /// Waits for a decision and notes it under the name of its script.
    async fn note<T>(
        &self,
        name: &'static str,
        decision: impl Future<Output = Result<T, StoreError>>,
        noted: impl FnOnce(&T) -> Noted,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let decided = decision.await;
        let noted = match &decided {
            Ok(decision) => noted(decision),
            Err(error) => Noted::bad(error.kind()).because(error.to_string()),
        };
        self.recorder.step(StepKind::Decision, name, began, noted);
        decided
    }
}

#[async_trait]
impl VerificationStore for WatchedStore {
    async fn create(&self, new: &NewVerification, policy: &Policy) -> Result<Creation, StoreError> {
        self.note("create", self.inner.create(new, policy), |creation| match creation {
            Creation::Created(_) => Noted::good("created"),
            Creation::Resent(..) => Noted::good("resent"),
            Creation::Resumed(_) => Noted::good("resumed").because("no message is due"),
            Creation::Crowded { retry_after } => crowded(*retry_after),
            Creation::Limited { limit, retry_after } => limited(limit, *retry_after),
        })
        .await
    }

    async fn confirm(&self, message: &Message, policy: &Policy) -> Result<(), StoreError> {
        self.note("confirm", self.inner.confirm(message, policy), |()| {
            Noted::good("confirmed").because("the earlier codes have ended")
        })
        .await
    }

    async fn resend(&self, message: &Message, policy: &Policy) -> Result<Resending, StoreError> {
        self.note("resend", self.inner.resend(message, policy), |resending| match resending {
            Resending::Resent(..) => Noted::good("resent"),
            Resending::Ended(status) => Noted::bad("not_pending").because(status.as_str()),
            Resending::Absent => Noted::bad("absent"),
            Resending::SendsUsedUp { retry_after } => Noted::bad("sends_used_up").because(until(*retry_after)),
            Resending::Crowded { retry_after } => crowded(*retry_after),
            Resending::Limited { limit, retry_after } => limited(limit, *retry_after),
        })
        .await
    }

    async fn check(&self, check: &Check<'_>, policy: &Policy) -> Result<Settlement, StoreError> {
        self.note("check", self.inner.check(check, policy), |settlement| {
            let noted = verdict(&settlement.verdict);
            if settlement.is_replay { noted.because("repeated, as the Idempotency-Key is the same") } else { noted }
        })
        .await
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
        let decision = self.inner.take_back(message, number, charge, refund, failure, policy);
        let refunded = match refund {
            Refund::Everything => "every limit is refunded",
            Refund::AllButAddress => "every limit but the address's is refunded",
            Refund::Nothing => "no limit is refunded",
        };
        self.note("take_back", decision, |()| Noted::good("taken_back").because(refunded)).await
    }

    async fn take_turn(&self, pacing: &Pacing) -> Result<Turn, StoreError> {
        self.note("turn", self.inner.take_turn(pacing), |turn| match turn {
            Turn::After(after) => Noted::good("turn").because(format!("after {}", wait(*after))),
            Turn::Crowded => Noted::bad("crowded"),
        })
        .await
    }

    async fn record_delivery(&self, report: &DeliveryReport, policy: &Policy) -> Result<Progress, StoreError> {
        self.note("delivery", self.inner.record_delivery(report, policy), |progress| match progress {
            Progress::Recorded { .. } => Noted::good("recorded"),
            Progress::Stale(_) => Noted::good("stale"),
            Progress::Absent => Noted::bad("absent"),
        })
        .await
    }

    async fn begin(&self, call: &IdempotentCall, hold: Duration) -> Result<Begun, StoreError> {
        self.note("begin", self.inner.begin(call, hold), |begun| match begun {
            Begun::New => Noted::good("new").because("no other request had this Idempotency-Key"),
            Begun::Running => Noted::bad("running").because("the first request with this key is not answered yet"),
            Begun::Reused => Noted::bad("reused").because("another request had this Idempotency-Key"),
            Begun::Finished(_) => Noted::good("finished").because("the result of the first request is repeated"),
        })
        .await
    }

    async fn finish(&self, call: &IdempotentCall, result: Option<Finished>, keep: Duration) -> Result<(), StoreError> {
        let outcome = if result.is_some() { "kept" } else { "dropped" };
        self.note("finish", self.inner.finish(call, result, keep), |()| Noted::good(outcome)).await
    }

    async fn cancel(
        &self,
        phone: &PhoneNumber,
        apps: &[(AppName, EventTypes)],
        limits: bool,
        policy: &Policy,
    ) -> Result<Cancellation, StoreError> {
        self.note("cancel", self.inner.cancel(phone, apps, limits, policy), |_| Noted::good("canceled")).await
    }

    async fn cancel_one(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Option<Verification>, StoreError> {
        let decision = self.inner.cancel_one(phone, app, id, policy);
        self.note("cancel_one", decision, |found| match found {
            Some(verification) => Noted::good(verification.status.as_str()),
            None => Noted::bad("absent"),
        })
        .await
    }

    async fn deny(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Denial, StoreError> {
        self.note("deny", self.inner.deny(phone, app, id, policy), |denial| match denial {
            Denial::Denied => Noted::good("denied"),
            Denial::Ended => Noted::bad("ended"),
            Denial::Absent => Noted::bad("absent"),
        })
        .await
    }

    async fn verification_of(&self, message: &MessageId) -> Result<Option<VerificationId>, StoreError> {
        self.inner.verification_of(message).await
    }

    async fn due(&self, most: usize, lease: Duration) -> Result<Vec<VerificationId>, StoreError> {
        self.inner.due(most, lease).await
    }

    async fn visit(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Option<Duration>, StoreError> {
        self.inner.visit(phone, app, id, policy).await
    }

    async fn visited(&self, visits: &[(VerificationId, Option<Duration>)]) -> Result<(), StoreError> {
        self.inner.visited(visits).await
    }

    async fn status(&self, phone: &PhoneNumber, app: &AppName, policy: &Policy) -> Result<PhoneStatus, StoreError> {
        self.note("status", self.inner.status(phone, app, policy), |_| Noted::good("read")).await
    }

    async fn active(&self, most: usize) -> Result<Vec<Verification>, StoreError> {
        self.inner.active(most).await
    }

    async fn glance(&self, most: usize) -> Result<(Vec<Verification>, bool), StoreError> {
        self.inner.glance(most).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.inner.probe().await
    }
}

fn verdict(verdict: &Verdict) -> Noted {
    match verdict {
        Verdict::Approved(_) => Noted::good("approved"),
        Verdict::Wrong { attempts_left } => Noted::bad("wrong").because(format!("attempts left: {attempts_left}")),
        Verdict::Exhausted => Noted::bad("exhausted").because("that was the last attempt"),
        Verdict::Locked => Noted::bad("locked").because("the attempts were used up before"),
        Verdict::Expired => Noted::bad("expired"),
        Verdict::Fenced => Noted::bad("fenced").because("the code is from before a failover"),
        Verdict::Unreadable => Noted::bad("unreadable").because("the code is sealed under another secret"),
        Verdict::Used => Noted::bad("used").because("the verification was approved before"),
        Verdict::Canceled => Noted::bad("canceled"),
        Verdict::Absent => Noted::bad("absent"),
        Verdict::KeyReused => Noted::bad("reused").because("another guess had this Idempotency-Key"),
        Verdict::Limited { limit, retry_after } => limited(limit, *retry_after),
    }
}

fn limited(limit: &LimitKind, retry_after: Duration) -> Noted {
    Noted::bad("limited").because(format!("limits.{}, {}", limit.name, until(retry_after)))
}

fn crowded(retry_after: Duration) -> Noted {
    Noted::bad("crowded").because(format!("the sender's pace, {}", until(retry_after)))
}

fn until(retry_after: Duration) -> String {
    format!("again in {}", wait(retry_after))
}
