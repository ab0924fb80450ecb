//! Sends codes: the payload, the retries, and the consequences of an answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use metrics::counter;

use super::breaker::{Breaker, Outcome};
use super::client::{CallError, GraphClient};
use super::error::meaning;
use super::measure;
use super::standing::{ErrorAbout, Standing};
use super::template::{ApprovedTemplate, CurrentTemplate, is_about_template};
use super::wire::{Accepted, Message};
use crate::otp::{
    CodeSender, Locale, NumberCountry, OutgoingCode, Pace, PhoneNumber, Refusal, RefusalKind, Sent, SuspensionScope,
};
use crate::telemetry::metrics::WHATSAPP_RETRIES_TOTAL;

/// The first and the longest wait between attempts, each plus jitter.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// The reason for which the failures of sends suspend sending.
const KEEPS_FAILING: &str = "WhatsApp kept failing";

/// Sends codes with an approved authentication template. Clones are the same sender.
#[derive(Clone)]
pub struct WhatsAppSender {
    client: GraphClient,
    path: String,
    template: CurrentTemplate,
    max_retries: u32,
    breaker: Arc<Breaker>,
    phone_number_id: String,
    standing: Option<Standing>,
}

impl WhatsAppSender {
    /// A sender from the number `phone_number_id` with the current template.
    #[must_use]
    pub fn new(client: GraphClient, phone_number_id: &str, template: CurrentTemplate, max_retries: u32) -> Self {
        let (path, breaker) = (format!("{phone_number_id}/messages"), Arc::new(Breaker::new(phone_number_id)));
        let phone_number_id = phone_number_id.to_owned();
        Self { client, path, template, max_retries, breaker, phone_number_id, standing: None }
    }

    /// Makes the sender heed the account's suspensions, and report errors that lead to some.
    #[must_use]
    pub fn with_standing(self, standing: Standing) -> Self {
        Self { standing: Some(standing), ..self }
    }

    /// Returns a sender from the same number with another template. WhatsApp's failures suspend both.
    #[must_use]
    pub fn with_template(&self, template: CurrentTemplate) -> Self {
        Self { template, ..self.clone() }
    }

    /// Returns the template to send now, in the languages in which it is not suspended.
    fn template(&self) -> Result<Arc<ApprovedTemplate>, Refusal> {
        let template = self.template.get().map_err(|reason| no_template(&reason))?;
        let Some(standing) = self.standing.as_ref().filter(|standing| !standing.is_clear()) else {
            return Ok(template);
        };
        let suspension = |language: &Locale| {
            let id = template.id(language)?;
            standing.suspension(|scope| matches!(scope, SuspensionScope::Template(suspended) if suspended == id))
        };
        let suspensions: Vec<_> = template.languages.iter().map(suspension).collect();
        if let Some(Some(first)) = suspensions.first()
            && suspensions.iter().all(Option::is_some)
        {
            return Err(suspended(first.cause.text()));
        }
        if suspensions.iter().all(Option::is_none) {
            return Ok(template);
        }
        let usable = || template.languages.iter().zip(&suspensions).filter(|(_, suspension)| suspension.is_none());
        let languages: Vec<_> = usable().map(|(language, _)| language.clone()).collect();
        let ids = languages.iter().filter_map(|language| template.id(language)).map(str::to_owned).collect();
        Ok(Arc::new(ApprovedTemplate { name: template.name.clone(), languages, ids }))
    }

    /// Checks that neither the account nor the number is suspended, nor `phone`'s country if there is one.
    fn admitted(&self, phone: Option<&PhoneNumber>) -> Result<(), Refusal> {
        let Some(standing) = self.standing.as_ref().filter(|standing| !standing.is_clear()) else { return Ok(()) };
        let country = phone.and_then(NumberCountry::of);
        let suspension = standing.suspension(|scope| match scope {
            SuspensionScope::Account => true,
            SuspensionScope::Sender(id) => *id == self.phone_number_id,
            SuspensionScope::Template(_) => false,
            SuspensionScope::Country(suspended) => country.as_ref() == Some(suspended),
        });
        suspension.map_or(Ok(()), |suspension| Err(suspended(suspension.cause.text())))
    }

    /// Reports the result of a send to whatever keeps the suspensions.
    fn report(&self, sent: &Result<Sent, Refusal>, template: Option<&str>, phone: &PhoneNumber) {
        let Some(standing) = &self.standing else { return };
        match sent {
            Ok(Sent::Accepted) => standing.accepted(),
            Err(Refusal { code: Some(code), .. }) => {
                let about = ErrorAbout { sender: Some(&self.phone_number_id), template, phone: Some(phone) };
                standing.refused(*code, about);
            }
            _ => {}
        }
    }

