//! Watches the template, since WhatsApp pauses templates that people report.
//!
//! Checking codes needs no template, so an instance starts without one and keeps asking for it.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use crate::http::TemplateLanguages;
use crate::otp::Locale;
use crate::supervisor;
use crate::whatsapp::template::{self, CurrentTemplate, Sendable, TemplateError, Translation};
use crate::whatsapp::{GraphClient, WhatsAppAccount, WhatsAppSettings};

/// The intervals between looks at an approved template, and at one that cannot be sent: management calls are limited to a
/// few thousand an hour for the whole account.
const EVERY: (Duration, Duration) = (Duration::from_mins(5), Duration::from_secs(30));
/// The first and the longest pause between attempts to find the template at all, each with jitter.
const FIRST_LOOKS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// The state of a watched template.
pub(super) struct WatchedTemplate {
    /// The template, for the sender.
    pub(super) current: CurrentTemplate,
    /// Its languages, for readiness and metrics.
    pub(super) languages: TemplateLanguages,
    /// Resolves with the first answer that an immediate retry would not change.
    answered: oneshot::Receiver<()>,
}

/// A watch on one template in its languages.
pub(super) struct TemplateWatch {
    client: GraphClient,
    account: WhatsAppAccount,
    languages: Vec<Locale>,
    code_lifetime: Duration,
    /// The intervals between looks at an approved template, and at one that cannot be sent.
    every: (Duration, Duration),
}

/// The parts of the state that a look at the template changes.
struct State {
    current: watch::Sender<Sendable>,
    /// The languages, each with the reason why the template cannot be sent in it.
    languages: watch::Sender<Vec<(Locale, Option<String>)>>,
    answered: Option<oneshot::Sender<()>>,
}

impl TemplateWatch {
    /// A watch that looks as often as WhatsApp's limits allow.
    pub(super) fn new(client: GraphClient, whatsapp: &WhatsAppSettings, code_lifetime: Duration) -> Self {
        let (account, languages) = (whatsapp.account.clone(), whatsapp.api.languages.clone());
        Self { client, account, languages, code_lifetime, every: EVERY }
    }

    /// Watches the template for as long as anyone needs it. `known` is what was seen before, if anything was.
    ///
    /// Only definite statements of WhatsApp's change anything: a call that fails says nothing about the template, so one
    /// that is known stays in use.
    pub(super) fn start(self, known: &[Translation]) -> WatchedTemplate {
        let unknown = "WhatsApp has not described it yet";
        let (current, sendable) = watch::channel(Err(unknown.into()));
        let all = self.languages.iter().map(|language| (language.clone(), Some(unknown.to_owned())));
        let (languages, shown) = watch::channel(all.collect());
        let doubts = Arc::new(Notify::new());
        let (answered, answer) = oneshot::channel();
        let mut state = State { current, languages, answered: Some(answered) };
        if !known.is_empty() {
            self.seen(&mut state, known);
        }
        supervisor::spawn("template watch", self.run(state, Arc::clone(&doubts)));
        WatchedTemplate { current: CurrentTemplate::new(sendable, doubts), languages: shown, answered: answer }
    }

