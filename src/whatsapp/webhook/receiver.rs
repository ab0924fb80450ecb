//! Receives webhooks: the handshake, and the application of each part to the service.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use metrics::{counter, gauge, histogram};
use secrecy::SecretString;
use tokio::sync::watch;
use url::form_urlencoded;

use super::account::{AccountNotice, AccountNotices, Effect};
use super::notice::{Notice, Ours, StatusNotice, notices};
use super::part::{Ignored, Kind};
use super::signature::{Signature, is_one_of};
use crate::otp::{
    Channel, ChannelReport, DeliveryStatus, Denial, InboundWebhook, MessageId, OtpService, Progress, Receipt,
    StoreError, UndeliveredReason,
};
use crate::telemetry::funnel::{self, Step};
use crate::telemetry::metrics::{
    DELIVERIES_TOTAL, DELIVERY_ERRORS_TOTAL, DELIVERY_SECONDS, DENIALS_TOTAL, OTHER, WEBHOOK_AGE_SECONDS,
    WEBHOOK_ITEMS_TOTAL, WEBHOOK_LAST_SECONDS,
};
use crate::whatsapp::error::{self, Alert};

/// The longest challenge that is repeated.
const LONGEST_CHALLENGE: usize = 256;
/// The bytes of a body that are worth a thread of their own: signing and parsing more would hold up other requests.
const LARGE: usize = 64 * 1024;
/// The parts of one webhook that are applied at once.
const AT_ONCE: usize = 64;
/// The time after which no further part is begun. WhatsApp does not wait much longer, and repeats the webhook.
const BEGIN_WITHIN: Duration = Duration::from_secs(3);
/// The shortest time between two log lines about the same.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Secrets that may be replaced while the service runs.
pub type Secrets = watch::Receiver<Vec<SecretString>>;

/// Receives webhooks from WhatsApp.
pub struct WebhookReceiver {
    /// The secrets of the apps that may send them, any of which may have signed one.
    app_secrets: Secrets,
    /// The tokens of the handshake.
    verify_tokens: Secrets,
    ours: Arc<Ours>,
    account: Option<Arc<dyn AccountNotices>>,
    said: Said,
}

/// The effect of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum PartOutcome {
    Applied,
    Duplicate,
    /// There is no such message any more.
    Absent,
    Ignored(Ignored),
    StoreUnavailable,
}

impl PartOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Absent => "absent",
            Self::Ignored(reason) => reason.as_str(),
            Self::StoreUnavailable => "store_unavailable",
        }
    }
}

/// The kinds of news that were logged, with the time: webhooks repeat themselves.
#[derive(Default)]
struct Said(Mutex<HashMap<String, Instant>>);

impl Said {
    /// Returns `true` if nothing was logged about this lately, and takes note that it is now. The subjects are few.
    fn is_due(&self, about: &str) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, last) = (Instant::now(), said.get(about));
        if last.is_some_and(|last| now.saturating_duration_since(*last) < LOG_INTERVAL) {
            return false;
        }
        said.insert(about.to_owned(), now);
        true
    }
}

impl WebhookReceiver {
    /// Creates a receiver of webhooks about `ours`, signed with any of the apps' secrets.
    #[must_use]
    pub fn new(app_secrets: Secrets, verify_tokens: Secrets, ours: Ours) -> Self {
        Self { app_secrets, verify_tokens, ours: Arc::new(ours), account: None, said: Said::default() }
    }

    /// Passes notices about the account on.
    #[must_use]
    pub fn with_account(self, account: Arc<dyn AccountNotices>) -> Self {
        Self { account: Some(account), ..self }
    }

