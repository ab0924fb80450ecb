//! The service in production: on Redis and the WhatsApp Cloud API.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use backon::{ExponentialBuilder, Retryable};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::account_watch::{self, AccountWatch};
use super::endpoints::Endpoints;
use super::redis_safety::require_safety;
use super::template_watch::TemplateWatch;
use super::{App, Parts, notes, redis_memory, warnings};
use crate::config::{AppSettings, Replaceable, ServeSettings, Settings, SettingsError};
use crate::http::{AuthMode, Dependency, ServerSettings, StoreDetails};
use crate::otp::{App as OtpApp, AppName, Apps, Channel, EventType, Pacing, Sender, Senders};
use crate::proof::{ProofKeys, ProofSettings};
use crate::reread;
use crate::store::redis::RedisStore;
use crate::telemetry::{LogFormat, Metrics};
use crate::whatsapp::client::authorization;
use crate::whatsapp::template::{self, CurrentTemplate, TemplateError, Translation};
use crate::whatsapp::webhook::{Ours, WebhookReceiver};
use crate::whatsapp::{
    Announced, GraphClient, OwnTemplate, Standing, WhatsAppApi, WhatsAppSender, WhatsAppSettings, version,
};

/// The maximum time that a code waits for its turn to be sent.
const MAX_WAIT: Duration = Duration::from_millis(2_100);
/// The longest that starting waits for WhatsApp, over everything that it asks.
const START_WAITS: Duration = Duration::from_secs(3);

/// The requirements on WhatsApp at startup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhatsAppAtStart {
    /// None: codes can be checked without WhatsApp, and are sent once the template is known.
    #[default]
    Awaited,
    /// An approved template.
    Required,
}

/// Creates the service. Redis may still be unreachable.
///
/// # Errors
///
/// If an address is taken, a client cannot be built, or WhatsApp does not meet the requirements.
pub async fn serve(settings: ServeSettings, whatsapp_at_start: WhatsAppAtStart) -> anyhow::Result<App> {
    // Metrics must be installed before anything is measured.
    Metrics::install()?;
    let ServeSettings { mut common, keys, mut whatsapp, access_token, proofs, .. } = settings;
    whatsapp.api.timeout = within_a_request(whatsapp.api.timeout, &common.server);
    let of_all_apps = whatsapp.clone();
    if let Some(default) = common.apps.first() {
        whatsapp = whatsapp.with(&default.whatsapp);
    }
    version::measure(&whatsapp.api.api_version);
    warn_about(&common, &whatsapp.api);
    common.server.keys = followed("keys", settings.api_keys).await?;
    let authorization = reread::follow("whatsapp.access_token", access_token.files(), move || {
        anyhow::Ok(authorization(&access_token.read()?)?)
    });
    let app_secrets = followed("whatsapp.app_secret", settings.app_secrets).await?;
    let verify_tokens = followed("whatsapp.webhook_verify_token", settings.verify_tokens).await?;
    let (proof_keys, proof_issuer) = match proofs {
        Some(ProofSettings { files, issuer }) => (Some(ProofKeys::follow(files).await?), Some(issuer)),
        None => (None, None),
    };
    let client = GraphClient::new(&whatsapp)?.authorized_by(authorization.await?);
    let known = match whatsapp_at_start {
        WhatsAppAtStart::Awaited => Vec::new(),
        WhatsAppAtStart::Required => approved_template(&client, &whatsapp).await?,
    };
    let template = TemplateWatch::new(client.clone(), &whatsapp, common.policy.code_lifetime).start(&known);
    let store = Arc::new(RedisStore::new(&common.redis).context("redis")?);
    redis_memory::measure(&store);
    let redis_settings = require_safety(Arc::clone(&store), common.redis.allow_unsafe).await?;
    let whatsapp_deadline = Instant::now() + START_WAITS;
    let (template, languages) = template.settled(whatsapp_deadline).await;
    let announced = Announced { events: store.clone(), apps: told_of_suspensions(&common) };
    let (standing, reports) = Standing::new(&whatsapp.account.waba_id, store.clone(), Some(announced));
    let mut dependencies = vec![
        Dependency::required("redis_settings", redis_settings),
        Dependency::account(standing.follow()),
        Dependency::template(AppName::default(), languages),
    ];
    let pacing = |phone_number_id: &str| {
        whatsapp.api.messages_per_second.map(|per_second| Pacing {
            sender: phone_number_id.to_owned(),
            per_second,
            // The send itself needs most of a request's time.
            max_wait: MAX_WAIT.min(common.server.request_timeout / 4),
        })
    };
    let id = &whatsapp.account.phone_number_id;
    let own_template =
        |id: &str, current: &CurrentTemplate| OwnTemplate { id: id.to_owned(), current: current.clone() };
    let mut templates = vec![own_template(&whatsapp.account.template_id, &template)];
    let sender_of = |id: &str, template| {
        WhatsAppSender::new(client.clone(), id, template, whatsapp.api.max_retries).with_standing(standing.clone())
    };
    let sender = sender_of(id, template);
    let mut apps = Apps::one(common.policy, Senders::one(over_whatsapp(sender.clone(), pacing(id))));
    let mut of_numbers = HashMap::from([(id.clone(), sender)]);
    let endpoints = Endpoints::of(&common.apps, store.clone(), settings.event_secrets).await?;
    for app in common.apps {
        let own = of_all_apps.clone().with(&app.whatsapp);
        let senders = if own.sends_as(&whatsapp) {
            apps.default_app().senders.clone()
        } else {
            let watch = TemplateWatch::new(client.clone(), &own, app.policy.code_lifetime);
            let (template, languages) = watch.start(&[]).settled(whatsapp_deadline).await;
            dependencies.push(Dependency::template(app.name.clone(), languages));
            templates.push(own_template(&own.account.template_id, &template));
            let id = &own.account.phone_number_id;
            let sender = match of_numbers.get(id) {
                Some(sender) => sender.with_template(template),
                None => sender_of(id, template),
            };
            of_numbers.insert(id.clone(), sender.clone());
            Senders::one(over_whatsapp(sender, pacing(id)))
        };
        let AppSettings { name, policy, proofs, reviewers, .. } = app;
        apps.insert(OtpApp { name, policy, senders, proofs, reviewers });
    }
    let waba_id = whatsapp.account.waba_id.clone();
    let ours = Ours { waba_id: waba_id.clone(), phone_number_ids: of_numbers.keys().cloned().collect() };
    let (numbers, doubts, every) = (of_numbers.into_keys().collect(), Arc::default(), account_watch::EVERY);
    let watch = AccountWatch { client, standing, waba_id, numbers, templates, doubts, every };
    let truth = watch.start(reports).settled(whatsapp_deadline).await;
    let webhook = WebhookReceiver::new(app_secrets, verify_tokens, ours).with_account(Arc::new(truth));
    let parts = Parts {
        store_details: Some(redis_details(&store)),
        store,
        store_name: "redis",
        apps,
        dependencies,
        keys,
        proof_keys,
        proof_issuer,
        whatsapp_webhook: Some(Arc::new(webhook)),
        endpoints,
        show_active_codes: common.log.format == LogFormat::Pretty,
    };
    App::bind(common.server, parts).await
}

