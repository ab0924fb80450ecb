//! Everything on one machine: the service and a simulated WhatsApp, without any real message.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use data_encoding::HEXLOWER;
use rand::TryRng as _;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{mpsc, watch};
use url::Url;
use whatsapp_otp_simulator::{LimitInForce, Page, PageService, Simulator, SimulatorSettings};

use super::account_watch::{self, AccountWatch};
use super::addresses::{self, for_browsers, reachable};
use super::endpoints::Endpoints;
use super::page_endpoint::PageEndpoint;
use super::page_feed::{Recorder, WatchedStore, watched_sender};
use super::page_limits::{self, Counters, StoredLimits};
use super::page_readiness::SharedReadiness;
use super::page_records::StoredRecords;
use super::serve::{over_whatsapp, redis_details, told_of_suspensions, within_a_request};
use super::{App, Parts};
use crate::config::{AppSettings, SandboxSettings, Settings};
use crate::http::{AcceptedKey, AuthMode, ConnectionBounds, Dependency, Handle, Listener, StoreDetails};
use crate::otp::{
    ApiKey, App as OtpApp, Apps, EventQueue, Key, KeyKind, KeyName, Locale, Senders, Suspensions, VerificationStore,
};
use crate::proof::{Issuer, ProofKeys};
use crate::store::EmbeddedStore;
use crate::store::redis::RedisStore;
use crate::supervisor;
use crate::telemetry::{LogFormat, Metrics};
use crate::whatsapp::template::CurrentTemplate;
use crate::whatsapp::webhook::{Ours, WebhookReceiver};
use crate::whatsapp::{
    AccountTruth, Announced, GraphClient, OwnTemplate, Standing, WhatsAppAccount, WhatsAppSender, WhatsAppSettings,
};

/// The store of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum SandboxStore {
    /// In memory; the codes are gone when it stops.
    #[default]
    Embedded,
    /// In the configured Redis, under `redis.key_prefix` and `:sandbox`.
    Redis,
}

/// A service and the WhatsApp that it sends to.
pub struct Sandbox {
    /// The service.
    pub app: App,
    /// The keys that were drawn for the verification API, by kind: those of kinds for which the settings have none.
    pub keys: Vec<(KeyKind, ApiKey)>,
    /// The secret that signs the events that the page shows, unless every app has an endpoint of its own.
    pub event_secret: Option<SecretString>,
    /// The limits in force, as they are written in the settings.
    pub limits: Vec<LimitInForce>,
    simulator: Simulator,
    page: Page,
    listener: Listener,
}

impl Sandbox {
    /// Returns the URL of the simulated phones' inbox and of the page, `http://127.0.0.1:3001`.
    #[must_use]
    pub fn inbox_url(&self) -> String {
        format!("http://{}", for_browsers(self.listener.address()))
    }

    /// Serves both, in the same way as [`App::run_until`].
    ///
    /// # Errors
    ///
    /// If a listener or a background task fails.
    pub async fn run_until(self, stop: mpsc::Receiver<()>) -> anyhow::Result<()> {
        let handle = Handle::default();
        let serving = self.listener.serve(self.simulator.router_with(self.page), handle.clone());
        let simulator = supervisor::spawn("simulator", serving);
        let ran = self.app.run_until(stop).await;
        handle.shutdown();
        simulator.await.context("the simulator's listener")?;
        ran
    }
}

