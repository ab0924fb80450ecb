//! Watches the template, since WhatsApp pauses templates that people report.
//!
//! Checking codes needs no template, so an instance starts without one and keeps asking for it.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use crate::http::Fault;
use crate::supervisor;
use crate::whatsapp::template::{self, CurrentTemplate, Sendable, Template, TemplateError};
use crate::whatsapp::{GraphClient, WhatsAppAccount};

/// The intervals between looks at an approved template, and at one that cannot be sent: management calls are limited to a
/// few thousand an hour for the whole account.
const EVERY: (Duration, Duration) = (Duration::from_mins(5), Duration::from_secs(30));
/// The first and the longest pause between attempts to find the template at all, each with jitter.
const FIRST_LOOKS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// The longest that starting waits for the first answer.
const START_WAITS: Duration = Duration::from_secs(3);

/// The state of a watched template.
pub(super) struct WatchedTemplate {
    /// The template, for the sender.
    pub(super) current: CurrentTemplate,
    /// The reason why there is none, for readiness.
    pub(super) fault: Fault,
    /// Resolves with the first answer that an immediate retry would not change.
    answered: oneshot::Receiver<()>,
}

/// A watch on one template.
pub(super) struct TemplateWatch {
    client: GraphClient,
    account: WhatsAppAccount,
    language: String,
    code_lifetime: Duration,
    /// The intervals between looks at an approved template, and at one that cannot be sent.
    every: (Duration, Duration),
}

/// The parts of the state that a look at the template changes.
struct State {
    current: watch::Sender<Sendable>,
    fault: watch::Sender<Option<String>>,
    answered: Option<oneshot::Sender<()>>,
}

impl TemplateWatch {
    /// A watch that looks as often as WhatsApp's limits allow.
    pub(super) fn new(
        client: GraphClient,
        account: WhatsAppAccount,
        language: String,
        code_lifetime: Duration,
    ) -> Self {
        Self { client, account, language, code_lifetime, every: EVERY }
    }

    /// Watches the template for as long as anyone needs it. `known` is one that was seen before.
    ///
    /// Only definite statements of WhatsApp's change anything: a call that fails says nothing about the template, so one
    /// that is known stays in use.
    pub(super) fn start(self, known: Option<Template>) -> WatchedTemplate {
        let unknown = "WhatsApp has not described it yet";
        let (fault, faults) = watch::channel(known.is_none().then(|| unknown.to_owned()));
        let (current, sendable) = watch::channel(known.map(Arc::new).ok_or_else(|| unknown.into()));
        let doubts = Arc::new(Notify::new());
        let (answered, answer) = oneshot::channel();
        let state = State { current, fault, answered: Some(answered) };
        supervisor::spawn("template watch", self.run(state, Arc::clone(&doubts)));
        WatchedTemplate { current: CurrentTemplate::new(sendable, doubts), fault: faults, answered: answer }
    }