/// Returns the apps whose endpoints are told if a sender can no longer be used.
pub(super) fn told_of_suspensions(settings: &Settings) -> Vec<AppName> {
    let told = settings.apps.iter().filter(|app| app.policy.events.contain(EventType::SenderDegraded));
    told.map(|app| app.name.clone()).collect()
}

/// Reads secrets now, and again when their files change.
async fn followed<T: Send + Sync + 'static>(
    what: &'static str,
    secrets: Replaceable<T>,
) -> Result<watch::Receiver<T>, SettingsError> {
    reread::follow(what, secrets.files(), move || secrets.read()).await
}

/// Creates the sender for the channel `whatsapp`.
pub(super) fn over_whatsapp(sender: WhatsAppSender, pacing: Option<Pacing>) -> Sender {
    Sender { channel: Channel::whatsapp(), pacing, by: Arc::new(sender) }
}

/// Returns the details about Redis in readiness: its mode and the servers that currently make decisions.
pub(super) fn redis_details(store: &Arc<RedisStore>) -> StoreDetails {
    let store = Arc::clone(store);
    Arc::new(move || {
        let details = [("mode", json!(store.mode())), ("primaries", json!(store.primaries()))];
        details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// Returns the time-out of a call to WhatsApp, shortened to fit into a request: a call cut off by the request's end
/// could not tell whether it reached WhatsApp.
pub(super) fn within_a_request(timeout: Duration, server: &ServerSettings) -> Duration {
    timeout.min(server.request_timeout * 3 / 4)
}

/// Finds the template, which must be approved in at least one language.
async fn approved_template(client: &GraphClient, whatsapp: &WhatsAppSettings) -> anyhow::Result<Vec<Translation>> {
    let look = || template::translations(client, &whatsapp.account, &whatsapp.api.languages);
    let retries = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_times(whatsapp.api.max_retries as usize)
        .with_jitter();
    let translations = look.retry(retries).when(TemplateError::is_transient).await?;
    template::sendable(&translations).map_err(anyhow::Error::msg)?;
    Ok(translations)
}

/// Warns about settings that work but are rarely intended.
fn warn_about(settings: &Settings, whatsapp: &WhatsAppApi) {
    for warning in warnings(settings, whatsapp) {
        tracing::warn!("{warning}");
    }
    for note in notes(whatsapp) {
        tracing::info!("{note}");
    }
    let server = &settings.server;
    if server.sample_enabled && server.auth == AuthMode::Open && !is_local(server.listen.ip()) {
        tracing::warn!(
            listen = %server.listen,
            "auth.mode is open: anyone who can reach this address can have messages sent, up to the limits"
        );
    }
}

fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
