//! The suspensions of the account as this instance knows them, and the errors and notices that open them.
//!
//! All instances share them through the store. Each reads them every few seconds and right after it changed them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};

use super::error::{Stopped, meaning};
use crate::otp::{
    AppName, Channel, EventQueue, EventType, NewSuspension, NumberCountry, PhoneNumber, RefusalKind, SeenSuspensions,
    SenderEvent, StoreError, Suspension, SuspensionCause, SuspensionScope, Suspensions, Term,
};

/// The number of different recipients, without an accepted message in between, whose messages have to be refused as
/// invalid before the template is suspended: an invalid request may be due to one recipient.
const SUSPICIOUS: usize = 3;
/// The most reports of sends that wait for the store.
const MOST_REPORTS: usize = 64;
/// The time after its opening for which a suspension is announced by everyone who opens it again, in case the first one
/// failed in between.
const ANNOUNCED_FOR: Duration = Duration::from_mins(1);

/// The account, as far as it may be used. Clones are the same.
#[derive(Clone)]
pub struct Standing(Arc<Inner>);

struct Inner {
    account: String,
    store: Arc<dyn Suspensions>,
    announced: Option<Announced>,
    seen: watch::Sender<SeenSuspensions>,
    reports: mpsc::Sender<NewSuspension>,
    /// The recipients of refused messages, by error code.
    suspicions: Mutex<HashMap<i64, Vec<PhoneNumber>>>,
}

/// The apps whose endpoints are told of new suspensions.
pub struct Announced {
    /// The queue.
    pub events: Arc<dyn EventQueue>,
    /// The apps.
    pub apps: Vec<AppName>,
}

/// The suspensions that sends report, for a task that opens them.
pub type Reports = mpsc::Receiver<NewSuspension>;

/// The message that an error is about, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct ErrorAbout<'a> {
    /// The sending number's ID.
    pub sender: Option<&'a str>,
    /// The template's ID in its language.
    pub template: Option<&'a str>,
    /// The recipient.
    pub phone: Option<&'a PhoneNumber>,
}

impl Standing {
    /// The standing of an account. The reports are of refusals.
    #[must_use]
    pub fn new(account: &str, store: Arc<dyn Suspensions>, announced: Option<Announced>) -> (Self, Reports) {
        let (reports, reported) = mpsc::channel(MOST_REPORTS);
        let (seen, _) = watch::channel(SeenSuspensions::default());
        let (account, suspicions) = (account.to_owned(), Mutex::default());
        (Self(Arc::new(Inner { account, store, announced, seen, reports, suspicions })), reported)
    }

