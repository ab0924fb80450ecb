//! The log during every kind of event: complete, and without forbidden contents.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;
use whatsapp_otp_simulator::{Behaviour, Order, Simulator, SimulatorSettings};

use crate::harness::app::{SECRET, serve_simulator};
use crate::harness::eventually;
use crate::harness::process::{Ended, Program, Running, serve_settings};
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;
use crate::harness::reply::{Client, send, wrong};
use crate::harness::stores::RedisKeys;
use crate::harness::stub::Stub;
use crate::harness::unique_prefix;

const PHONE: &str = "15551234567";
const LIMITED: &str = "15557654321";
const REFUSED: &str = "15550131026";
const UNSETTLED: &str = "a guess could not be settled";
const UNCLEAR: &str = "the sender gave no clear answer; the code stays valid";
const API_KEY: &str = "the-api-key-of-a-backend";

/// The program and its environment.
struct Scene {
    simulator: Simulator,
    proxy: Proxy,
    keys: RedisKeys,
    program: Running,
    client: Client,
    calls: usize,
    digests: HashSet<String>,
}

impl Scene {
    async fn start(format: &str, level: &str) -> Self {
        let simulator = Simulator::new(SimulatorSettings::default());
        let whatsapp = serve_simulator(&simulator).await;
        // A server of its own: the table of active codes reads a bounded number of keys, including those of other
        // tests.
        let server = Arc::new(RedisServer::start());
        let proxy = Proxy::start(server.address());
        let keys = RedisKeys::new(Arc::clone(&server), unique_prefix());
        let redis = format!("redis://{}/0", proxy.address());
        let mut program = Program::new(&["serve"])
            .settings(&serve_settings(&simulator, whatsapp, &redis, keys.prefix()))
            // Long enough that no other number in the log can be mistaken for a code.
            .set("otp.code_length", "10")
            .set("limits.per_phone", "6/1h")
            .set("limits.per_ip", "off")
            .set("limits.checks_per_ip", "off")
            .set("redis.timeout", "500ms")
            .set("whatsapp.timeout", "300ms")
            .set("log.format", format)
            .set("log.level", level)
            .start();
        let address = listening(&mut program, format).await;
        let (calls, digests) = (0, HashSet::new());
        Self { simulator, proxy, keys, program, client: Client::new(address), calls, digests }
    }

    async fn request(&mut self, phone: &str, status: u16) {
        self.calls += 1;
        assert_eq!(self.client.request(phone).await.status, status, "{phone}");
        self.digests.extend(self.keys.of_verification(phone, "digest").await);
    }

    async fn verify(&mut self, phone: &str, code: &str, status: u16) {
        self.calls += 1;
        assert_eq!(self.client.verify(phone, code).await.status, status, "{phone}");
    }

    async fn call(&mut self, method: Method, path: &str, body: &str, status: u16) {
        self.calls += 1;
        let call = self.client.call(method, path).header("x-request-id", PHONE).header("user-agent", PHONE);
        let call = call.header("content-type", "application/json").header("authorization", format!("Bearer {API_KEY}"));
        assert_eq!(send(call.body(body.to_owned())).await.status, status, "{path}");
    }

    fn code(&self, phone: &str) -> String {
        self.simulator.latest(phone).unwrap().code.unwrap()
    }