    /// Makes one attempt, and measures it.
    async fn attempt(&self, body: &Message<'_>, timeout: Duration) -> Result<(), CallError> {
        let began = Instant::now();
        let answer = match self.client.post::<Accepted>(&self.path, body, timeout).await {
            Ok(accepted) if !accepted.messages.is_empty() => Ok(()),
            Ok(_) => Err(CallError::Unclear("accepted, but without the ID of a message".to_owned())),
            Err(error) => Err(error),
        };
        measure::attempt(began.elapsed(), answer.as_ref().err());
        answer
    }
}

#[async_trait]
impl CodeSender for WhatsAppSender {
    fn health(&self) -> Result<(), Refusal> {
        self.admitted(None)?;
        self.template()?;
        if self.breaker.admits(Instant::now()) { Ok(()) } else { Err(suspended(KEEPS_FAILING)) }
    }

    fn locale(&self, wanted: Option<&Locale>) -> Option<Locale> {
        Locale::nearest(wanted, &self.template.get().ok()?.languages).cloned()
    }

    async fn send(&self, message: OutgoingCode<'_>, pace: &dyn Pace, deadline: Instant) -> Result<Sent, Refusal> {
        self.admitted(Some(message.phone))?;
        let template = self.template()?;
        if !self.breaker.begin(Instant::now()) {
            return Err(suspended(KEEPS_FAILING));
        }
        let client = message.client;
        let sent = self.send_in_nearest(&message, &template, pace, deadline).await;
        let outcome = match &sent {
            Err(Refusal { kind: RefusalKind::Unreachable, .. }) => Outcome::Unreachable,
            Ok(Sent::Unclear { .. }) | Err(Refusal { kind: RefusalKind::Transient, .. }) => Outcome::Failed,
            Ok(Sent::Accepted | Sent::Reviewer) | Err(_) => Outcome::Answered,
        };
        self.breaker.ended(outcome, client, Instant::now());
        sent
    }
}

fn no_template(reason: &str) -> Refusal {
    let detail = format!("there is no template to send: {reason}");
    Refusal::new(RefusalKind::NotReady, detail)
}

fn suspended(reason: &str) -> Refusal {
    let detail = format!("sending is suspended: {reason}");
    Refusal::new(RefusalKind::Suspended, detail)
}

impl WhatsAppSender {
    /// Sends in the language nearest to the message's locale, and once in the next if WhatsApp refuses the template in
    /// that one, as it does from the moment of pausing it.
    async fn send_in_nearest(
        &self,
        message: &OutgoingCode<'_>,
        template: &ApprovedTemplate,
        pace: &dyn Pace,
        deadline: Instant,
    ) -> Result<Sent, Refusal> {
        let ApprovedTemplate { name, languages, .. } = template;
        let Some(language) = Locale::nearest(message.locale, languages) else {
            return Err(no_template("it has no language"));
        };
        let sent = self.send_with_retries(message, name, language, pace, deadline).await;
        self.report(&sent, template.id(language), message.phone);
        match &sent {
            Err(refusal) if is_about_template(refusal.code) => self.template.doubt(),
            _ => return sent,
        }
        let others: Vec<_> = languages.iter().filter(|other| *other != language).cloned().collect();
        match Locale::nearest(message.locale, &others) {
            Some(next) if pace.another(self.latest_start(deadline)).await => {
                tracing::warn!(verification = %message.id, refused = %language, %next, "sending in another language");
                let sent = self.send_with_retries(message, name, next, pace, deadline).await;
                self.report(&sent, template.id(next), message.phone);
                sent
            }
            _ => sent,
        }
    }

    /// Returns the time by which an attempt has to begin to end by `deadline`.
    fn latest_start(&self, deadline: Instant) -> Instant {
        deadline.checked_sub(self.client.connect_timeout()).unwrap_or(deadline)
    }

    async fn send_with_retries(
        &self,
        message: &OutgoingCode<'_>,
        template: &str,
        language: &Locale,
        pace: &dyn Pace,
        deadline: Instant,
    ) -> Result<Sent, Refusal> {
        let (to, reference) = (message.phone.e164(), reference(message));
        let body = Message::new(&to, &reference, template, language.as_str(), message.code.expose());
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(BACKOFF.0)
            .with_max_delay(BACKOFF.1)
            .with_max_times(self.max_retries as usize)
            .with_jitter()
            .build();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let left = deadline.saturating_duration_since(Instant::now());
            if left <= self.client.connect_timeout() {
                // Without time to connect and get an answer, it would be unknown whether the message went out.
                return settle(CallError::Unreachable("too little time is left to try".to_owned()));
            }
            let Err(error) = self.attempt(&body, left).await else { return Ok(Sent::Accepted) };
            let pause = if is_worth_retrying(&error, attempts) { pauses.next() } else { None };
            let pause = pause.map(|pause| pause.max(requested_wait(&error)));
            match pause.filter(|pause| Instant::now() + *pause + self.client.connect_timeout() < deadline) {
                Some(pause) => {
                    tracing::debug!(verification = %message.id, %error, ?pause, "retrying the send");
                    tokio::time::sleep(pause).await;
                    // A turn of its own, since WhatsApp's limit on the number counts attempts.
                    if !pace.another(self.latest_start(deadline)).await {
                        return settle(error);
                    }
                    counter!(WHATSAPP_RETRIES_TOTAL).increment(1);
                }
                None => return settle(error),
            }
        }
    }
}