/// Puts the sandbox together. The address of WhatsApp and the account are the simulator's, whatever the settings say.
///
/// # Errors
///
/// If an address is taken or a client cannot be built.
pub async fn sandbox(
    settings: SandboxSettings,
    simulator_address: SocketAddr,
    store: SandboxStore,
) -> anyhow::Result<Sandbox> {
    // Before there is anything to measure.
    Metrics::install()?;
    let SandboxSettings { mut common, keys, whatsapp: mut api, proof_keys, proof_issuer, event_secrets } = settings;
    let listener = addresses::bind(simulator_address, None, ConnectionBounds::local(), "--simulator-listen").await?;
    let simulator_address = reachable(listener.address());
    api.languages.extend(further_languages(&api.languages));
    let simulator = Simulator::new(SimulatorSettings {
        languages: api.languages.iter().map(ToString::to_string).collect(),
        code_expiration_minutes: minutes(common.policy.code_lifetime),
        ..SimulatorSettings::default()
    });

    let world = simulator.settings();
    api.timeout = within_a_request(api.timeout, &common.server);
    api.base_url = Url::parse(&format!("http://{simulator_address}"))?;
    let whatsapp = WhatsAppSettings { api, account: account_of(world) };
    if store == SandboxStore::Redis {
        common.redis.key_prefix = common.redis.key_prefix.of_sandbox();
    }
    let Stores { store, queue, suspensions, counters, name: store_name, details: store_details } =
        Stores::of(store, &common)?;
    // The page calls the service from the browser, and so do pages that are being developed on this machine.
    common.server.cors_local_origins = true;
    for origin in page_origins(simulator_address) {
        common.server.cors_origins.push(origin.parse()?);
    }
    let drawn = draw_keys(&mut common)?;
    let (code_length, needs_api_key) = (common.policy.code_length.digits(), common.server.auth != AuthMode::Open);
    let records = StoredRecords { store: Arc::clone(&store), policy: common.policy.clone() };
    let limits = StoredLimits { store: Arc::clone(&store), counters, policy: common.policy.clone() };
    let limits_in_force = page_limits::in_force(common.shown());
    let mut endpoints = Endpoints::of(&common.apps, queue.clone(), event_secrets).await?;
    let page_endpoint = PageEndpoint::of(&mut common.apps, simulator_address)?;
    if let Some(endpoint) = &page_endpoint {
        endpoints = endpoints.with_page(endpoint)?;
    }
    let announced = Announced { events: queue, apps: told_of_suspensions(&common) };
    let (sender, account, truth) = watched_account(&whatsapp, world, suspensions, announced)?;
    let recorder = Recorder::new(simulator.feed_of_service());
    let senders = Senders::one(watched_sender(over_whatsapp(sender, None), &recorder));
    let mut apps = Apps::one(common.policy, senders.clone());
    for AppSettings { name, policy, proofs, reviewers, .. } in common.apps {
        apps.insert(OtpApp { name, policy, senders: senders.clone(), proofs, reviewers });
    }
    let public_url = common.server.public_url.as_ref();
    // Outside a container, the service may have another port.
    let is_public = common.server.listen.ip().is_unspecified();
    let service_origin = public_url.filter(|_| is_public).and_then(|url| url.as_str().parse().ok());
    let (app_secret, verify_token) = (draw_secret()?, draw_secret()?);
    let ours =
        Ours { waba_id: world.waba_id.clone(), phone_number_ids: HashSet::from([world.phone_number_id.clone()]) };
    let webhook = WebhookReceiver::new(only(&app_secret), only(&verify_token), ours).with_account(Arc::new(truth));
    let parts = Parts {
        store: WatchedStore::over(store, &recorder),
        store_name,
        store_details,
        apps,
        dependencies: vec![account],
        keys,
        proof_keys: Some(ProofKeys::follow_or_draw(proof_keys).await?),
        proof_issuer: proof_issuer.or(public_url.map(|url| Issuer::of_url(url.as_str()))),
        whatsapp_webhook: Some(Arc::new(webhook)),
        endpoints,
        show_active_codes: common.log.format == LogFormat::Pretty,
    };
    let app = App::bind(common.server, parts).await?.with_api_page().with_watch(Arc::new(recorder));
    let webhooks = Url::parse(&format!("{}/webhooks/whatsapp", app.local_url()))?;
    simulator.send_webhooks_to(webhooks, app_secret.expose_secret());
    let service = PageService {
        origin: service_origin.map_or_else(|| app.public_url().parse(), Ok)?,
        code_length: Some(code_length),
        needs_api_key,
        api_key: drawn.iter().find(|(kind, _)| *kind == KeyKind::Server).map(|(_, key)| key.expose().into()),
        sends_here: true,
    };
    let page = Page {
        service: Some(service),
        records: Some(Arc::new(records)),
        readiness: Some(Arc::new(SharedReadiness(app.readiness()))),
        limits: Some(Arc::new(limits)),
        limits_in_force: limits_in_force.clone(),
    };
    let event_secret = page_endpoint.map(|endpoint| endpoint.secret);
    Ok(Sandbox { app, keys: drawn, event_secret, limits: limits_in_force, simulator, page, listener })
}

/// Returns the languages besides these in which the simulated template has texts of its own.
fn further_languages(configured: &[Locale]) -> Vec<Locale> {
    let known = ["en_US", "es", "pt_BR", "de", "fr"].map(|language| Locale::parse(language).ok());
    known.into_iter().flatten().filter(|language| !configured.contains(language)).collect()
}

/// One store, by what it does.
struct Stores {
    store: Arc<dyn VerificationStore>,
    queue: Arc<dyn EventQueue>,
    suspensions: Arc<dyn Suspensions>,
    /// The counters of its limits.
    counters: Counters,
    /// Its name in readiness.
    name: &'static str,
    /// Further details about it in readiness.
    details: Option<StoreDetails>,
}

