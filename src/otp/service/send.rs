//! Sends the message of a charge that the store allowed.

use std::time::Instant;

use async_trait::async_trait;

use super::OtpService;
use crate::otp::{
    App, Caller, Charge, Code, DeliveryReport, DeliveryStatus, FailedMessage, Locale, Manner, Message, OutgoingCode,
    Pace, Pacing, Refund, Refusal, Sender, Sent, TestOutcome, Turn, Unpaced, Verification, VerificationStore,
};

/// A message whose charge was made.
pub(super) struct Outgoing<'m> {
    pub(super) app: &'m App,
    pub(super) caller: &'m Caller,
    pub(super) sender: &'m Sender,
    pub(super) message: &'m Message,
    /// Its number among the verification's messages, from 1.
    pub(super) number: u32,
    pub(super) code: &'m Code,
    pub(super) locale: Option<&'m Locale>,
    pub(super) charge: &'m Charge,
    pub(super) deadline: Instant,
}

impl OtpService {
    /// Waits for the message's turn and sends it. A definite refusal undoes the decision.
    pub(super) async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Sent, Refusal> {
        let &Outgoing { app, caller, sender, message, number, code, locale, charge, deadline } = outgoing;
        let (policy, id) = (&app.policy, &message.id);
        // Even the shortest sleep lasts until the clock's next tick, up to a millisecond.
        if !charge.wait.is_zero() {
            tokio::time::sleep(charge.wait).await;
        }
        // If addresses are not limited, one may stand for many callers.
        let client = message.client.filter(|_| policy.limits.know_clients());
        let outgoing = OutgoingCode { id, delivery: number, phone: &message.phone, code, locale, client };
        let sent = match &sender.pacing {
            None => sender.by.send(outgoing, &Unpaced, deadline).await,
            Some(pacing) => sender.by.send(outgoing, &StoredPace { store: &*self.store, pacing }, deadline).await,
        };
        match &sent {
            Ok(Sent::Accepted | Sent::Reviewer) => {}
            Ok(Sent::Unclear { reason }) => {
                tracing::warn!(verification = %id, key = caller.name(), reason, "the sender gave no clear answer; the code stays valid");
            }
            Err(refusal) => {
                let failed = FailedMessage { channel: sender.channel.clone(), reason: refusal.reason };
                self.undo(app, caller, (message, number), charge, refusal.kind.refund(), Some(&failed)).await;
            }
        }
        sent
    }

    /// Takes back a message that was certainly not sent, by its number among those of its verification.
    pub(super) async fn undo(
        &self,
        app: &App,
        caller: &Caller,
        (message, number): (&Message, u32),
        charge: &Charge,
        refund: Refund,
        failed: Option<&FailedMessage>,
    ) {
        if let Err(error) = self.store.take_back(message, number, charge, refund, failed, &app.policy).await {
            tracing::warn!(verification = %message.id, key = caller.name(), %error, "an unsent code could not be taken back; it expires by itself");
        }
    }

    /// Records what the sender answered, so that later answers of the verification API can say it.
    pub(super) async fn record(&self, outgoing: &Outgoing<'_>, sent: &Sent, verification: &mut Verification) {
        let &Outgoing { app, caller, sender, message, number, charge, .. } = outgoing;
        if message.manner != Manner::Resume {
            return;
        }
        let mut status = match sent {
            Sent::Accepted | Sent::Reviewer => DeliveryStatus::Accepted,
            Sent::Unclear { .. } => DeliveryStatus::Unclear,
        };
        let mut reason = None;
        if let Some(report) = app.name.is_test().then(|| TestOutcome::of(&message.phone).report()).flatten() {
            (status, reason) = report;
        }
        let report = DeliveryReport {
            id: message.id,
            app: message.app.clone(),
            phone: message.phone.clone(),
            delivery: number,
            channel: sender.channel.clone(),
            status,
            reason,
            message: None,
        };
        verification.note(&report, charge.at);
        if let Err(error) = self.store.record_delivery(&report, &app.policy).await {
            tracing::warn!(verification = %message.id, key = caller.name(), %error, "a delivery could not be recorded");
        }
    }
}

/// The pace shared by all instances.
struct StoredPace<'s> {
    store: &'s dyn VerificationStore,
    pacing: &'s Pacing,
}

#[async_trait]
impl Pace for StoredPace<'_> {
    async fn another(&self, deadline: Instant) -> bool {
        match self.store.take_turn(self.pacing).await {
            Ok(Turn::After(wait)) if Instant::now() + wait < deadline => {
                tokio::time::sleep(wait).await;
                true
            }
            Ok(Turn::After(_) | Turn::Crowded) => false,
            Err(error) => {
                tracing::warn!(%error, "no turn for another attempt; there is none");
                false
            }
        }
    }
}
