//! `/metrics` after requests. Metrics belong to a process, so each test starts one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};

use crate::harness::redis::RedisServer;
use crate::harness::{free_port, unique_prefix};

const PATIENCE: Duration = Duration::from_secs(30);

/// `whatsapp-otp sandbox --store redis`, from its start to the end of the test.
struct Sandbox {
    process: Child,
    client: Client,
    public: SocketAddr,
    ops: SocketAddr,
    inbox: SocketAddr,
    _redis: Arc<RedisServer>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Series with their labels, and their values.
type Series = BTreeMap<String, f64>;

impl Sandbox {
    async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_on(RedisServer::shared(), settings).await
    }

    async fn start_on(redis: Arc<RedisServer>, settings: &[(&str, &str)]) -> Self {
        whatsapp_otp::cli::install_tls_provider();
        let address = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (public, ops, inbox) = (address(), address(), address());
        let mut command = Command::new(env!("CARGO_BIN_EXE_whatsapp-otp"));
        command.args(["sandbox", "--store", "redis", "--simulator-listen", &inbox.to_string()]);
        command.env("WHATSAPP_OTP__SERVER__LISTEN", public.to_string());
        command.env("WHATSAPP_OTP__SERVER__OPS_LISTEN", ops.to_string());
        command.env("WHATSAPP_OTP__REDIS__URL", redis.url());
        command.env("WHATSAPP_OTP__REDIS__KEY_PREFIX", unique_prefix());
        command.env("WHATSAPP_OTP__LOG__FORMAT", "json");
        command.envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        let sandbox = Self { process, client, public, ops, inbox, _redis: redis };
        let is_ready = async || {
            let ready = sandbox.client.get(format!("http://{ops}/health/ready")).send().await;
            ready.is_ok_and(|response| response.status() == StatusCode::OK)
        };
        sandbox.until("it is ready", is_ready).await;
        sandbox
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<String>) -> StatusCode {
        let mut request = self.client.request(method, format!("http://{}{path}", self.public));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        request.send().await.unwrap().status()
    }

    async fn send(&self, phone: &str) -> StatusCode {
        self.call(Method::GET, &format!("/otp/{phone}"), None).await
    }

