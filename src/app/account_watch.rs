//! Watches the account on WhatsApp: reads the suspensions that other instances opened, and asks WhatsApp itself, to end
//! suspensions whose end no webhook reported and to open those whose beginning none reported.
//!
//! Checking codes depends on none of this.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use crate::otp::{NewSuspension, StoreError, Suspension, SuspensionCause, SuspensionScope, Term};
use crate::supervisor;
use crate::telemetry::metrics::{NUMBER_QUALITY, TEMPLATE_QUALITY};
use crate::whatsapp::client::CallError;
use crate::whatsapp::health::{self, Health};
use crate::whatsapp::webhook::Tier;
use crate::whatsapp::{AccountDoubts, AccountTruth, BusinessNumber, GraphClient, OwnTemplate, Reports, Standing};

/// The intervals of the watch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Intervals {
    /// Between readings of the suspensions: an instance that did not open one learns of it within this time.
    pub(super) read: Duration,
    /// Between looks at the account: management calls are limited to a few thousand an hour for the whole account.
    pub(super) look: Duration,
    /// The age from which on a suspension may be ended by a look. Until then WhatsApp's API may not know of its cause.
    /// Also the shortest time between two looks.
    pub(super) settled: Duration,
}

/// The intervals in production.
pub(super) const EVERY: Intervals =
    Intervals { read: Duration::from_secs(5), look: Duration::from_mins(5), settled: Duration::from_secs(30) };
/// The intervals in the sandbox, whose account costs nothing to look at.
#[cfg(feature = "simulator")]
pub(super) const OFTEN: Intervals =
    Intervals { read: Duration::from_secs(2), look: Duration::from_secs(5), settled: Duration::from_secs(3) };

/// A watch on an account.
pub(super) struct AccountWatch {
    pub(super) client: GraphClient,
    pub(super) standing: Standing,
    pub(super) waba_id: String,
    /// The IDs of the numbers that send.
    pub(super) numbers: Vec<String>,
    pub(super) templates: Vec<OwnTemplate>,
    pub(super) doubts: Arc<AccountDoubts>,
    pub(super) every: Intervals,
}

/// An account that is watched.
pub(super) struct WatchedAccount {
    /// Acts on notices about it.
    pub(super) truth: AccountTruth,
    /// Resolves after the first look.
    looked: oneshot::Receiver<()>,
}

impl WatchedAccount {
    /// Waits for the first look until the deadline, so that an instance starts with what WhatsApp says. Returns what acts
    /// on notices.
    pub(super) async fn settled(self, deadline: Instant) -> AccountTruth {
        let _ = tokio::time::timeout_at(deadline, self.looked).await;
        self.truth
    }
}

impl AccountWatch {
    /// Watches the account until the process ends.
    pub(super) fn start(self, reports: Reports) -> WatchedAccount {
        for id in &self.numbers {
            gauge!(NUMBER_QUALITY, "sender" => id.clone()).set(0.0);
        }
        for own in &self.templates {
            gauge!(TEMPLATE_QUALITY, "template" => own.id.clone()).set(0.0);
        }
        let (standing, templates, every) = (self.standing.clone(), self.templates.clone(), self.every.read);
        supervisor::spawn("suspensions", read_suspensions(standing, templates, reports, every));
        let (numbers, doubts) = (self.numbers.clone(), Arc::clone(&self.doubts));
        let truth = AccountTruth::new(self.standing.clone(), numbers, self.templates.clone(), doubts);
        let (look, looked) = oneshot::channel();
        supervisor::spawn("account watch", self.run(look));
        WatchedAccount { truth, looked }
    }

    async fn run(self, first_look: oneshot::Sender<()>) -> Infallible {
        let mut first_look = Some(first_look);
        loop {
            let began = Instant::now();
            let pause = match self.look().await {
                Ok(true) => self.every.look,
                Ok(false) => self.every.settled,
                Err(error) => {
                    tracing::warn!(%error, "the suspensions could not be compared with WhatsApp's view of the account");
                    self.every.settled
                }
            };
            if let Some(look) = first_look.take() {
                // The start may have stopped waiting.
                let _ = look.send(());
            }
            tokio::select! {
                () = sleep(jittered(pause)) => {}
                () = self.doubts.doubted() => sleep_until(began + self.every.settled).await,
            }
        }
    }

