//! The consequences of notices about the account: what they suspend, and whom they alert.
//!
//! Nothing here resumes sending. Good news leads to a look at WhatsApp's API, which is what resumes it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use metrics::gauge;
use tokio::sync::Notify;

use super::error;
use super::standing::{ErrorAbout, Standing, suspension_of};
use super::template::CurrentTemplate;
use super::webhook::{
    AccountEvent, AccountNotice, AccountNotices, AlertSeverity, BanState, CategoryStage, Effect, Quality,
    ReviewDecision, TemplateEvent, TemplateName, Tier,
};
use crate::otp::{Locale, NewSuspension, PhoneNumber, StoreError, SuspensionCause, SuspensionScope, Term};
use crate::telemetry::metrics::MESSAGING_TIER;

/// Acts on notices about the account.
pub struct AccountTruth {
    standing: Standing,
    /// The IDs of the numbers that send.
    senders: Vec<String>,
    templates: Vec<OwnTemplate>,
    doubts: Arc<AccountDoubts>,
}

/// A template that messages are sent with.
#[derive(Debug, Clone)]
pub struct OwnTemplate {
    /// The ID in the settings.
    pub id: String,
    /// The template as it is now.
    pub current: CurrentTemplate,
}

/// The reasons to look at the account again, and what earlier looks found out. Shared with the task that looks.
#[derive(Debug, Default)]
pub struct AccountDoubts {
    notify: Notify,
    facts: Mutex<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    /// The digits of the account's numbers that send.
    numbers: HashSet<String>,
    /// The tier of the messaging limit.
    tier: Option<Tier>,
}

impl AccountDoubts {
    /// Asks for a look at the account.
    pub fn doubt(&self) {
        self.notify.notify_one();
    }

    /// Waits until somebody asks for a look.
    pub async fn doubted(&self) {
        self.notify.notified().await;
    }

    /// Notes the digits of a number that sends.
    pub fn knows_number(&self, digits: String) {
        self.with(|facts| facts.numbers.insert(digits));
    }

    /// Notes the tier of the messaging limit, and returns `true` if it fell.
    #[expect(clippy::cast_precision_loss, reason = "tiers are small")]
    pub fn knows_tier(&self, tier: Tier) -> bool {
        gauge!(MESSAGING_TIER).set(match tier {
            Tier::Limited(people) => people as f64,
            Tier::Unlimited => f64::INFINITY,
        });
        self.with(|facts| facts.tier.replace(tier).is_some_and(|before| tier < before))
    }