/// Returns the name by which WhatsApp's webhooks will refer to the message.
pub(crate) fn reference(message: &OutgoingCode<'_>) -> String {
    format!("v1.{}.{}", message.id, message.delivery)
}

/// Returns `true` if another attempt is worthwhile: after errors that WhatsApp's table calls transient, and without a
/// connection. A message that may have gone out is not sent again.
fn is_worth_retrying(error: &CallError, attempts: u32) -> bool {
    match error {
        CallError::Api(error) => attempts <= error.class().retries,
        CallError::Unreachable(_) => true,
        CallError::Unclear(_) | CallError::Foreign(_) => false,
    }
}

/// Returns the result of a send that ended with this error. An unclear outcome is never retried, so all earlier errors
/// were definite.
fn settle(error: CallError) -> Result<Sent, Refusal> {
    let detail = error.to_string();
    let refusal = match error {
        CallError::Unclear(reason) => return Ok(Sent::Unclear { reason }),
        CallError::Unreachable(_) => Refusal::new(RefusalKind::Unreachable, detail),
        CallError::Foreign(_) => Refusal::new(RefusalKind::Operator, detail),
        CallError::Api(error) => {
            let reason = meaning(error.code, error.subcode).reason;
            let refusal = Refusal { kind: error.class().kind, reason, code: Some(error.code), detail };
            report(&refusal, error.trace_id.as_deref());
            return Err(refusal);
        }
    };
    report(&refusal, None);
    Err(refusal)
}

fn requested_wait(error: &CallError) -> Duration {
    match error {
        CallError::Api(error) => error.retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

/// Logs the refusal once, where its cause is known.
fn report(refusal: &Refusal, trace_id: Option<&str>) {
    match refusal.kind {
        RefusalKind::Operator | RefusalKind::Request => {
            tracing::error!(class = refusal.kind.as_str(), code = refusal.code, trace_id, "{refusal}");
        }
        _ => tracing::warn!(class = refusal.kind.as_str(), code = refusal.code, trace_id, "{refusal}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rand::rngs::SysRng;
    use tokio::net::{TcpListener, TcpSocket, TcpStream};
    use tokio::time::timeout;
    use url::Url;

    use super::*;
    use crate::otp::{AppName, CodeLength, KeyRing, OtpSecret, PhoneNumber, Unpaced};
    use crate::whatsapp::ApiVersion;

    /// A listener with a full queue: it ignores new connections, like a firewall that drops packets.
    async fn black_hole() -> (TcpListener, SocketAddr, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(connected) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            queued.push(connected.unwrap());
            assert!(queued.len() < 100, "the queue does not fill");
        }
        (listener, address, queued)
    }

    #[tokio::test]
    async fn an_unreachable_whatsapp_is_a_refusal_however_little_time_is_left() {
        crate::cli::install_tls_provider();
        let (_listener, address, _queued) = black_hole().await;
        let base_url = Url::parse(&format!("http://{address}")).unwrap();
        let version = ApiVersion::parse("v21.0").unwrap();
        let client = GraphClient::with_token(&base_url, &version, Duration::from_secs(1), &"token".into());
        let template = CurrentTemplate::always("otp_login".to_owned(), vec![Locale::parse("en_US").unwrap()]);
        let sender = WhatsAppSender::new(client.unwrap(), "2", template, 10);
        let (ring, phone) = (
            KeyRing::new(OtpSecret::new(vec![1; 32]).unwrap(), Vec::new()),
            PhoneNumber::parse("15551234567").unwrap(),
        );
        let issued = ring.issue(&AppName::default(), &phone, CodeLength::new(6).unwrap(), &mut SysRng).unwrap();
        // Time for a fractional number of attempts.
        for milliseconds in [100, 700, 1_700] {
            let deadline = Instant::now() + Duration::from_millis(milliseconds);
            let message = OutgoingCode {
                id: &issued.id,
                delivery: 1,
                phone: &phone,
                code: &issued.code,
                locale: None,
                client: None,
            };
            let sent = sender.send(message, &Unpaced, deadline).await;
            assert!(matches!(sent, Err(Refusal { kind: RefusalKind::Unreachable, .. })), "{milliseconds} ms: {sent:?}");
        }
    }
}