    /// Looks at the account once. Returns `false` if a suspension is too young to be ended.
    async fn look(&self) -> Result<bool, StoreError> {
        let seen = self.standing.refresh().await?;
        let mut settled = true;
        for (scope, is_blocked) in self.views(&seen).await {
            let suspension = seen.iter().find(|suspension| suspension.scope == scope);
            match suspension {
                Some(suspension) if is_blocked && !suspension.is_timed => {
                    // Renewed with its own cause, which says more.
                    let cause = suspension.cause;
                    self.standing.suspend(&NewSuspension { scope, cause, term: Term::UntilResumed }).await?;
                }
                _ if is_blocked => {
                    let cause = SuspensionCause::Blocked;
                    self.standing.suspend(&NewSuspension { scope, cause, term: Term::UntilResumed }).await?;
                }
                Some(suspension) if !suspension.is_timed => {
                    // The time since it was opened or renewed.
                    if Term::LONGEST.saturating_sub(suspension.ends_in) < self.every.settled {
                        settled = false;
                    } else if self.standing.resume(suspension).await? {
                        self.doubt_template(&suspension.scope);
                    }
                }
                _ => {}
            }
        }
        Ok(settled)
    }

    /// Asks WhatsApp about each part. Returns `true` for those that cannot send, and leaves out those about which it said
    /// nothing.
    async fn views(&self, seen: &[Suspension]) -> BTreeMap<SuspensionScope, bool> {
        let mut views = BTreeMap::new();
        let mut view = |scope, health: Option<&Health>, types: &[&str]| {
            if let Some(is_blocked) = health.and_then(|health| health.is_blocked(types)) {
                views.insert(scope, is_blocked);
            }
        };
        let health = said(Health::read(&self.client, &self.waba_id).await);
        view(SuspensionScope::Account, health.as_ref(), health::ACCOUNT);
        for id in &self.numbers {
            let health = said(Health::read(&self.client, id).await);
            view(SuspensionScope::Sender(id.clone()), health.as_ref(), &[health::NUMBER]);
            self.measure_number(id).await;
        }
        let current: HashSet<_> = self.current_templates();
        for id in self.template_ids(&current, seen) {
            let Some(read) = said(Health::read_template(&self.client, &id).await) else { continue };
            gauge!(TEMPLATE_QUALITY, "template" => id.clone()).set(rating(&read.quality));
            let scope = SuspensionScope::Template(id.clone());
            // The template watch does not send one that is not approved, so it need not be suspended.
            let is_known = current.contains(&id) || seen.iter().any(|suspension| suspension.scope == scope);
            if is_known {
                view(scope, Some(&read.health), &[health::TEMPLATE]);
            }
        }
        views
    }

    /// Returns the IDs of the templates that can be sent now, in each language.
    fn current_templates(&self) -> HashSet<String> {
        let current = self.templates.iter().filter_map(|own| own.current.get().ok());
        current.flat_map(|template| template.ids.clone()).collect()
    }

    fn template_ids(&self, current: &HashSet<String>, seen: &[Suspension]) -> BTreeSet<String> {
        let suspended = seen.iter().filter_map(|suspension| match &suspension.scope {
            SuspensionScope::Template(id) => Some(id),
            _ => None,
        });
        self.templates.iter().map(|own| &own.id).chain(current).chain(suspended).cloned().collect()
    }

    async fn measure_number(&self, id: &str) {
        if let Some(number) = said(BusinessNumber::read(&self.client, id).await) {
            gauge!(NUMBER_QUALITY, "sender" => id.to_owned()).set(rating(&number.quality_rating));
            let digits = number.display_phone_number.chars().filter(char::is_ascii_digit).collect();
            self.doubts.knows_number(digits);
        }
        if let Some(Some(tier)) = said(BusinessNumber::messaging_tier(&self.client, id).await)
            && let Some(tier) = Tier::parse(&tier)
            && self.doubts.knows_tier(tier)
        {
            tracing::error!("WhatsApp lowered the number of people that the business may write to in a day");
        }
    }

    fn doubt_template(&self, scope: &SuspensionScope) {
        if matches!(scope, SuspensionScope::Template(_)) {
            doubt(&self.templates);
        }
    }
}

/// Reads the suspensions every so often, and opens those that sends report.
async fn read_suspensions(
    standing: Standing,
    templates: Vec<OwnTemplate>,
    mut reports: Reports,
    every: Duration,
) -> Infallible {
    let mut suspended = BTreeSet::new();
    loop {
        match standing.refresh().await {
            Ok(suspensions) => {
                let now: BTreeSet<_> = suspensions.into_iter().map(|suspension| suspension.scope).collect();
                let changed = now.symmetric_difference(&suspended);
                if changed.into_iter().any(|scope| matches!(scope, SuspensionScope::Template(_))) {
                    doubt(&templates);
                }
                suspended = now;
            }
            Err(error) => {
                tracing::debug!(%error, "the suspensions could not be read; those that are known still count");
            }
        }
        tokio::select! {
            () = sleep(jittered(every)) => {}
            Some(new) = reports.recv() => {
                if let Err(error) = standing.suspend(&new).await {
                    tracing::warn!(%error, part = new.scope.kind(), cause = new.cause.as_str(), "sending could not be suspended");
                }
            }
        }
    }
}