    /// Causes every outcome at least once.
    async fn play(&mut self) {
        self.request(PHONE, 200).await;
        let code = self.code(PHONE);
        for status in [401, 401, 401, 401] {
            self.verify(PHONE, &wrong(&code), status).await;
        }
        self.verify(PHONE, &code, 401).await;
        self.request(PHONE, 200).await;
        let code = self.code(PHONE);
        let body = format!(r#"{{"code":"{code}""#);
        self.call(Method::POST, "/otp/15551234567?code=1234567890", &body, 400).await;
        self.call(Method::POST, "/otp/15551234567", &format!(r#"{{"code":1{code}}}"#), 400).await;
        self.call(Method::POST, &format!("/otp/15551234567/{code}"), "", 404).await;
        self.call(Method::GET, &format!("/otp/{PHONE}{code}"), "", 400).await;
        self.call(Method::GET, &format!("/{PHONE}"), "", 404).await;
        self.call(Method::HEAD, "/otp/15551234567", "", 405).await;
        self.call(Method::POST, "/otp/15551234567", &code.repeat(500), 413).await;
        self.verify(PHONE, &code, 200).await;
        self.verify(PHONE, &code, 404).await;

        for status in [200, 200, 200, 200, 200, 200, 429] {
            self.request(LIMITED, status).await;
        }
        for phone in [REFUSED, "15550000190", "15550131000", "15550000100", "15550999999"] {
            self.request(phone, 500).await;
        }
        self.request("15550131056", 429).await;
        for phone in ["15550910000", "15550911000", "15550940000"] {
            self.request(phone, 200).await;
        }
        assert!(self.simulator.push_order(Order::once(Behaviour::Error { code: 2, http: None, retry_after: None })));
        self.request("15557654322", 200).await;

        let upstream = self.proxy.upstream();
        for mode in [Mode::Cut, Mode::Frozen] {
            self.proxy.set(mode).await;
            self.calls += 2;
            assert_eq!(self.client.request(PHONE).await.status, 503);
            assert_eq!(self.client.verify(PHONE, &code).await.status, 503);
            self.proxy.set(upstream).await;
            let mut tried = 0;
            eventually("Redis is back", async || {
                tried += 1;
                self.client.verify("15557654399", "1234567890").await.status == 404
            })
            .await;
            self.calls += tried;
        }
        let key = self.keys.key("v2:{15557654323}:sends");
        let mut connection = self.keys.connection().await;
        redis::cmd("SET").arg(&key).arg(PHONE).arg("EX").arg(60).exec_async(&mut connection).await.unwrap();
        self.calls += 1;
        assert_eq!(self.client.request("15557654323").await.status, 503);

        let connection = self.client.connect(format!("GET /otp/{PHONE} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(self.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 100 })));
        let sends = self.simulator.send_requests();
        let connection = connection.await;
        eventually("the message is on its way", async || self.simulator.send_requests() > sends).await;
        drop(connection);
        self.calls += 1;
        let inbox = self.simulator.inbox().len();
        eventually("the message arrives", async || self.simulator.inbox().len() > inbox).await;
    }

    /// Stops the program, checks that nothing forbidden was logged, and returns its output.
    async fn end(self) -> Ended {
        let codes: Vec<String> = self.simulator.inbox().into_iter().filter_map(|message| message.code).collect();
        assert!(codes.len() >= 10);
        let ended = self.program.stop().await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let log = format!("{}{}", ended.stdout, ended.stderr);
        for line in log.lines() {
            for code in &codes {
                assert!(!line.contains(code), "a code: {line}");
            }
            for secret in [SECRET, API_KEY, &self.simulator.settings().access_token] {
                assert!(!line.contains(secret), "a secret: {line}");
            }
            for digest in &self.digests {
                assert!(!line.contains(digest), "a whole digest: {line}");
            }
            assert!(whole_number(line).is_none(), "a whole number: {line}");
        }
        ended
    }
}

/// Finds the part of a line that is one of this test's numbers.
fn whole_number(line: &str) -> Option<&str> {
    line.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() >= 11 && run.starts_with("1555"))
}

async fn listening(program: &mut Running, format: &str) -> SocketAddr {
    let marker = if format == "json" { r#""public":"http://"# } else { r#"public="http://"# };
    program.printed(marker).await.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_log_has_a_line_per_request_and_no_number() {
    let mut scene = Scene::start("json", "info,whatsapp_otp=debug").await;
    scene.play().await;
    let (calls, digests) = (scene.calls, scene.digests.clone());
    let ended = scene.end().await;
    assert_eq!(ended.stderr, "");

    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
        let text = line.to_string();
        assert!(!digests.iter().any(|digest| text.contains(&digest[..8])), "a digest: {line}");
    }
    let said = |message: &'static str| lines.iter().filter(move |line| line["message"] == message);
    assert_eq!(
        said("Verified OTP template 'otp_login' with ID 300000000000001 is approved and ready to send.").count(),
        1,
        "in the sample server's words"
    );
    let (answered, hung_up) = (said("answered").count(), said("not answered").count());
    assert_eq!((answered, hung_up), (calls - 1, 1), "one line per request");

    let mut outcomes = HashMap::new();
    for line in said("answered") {
        let texts = ["request_id", "method", "route", "outcome"];
        assert!(texts.iter().all(|field| line[field].is_string()), "{line}");
        assert!(line["status"].is_u64() && line["duration_ms"].is_f64(), "{line}");
        assert!(line["route"] == "/otp/{phone}" || line["route"] == "-", "{line}");
        let is_of_app = line["app"] == "default" && line["route"] == "/otp/{phone}";
        assert!(is_of_app || line["app"].is_null() && line["phone"].is_null(), "{line}");
        if let Some(phone) = line["phone"].as_str() {
            assert!(phone.starts_with("1555*****") && phone.len() == 11, "{line}");
        }
        *outcomes.entry(line["outcome"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    for outcome in [
        "sent",
        "sent_unclear",
        "verified",
        "wrong",
        "locked",
        "absent",
        "limited",
        "recipient_throttled",
        "send_failed",
        "store_unavailable",
        "malformed_json",
        "code_not_a_string",
        "body_too_large",
        "method_not_allowed",
        "not_found",
        "invalid_phone",
    ] {
        assert!(outcomes.contains_key(outcome), "no {outcome} in {outcomes:?}");
    }
    let requests: HashSet<&str> =
        said("answered").chain(said("not answered")).filter_map(|line| line["request_id"].as_str()).collect();
    for message in [UNSETTLED, UNCLEAR, "a code could not be issued"] {
        assert!(said(message).count() > 0, "nobody said: {message}");
        for line in said(message) {
            assert_eq!(line["level"], "WARN");
            assert!(line["request_id"].as_str().is_some_and(|id| requests.contains(id)), "of no request: {line}");
        }
    }
    let masked = said("answered").find(|line| line["outcome"] == "sent").unwrap();
    assert_eq!((&masked["phone"], &masked["status"]), (&"1555*****67".into(), &200.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn even_the_finest_log_has_no_number() {
    let mut scene = Scene::start("json", "trace").await;
    scene.play().await;
    let (calls, ended) = (scene.calls, scene.end().await);
    assert!(ended.stdout.contains("\"TRACE\"") && ended.stdout.matches("answered").count() >= calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_for_people_shows_active_codes_but_no_code() {
    let mut scene = Scene::start("pretty", "info").await;
    scene.play().await;
    for n in 0..25 {
        scene.request(&format!("155576500{n:02}"), 200).await;
    }
    let rows = |table: &str| table.lines().filter(|line| line.starts_with("│ 1555*****")).count();
    let tables = |log: String| log.split("Active codes state:").skip(1).map(str::to_owned).collect::<Vec<_>>();
    // The last table may appear up to a second after the last call.
    eventually("the last table", async || tables(scene.program.stdout()).iter().any(|table| rows(table) == 20)).await;
    let ended = scene.end().await;
    assert_eq!(ended.stderr, "");
    for message in [UNSETTLED, UNCLEAR] {
        let line = ended.stdout.lines().find(|line| line.contains(message)).expect(message);
        let (said, request_id) = line.rsplit_once(" request_id=").expect(line);
        assert!(said.contains("WARN") && ended.stdout.matches(request_id).count() > 1, "of no request: {line}");
    }
    let tables = tables(ended.stdout);
    assert_eq!(tables.iter().map(|table| rows(table)).max(), Some(20));
    let first = &tables[0];
    assert!(["phone", "digest", "expires", "attempts"].iter().all(|name| first.contains(name)), "{first}");
    assert!(first.contains("│ 1555*****67 ┆") && first.contains(" of 3"), "{first}");
}

#[tokio::test]
async fn numbers_that_whatsapp_quotes_are_not_logged() {
    let error = serde_json::json!({ "error": {
        "message": "(#131026) +15551234567 is not on WhatsApp", "type": "OAuthException", "code": 131_026,
        "error_data": { "messaging_product": "whatsapp", "details": "recipient 15551234567, wa_id 5551234567" },
        "fbtrace_id": "AbC",
    } });
    for (status, body) in
        [(400, error.to_string()), (400, format!("<p>{PHONE}</p>")), (200, format!(r#"{{"to":"{PHONE}"}}"#))]
    {
        let stub = Stub::answering(status, None, &body).await;
        let simulator = Simulator::new(SimulatorSettings::default());
        let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
        let settings = serve_settings(&simulator, "127.0.0.1:1".parse().unwrap(), keys.url(), keys.prefix());
        let serve = Program::new(&["serve"]).settings(&settings).set("whatsapp.base_url", &stub.url);
        let mut program = serve.set("log.level", "trace").start();
        let client = Client::new(listening(&mut program, "json").await);
        client.request(PHONE).await;
        assert_eq!(stub.sends().len(), 1);
        let ended = program.stop().await;
        for line in ended.stdout.lines() {
            assert!(!line.contains("5551234567"), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_active_codes_reads_little_of_redis_and_rarely() {
    let server = Arc::new(RedisServer::start());
    let simulator = Simulator::new(SimulatorSettings::default());
    let whatsapp = serve_simulator(&simulator).await;
    let keys = RedisKeys::new(Arc::clone(&server), unique_prefix());
    let mut connection = keys.connection().await;
    // Forty steps of a scan.
    let filler: Vec<String> = (0..20_000).flat_map(|n| [format!("filler:{n}"), "x".to_owned()]).collect();
    redis::cmd("MSET").arg(&filler).exec_async(&mut connection).await.unwrap();
    let serve = Program::new(&["serve"]).settings(&serve_settings(&simulator, whatsapp, keys.url(), keys.prefix()));
    let mut program = serve.set("log.format", "pretty").start();
    let client = Client::new(listening(&mut program, "pretty").await);
    let began = std::time::Instant::now();
    for _ in 0..50 {
        client.verify(PHONE, "123456").await;
    }
    let tables = began.elapsed().as_secs() + 2;
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
    let scans =
        stats.lines().find_map(|line| line.strip_prefix("cmdstat_scan:calls=")?.split(',').next()?.parse().ok());
    assert!(scans.is_none_or(|scans: u64| scans <= tables * 4), "{scans:?} in {tables} tables");
    eventually("a table says that it may not be all", async || program.stdout().contains("There may be more")).await;
    assert_eq!(program.stop().await.code, 0);
}

/// Returns the caller's status and the program's log for one send with this answer of WhatsApp.
async fn answered_with(status: u16, body: &str) -> (u16, Vec<Value>) {
    let stub = Stub::answering(status, None, body).await;
    let simulator = Simulator::new(SimulatorSettings::default());
    let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
    let settings = serve_settings(&simulator, "127.0.0.1:1".parse().unwrap(), keys.url(), keys.prefix());
    let serve = Program::new(&["serve"]).settings(&settings).set("whatsapp.base_url", &stub.url);
    let mut program = serve.set("whatsapp.max_retries", "0").start();
    let client = Client::new(listening(&mut program, "json").await);
    eventually("it may send", async || {
        client.request("15557654321").await;
        !stub.sends().is_empty()
    })
    .await;
    let status = client.request(PHONE).await.status;
    let log = program.stop().await.stdout;
    (status, log.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[tokio::test]
async fn whatsapps_texts_are_cleaned_and_bounded_before_they_are_logged() {
    let words = format!("(#131026) to +1 555 123-4567 with 482913\nand 48 29 13\u{1b}[2J {}", "x".repeat(10_000));
    let error = serde_json::json!({ "error": {
        "message": words, "code": 131_026, "error_data": { "details": words.replace("to", "for") }, "fbtrace_id": words,
    } });
    let (status, lines) = answered_with(400, &error.to_string()).await;
    assert_eq!(status, 500);
    let said = lines.iter().find(|line| line["message"].as_str().unwrap().contains("(#131026) to +*******"));
    let said = said.unwrap_or_else(|| panic!("{lines:?}"));
    assert!(said["message"].as_str().unwrap().chars().count() < 800, "{said}");
    for line in &lines {
        let text = line.to_string();
        for part in ["555 123", "482913", "48 29", "\\n", "\\u001b"] {
            assert!(!text.contains(part), "{part}: {text}");
        }
        assert!(text.len() < 2_000, "{text}");
    }
}

#[tokio::test]
async fn an_error_with_status_200_is_an_error() {
    let accepted = r#""messages":[{"id":"wamid.x"}]"#;
    let refused = format!(r#"{{"error":{{"code":131026,"message":"(#131026) no"}},{accepted}}}"#);
    let (status, lines) = answered_with(200, &refused).await;
    assert_eq!(status, 500);
    assert!(lines.iter().any(|line| line["outcome"] == "send_failed" && line["reason"] == "recipient"), "{lines:?}");
    // Without a code, neither the meaning of the error nor the fate of the message is known.
    let (status, lines) = answered_with(200, &format!(r#"{{"error":"no",{accepted}}}"#)).await;
    assert_eq!(status, 200);
    assert!(lines.iter().any(|line| line["outcome"] == "sent_unclear"), "{lines:?}");
}

#[tokio::test]
async fn an_answer_of_megabytes_is_unclear() {
    let long = format!(r#"{{"messages":[{{"id":"wamid.x"}}],"more":"{}"}}"#, "x".repeat(3_000_000));
    let (status, lines) = answered_with(200, &long).await;
    assert_eq!(status, 200);
    assert!(lines.iter().any(|line| line["outcome"] == "sent_unclear"), "{lines:?}");
}

#[tokio::test]
async fn a_number_in_a_request_id_is_not_logged_however_it_is_written() {
    let mut scene = Scene::start("json", "info").await;
    for id in ["1-555-123-4567", "1.555.123.4567", "15551234567", "tel:1_555_123_4567"] {
        scene.calls += 1;
        let call = scene.client.call(Method::GET, "/otp/123").header("x-request-id", id);
        assert_ne!(send(call).await.header("x-request-id"), Some(id));
    }
    let uuid = "15551234-5678-4567-8901-155512345678";
    let call = scene.client.call(Method::GET, "/otp/123").header("x-request-id", uuid);
    assert_eq!(send(call).await.header("x-request-id"), Some(uuid));
    let ended = scene.program.stop().await;
    assert!(
        !ended.stdout.contains("123-4567") && !ended.stdout.contains("123.4567") && !ended.stdout.contains("123_4567")
    );
}
