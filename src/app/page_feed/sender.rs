//! A sender whose sends are noted.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use whatsapp_otp_simulator::StepKind;

use super::{Noted, Recorder};
use crate::otp::{CodeSender, Locale, OutgoingCode, Pace, Refusal, Sender, Sent};
use crate::whatsapp;

/// Returns the sender with its sends noted.
pub(in crate::app) fn watched_sender(sender: Sender, recorder: &Recorder) -> Sender {
    let by = Arc::new(WatchedSender { inner: sender.by, recorder: recorder.clone() });
    Sender { by, ..sender }
}

struct WatchedSender {
    inner: Arc<dyn CodeSender>,
    recorder: Recorder,
}

#[async_trait]
impl CodeSender for WatchedSender {
    fn health(&self) -> Result<(), Refusal> {
        let began = Instant::now();
        self.inner.health().inspect_err(|refusal| {
            self.recorder.step(StepKind::Send, "ready", began, refused(refusal));
        })
    }

    fn locale(&self, wanted: Option<&Locale>) -> Option<Locale> {
        self.inner.locale(wanted)
    }

    async fn send(&self, message: OutgoingCode<'_>, pace: &dyn Pace, deadline: Instant) -> Result<Sent, Refusal> {
        let (began, number) = (Instant::now(), message.delivery);
        if let Some(request) = self.recorder.current() {
            self.recorder.feed.causes(request, whatsapp::reference(&message));
        }
        let sent = self.inner.send(message, pace, deadline).await;
        let noted = match &sent {
            Ok(Sent::Accepted) => Noted::good("accepted"),
            Ok(Sent::Reviewer) => Noted::good("reviewer"),
            Ok(Sent::Unclear { reason }) => Noted::bad("unclear").because(reason.as_str()),
            Err(refusal) => refused(refusal),
        };
        self.recorder.step(StepKind::Send, &format!("message {number}"), began, noted);
        sent
    }
}

fn refused(refusal: &Refusal) -> Noted {
    Noted::bad(refusal.kind.as_str()).because(refusal.detail.as_str())
}