/// Has the templates looked at again.
fn doubt(templates: &[OwnTemplate]) {
    for own in templates {
        own.current.doubt();
    }
}

/// Returns the answer; `None` if the call failed, which says nothing about the account.
fn said<T>(answer: Result<T, CallError>) -> Option<T> {
    answer.inspect_err(|error| tracing::debug!(%error, "WhatsApp did not describe a part of the account")).ok()
}

fn rating(quality: &str) -> f64 {
    match quality {
        "GREEN" => 3.0,
        "YELLOW" => 2.0,
        "RED" => 1.0,
        _ => 0.0,
    }
}

fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::random_range(0.8..1.2))
}

#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests {
    use url::Url;
    use whatsapp_otp_simulator::{CanSend, Simulator, SimulatorSettings, TemplateStatus};

    use super::super::sandbox::account_of;
    use super::*;
    use crate::http::{ConnectionBounds, Handle, Listener};
    use crate::otp::{Locale, Suspensions};
    use crate::store::EmbeddedStore;
    use crate::whatsapp::template::CurrentTemplate;
    use crate::whatsapp::{ApiVersion, WhatsAppApi, WhatsAppSettings};

    const TEMPLATE: &str = "300000000000001";
    const QUICKLY: Intervals =
        Intervals { read: Duration::from_millis(5), look: Duration::from_millis(5), settled: Duration::ZERO };

    struct World {
        simulator: Simulator,
        watch: AccountWatch,
        store: Arc<EmbeddedStore>,
        reports: Reports,
    }

    impl World {
        async fn start(every: Intervals) -> Self {
            crate::cli::install_tls_provider();
            let simulator = Simulator::new(SimulatorSettings::default());
            let listener =
                Listener::bind("127.0.0.1:0".parse().unwrap(), None, ConnectionBounds::local()).await.unwrap();
            let api = WhatsAppApi {
                base_url: Url::parse(&format!("http://{}", listener.address())).unwrap(),
                api_version: ApiVersion::parse("v21.0").unwrap(),
                languages: vec![Locale::parse("en_US").unwrap()],
                timeout: Duration::from_secs(5),
                max_retries: 0,
                messages_per_second: None,
            };
            tokio::spawn(listener.serve(simulator.router(), Handle::default()));
            let settings = WhatsAppSettings { api, account: account_of(simulator.settings()) };
            let store = Arc::new(EmbeddedStore::default());
            let (standing, reports) = Standing::new(&settings.account.waba_id, store.clone(), None);
            let languages = settings.api.languages.clone();
            let current =
                CurrentTemplate::always_with_ids("otp_login".to_owned(), languages, vec![TEMPLATE.to_owned()]);
            let watch = AccountWatch {
                client: GraphClient::new(&settings).unwrap(),
                standing,
                waba_id: settings.account.waba_id.clone(),
                numbers: vec![settings.account.phone_number_id.clone()],
                templates: vec![OwnTemplate { id: TEMPLATE.to_owned(), current }],
                doubts: Arc::default(),
                every,
            };
            Self { simulator, watch, store, reports }
        }

        async fn suspend(&self, scope: SuspensionScope, cause: SuspensionCause, term: Term) {
            self.watch.standing.suspend(&NewSuspension { scope, cause, term }).await.unwrap();
        }

        async fn after_look(&self) -> Vec<(String, &'static str)> {
            self.watch.look().await.unwrap();
            self.suspended().await
        }

        async fn suspended(&self) -> Vec<(String, &'static str)> {
            let suspensions = self.store.suspensions(&self.watch.waba_id).await.unwrap();
            suspensions.iter().map(|one| (one.scope.to_string(), one.cause.as_str())).collect()
        }

        fn number(&self) -> SuspensionScope {
            SuspensionScope::Sender(self.watch.numbers[0].clone())
        }
    }

    #[tokio::test]
    async fn what_a_lost_webhook_left_open_is_closed() {
        let world = World::start(QUICKLY).await;
        for scope in [SuspensionScope::Account, world.number(), SuspensionScope::Template(TEMPLATE.to_owned())] {
            world.suspend(scope, SuspensionCause::Blocked, Term::UntilResumed).await;
        }
        world.simulator.set_health(&world.watch.numbers[0], Some(CanSend::Limited));
        assert_eq!(world.suspended().await.len(), 3);
        assert_eq!(world.after_look().await, []);
    }

    #[tokio::test]
    async fn what_is_blocked_is_suspended_and_resumed_later() {
        let world = World::start(QUICKLY).await;
        let number = world.watch.numbers[0].clone();
        for (id, scope) in [
            (world.watch.waba_id.as_str(), "account".to_owned()),
            (number.as_str(), format!("sender:{number}")),
            (TEMPLATE, format!("template:{TEMPLATE}")),
        ] {
            world.simulator.set_health(id, Some(CanSend::Blocked));
            for _ in 0..2 {
                assert_eq!(world.after_look().await, [(scope.clone(), "blocked")]);
            }
            world.simulator.set_health(id, None);
            assert_eq!(world.after_look().await, []);
        }
    }

    #[tokio::test]
    async fn a_suspension_keeps_its_cause_while_whatsapp_confirms_it() {
        let world = World::start(QUICKLY).await;
        world.suspend(SuspensionScope::Account, SuspensionCause::PaymentProblem, Term::UntilResumed).await;
        world.simulator.set_health(&world.watch.waba_id, Some(CanSend::Blocked));
        assert_eq!(world.after_look().await, [("account".to_owned(), "payment_problem")]);
    }

    #[tokio::test]
    async fn a_timed_suspension_and_one_about_a_country_are_left_alone() {
        let world = World::start(QUICKLY).await;
        let term = Term::For(Duration::from_mins(15));
        world.suspend(world.number(), SuspensionCause::SpamLimit, term).await;
        assert_eq!(world.after_look().await.len(), 1);
    }

    #[tokio::test]
    async fn a_young_suspension_waits_for_another_look() {
        let world = World::start(Intervals { settled: Duration::from_mins(1), ..QUICKLY }).await;
        world.suspend(SuspensionScope::Account, SuspensionCause::AccountBanned, Term::UntilResumed).await;
        assert!(!world.watch.look().await.unwrap());
        assert_eq!(world.suspended().await.len(), 1);
    }

    #[tokio::test]
    async fn a_template_that_is_not_approved_stays_suspended() {
        let world = World::start(QUICKLY).await;
        let scope = SuspensionScope::Template(TEMPLATE.to_owned());
        world.suspend(scope, SuspensionCause::TemplateInReview, Term::UntilResumed).await;
        assert!(world.simulator.set_template_status(TEMPLATE, TemplateStatus::Pending));
        world.simulator.set_health(TEMPLATE, Some(CanSend::Available));
        assert_eq!(world.after_look().await.len(), 1);
        assert!(world.simulator.set_template_status(TEMPLATE, TemplateStatus::Approved));
        assert_eq!(world.after_look().await, []);
    }

    #[tokio::test]
    async fn an_account_that_is_not_described_changes_nothing() {
        let mut world = World::start(QUICKLY).await;
        world.suspend(SuspensionScope::Account, SuspensionCause::AccountBanned, Term::UntilResumed).await;
        let url = Url::parse("http://127.0.0.1:9").unwrap();
        let version = ApiVersion::parse("v21.0").unwrap();
        let token = "token".into();
        world.watch.client = GraphClient::with_token(&url, &version, Duration::from_secs(1), &token).unwrap();
        assert_eq!(world.after_look().await.len(), 1);
    }

    #[tokio::test]
    async fn what_sends_report_is_suspended_and_others_read_it() {
        let world =
            World::start(Intervals { look: Duration::from_mins(5), settled: Duration::from_mins(5), ..QUICKLY }).await;
        let store: Arc<dyn Suspensions> = world.store.clone();
        let (other, other_reports) = Standing::new(&world.watch.waba_id, store, None);
        let mut seen = other.follow();
        let read = read_suspensions(other, Vec::new(), other_reports, QUICKLY.read);
        supervisor::spawn("suspensions", read);
        let World { watch, reports, .. } = world;
        watch
            .standing
            .suspend(&NewSuspension {
                scope: SuspensionScope::Account,
                cause: SuspensionCause::PaymentProblem,
                term: Term::UntilResumed,
            })
            .await
            .unwrap();
        watch.start(reports);
        while seen.borrow_and_update().is_empty() {
            tokio::time::timeout(Duration::from_secs(5), seen.changed()).await.unwrap().unwrap();
        }
    }
}