    async fn verify(&self, phone: &str, code: &str) -> StatusCode {
        self.call(Method::POST, &format!("/otp/{phone}"), Some(format!(r#"{{"code":"{code}"}}"#))).await
    }

    async fn code(&self, phone: &str) -> String {
        let latest = self.client.get(format!("http://{}/inbox/{phone}/latest", self.inbox)).send().await.unwrap();
        let latest: serde_json::Value = latest.json().await.unwrap();
        latest["code"].as_str().unwrap().to_owned()
    }

    async fn metrics(&self) -> Series {
        let response = self.client.get(format!("http://{}/metrics", self.ops)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let text = response.text().await.unwrap();
        let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples: Vec<_> = samples.map(|line| line.rsplit_once(' ').unwrap()).collect();
        let series: Series =
            samples.iter().map(|(series, value)| ((*series).to_owned(), value.parse().unwrap())).collect();
        assert_eq!(series.len(), samples.len(), "a series is there twice");
        series
    }
}

/// Returns the value of a series whose labels may be in any order.
#[track_caller]
fn value(series: &Series, name: &str, labels: &[&str]) -> f64 {
    let found: Vec<_> = series
        .iter()
        .filter(|(key, _)| key.split('{').next() == Some(name) && labels.iter().all(|label| key.contains(label)))
        .collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
    *found[0].1
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let sandbox = Sandbox::start(&[("WHATSAPP_OTP__LIMITS__PER_PHONE", "2/1h")]).await;
    let phone = "15551234567";
    assert_eq!(sandbox.send(phone).await, 200);
    let code = sandbox.code(phone).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(sandbox.verify(phone, wrong).await, 401);
    assert_eq!(sandbox.verify(phone, &code).await, 200);
    assert_eq!(sandbox.verify(phone, &code).await, 404);
    assert_eq!(sandbox.send(phone).await, 200);
    assert_eq!(sandbox.send(phone).await, 429);
    assert_eq!(sandbox.send("12").await, 400);
    // Orders to the simulator: an operator's error, a transient one, and an undocumented one.
    for phone in ["15550000190", "15550131016", "15550999999"] {
        assert_eq!(sandbox.send(phone).await, 500, "{phone}");
    }

    let series = sandbox.metrics().await;
    let is = |name: &str, labels: &[&str], expected: f64| {
        let found = value(&series, name, labels);
        assert!((found - expected).abs() < 1e-9, "{name} {labels:?}: {found} instead of {expected}");
    };
    for (outcome, count) in [("sent", 2.0), ("limited", 1.0), ("invalid_phone", 1.0), ("send_failed", 3.0)] {
        is("whatsapp_otp_sends_total", &[&format!("outcome=\"{outcome}\"")], count);
    }
    for (outcome, count) in [("verified", 1.0), ("wrong", 1.0), ("absent", 1.0), ("locked", 0.0)] {
        is("whatsapp_otp_verifications_total", &[&format!("outcome=\"{outcome}\"")], count);
    }
    is("whatsapp_otp_limit_refusals_total", &["limit=\"per_phone\""], 1.0);
    is("whatsapp_otp_limit_refusals_total", &["limit=\"total\""], 0.0);
    let http = |method, status| [r#"route="/otp/{phone}""#.to_owned(), method, status];
    for (method, status, count) in [("GET", 200, 2.0), ("GET", 429, 1.0), ("GET", 500, 3.0), ("POST", 404, 1.0)] {
        let labels = http(format!("method=\"{method}\""), format!("status=\"{status}\""));
        is("whatsapp_otp_http_requests_total", &labels.each_ref().map(String::as_str), count);
    }
    is("whatsapp_otp_http_request_duration_seconds_count", &["route=\"/otp/{phone}\"", "method=\"POST\""], 3.0);
    is("whatsapp_otp_redis_script_duration_seconds_count", &["script=\"check\""], 2.0);
    is("whatsapp_otp_redis_script_duration_seconds_count", &["script=\"find\""], 3.0);
    is("whatsapp_otp_redis_script_duration_seconds_count", &["script=\"take_back\""], 3.0);
    is("whatsapp_otp_redis_connected", &[], 1.0);
    is("whatsapp_otp_proof_key_info", &["kid="], 1.0);
    is("whatsapp_otp_redis_reconnects_total", &[], 0.0);
    is("whatsapp_otp_whatsapp_errors_total", &["code=\"190\"", "class=\"operator\""], 1.0);
    is("whatsapp_otp_whatsapp_errors_total", &["code=\"131016\"", "class=\"transient\""], 3.0);
    is("whatsapp_otp_whatsapp_errors_total", &["code=\"other\""], 1.0);
    is("whatsapp_otp_whatsapp_retries_total", &[], 2.0);
    is("whatsapp_otp_whatsapp_request_duration_seconds_count", &["outcome=\"accepted\""], 2.0);
    is("whatsapp_otp_whatsapp_request_duration_seconds_count", &["outcome=\"refused\""], 5.0);
}

#[tokio::test]
async fn the_funnel_counts_how_far_verifications_get() {
    let sandbox = Sandbox::start(&[]).await;
    let phone = "15551234567";
    assert_eq!(sandbox.send(phone).await, 200);
    assert_eq!(sandbox.verify(phone, &sandbox.code(phone).await).await, 200);
    // Orders to the simulator: no WhatsApp, told by a webhook; an operator's error; a message that stays on its way.
    for (phone, status) in [("15551131026", 200), ("15550000190", 500), ("15552100000", 200)] {
        assert_eq!(sandbox.send(phone).await, status, "{phone}");
    }
    let steps = ["created", "sent", "delivered", "approved"];
    let reasons = ["account", "not_on_whatsapp"];
    let counts = async || {
        let series = sandbox.metrics().await;
        let count = |name: &str, label: String| {
            let labels = ["channel=\"whatsapp\"", label.as_str()];
            let is_it =
                |key: &str| key.split('{').next() == Some(name) && labels.iter().all(|label| key.contains(label));
            series.iter().filter(|(key, _)| is_it(key)).map(|(_, value)| value).sum::<f64>()
        };
        let steps = steps.map(|step| count("whatsapp_otp_funnel_total", format!("step=\"{step}\"")));
        let reasons = reasons.map(|reason| count("whatsapp_otp_undelivered_total", format!("reason=\"{reason}\"")));
        format!("{steps:?} {reasons:?}")
    };
    let expected = "[4.0, 3.0, 1.0, 1.0] [1.0, 1.0]";
    sandbox.until("webhooks have told the rest", async || counts().await == expected).await;
    assert_eq!(value(&sandbox.metrics().await, "whatsapp_otp_denials_total", &[]).to_string(), "0");
}

#[tokio::test]
async fn values_that_callers_choose_make_no_series() {
    let sandbox = Sandbox::start(&[]).await;
    let methods = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW", "TRACE"];
    let random = |n: u32| {
        let method = Method::from_bytes(methods[n as usize % methods.len()].as_bytes()).unwrap();
        let noise = uuid::Uuid::now_v7().as_u128();
        // Other paths, and numbers of 20 digits and more, which do not exist.
        let path = if n.is_multiple_of(2) { format!("/{noise:x}") } else { format!("/otp/9999{noise:039}") };
        (method, path)
    };
    let names = |series: &Series| series.keys().cloned().collect::<BTreeSet<_>>();
    for n in 0..36 {
        let (method, path) = random(n);
        sandbox.call(method, &path, None).await;
    }
    let before = names(&sandbox.metrics().await);
    for n in 0..500 {
        let (method, path) = random(n);
        let method = if n % 7 == 0 { Method::from_bytes(format!("M{n}").as_bytes()).unwrap() } else { method };
        sandbox.call(method, &path, None).await;
    }
    let after = names(&sandbox.metrics().await);
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());

    sandbox.send("15551234567").await;
    sandbox.verify("15551234567", "12345678").await;
    sandbox.send("15550131026").await;
    let digits = regex::Regex::new(r"[0-9]{7}").unwrap();
    for series in sandbox.metrics().await.keys() {
        // The IDs of the sender and the template are chosen by the operator.
        let series = series.replace("200000000000001", "").replace("300000000000001", "");
        assert!(!digits.is_match(&series), "{series}");
    }
}

#[tokio::test]
async fn callers_who_hang_up_are_no_longer_in_flight() {
    const CALLERS: u32 = 10;
    let sandbox = Sandbox::start(&[]).await;
    let in_flight = async || value(&sandbox.metrics().await, "whatsapp_otp_http_requests_in_flight", &[]);
    // The simulator answers these after 2 seconds.
    let order = r#"{"kind":"slow","milliseconds":2000,"times":10}"#;
    let given = sandbox.client.post(format!("http://{}/orders", sandbox.inbox)).body(order).send().await.unwrap();
    assert_eq!(given.status(), StatusCode::CREATED);
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let mut caller = TcpStream::connect(sandbox.public).unwrap();
            write!(caller, "GET /otp/1555123456{n} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            caller
        })
        .collect();
    sandbox.until("all are in flight", async || in_flight().await >= f64::from(CALLERS)).await;
    drop(callers);
    sandbox.until("none is in flight", async || in_flight().await <= 0.0).await;
    let series = sandbox.metrics().await;
    let hung_up = value(&series, "whatsapp_otp_http_requests_total", &["status=\"499\""]);
    assert!((hung_up - f64::from(CALLERS)).abs() < 0.1, "{hung_up}");

    // The codes are sent nevertheless, and counted.
    let sent = async || value(&sandbox.metrics().await, "whatsapp_otp_sends_total", &["outcome=\"sent\""]);
    sandbox.until("all are sent", async || sent().await >= f64::from(CALLERS)).await;
}

#[tokio::test]
async fn a_lost_redis_shows() {
    let redis = Arc::new(RedisServer::start());
    let sandbox = Sandbox::start_on(redis.clone(), &[("WHATSAPP_OTP__REDIS__TIMEOUT", "500ms")]).await;
    let connected = async || value(&sandbox.metrics().await, "whatsapp_otp_redis_connected", &[]);
    redis.freeze();
    assert_eq!(sandbox.send("15551234567").await, 503);
    sandbox.until("the connection is given up", async || connected().await <= 0.0).await;
    assert_eq!(sandbox.verify("15551234567", "123456").await, 503);
    let series = sandbox.metrics().await;
    for (name, label) in [
        ("whatsapp_otp_redis_errors_total", "kind=\"no_answer\""),
        ("whatsapp_otp_redis_errors_total", "kind=\"unreachable\""),
        ("whatsapp_otp_sends_total", "outcome=\"store_unavailable\""),
        ("whatsapp_otp_verifications_total", "outcome=\"store_unavailable\""),
    ] {
        assert!(value(&series, name, &[label]) >= 1.0, "{name} {label}");
    }
    redis.thaw();
    sandbox.until("there is a connection again", async || connected().await >= 1.0).await;
    assert!(value(&sandbox.metrics().await, "whatsapp_otp_redis_reconnects_total", &[]) >= 1.0);
}