    /// Applies the parts, several at once, and returns the outcomes.
    async fn apply(&self, service: &OtpService, notices: Vec<Notice>) -> HashSet<PartOutcome> {
        let begin_by = Instant::now() + BEGIN_WITHIN;
        let parts = stream::iter(notices).map(|notice| self.apply_one(service, notice, begin_by));
        let outcomes: Vec<_> = parts.buffer_unordered(AT_ONCE).collect().await;
        let mut counts: HashMap<(Kind, PartOutcome), u64> = HashMap::new();
        for outcome in outcomes {
            *counts.entry(outcome).or_default() += 1;
        }
        for (&(kind, outcome), &count) in &counts {
            counter!(WEBHOOK_ITEMS_TOTAL, "kind" => kind.as_str(), "outcome" => outcome.as_str()).increment(count);
            if matches!(outcome, PartOutcome::Ignored(_))
                && self.said.is_due(&format!("{} {}", kind.as_str(), outcome.as_str()))
            {
                tracing::debug!(
                    kind = kind.as_str(),
                    reason = outcome.as_str(),
                    count,
                    "parts of a webhook are ignored"
                );
            }
        }
        counts.into_keys().map(|(_, outcome)| outcome).collect()
    }

    async fn apply_one(&self, service: &OtpService, notice: Notice, begin_by: Instant) -> (Kind, PartOutcome) {
        let kind = match &notice {
            Notice::Status(_) => Kind::Status,
            Notice::Denied { .. } => Kind::Denial,
            Notice::Account(_) => Kind::Account,
            Notice::Ignored(kind, reason) => return (*kind, PartOutcome::Ignored(*reason)),
        };
        if Instant::now() >= begin_by {
            return (kind, PartOutcome::StoreUnavailable);
        }
        let applied = match notice {
            Notice::Status(notice) => self.apply_status(service, notice).await,
            Notice::Account(notice) => self.apply_account(&notice).await,
            Notice::Denied { message } => apply_denial(service, &message).await,
            Notice::Ignored(_, reason) => Ok(PartOutcome::Ignored(reason)),
        };
        let outcome = applied.unwrap_or_else(|error| {
            if self.said.is_due("store") {
                tracing::warn!(%error, kind = kind.as_str(), "the store did not take a webhook; WhatsApp repeats it");
            }
            PartOutcome::StoreUnavailable
        });
        (kind, outcome)
    }

    async fn apply_status(&self, service: &OtpService, notice: StatusNotice) -> Result<PartOutcome, StoreError> {
        let StatusNotice { id, delivery, message, status, reason, code, at } = notice;
        if let Some(at) = at {
            let age = Timestamp::now().as_second().saturating_sub(at).max(0);
            histogram!(WEBHOOK_AGE_SECONDS).record(Duration::from_secs(age.unsigned_abs()));
        }
        let channel = Channel::whatsapp();
        let report = ChannelReport { id, delivery, channel, status, reason, message };
        let progress = service.report(report).await?;
        let (before, since_sent) = match progress {
            Progress::Recorded { before, since_sent } => (before, since_sent),
            Progress::Stale(_) => return Ok(PartOutcome::Duplicate),
            Progress::Absent => return Ok(PartOutcome::Absent),
        };
        counter!(DELIVERIES_TOTAL, "channel" => Channel::WHATSAPP, "status" => status.as_str()).increment(1);
        let located = service.locate(&id);
        if status >= DeliveryStatus::Delivered && before < Some(DeliveryStatus::Delivered) {
            histogram!(DELIVERY_SECONDS).record(since_sent);
            if let Some((app, _)) = located.as_ref().filter(|_| delivery == 1) {
                funnel::step(app.name.as_str(), Channel::WHATSAPP, Step::Delivered);
            }
        }
        if status == DeliveryStatus::Failed {
            funnel::undelivered(Channel::WHATSAPP, reason.unwrap_or(UndeliveredReason::Unknown).as_str());
            self.report_failure(code);
            if let (Some(account), Some(code)) = (&self.account, code) {
                // The delivery is recorded: the next message that fails brings the error again.
                let acted = account.act_on_failure(code, located.as_ref().map(|(_, phone)| phone)).await;
                if let Err(error) = acted {
                    tracing::warn!(%error, code, "sending could not be suspended");
                }
            }
        }
        Ok(PartOutcome::Applied)
    }