    async fn run(self, mut state: State, doubts: Arc<Notify>) {
        let mut first_looks = first_looks();
        let mut pause = if state.is_approved() { self.every.0 } else { Duration::ZERO };
        let (mut denied, mut doubted): (bool, Option<Instant>) = (false, None);
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The first doubt leads to a look immediately, further ones no more often than one about a denied template.
                () = doubts.notified() => {
                    if let Some(doubted) = doubted {
                        tokio::time::sleep_until(doubted + self.every.1).await;
                    }
                    doubted = Some(Instant::now());
                }
                () = state.current.closed() => return,
            }
            let was_approved = state.is_approved();
            pause = match template::translations(&self.client, &self.account, &self.languages).await {
                Ok(translations) => {
                    self.seen(&mut state, &translations);
                    denied = !state.is_approved();
                    if denied { self.every.1 } else { self.every.0 }
                }
                Err(error) if error.is_definite() => {
                    tracing::error!(%error, "the template cannot be sent; codes can still be checked");
                    denied = true;
                    state.denied(&error);
                    self.every.1
                }
                Err(error) if was_approved || denied => {
                    tracing::warn!(%error, "the template could not be checked; its last known state still counts");
                    if was_approved { self.every.0 } else { self.every.1 }
                }
                Err(error) => {
                    tracing::warn!(%error, "the template is not known yet; until then, codes can only be checked");
                    state.denied(&error);
                    first_looks.next().unwrap_or(FIRST_LOOKS.1)
                }
            };
        }
    }

    /// Records the template as WhatsApp described it, and logs what is new.
    fn seen(&self, state: &mut State, translations: &[Translation]) {
        let before = state.languages.borrow().clone();
        let sendable = template::sendable(translations);
        let mut warnings = Vec::new();
        for Translation { language, template } in translations {
            let before = before.iter().find(|(other, _)| other == language).and_then(|(_, fault)| fault.as_deref());
            match template {
                Ok(template) if before.is_some() => {
                    // The sample server's words.
                    tracing::info!(
                        %language,
                        "Verified OTP template '{}' with ID {} is approved and ready to send.",
                        template.name,
                        template.id
                    );
                    warnings.extend(template::lifetime_warning(template, self.code_lifetime));
                }
                Err(error) if sendable.is_ok() && before != Some(error.to_string().as_str()) => {
                    tracing::warn!(%language, %error, "the template cannot be sent in this language; others stand in");
                }
                _ => {}
            }
        }
        warnings.dedup();
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        if let Err(error) = &sendable {
            tracing::error!(error, "the template cannot be sent; codes can still be checked");
        }
        let fault = |translation: &Translation| translation.template.as_ref().err().map(ToString::to_string);
        let faults = translations.iter().map(|translation| (translation.language.clone(), fault(translation)));
        state.set(sendable.map(Arc::new).map_err(Into::into), faults.collect());
        state.answer();
    }
}

impl WatchedTemplate {
    /// Waits for the first answer until the deadline, so that an ordinary start refuses nobody.
    pub(super) async fn settled(self, deadline: Instant) -> (CurrentTemplate, TemplateLanguages) {
        let _ = tokio::time::timeout_at(deadline, self.answered).await;
        (self.current, self.languages)
    }
}

impl State {
    fn is_approved(&self) -> bool {
        self.current.borrow().is_ok()
    }

    fn set(&mut self, sendable: Sendable, languages: Vec<(Locale, Option<String>)>) {
        drop(self.current.send_replace(sendable));
        self.languages.send_replace(languages);
    }

    /// Records that the template cannot be sent in any language.
    fn denied(&mut self, error: &TemplateError) {
        let reason = error.to_string();
        let languages = self.languages.borrow().iter().map(|(name, _)| (name.clone(), Some(reason.clone()))).collect();
        self.set(Err(reason.into()), languages);
        if !error.is_transient() {
            self.answer();
        }
    }

    fn answer(&mut self) {
        if let Some(answered) = self.answered.take() {
            // The start may have stopped waiting.
            let _ = answered.send(());
        }
    }
}