    /// Returns the suspensions as they were read last, and as they will be read.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<SeenSuspensions> {
        self.0.seen.subscribe()
    }

    /// Returns the first suspension in force whose scope is meant.
    pub(super) fn suspension(&self, is_meant: impl Fn(&SuspensionScope) -> bool) -> Option<Suspension> {
        self.0.seen.borrow().in_force(Instant::now()).find(|suspension| is_meant(&suspension.scope)).cloned()
    }

    /// Returns `true` if nothing at all is suspended, as usual.
    pub(super) fn is_clear(&self) -> bool {
        self.0.seen.borrow().is_empty()
    }

    /// Reads the suspensions.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: those that were read last still count.
    pub async fn refresh(&self) -> Result<Vec<Suspension>, StoreError> {
        let read_at = Instant::now();
        let suspensions = self.0.store.suspensions(&self.0.account).await?;
        self.0.seen.send_modify(|seen| {
            log_changes(seen, &suspensions, read_at);
            *seen = SeenSuspensions::new(suspensions.clone(), read_at);
        });
        Ok(suspensions)
    }

    /// Suspends a part of the account, and returns `true` if it was not suspended before.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may have been suspended; repeating it is harmless.
    pub async fn suspend(&self, new: &NewSuspension) -> Result<bool, StoreError> {
        let opened = self.0.store.suspend(&self.0.account, new).await?;
        let suspension = &opened.suspension;
        if let Some(announced) = &self.0.announced
            && (opened.is_new || suspension.age() < ANNOUNCED_FOR)
        {
            for app in &announced.apps {
                announced.events.add(&self.event(app, suspension)).await?;
            }
        }
        self.refresh().await?;
        Ok(opened.is_new)
    }

    /// Ends the suspension of a part, unless it has been suspended again since `seen`.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: it may have been ended; repeating it is harmless.
    pub async fn resume(&self, seen: &Suspension) -> Result<bool, StoreError> {
        let ended = self.0.store.resume(&self.0.account, &seen.scope, Some(seen.ends_at)).await?;
        self.refresh().await?;
        Ok(ended)
    }

    /// Reports that WhatsApp refused a message with this error. A task opens the suspension that it leads to, if any.
    pub(super) fn refused(&self, code: i64, about: ErrorAbout<'_>) {
        let Some(new) = suspension_of(code, about) else { return };
        if meaning(code, None).kind == RefusalKind::Request && !self.is_suspicious(code, about.phone) {
            return;
        }
        // If there are too many, the error will occur again.
        let _ = self.0.reports.try_send(new);
    }

    /// Reports that WhatsApp accepted a message.
    pub(super) fn accepted(&self) {
        self.suspicions(HashMap::clear);
    }

    /// Returns `true` if enough different recipients got this error.
    fn is_suspicious(&self, code: i64, phone: Option<&PhoneNumber>) -> bool {
        self.suspicions(|suspicions| {
            let recipients = suspicions.entry(code).or_default();
            if let Some(phone) = phone.filter(|phone| !recipients.contains(phone)) {
                recipients.push(phone.clone());
            }
            let is_suspicious = recipients.len() >= SUSPICIOUS;
            if is_suspicious {
                recipients.clear();
            }
            is_suspicious
        })
    }

    fn suspicions<T>(&self, with: impl FnOnce(&mut HashMap<i64, Vec<PhoneNumber>>) -> T) -> T {
        with(&mut self.0.suspicions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the event of a suspension, which has the same id whoever announces it.
    fn event(&self, app: &AppName, suspension: &Suspension) -> SenderEvent {
        let facts = format!("{}\n{app}\n{}\n{}", self.0.account, suspension.scope, suspension.since.0);
        let digest = Sha256::digest(facts.as_bytes());
        SenderEvent {
            id: format!("evt_{}", data_encoding::HEXLOWER.encode(&digest[..16])),
            event_type: EventType::SenderDegraded,
            app: app.clone(),
            at: suspension.since,
            channel: Channel::WHATSAPP.to_owned(),
            reason: suspension.cause.as_str().to_owned(),
        }
    }
}

/// Logs what is suspended and resumed between two readings.
fn log_changes(before: &SeenSuspensions, now: &[Suspension], at: Instant) {
    for suspension in now {
        if !before.in_force(at).any(|other| other.scope == suspension.scope) {
            let (part, id, cause) = shown(suspension);
            tracing::error!(part, id, cause, "nothing is sent for now: {}", suspension.cause.text());
        }
    }
    for suspension in before.in_force(at) {
        if !now.iter().any(|other| other.scope == suspension.scope) {
            let (part, id, cause) = shown(suspension);
            tracing::info!(part, id, cause, "sending has resumed");
        }
    }
}

fn shown(suspension: &Suspension) -> (&str, &str, &str) {
    (suspension.scope.kind(), suspension.scope.subject(), suspension.cause.as_str())
}

/// Returns the suspension that an error leads to, according to the table of errors.
#[must_use]
pub fn suspension_of(code: i64, about: ErrorAbout<'_>) -> Option<NewSuspension> {
    let stop = meaning(code, None).stops?;
    let cause = cause(code, stop.what)?;
    let scope = match stop.what {
        Stopped::Account => SuspensionScope::Account,
        Stopped::Sender => SuspensionScope::Sender(about.sender?.to_owned()),
        Stopped::Template => SuspensionScope::Template(about.template?.to_owned()),
        Stopped::Country => SuspensionScope::Country(NumberCountry::of(about.phone?)?),
    };
    let term = stop.lasts.map_or(Term::UntilResumed, Term::For);
    Some(NewSuspension { scope, cause, term })
}

/// Returns the cause that an error stands for; `None` if it concerns one instance.
fn cause(code: i64, stopped: Stopped) -> Option<SuspensionCause> {
    Some(match code {
        // Its token may be an old one that others have replaced.
        0 | 190 => return None,
        3 | 10 | 200..=299 | 131_005 => SuspensionCause::NotPermitted,
        131_042 => SuspensionCause::PaymentProblem,
        131_048 => SuspensionCause::SpamLimit,
        131_064 => SuspensionCause::MessagingLimitCut,
        132_015 => SuspensionCause::TemplatePaused,
        132_016 => SuspensionCause::TemplateDisabled,
        _ => match stopped {
            Stopped::Account => SuspensionCause::AccountRefused,
            Stopped::Sender => SuspensionCause::NumberNotUsable,
            Stopped::Template => SuspensionCause::TemplateRefused,
            Stopped::Country => SuspensionCause::CountryRestricted,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::EventSubject;
    use crate::store::EmbeddedStore;

    const SENDER: &str = "100000000000001";
    const TEMPLATE: &str = "300000000000001";

    fn standing() -> (Standing, Reports, Arc<EmbeddedStore>) {
        let store = Arc::new(EmbeddedStore::default());
        let announced = Announced { events: store.clone(), apps: vec![AppName::default()] };
        let (standing, reports) = Standing::new("200000000000001", store.clone(), Some(announced));
        (standing, reports, store)
    }

    fn phone(digits: &str) -> PhoneNumber {
        PhoneNumber::parse(digits).unwrap()
    }

    fn of(code: i64) -> Option<(String, &'static str, Term)> {
        let phone = phone("4915123456789");
        let about = ErrorAbout { sender: Some(SENDER), template: Some(TEMPLATE), phone: Some(&phone) };
        suspension_of(code, about).map(|new| (new.scope.to_string(), new.cause.as_str(), new.term))
    }

    #[test]
    fn errors_suspend_what_they_are_about_for_their_time() {
        let (account, sender, template) = ("account", "sender:100000000000001", "template:300000000000001");
        let until_resumed = Term::UntilResumed;
        for (code, scope, cause, term) in [
            (131_031, account, "account_refused", until_resumed),
            (368, account, "account_refused", until_resumed),
            (131_042, account, "payment_problem", until_resumed),
            (131_064, account, "messaging_limit_cut", until_resumed),
            (200, account, "not_permitted", until_resumed),
            (131_005, account, "not_permitted", until_resumed),
            (131_048, sender, "spam_limit", Term::For(Duration::from_mins(15))),
            (131_045, sender, "number_not_usable", until_resumed),
            (133_010, sender, "number_not_usable", until_resumed),
            (131_037, sender, "number_not_usable", until_resumed),
            (132_015, template, "template_paused", until_resumed),
            (132_016, template, "template_disabled", until_resumed),
            (132_000, template, "template_refused", until_resumed),
            (130_497, "country:DE", "country_restricted", Term::For(Duration::from_hours(1))),
        ] {
            assert_eq!(of(code), Some((scope.to_owned(), cause, term)), "{code}");
        }
        for code in [131_026, 131_049, 130_472, 131_056, 130_429, 131_000, 132_001, 190, 0, 999_999] {
            assert_eq!(of(code), None, "{code}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_suspended() {
        for code in [131_048, 132_015, 130_497] {
            assert_eq!(suspension_of(code, ErrorAbout::default()), None);
        }
    }

    #[tokio::test]
    async fn a_suspension_is_seen_and_announced_once_and_ends_when_resumed() {
        let (standing, _reports, store) = standing();
        assert!(standing.is_clear());
        let new = NewSuspension {
            scope: SuspensionScope::Account,
            cause: SuspensionCause::PaymentProblem,
            term: Term::UntilResumed,
        };
        assert!(standing.suspend(&new).await.unwrap());
        assert!(!standing.suspend(&new).await.unwrap());
        let seen = standing.suspension(|scope| *scope == SuspensionScope::Account).unwrap();
        assert_eq!(seen.cause, SuspensionCause::PaymentProblem);
        let events = store.take(&AppName::default(), 10, Duration::from_secs(1)).await.unwrap();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].event.event_type, EventType::SenderDegraded);
        let reason = "payment_problem".to_owned();
        assert_eq!(events[0].event.about, EventSubject::Sender { channel: "whatsapp".to_owned(), reason });
        assert!(standing.resume(&seen).await.unwrap());
        assert!(standing.is_clear());
    }

    #[tokio::test]
    async fn an_invalid_request_suspends_the_template_only_if_several_recipients_get_it() {
        let (standing, mut reports, _) = standing();
        let refuse = |digits: &str| {
            let phone = phone(digits);
            let about = ErrorAbout { sender: Some(SENDER), template: Some(TEMPLATE), phone: Some(&phone) };
            standing.refused(131_009, about);
        };
        for _ in 0..10 {
            refuse("15551234567");
        }
        refuse("15551234568");
        standing.accepted();
        refuse("15551234567");
        refuse("15551234568");
        assert!(reports.try_recv().is_err());
        refuse("15551234569");
        let new = reports.try_recv().unwrap();
        assert_eq!(
            (new.scope, new.cause),
            (SuspensionScope::Template(TEMPLATE.to_owned()), SuspensionCause::TemplateRefused)
        );
    }

    #[tokio::test]
    async fn an_error_of_the_account_is_reported_at_once() {
        let (standing, mut reports, _) = standing();
        standing.refused(131_042, ErrorAbout::default());
        assert_eq!(reports.try_recv().unwrap().scope, SuspensionScope::Account);
        standing.refused(190, ErrorAbout::default());
        assert!(reports.try_recv().is_err());
    }
}