    /// Counts a failure by its code, and says so if operators have to know.
    fn report_failure(&self, code: Option<i64>) {
        let label = match code {
            None => "none".to_owned(),
            Some(code) if error::is_documented(code) => code.to_string(),
            Some(_) => OTHER.to_owned(),
        };
        let is_due = self.said.is_due(&label);
        counter!(DELIVERY_ERRORS_TOTAL, "code" => label).increment(1);
        let Some(code) = code.filter(|_| is_due) else { return };
        let meaning = error::meaning(code, None);
        let reason = meaning.reason.as_str();
        match meaning.alert {
            Some(Alert::Page) => tracing::error!(code, reason, "WhatsApp cannot deliver this code, nor any others"),
            Some(Alert::Warn) => tracing::warn!(code, reason, "WhatsApp could not deliver a code"),
            None => {}
        }
    }

    async fn apply_account(&self, notice: &AccountNotice) -> Result<PartOutcome, StoreError> {
        let Some(account) = &self.account else { return Ok(PartOutcome::Ignored(Ignored::Irrelevant)) };
        Ok(match account.act_on(notice).await? {
            Effect::Applied => PartOutcome::Applied,
            Effect::Duplicate => PartOutcome::Duplicate,
            Effect::Ignored => PartOutcome::Ignored(Ignored::Irrelevant),
        })
    }
}

async fn apply_denial(service: &OtpService, message: &MessageId) -> Result<PartOutcome, StoreError> {
    Ok(match service.deny(message).await? {
        Denial::Denied => {
            counter!(DENIALS_TOTAL).increment(1);
            PartOutcome::Applied
        }
        Denial::Ended => PartOutcome::Duplicate,
        Denial::Absent => PartOutcome::Absent,
    })
}

#[async_trait]
impl InboundWebhook for WebhookReceiver {
    fn is_enabled(&self) -> bool {
        !self.app_secrets.borrow().is_empty()
    }

    fn handshake(&self, query: &str) -> Option<String> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let only = |name: &str| {
            let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value);
            values.next().filter(|_| values.next().is_none()).unwrap_or_default()
        };
        let challenge = only("hub.challenge");
        let is_ours = is_one_of(only("hub.verify_token"), &self.verify_tokens.borrow());
        let is_request = only("hub.mode") == "subscribe" && (1..=LONGEST_CHALLENGE).contains(&challenge.len());
        (is_ours && is_request).then(|| challenge.to_owned())
    }

    async fn receive(&self, service: &OtpService, signatures: &[&[u8]], body: Vec<u8>) -> Receipt {
        let Some(signature) = Signature::parse(signatures) else { return Receipt::BadSignature };
        let (secrets, ours) = (self.app_secrets.borrow().clone(), Arc::clone(&self.ours));
        let is_large = body.len() > LARGE;
        let read = move || signature.is_of(&body, &secrets).then(|| notices(&body, &ours));
        let read = if is_large { tokio::task::spawn_blocking(read).await.ok().flatten() } else { read() };
        let Some(notices) = read else { return Receipt::BadSignature };
        let now = Duration::from_millis(Timestamp::now().as_millisecond().unsigned_abs());
        gauge!(WEBHOOK_LAST_SECONDS).set(now.as_secs_f64());
        let Some(notices) = notices else { return Receipt::Unparsable };
        let outcomes = self.apply(service, notices).await;
        if outcomes.contains(&PartOutcome::StoreUnavailable) {
            Receipt::StoreUnavailable
        } else if outcomes.contains(&PartOutcome::Applied) {
            Receipt::Applied
        } else if outcomes.contains(&PartOutcome::Duplicate) || outcomes.contains(&PartOutcome::Absent) {
            Receipt::Duplicate
        } else {
            Receipt::Ignored
        }
    }
}
