//! A whole service under test: real listeners, a real Redis, a simulated WhatsApp over real HTTP.
//!
//! Every response has been checked ([`reply`](super::reply)) before a test sees it. Every test must call
//! [`TestApp::finish`], which checks the rest: every key has a TTL, the token was sent only in its header, every
//! listener stopped in order, and neither logs nor metrics nor answers of the verification API contain a whole number, a
//! code or a secret where it does not belong.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use whatsapp_otp::app::{self, WhatsAppAtStart};
use whatsapp_otp::config::{ServeSettings, Sources};
use whatsapp_otp::http::{ConnectionBounds, Handle, Listener};
use whatsapp_otp::otp::{Apps, Channel, CodeSender, KeyKind, Policy, Sender, Senders};
use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use super::api::{Api, ApiKey, Bodies, has_number};
use super::logs::{self, LogMark};
use super::process::{Program, serve_settings};
use super::proxy::Proxy;
use super::redis::RedisServer;
use super::reply::Client;
use super::stores::RedisKeys;
use super::unique_prefix;

/// `otp.secret` of every application under test.
pub const SECRET: &str = "the-secret-of-the-end-to-end-tests";
/// The maximum time for an application to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Instances of the service on one Redis prefix and one simulator; also a client of the first instance.
pub struct TestApp {
    instances: Vec<Instance>,
    pub simulator: Simulator,
    /// In front of the simulator, if requested.
    pub simulator_proxy: Option<Proxy>,
    pub keys: RedisKeys,
    log: LogMark,
    /// The settings of further instances.
    settings: HashMap<String, String>,
    api_keys: HashMap<String, ApiKey>,
    bodies: Bodies,
    finished: bool,
}

/// One instance, with a client of it.
pub struct Instance {
    client: Client,
    ops: Client,
    stop: mpsc::Sender<()>,
    was_asked_to_stop: AtomicBool,
    running: JoinHandle<anyhow::Result<()>>,
}

/// Builds the service under test.
pub struct TestAppBuilder {
    settings: HashMap<String, String>,
    api_keys: HashMap<String, ApiKey>,
    left_out: Vec<&'static str>,
    of_instance: Vec<(usize, String, String)>,
    instances: usize,
    redis: Option<Arc<RedisServer>>,
    redis_address: Option<String>,
    simulator: SimulatorSettings,
    simulator_proxied: bool,
    whatsapp_at_start: WhatsAppAtStart,
}

impl TestApp {
    /// Starts from the product's defaults, on the shared Redis.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    pub fn builder() -> TestAppBuilder {
        TestAppBuilder {
            settings: HashMap::new(),
            api_keys: HashMap::new(),
            left_out: Vec::new(),
            of_instance: Vec::new(),
            instances: 1,
            redis: None,
            redis_address: None,
            // Unlimited, unless a test is about that limit.
            simulator: SimulatorSettings { messages_per_second: 0, ..SimulatorSettings::default() },
            simulator_proxied: false,
            whatsapp_at_start: WhatsAppAtStart::Awaited,
        }
    }

    /// Returns the instance with that index.
    pub fn on(&self, index: usize) -> &Instance {
        &self.instances[index]
    }

    /// Returns another instance with the same settings, to run as a process of its own.
    pub fn program(&self) -> Program {
        Program::new(&["serve"]).settings(&self.settings)
    }

    /// Returns the settings of every instance, for commands.
    pub fn settings(&self) -> &HashMap<String, String> {
        &self.settings
    }

    /// Returns a command with the same settings.
    pub fn command(&self, arguments: &[&str]) -> Program {
        Program::new(arguments).settings(&self.settings)
    }

    /// Returns a client of the first instance's verification API, with the key of that name.
    pub fn api(&self, key: &str) -> Api {
        self.api_on(0, key)
    }

    /// The same, of the instance with that index.
    pub fn api_on(&self, index: usize, key: &str) -> Api {
        Api::new(self.on(index).client.clone(), Some(self.api_keys[key].clone()), self.bodies.clone())
    }

    /// Returns a client that presents no key.
    pub fn api_without_key(&self) -> Api {
        Api::new(self.on(0).client.clone(), None, self.bodies.clone())
    }

    /// Returns the key of that name.
    pub fn api_key(&self, name: &str) -> &ApiKey {
        &self.api_keys[name]
    }

    /// Starts another instance with the same settings, as a deployment does, and returns its index.
    pub async fn start_another(&mut self) -> usize {
        self.start_one(&self.settings.clone()).await
    }

    /// The same, with one different setting.
    pub async fn start_another_with(&mut self, key: &str, value: &str) -> usize {
        let mut settings = self.settings.clone();
        settings.insert(key.to_owned(), value.to_owned());
        self.start_one(&settings).await
    }

    async fn start_one(&mut self, settings: &HashMap<String, String>) -> usize {
        let started = start_instance(settings, WhatsAppAtStart::Awaited).await;
        self.instances.push(started.unwrap_or_else(|error| panic!("another instance does not start: {error:#}")));
        self.instances.len() - 1
    }

    /// Returns the code that last arrived on a phone, given by its digits.
    pub fn code(&self, digits: &str) -> String {
        let message = self.simulator.latest(digits).expect("a message arrived");
        message.code.expect("the message carries a code")
    }

    /// Requests a code, which must succeed, and reads it on the phone.
    pub async fn code_for(&self, digits: &str) -> String {
        self.request(digits).await.is(200, "OK");
        self.code(digits)
    }

    /// Lets `duration` pass in Redis.
    pub async fn age(&self, duration: Duration) {
        self.keys.age(duration).await;
    }

    /// Returns the keys that a caller caused: all but the sender's turns, which reveal nothing about anyone.
    pub async fn traces(&self) -> Vec<String> {
        let mut keys = self.keys.list().await;
        keys.retain(|key| !key.contains("{sender:"));
        keys
    }

    /// Returns the number of sends that reached the simulator, whatever their outcome.
    pub fn sends(&self) -> u64 {
        self.simulator.send_requests()
    }

    /// Returns the number of messages accepted for this phone.
    pub fn messages_to(&self, digits: &str) -> usize {
        let to = format!("+{digits}");
        self.simulator.inbox().iter().filter(|message| message.to == to).count()
    }

    /// Stops every instance in order and makes the final checks.
    pub async fn finish(mut self) {
        self.finished = true;
        let codes: Vec<String> = self.simulator.inbox().into_iter().filter_map(|message| message.code).collect();
        let mut secrets = vec![SECRET, &self.simulator.settings().access_token];
        secrets.extend(self.api_keys.values().map(ApiKey::text));
        for instance in self.instances.drain(..) {
            instance.has_metrics_without(&codes, &secrets).await;
            instance.stop().await;
        }
        assert_eq!(self.keys.immortal().await, Vec::<String>::new(), "keys without a TTL");
        assert_eq!(self.simulator.tokens_in_query(), 0, "the token went out in a query");
        let token = format!("Bearer {}", self.simulator.settings().access_token);
        for request in self.simulator.requests() {
            assert_eq!(request.headers["authorization"], token.as_str(), "{}", request.path);
        }
        self.bodies.have_no_code(&codes);
        self.log.has_no_secrets(&codes, &secrets);
    }
}