impl Stores {
    fn of(store: SandboxStore, settings: &Settings) -> anyhow::Result<Self> {
        match store {
            SandboxStore::Embedded => {
                let store = Arc::new(EmbeddedStore::default());
                Ok(Self::one(&store, Counters::Embedded(store.clone()), "embedded", None))
            }
            SandboxStore::Redis => {
                let store = Arc::new(RedisStore::new(&settings.redis).context("redis")?);
                Ok(Self::one(&store, Counters::Redis(store.clone()), "redis", Some(redis_details(&store))))
            }
        }
    }

    fn one<S>(store: &Arc<S>, counters: Counters, name: &'static str, details: Option<StoreDetails>) -> Self
    where
        S: VerificationStore + EventQueue + Suspensions + 'static,
    {
        Self { store: store.clone(), queue: store.clone(), suspensions: store.clone(), counters, name, details }
    }
}

/// Returns the sender from the simulated account, the account's place in readiness, and what acts on notices about it.
fn watched_account(
    whatsapp: &WhatsAppSettings,
    world: &SimulatorSettings,
    suspensions: Arc<dyn Suspensions>,
    announced: Announced,
) -> anyhow::Result<(WhatsAppSender, Dependency, AccountTruth)> {
    let (client, languages) = (GraphClient::new(whatsapp)?, whatsapp.api.languages.clone());
    let ids = world.translations().map(|(id, _)| id).collect();
    let template = CurrentTemplate::always_with_ids(world.template_name.clone(), languages, ids);
    let (standing, reports) = Standing::new(&world.waba_id, suspensions, Some(announced));
    let (waba_id, numbers) = (world.waba_id.clone(), vec![world.phone_number_id.clone()]);
    let templates = vec![OwnTemplate { id: world.template_id.clone(), current: template.clone() }];
    let sender = WhatsAppSender::new(client.clone(), &world.phone_number_id, template, whatsapp.api.max_retries);
    let sender = sender.with_standing(standing.clone());
    let dependency = Dependency::account(standing.follow());
    let (doubts, every) = (Arc::default(), account_watch::OFTEN);
    let watch = AccountWatch { client, standing, waba_id, numbers, templates, doubts, every };
    Ok((sender, dependency, watch.start(reports).truth))
}

/// Draws a secret that the service and the simulator share.
fn draw_secret() -> anyhow::Result<SecretString> {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).context("the operating system gave no randomness")?;
    Ok(HEXLOWER.encode(&bytes).into())
}

/// Returns the secret as one that is never replaced.
fn only(secret: &SecretString) -> watch::Receiver<Vec<SecretString>> {
    watch::channel(vec![secret.clone()]).1
}

/// Draws a key of each kind for which the settings have none, for all apps, and adds them to the accepted ones.
fn draw_keys(common: &mut Settings) -> anyhow::Result<Vec<(KeyKind, ApiKey)>> {
    let mut accepted = common.server.keys.borrow().to_vec();
    let apps: Vec<_> = common.apps.iter().map(|app| app.name.clone()).collect();
    let mut drawn = Vec::new();
    for kind in KeyKind::ALL {
        if accepted.iter().any(|accepted| accepted.key.kind == kind) {
            continue;
        }
        let key = ApiKey::draw(kind, &mut SysRng).context("the operating system gave no randomness")?;
        let name = KeyName::parse(&format!("sandbox-{}", kind.as_str()))?;
        let about = Key { name, kind, apps: apps.clone() };
        accepted.push(AcceptedKey { key: Arc::new(about), sha256: key.sha256() });
        drawn.push((kind, key));
    }
    common.server.keys = watch::channel(accepted.into()).1;
    Ok(drawn)
}

/// Returns the account at the simulated WhatsApp.
pub(super) fn account_of(world: &SimulatorSettings) -> WhatsAppAccount {
    WhatsAppAccount {
        waba_id: world.waba_id.clone(),
        access_token: world.access_token.clone().into(),
        phone_number_id: world.phone_number_id.clone(),
        template_id: world.template_id.clone(),
    }
}

/// Returns the code's lifetime as the template's footer has it: whole minutes, 1 to 90.
fn minutes(lifetime: std::time::Duration) -> u8 {
    u8::try_from(lifetime.as_secs().div_ceil(60)).unwrap_or(90).clamp(1, 90)
}

/// Both origins of the page, as people also type `localhost`.
fn page_origins(address: SocketAddr) -> [String; 2] {
    [format!("http://{address}"), format!("http://localhost:{}", address.port())]
}