    /// Returns `true` if the digits are those of a number that certainly is not ours.
    fn is_foreign(&self, digits: &str) -> bool {
        self.with(|facts| !facts.numbers.is_empty() && !facts.numbers.contains(digits))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Facts) -> T) -> T {
        act(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AccountTruth {
    /// Acts through `standing` on what concerns the account, these numbers that send, by ID, and these templates.
    #[must_use]
    pub fn new(
        standing: Standing,
        senders: Vec<String>,
        templates: Vec<OwnTemplate>,
        doubts: Arc<AccountDoubts>,
    ) -> Self {
        Self { standing, senders, templates, doubts }
    }

    async fn suspend(&self, new: NewSuspension) -> Result<Effect, StoreError> {
        Ok(if self.standing.suspend(&new).await? { Effect::Applied } else { Effect::Duplicate })
    }

    async fn suspend_account(&self, cause: SuspensionCause) -> Result<Effect, StoreError> {
        self.suspend(NewSuspension { scope: SuspensionScope::Account, cause, term: Term::UntilResumed }).await
    }

    async fn template_status(&self, template: &TemplateName, event: TemplateEvent) -> Result<Effect, StoreError> {
        let Some((own, id)) = self.own(template) else { return Ok(Effect::Ignored) };
        own.current.doubt();
        if event.may_reopen() {
            self.doubts.doubt();
            return Ok(Effect::Applied);
        }
        let (Some(cause), Some(id)) = (template_cause(event), id) else { return Ok(Effect::Ignored) };
        self.suspend(NewSuspension { scope: SuspensionScope::Template(id), cause, term: Term::UntilResumed }).await
    }

    /// Returns the template of ours that is meant, and its ID in the language, if it is known.
    fn own(&self, meant: &TemplateName) -> Option<(&OwnTemplate, Option<String>)> {
        let language = Locale::parse(&meant.language.replace('-', "_")).ok();
        self.templates.iter().find_map(|own| {
            let id = meant.id.clone();
            if id.as_ref() == Some(&own.id) {
                return Some((own, id));
            }
            let current = own.current.get().ok();
            let Some(current) = current else {
                // Its name is not known while it cannot be sent. Then nothing needs to be suspended either.
                return (id.is_none() || self.templates.len() == 1).then_some((own, None));
            };
            if id.is_some() && id.as_ref().is_some_and(|id| current.ids.contains(id)) {
                return Some((own, id));
            }
            let language = language.as_ref().filter(|_| current.name == meant.name)?;
            let known = current.languages.contains(language).then(|| current.id(language)).flatten();
            // A language that could not be sent until now is ours as well.
            Some((own, id.or_else(|| known.map(str::to_owned))))
        })
    }

    fn is_own(&self, template: &TemplateName) -> bool {
        self.own(template).is_some()
    }
}

/// Returns the cause that a template's event stands for; `None` if the template may be sent after it.
fn template_cause(event: TemplateEvent) -> Option<SuspensionCause> {
    Some(match event {
        TemplateEvent::Paused => SuspensionCause::TemplatePaused,
        TemplateEvent::Disabled => SuspensionCause::TemplateDisabled,
        TemplateEvent::Rejected => SuspensionCause::TemplateRejected,
        TemplateEvent::Pending | TemplateEvent::InAppeal => SuspensionCause::TemplateInReview,
        TemplateEvent::Flagged => SuspensionCause::TemplateFlagged,
        TemplateEvent::Locked | TemplateEvent::LimitExceeded => SuspensionCause::TemplateLocked,
        TemplateEvent::PendingDeletion | TemplateEvent::Deleted => SuspensionCause::TemplateDeleted,
        TemplateEvent::Archived => SuspensionCause::TemplateArchived,
        TemplateEvent::Approved | TemplateEvent::Reinstated | TemplateEvent::Unarchived | TemplateEvent::Other => {
            return None;
        }
    })
}

#[async_trait]
impl AccountNotices for AccountTruth {
    async fn act_on(&self, notice: &AccountNotice) -> Result<Effect, StoreError> {
        match notice {
            AccountNotice::TemplateStatus { template, event } => return self.template_status(template, *event).await,
            AccountNotice::TemplateQuality { template, .. }
            | AccountNotice::TemplateComponents { template }
            | AccountNotice::CategoryChange { template, .. }
                if !self.is_own(template) =>
            {
                return Ok(Effect::Ignored);
            }
            AccountNotice::TemplateQuality { quality: Quality::Red, .. } => {
                self.doubts.doubt();
                tracing::error!("people report the template, and WhatsApp may pause it: prepare another one");
            }
            AccountNotice::TemplateQuality { quality, .. } => {
                self.doubts.doubt();
                if *quality == Quality::Yellow {
                    tracing::warn!("some people report the template");
                }
            }
            AccountNotice::TemplateComponents { template } => {
                if let Some((own, _)) = self.own(template) {
                    own.current.doubt();
                }
                tracing::warn!("the template was changed: check its lifetime, its button and its text");
            }
            AccountNotice::CategoryChange { template, stage, category } => {
                if category == "AUTHENTICATION" {
                    return Ok(Effect::Ignored);
                }
                if let Some((own, _)) = self.own(template) {
                    own.current.doubt();
                }
                match stage {
                    CategoryStage::Announced { at } => {
                        let at = at.map(|at| at.to_string());
                        tracing::error!(
                            at,
                            "WhatsApp will move the template out of AUTHENTICATION: its price and rules will change"
                        );
                    }
                    CategoryStage::Done => {
                        tracing::error!(
                            "WhatsApp moved the template out of AUTHENTICATION: its price and rules changed"
                        );
                    }
                }
            }
            AccountNotice::NumberQuality { digits, tier, .. } => {
                if digits.as_deref().is_some_and(|digits| self.doubts.is_foreign(digits)) {
                    return Ok(Effect::Ignored);
                }
                self.tier(*tier);
                self.doubts.doubt();
            }
            AccountNotice::Capability { tier } => self.tier(*tier),
            AccountNotice::AccountUpdate { event } => return self.account_update(event).await,
            AccountNotice::AccountAlert { is_over: true, .. } => {
                tracing::info!("an alert about the account has ended");
            }
            AccountNotice::AccountAlert { severity, alert, .. } => match severity {
                AlertSeverity::Critical => tracing::error!(alert, "WhatsApp sent an alert about the account"),
                AlertSeverity::Warning => tracing::warn!(alert, "WhatsApp sent an alert about the account"),
                AlertSeverity::Informational | AlertSeverity::Other => {
                    tracing::info!(alert, "WhatsApp sent an alert about the account");
                }
            },
            AccountNotice::ReviewUpdate { decision: ReviewDecision::Approved } => self.doubts.doubt(),
            AccountNotice::ReviewUpdate { decision } => {
                tracing::error!(decision = decision.as_str(), "WhatsApp reviewed the account and did not approve it");
            }
            AccountNotice::Security { event } => {
                tracing::error!(event = event.as_str(), "somebody changes the PIN of the sending number");
            }
            AccountNotice::Error { code } => {
                tracing::error!(code, "WhatsApp reported an error that is about no single message");
                return self.act_on_failure(*code, None).await;
            }
            AccountNotice::Other { .. } => return Ok(Effect::Ignored),
        }
        Ok(Effect::Applied)
    }

    async fn act_on_failure(&self, code: i64, phone: Option<&PhoneNumber>) -> Result<Effect, StoreError> {
        // If there are several numbers, it is not known which one sent the message. A look at each tells.
        let sender = match self.senders.as_slice() {
            [only] => Some(only.as_str()),
            _ => None,
        };
        if let Some(new) = suspension_of(code, ErrorAbout { sender, template: None, phone }) {
            return self.suspend(new).await;
        }
        if error::meaning(code, None).stops.is_some() {
            self.doubts.doubt();
        }
        Ok(Effect::Ignored)
    }
}

impl AccountTruth {
    fn tier(&self, tier: Option<Tier>) {
        if tier.is_some_and(|tier| self.doubts.knows_tier(tier)) {
            tracing::error!("WhatsApp lowered the number of people that the business may write to in a day");
        }
    }

    async fn account_update(&self, event: &AccountEvent) -> Result<Effect, StoreError> {
        match event {
            AccountEvent::Violation { violation } => {
                tracing::error!(violation, "WhatsApp says that the account violates a policy");
                self.suspend_account(SuspensionCause::AccountViolation).await
            }
            AccountEvent::Restriction { .. } => self.suspend_account(SuspensionCause::AccountRestricted).await,
            AccountEvent::Ban(BanState::Disable | BanState::ScheduleForDisable) => {
                self.suspend_account(SuspensionCause::AccountBanned).await
            }
            AccountEvent::Ban(BanState::Reinstate) => {
                self.doubts.doubt();
                Ok(Effect::Applied)
            }
            AccountEvent::Deleted => self.suspend_account(SuspensionCause::AccountDeleted).await,
            AccountEvent::InternationalPrice { from } => {
                let from = from.map(|from| from.to_string());
                tracing::error!(from, "codes to some countries will cost many times as much");
                Ok(Effect::Applied)
            }
            AccountEvent::Ban(BanState::Other) | AccountEvent::Other(_) => Ok(Effect::Ignored),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;
    use tokio::sync::watch;

    use super::*;
    use crate::otp::Suspensions;
    use crate::store::EmbeddedStore;
    use crate::whatsapp::template::ApprovedTemplate;
    use crate::whatsapp::webhook::SecurityEvent;

    const WABA: &str = "100000000000001";
    const SENDER: &str = "200000000000001";
    const TEMPLATE: &str = "300000000000001";
    const GERMAN: &str = "300000000000002";

    struct World {
        truth: AccountTruth,
        store: Arc<EmbeddedStore>,
        doubts: Arc<AccountDoubts>,
        template_doubts: Arc<Notify>,
    }

    impl World {
        fn new() -> Self {
            let languages = ["en_US", "de"].map(|language| Locale::parse(language).unwrap()).to_vec();
            let ids = [TEMPLATE, GERMAN].map(str::to_owned).to_vec();
            let template = ApprovedTemplate { name: "otp_login".to_owned(), languages, ids };
            let template_doubts = Arc::new(Notify::new());
            let current = CurrentTemplate::new(watch::channel(Ok(Arc::new(template))).1, Arc::clone(&template_doubts));
            let store = Arc::new(EmbeddedStore::default());
            let (standing, _) = Standing::new(WABA, store.clone(), None);
            let doubts = Arc::new(AccountDoubts::default());
            let own = OwnTemplate { id: TEMPLATE.to_owned(), current };
            let truth = AccountTruth::new(standing, vec![SENDER.to_owned()], vec![own], Arc::clone(&doubts));
            Self { truth, store, doubts, template_doubts }
        }

        /// Acts on the notice, and returns the effect and what is suspended then.
        async fn after(&self, notice: AccountNotice) -> (Effect, Vec<(String, &'static str)>) {
            let effect = self.truth.act_on(&notice).await.unwrap();
            let suspensions = self.store.suspensions(WABA).await.unwrap();
            let listed = suspensions.iter().map(|one| (one.scope.to_string(), one.cause.as_str()));
            (effect, listed.collect())
        }

        fn is_doubted(&self) -> bool {
            self.doubts.doubted().now_or_never().is_some()
        }

        fn is_template_doubted(&self) -> bool {
            self.template_doubts.notified().now_or_never().is_some()
        }
    }

    fn named(id: Option<&str>, name: &str, language: &str) -> TemplateName {
        TemplateName { id: id.map(str::to_owned), name: name.to_owned(), language: language.to_owned() }
    }

    fn own() -> TemplateName {
        named(Some(TEMPLATE), "otp_login", "en_US")
    }

    #[tokio::test]
    async fn template_events_suspend_our_template_in_its_language() {
        let scope = format!("template:{TEMPLATE}");
        for (event, cause) in [
            ("PAUSED", "template_paused"),
            ("DISABLED", "template_disabled"),
            ("REJECTED", "template_rejected"),
            ("PENDING", "template_in_review"),
            ("IN_APPEAL", "template_in_review"),
            ("FLAGGED", "template_flagged"),
            ("LOCKED", "template_locked"),
            ("LIMIT_EXCEEDED", "template_locked"),
            ("PENDING_DELETION", "template_deleted"),
            ("DELETED", "template_deleted"),
            ("ARCHIVED", "template_archived"),
        ] {
            let world = World::new();
            let notice = || AccountNotice::TemplateStatus { template: own(), event: TemplateEvent::of(event) };
            let suspended = vec![(scope.clone(), cause)];
            assert_eq!(world.after(notice()).await, (Effect::Applied, suspended.clone()), "{event}");
            assert!(world.is_template_doubted(), "{event}");
            let again = world.after(notice()).await;
            assert_eq!(again, (Effect::Duplicate, suspended), "{event}");
        }
    }

    #[tokio::test]
    async fn a_template_without_its_id_is_known_by_name_and_language() {
        for language in ["de", "DE"] {
            let world = World::new();
            let template = named(None, "otp_login", language);
            let notice = AccountNotice::TemplateStatus { template, event: TemplateEvent::Paused };
            let (effect, suspended) = world.after(notice).await;
            if language == "de" {
                assert_eq!((effect, suspended.len()), (Effect::Applied, 1));
                assert_eq!(suspended[0].0, format!("template:{GERMAN}"));
            } else {
                assert!(suspended.is_empty() || suspended[0].0 == format!("template:{GERMAN}"));
            }
        }
        let world = World::new();
        let american = named(None, "otp_login", "en-US");
        let notice = AccountNotice::TemplateStatus { template: american, event: TemplateEvent::Paused };
        assert_eq!(world.after(notice).await.1[0].0, format!("template:{TEMPLATE}"));
    }

    #[tokio::test]
    async fn good_news_of_a_template_only_lead_to_another_look() {
        for event in ["APPROVED", "REINSTATED", "UNARCHIVED"] {
            let world = World::new();
            let paused = AccountNotice::TemplateStatus { template: own(), event: TemplateEvent::Paused };
            world.after(paused).await;
            assert!(world.is_template_doubted());
            let notice = AccountNotice::TemplateStatus { template: own(), event: TemplateEvent::of(event) };
            let (effect, suspended) = world.after(notice).await;
            assert_eq!((effect, suspended.len()), (Effect::Applied, 1), "{event}");
            assert!(world.is_template_doubted() && world.is_doubted(), "{event}");
        }
    }

    #[tokio::test]
    async fn templates_of_others_and_unknown_events_are_ignored() {
        let foreign = || named(Some("999"), "newsletter", "en_US");
        let world = World::new();
        for notice in [
            AccountNotice::TemplateStatus { template: foreign(), event: TemplateEvent::Paused },
            AccountNotice::TemplateStatus { template: foreign(), event: TemplateEvent::Approved },
            AccountNotice::TemplateQuality { template: foreign(), quality: Quality::Red },
            AccountNotice::TemplateComponents { template: foreign() },
            AccountNotice::CategoryChange {
                template: foreign(),
                stage: CategoryStage::Done,
                category: "MARKETING".to_owned(),
            },
        ] {
            assert_eq!(world.after(notice).await, (Effect::Ignored, Vec::new()));
            assert!(!world.is_template_doubted() && !world.is_doubted());
        }
        let unknown = AccountNotice::TemplateStatus { template: own(), event: TemplateEvent::Other };
        assert_eq!(world.after(unknown).await, (Effect::Ignored, Vec::new()));
    }

    #[tokio::test]
    async fn account_events_suspend_the_account() {
        for (event, cause) in [
            (AccountEvent::Violation { violation: "SCAM".to_owned() }, "account_violation"),
            (AccountEvent::Restriction { until: None }, "account_restricted"),
            (AccountEvent::Ban(BanState::Disable), "account_banned"),
            (AccountEvent::Ban(BanState::ScheduleForDisable), "account_banned"),
            (AccountEvent::Deleted, "account_deleted"),
        ] {
            let world = World::new();
            let after = world.after(AccountNotice::AccountUpdate { event }).await;
            assert_eq!(after, (Effect::Applied, vec![("account".to_owned(), cause)]));
        }
    }

    #[tokio::test]
    async fn other_account_events_suspend_nothing() {
        for (event, effect, doubts) in [
            (AccountEvent::Ban(BanState::Reinstate), Effect::Applied, true),
            (AccountEvent::InternationalPrice { from: None }, Effect::Applied, false),
            (AccountEvent::Other("PARTNER_ADDED".to_owned()), Effect::Ignored, false),
            (AccountEvent::Ban(BanState::Other), Effect::Ignored, false),
        ] {
            let world = World::new();
            let after = world.after(AccountNotice::AccountUpdate { event: event.clone() }).await;
            assert_eq!(after, (effect, Vec::new()), "{event:?}");
            assert_eq!(world.is_doubted(), doubts, "{event:?}");
        }
    }

    #[tokio::test]
    async fn notices_that_only_alert_suspend_nothing() {
        let category = |category: &str| AccountNotice::CategoryChange {
            template: own(),
            stage: CategoryStage::Announced { at: None },
            category: category.to_owned(),
        };
        let alert = |severity| AccountNotice::AccountAlert { severity, alert: "LIMIT".to_owned(), is_over: false };
        for (notice, effect) in [
            (AccountNotice::TemplateQuality { template: own(), quality: Quality::Red }, Effect::Applied),
            (AccountNotice::TemplateQuality { template: own(), quality: Quality::Yellow }, Effect::Applied),
            (AccountNotice::TemplateComponents { template: own() }, Effect::Applied),
            (category("MARKETING"), Effect::Applied),
            (category("AUTHENTICATION"), Effect::Ignored),
            (alert(AlertSeverity::Critical), Effect::Applied),
            (alert(AlertSeverity::Informational), Effect::Applied),
            (AccountNotice::ReviewUpdate { decision: ReviewDecision::Rejected }, Effect::Applied),
            (AccountNotice::ReviewUpdate { decision: ReviewDecision::Approved }, Effect::Applied),
            (AccountNotice::Security { event: SecurityEvent::PinChanged }, Effect::Applied),
            (AccountNotice::Other { field: "history" }, Effect::Ignored),
        ] {
            let world = World::new();
            assert_eq!(world.after(notice.clone()).await, (effect, Vec::new()), "{notice:?}");
        }
    }

    #[tokio::test]
    async fn a_number_that_is_not_ours_is_ignored_and_a_lower_tier_is_noticed() {
        let world = World::new();
        let quality = |digits: &str| AccountNotice::NumberQuality {
            digits: Some(digits.to_owned()),
            event: "THROUGHPUT_UPGRADE".to_owned(),
            tier: Some(Tier::Limited(2_000)),
        };
        world.doubts.knows_number("16315555555".to_owned());
        assert_eq!(world.after(quality("16315550000")).await.0, Effect::Ignored);
        assert!(!world.is_doubted());
        assert_eq!(world.after(quality("16315555555")).await.0, Effect::Applied);
        assert!(world.is_doubted());
        assert_eq!(world.after(AccountNotice::Capability { tier: Some(Tier::Unlimited) }).await.0, Effect::Applied);
        assert!(world.doubts.knows_tier(Tier::Limited(250)));
        assert!(!world.doubts.knows_tier(Tier::Limited(250)));
    }

    #[tokio::test]
    async fn errors_suspend_what_they_are_about() {
        let world = World::new();
        let after = world.after(AccountNotice::Error { code: 131_042 }).await;
        assert_eq!(after, (Effect::Applied, vec![("account".to_owned(), "payment_problem")]));
        assert_eq!(world.after(AccountNotice::Error { code: 130_429 }).await.0, Effect::Ignored);
        let phone = PhoneNumber::parse("4915123456789").unwrap();
        for (code, effect) in [(131_048, Effect::Applied), (130_497, Effect::Applied), (131_026, Effect::Ignored)] {
            let acted = world.truth.act_on_failure(code, Some(&phone)).await.unwrap();
            assert_eq!(acted, effect, "{code}");
        }
        let listed = world.after(AccountNotice::Other { field: "history" }).await.1;
        let scopes: Vec<_> = listed.iter().map(|(scope, _)| scope.as_str()).collect();
        assert_eq!(scopes, ["account", "sender:200000000000001", "country:DE"]);
    }
}