impl Deref for TestApp {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        self.on(0)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "the test forgot `app.finish().await`");
    }
}

impl Deref for Instance {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Instance {
    /// Returns a client of the operators' listener.
    pub fn ops(&self) -> &Client {
        &self.ops
    }

    /// Returns the status and the body of `/health/ready`.
    pub async fn ready(&self) -> (u16, serde_json::Value) {
        self.ops.json("/health/ready").await
    }

    /// Asks the instance to stop, as a first signal does.
    pub async fn ask_to_stop(&self) {
        self.was_asked_to_stop.store(true, Ordering::SeqCst);
        self.stop.send(()).await.expect("the instance runs");
    }

    /// Returns `true` if its `run_until` has returned.
    pub fn has_stopped(&self) -> bool {
        self.running.is_finished()
    }

    /// Asserts that the labels of its metrics contain none of these and no whole phone number.
    async fn has_metrics_without(&self, codes: &[String], secrets: &[&str]) {
        let scraped = async { self.ops.call(reqwest::Method::GET, "/metrics").send().await?.text().await };
        let metrics = match scraped.await {
            Ok(metrics) => metrics,
            Err(_) if self.was_asked_to_stop.load(Ordering::SeqCst) => return,
            Err(error) => panic!("no metrics: {error}"),
        };
        assert!(metrics.contains("whatsapp_otp_"), "there are metrics");
        for secret in secrets {
            assert!(!metrics.contains(secret), "a secret in the metrics");
        }
        // Numbers outside of quotes are values.
        for label in metrics.lines().flat_map(|line| line.split('"').skip(1).step_by(2)) {
            let is_code = |run: &str| codes.iter().any(|code| code == run);
            assert!(!label.split(|c: char| !c.is_ascii_alphanumeric()).any(is_code), "a code in the metrics: {label}");
            assert!(!has_number(label), "a whole number in the metrics: {label}");
        }
    }

    async fn stop(self) {
        let Self { client, ops, stop, running, .. } = self;
        drop((client, ops));
        let _ = stop.send(()).await;
        let stopped = timeout(STOP_WITHIN, running).await.expect("stops in time");
        stopped.expect("no panic").expect("stops without an error");
    }
}

impl TestAppBuilder {
    /// Sets a setting by its key, such as `limits.per_phone`, on every instance.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Accepts an API key, for these apps, separated by commas.
    pub fn key(mut self, name: &str, kind: KeyKind, apps: &str) -> Self {
        let key = ApiKey::new(kind);
        self.settings.extend(key.settings(name, apps));
        self.api_keys.insert(name.to_owned(), key);
        self
    }