    async fn run(self, mut state: State, doubts: Arc<Notify>) {
        let mut first_looks = first_looks();
        let mut pause = if state.current.borrow().is_ok() { self.every.0 } else { Duration::ZERO };
        let (mut denied, mut doubted): (bool, Option<Instant>) = (false, None);
        let known = state.current.borrow().clone();
        if let Ok(template) = known {
            self.greet(&template);
        }
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
            let was_approved = state.current.borrow().is_ok();
            pause = match template::approved(&self.client, &self.account, &self.language).await {
                Ok(template) => {
                    denied = false;
                    state.approved(&template);
                    if !was_approved {
                        self.greet(&template);
                    }
                    self.every.0
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

    /// Logs, in the sample server's words, that the template can be sent, with a warning about a wrong lifetime.
    fn greet(&self, template: &Template) {
        tracing::info!(
            "Verified OTP template '{}' with ID {} is approved and ready to send.",
            template.name,
            template.id
        );
        if let Some(warning) = template::lifetime_warning(template, self.code_lifetime) {
            tracing::warn!("{warning}");
        }
    }
}

impl WatchedTemplate {
    /// Waits briefly for the first answer, so that an ordinary start refuses nobody.
    pub(super) async fn settled(self) -> (CurrentTemplate, Fault) {
        let _ = tokio::time::timeout(START_WAITS, self.answered).await;
        (self.current, self.fault)
    }
}

impl State {
    fn approved(&mut self, template: &Template) {
        drop(self.current.send_replace(Ok(Arc::new(template.clone()))));
        self.fault.send_replace(None);
        self.answer();
    }

    fn denied(&mut self, error: &TemplateError) {
        let reason = error.to_string();
        drop(self.current.send_replace(Err(reason.as_str().into())));
        self.fault.send_replace(Some(reason));
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
    use crate::whatsapp::ApiVersion;
    use whatsapp_otp_simulator::{AccountState, Simulator, SimulatorSettings, Switches, TemplateStatus};

    const OFTEN: Duration = Duration::from_millis(5);
    const TEMPLATE: &str = "300000000000001";

    async fn watched(simulator: &Simulator) -> WatchedTemplate {
        crate::cli::install_tls_provider();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None, ConnectionBounds::local()).await.unwrap();
        let base_url = Url::parse(&format!("http://{}", listener.address())).unwrap();
        tokio::spawn(listener.serve(simulator.router(), Handle::default()));
        let world = simulator.settings();
        let account = account_of(world);
        let version = ApiVersion::parse("v21.0").unwrap();
        let timeout = Duration::from_secs(5);
        let client = GraphClient::with_token(&base_url, &version, timeout, &account.access_token).unwrap();
        let watch = TemplateWatch::new(client, account, world.language.clone(), Duration::from_mins(5));
        TemplateWatch { every: (OFTEN, OFTEN), ..watch }.start(None)
    }

    async fn changes(fault: &mut Fault) -> Option<String> {
        tokio::time::timeout(Duration::from_secs(5), fault.changed()).await.unwrap().unwrap();
        fault.borrow_and_update().clone()
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
        let (current, mut fault) = watched(&simulator).await.settled().await;
        assert_eq!(*fault.borrow_and_update(), None);
        for status in [TemplateStatus::Paused, TemplateStatus::Disabled] {
            assert!(simulator.set_template_status(TEMPLATE, status));
            while changes(&mut fault).await.is_none() {}
            let said = current.get().unwrap_err();
            assert!(said.contains(&format!("its status is {}", status.as_str())), "{said}");
            assert_eq!(fault.borrow().as_deref(), Some(&*said));
            assert!(simulator.set_template_status(TEMPLATE, TemplateStatus::Approved));
            // There may have been another look in between, with the same result.
            while changes(&mut fault).await.is_some() {}
            assert!(current.get().is_ok());
        }
    }

    #[tokio::test]
    async fn a_call_that_fails_changes_nothing() {
        let budget_spent = Switches { account: AccountState::AppBudgetSpent, ..Switches::default() };
        let simulator = Simulator::new(SimulatorSettings::default());
        let (current, fault) = watched(&simulator).await.settled().await;
        simulator.set_switches(budget_spent.clone());
        looks(&simulator, 3).await;
        assert_eq!(*fault.borrow(), None);
        assert!(current.get().is_ok());

        simulator.set_switches(Switches::default());
        assert!(simulator.set_template_status(TEMPLATE, TemplateStatus::Paused));
        looks(&simulator, 3).await;
        simulator.set_switches(budget_spent);
        looks(&simulator, 3).await;
        assert!(fault.borrow().as_ref().unwrap().contains("its status is PAUSED"));
    }

    #[tokio::test]
    async fn a_start_waits_for_the_first_answer_only() {
        let simulator = Simulator::new(SimulatorSettings::default());
        assert!(simulator.set_template_status(TEMPLATE, TemplateStatus::Pending));
        let began = Instant::now();
        let (current, _) = watched(&simulator).await.settled().await;
        assert!(current.get().is_err());
        assert!(began.elapsed() < START_WAITS, "{:?}", began.elapsed());
    }
}