fn first_looks() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_LOOKS.0)
        .with_max_delay(FIRST_LOOKS.1)
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests {
    use url::Url;

    use super::super::sandbox::account_of;
    use super::*;
    use crate::http::{ConnectionBounds, Handle, Listener};
    use crate::whatsapp::{ApiVersion, WhatsAppApi};
    use whatsapp_otp_simulator::{AccountState, Simulator, SimulatorSettings, Switches, TemplateStatus};

    const OFTEN: Duration = Duration::from_millis(5);
    const PATIENCE: Duration = Duration::from_secs(3);
    const TEMPLATE: &str = "300000000000001";
    const GERMAN: &str = "3000000000000012";

    async fn watched_in(simulator: &Simulator, languages: &[&str]) -> WatchedTemplate {
        crate::cli::install_tls_provider();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None, ConnectionBounds::local()).await.unwrap();
        let api = WhatsAppApi {
            base_url: Url::parse(&format!("http://{}", listener.address())).unwrap(),
            api_version: ApiVersion::parse("v21.0").unwrap(),
            languages: languages.iter().map(|language| Locale::parse(language).unwrap()).collect(),
            timeout: Duration::from_secs(5),
            max_retries: 0,
            messages_per_second: None,
        };
        tokio::spawn(listener.serve(simulator.router(), Handle::default()));
        let settings = WhatsAppSettings { api, account: account_of(simulator.settings()) };
        let watch = TemplateWatch::new(GraphClient::new(&settings).unwrap(), &settings, Duration::from_mins(5));
        TemplateWatch { every: (OFTEN, OFTEN), ..watch }.start(&[])
    }

    async fn watched(simulator: &Simulator) -> WatchedTemplate {
        watched_in(simulator, &["en_US"]).await
    }

    /// Returns the fault of the only language.
    fn fault(languages: &TemplateLanguages) -> Option<String> {
        languages.borrow()[0].1.clone()
    }

    async fn changes(languages: &mut TemplateLanguages) -> Option<String> {
        tokio::time::timeout(Duration::from_secs(5), languages.changed()).await.unwrap().unwrap();
        languages.borrow_and_update()[0].1.clone()
    }

    async fn looks(simulator: &Simulator, count: usize) {
        let asked = simulator.requests().len();
        while simulator.requests().len() < asked + count {
            tokio::time::sleep(OFTEN).await;
        }
    }

    #[tokio::test]
    async fn a_template_that_is_paused_is_not_sent_until_it_is_approved_again() {
        let simulator = Simulator::new(SimulatorSettings::default());
        let (current, mut languages) = watched(&simulator).await.settled(Instant::now() + PATIENCE).await;
        assert_eq!(fault(&languages), None);
        for status in [TemplateStatus::Paused, TemplateStatus::Disabled] {
            assert!(simulator.set_template_status(TEMPLATE, status));
            while changes(&mut languages).await.is_none() {}
            let said = current.get().unwrap_err();
            assert!(said.contains(&format!("its status is {}", status.as_str())), "{said}");
            assert_eq!(fault(&languages).as_deref(), Some(&*said));
            assert!(simulator.set_template_status(TEMPLATE, TemplateStatus::Approved));
            // There may have been another look in between, with the same result.
            while changes(&mut languages).await.is_some() {}
            assert!(current.get().is_ok());
        }
    }

    #[tokio::test]
    async fn a_language_that_is_paused_or_missing_leaves_the_others() {
        let (en_us, de) = (Locale::parse("en_US").unwrap(), Locale::parse("de").unwrap());
        let languages = vec!["en_US".to_owned(), "de".to_owned()];
        let simulator = Simulator::new(SimulatorSettings { languages, ..SimulatorSettings::default() });
        let (current, mut languages) =
            watched_in(&simulator, &["de", "fr", "en_US"]).await.settled(Instant::now() + PATIENCE).await;
        assert_eq!(current.get().unwrap().languages, [de.clone(), en_us.clone()]);
        let faulty = |languages: &mut TemplateLanguages| {
            let faulty = languages.borrow_and_update().iter().filter(|(_, fault)| fault.is_some()).cloned().collect();
            let names: Vec<(Locale, Option<String>)> = faulty;
            names.into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(faulty(&mut languages), ["fr"]);
        assert!(simulator.set_template_status(GERMAN, TemplateStatus::Paused));
        while changes(&mut languages).await.is_none() {}
        assert_eq!(faulty(&mut languages), ["de", "fr"]);
        assert_eq!(current.get().unwrap().languages, [en_us]);
        assert!(simulator.set_template_status(TEMPLATE, TemplateStatus::Paused));
        while faulty(&mut languages).len() < 3 {
            changes(&mut languages).await;
        }
        let reasons = current.get().unwrap_err();
        for language in ["de: Please wait", "fr: Template 'otp_login'", "en_US: Please wait"] {
            assert!(reasons.contains(language), "{reasons}");
        }
    }

    #[tokio::test]
    async fn a_call_that_fails_changes_nothing() {
        let budget_spent = Switches { account: AccountState::AppBudgetSpent, ..Switches::default() };
        let simulator = Simulator::new(SimulatorSettings::default());
        let (current, languages) = watched(&simulator).await.settled(Instant::now() + PATIENCE).await;
        simulator.set_switches(budget_spent.clone());
        looks(&simulator, 3).await;
        assert_eq!(fault(&languages), None);
        assert!(current.get().is_ok());

        simulator.set_switches(Switches::default());
        assert!(simulator.set_template_status(TEMPLATE, TemplateStatus::Paused));
        looks(&simulator, 3).await;
        simulator.set_switches(budget_spent);
        looks(&simulator, 3).await;
        assert!(fault(&languages).unwrap().contains("its status is PAUSED"));
    }

    #[tokio::test]
    async fn a_start_waits_for_the_first_answer_only() {
        let simulator = Simulator::new(SimulatorSettings::default());
        assert!(simulator.set_template_status(TEMPLATE, TemplateStatus::Pending));
        let began = Instant::now();
        let (current, _) = watched(&simulator).await.settled(Instant::now() + PATIENCE).await;
        assert!(current.get().is_err());
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }
}