    /// Omits a setting that every instance has otherwise.
    pub fn without(mut self, key: &'static str) -> Self {
        self.left_out.push(key);
        self
    }

    /// Sets a setting of one instance.
    pub fn set_on(mut self, instance: usize, key: &str, value: &str) -> Self {
        self.of_instance.push((instance, key.to_owned(), value.to_owned()));
        self
    }

    pub fn instances(mut self, instances: usize) -> Self {
        self.instances = instances;
        self
    }

    /// Uses a Redis of the test's own.
    pub fn redis(mut self, server: &Arc<RedisServer>) -> Self {
        self.redis = Some(Arc::clone(server));
        self
    }

    /// Connects to Redis through a proxy; the test reads keys directly.
    pub fn redis_through(mut self, proxy: &Proxy) -> Self {
        self.redis_address = Some(proxy.address().to_string());
        self
    }

    /// Changes the settings of the simulated account.
    pub fn simulator(mut self, change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        change(&mut self.simulator);
        self
    }

    /// Puts a proxy between the service and the simulator.
    pub fn simulator_proxied(mut self) -> Self {
        self.simulator_proxied = true;
        self
    }

    /// Starts like `serve --require-whatsapp`.
    pub fn require_whatsapp(mut self) -> Self {
        self.whatsapp_at_start = WhatsAppAtStart::Required;
        self
    }

    pub async fn start(self) -> TestApp {
        let simulator = Simulator::new(self.simulator.clone());
        self.start_on(simulator).await.unwrap_or_else(|error| panic!("the service does not start: {error:#}"))
    }

    /// Returns the error with which the start on this simulator fails.
    pub async fn start_fails(self, simulator: Simulator) -> String {
        match self.start_on(simulator).await {
            Ok(mut app) => {
                app.finished = true;
                panic!("the service started")
            }
            Err(error) => format!("{error:#}"),
        }
    }

    /// Starts on a simulator prepared by the test.
    pub async fn start_on(self, simulator: Simulator) -> anyhow::Result<TestApp> {
        let log = logs::capture();
        let address = serve_simulator(&simulator).await;
        let simulator_proxy = if self.simulator_proxied { Some(Proxy::start(address)) } else { None };
        let address = simulator_proxy.as_ref().map_or(address, Proxy::address);
        let server = self.redis.clone().unwrap_or_else(RedisServer::shared);
        let keys = RedisKeys::new(Arc::clone(&server), unique_prefix());

        let redis_url = self.redis_address.as_ref().map(|address| format!("redis://{address}/0"));
        let redis_url = redis_url.as_deref().unwrap_or(server.url());
        let mut settings = serve_settings(&simulator, address, redis_url, keys.prefix());
        settings.retain(|key, _| !self.left_out.contains(&key.as_str()));
        settings.extend(self.settings);

        let mut instances = Vec::new();
        for index in 0..self.instances {
            let mut settings = settings.clone();
            let own = self.of_instance.iter().filter(|(instance, ..)| *instance == index);
            settings.extend(own.map(|(_, key, value)| (key.clone(), value.clone())));
            instances.push(start_instance(&settings, self.whatsapp_at_start).await?);
        }
        let (api_keys, bodies) = (self.api_keys, Bodies::default());
        Ok(TestApp { instances, simulator, simulator_proxy, keys, log, settings, api_keys, bodies, finished: false })
    }
}

/// Returns the app `default` alone, with this sender.
pub fn apps(sender: impl CodeSender + 'static, policy: Policy) -> Apps {
    Apps::one(policy, Senders::one(Sender { channel: Channel::whatsapp(), pacing: None, by: Arc::new(sender) }))
}

/// Returns settings as environment variables.
pub fn environment(settings: &HashMap<String, String>) -> HashMap<String, String> {
    let variable = |key: &String| format!("WHATSAPP_OTP__{}", key.to_uppercase().replace('.', "__"));
    settings.iter().map(|(key, value)| (variable(key), value.clone())).collect()
}

async fn start_instance(
    settings: &HashMap<String, String>,
    whatsapp_at_start: WhatsAppAtStart,
) -> anyhow::Result<Instance> {
    whatsapp_otp::cli::install_tls_provider();
    let settings = ServeSettings::load(&Sources { file: None, environment: environment(settings) })?;
    let app = app::serve(settings, whatsapp_at_start).await?;
    let client = Client::new(app.public_address());
    let ops = Client::new(app.ops_address().expect("there is an operators' listener"));
    let (stop, stopped) = mpsc::channel(2);
    let running = tokio::spawn(app.run_until(stopped));
    Ok(Instance { client, ops, stop, was_asked_to_stop: AtomicBool::new(false), running })
}

/// Serves the simulator for as long as the test's runtime lives.
pub async fn serve_simulator(simulator: &Simulator) -> std::net::SocketAddr {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None, ConnectionBounds::local()).await.unwrap();
    let address = listener.address();
    tokio::spawn(listener.serve(simulator.router(), Handle::default()));
    address
}
