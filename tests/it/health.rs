//! The operators' listener, and stopping without dropping a request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use whatsapp_otp::app::{App, Parts};
use whatsapp_otp::config::{ServeSettings, Sources};
use whatsapp_otp::http::Dependency;
use whatsapp_otp::otp::{AppName, Locale};
use whatsapp_otp_simulator::{Behaviour, Order, Simulator, SimulatorSettings};

use crate::harness::app::{SECRET, TestApp, apps, environment, serve_simulator};
use crate::harness::eventually;
use crate::harness::process::{Program, serve_settings};
use crate::harness::redis::RedisServer;
use crate::harness::reply::Client;
use crate::harness::stores::RedisKeys;
use crate::harness::unique_prefix;

const PHONE: &str = "15551234567";

#[tokio::test]
async fn the_operators_listener_reports_liveness_and_readiness() {
    let app = TestApp::start().await;
    assert_eq!(app.ops().json("/health/live").await.0, 200);
    let (status, body) = app.ready().await;
    assert_eq!((status, &body["status"], &body["draining"]), (200, &json!("ready"), &json!(false)));
    for dependency in ["redis", "template"] {
        assert_eq!(body["dependencies"][dependency]["status"], "ok", "{body}");
    }
    // This listener sends no codes.
    let missing = app.ops().call(reqwest::Method::GET, "/otp/15551234567").send().await.unwrap();
    assert_eq!((missing.status().as_u16(), app.sends()), (404, 0));
    app.request("123").await;
    app.finish().await;
}

/// Readiness with faults set by the test.
#[tokio::test]
async fn an_instance_is_ready_while_only_part_of_it_has_a_fault() {
    let keys = HashMap::from([("otp.secret", SECRET), ("server.listen", "127.0.0.1:0"), ("server.drain_delay", "0s")]);
    let account = ["waba_id", "phone_number_id", "template_id", "access_token"].map(|name| format!("whatsapp.{name}"));
    let mut settings: HashMap<_, _> = keys.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    settings.extend(account.map(|key| (key, "1".to_owned())));
    settings.insert("server.ops_listen".to_owned(), "127.0.0.1:0".to_owned());
    let sources = Sources { file: None, environment: environment(&settings) };
    let ServeSettings { common, keys, .. } = ServeSettings::load(&sources).unwrap();
    let en_us = Locale::parse("en_US").unwrap();
    let (template, languages) = watch::channel(vec![(en_us.clone(), None)]);
    let (other, other_fault) = watch::channel(None);
    let parts = Parts {
        store: std::sync::Arc::new(whatsapp_otp::store::EmbeddedStore::default()),
        store_name: "embedded",
        store_details: None,
        apps: apps(Nobody, common.policy),
        dependencies: vec![
            Dependency::template(AppName::default(), languages),
            Dependency::required("other", other_fault),
        ],
        keys,
        proof_keys: None,
        proof_issuer: None,
        whatsapp_webhook: None,
        endpoints: whatsapp_otp::app::Endpoints::default(),
        show_active_codes: false,
    };
    let app = App::bind(common.server, parts).await.unwrap();
    let ops = Client::new(app.ops_address().unwrap());
    let (stop, stopped) = mpsc::channel(1);
    let running = tokio::spawn(app.run_until(stopped));

    assert_eq!(ops.json("/health/ready").await.0, 200);
    template.send_replace(vec![(en_us.clone(), Some("it is paused".to_owned()))]);
    let (status, body) = ops.json("/health/ready").await;
    assert_eq!((status, &body["status"]), (200, &json!("ready")));
    let state = json!({ "status": "degraded", "reason": "it is paused" });
    let (mut expected, languages) = (state.clone(), json!({ "en_US": state }));
    expected["languages"] = languages;
    assert_eq!(body["dependencies"]["template"], expected);
    assert_eq!(body["dependencies"]["embedded"], json!({ "status": "ok" }));
    other.send_replace(Some("it is gone".to_owned()));
    let (status, body) = ops.json("/health/ready").await;
    assert_eq!((status, &body["status"]), (503, &json!("not_ready")));
    assert_eq!(body["dependencies"]["other"], json!({ "status": "failed", "reason": "it is gone" }));
    assert_eq!(ops.json("/health/live").await.0, 200);
    other.send_replace(None);
    template.send_replace(vec![(en_us, None)]);
    assert_eq!(ops.json("/health/ready").await.0, 200);
    stop.send(()).await.unwrap();
    running.await.unwrap().unwrap();
}

/// Sends nothing.
struct Nobody;

#[async_trait::async_trait]
impl whatsapp_otp::otp::CodeSender for Nobody {
    async fn send(
        &self,
        _: whatsapp_otp::otp::OutgoingCode<'_>,
        _: &dyn whatsapp_otp::otp::Pace,
        _: Instant,
    ) -> Result<whatsapp_otp::otp::Sent, whatsapp_otp::otp::Refusal> {
        Ok(whatsapp_otp::otp::Sent::Accepted)
    }
}

#[tokio::test]
async fn a_draining_instance_is_not_ready_but_serves() {
    let app = TestApp::builder().set("server.drain_delay", "10m").start().await;
    app.ask_to_stop().await;
    eventually("it is not ready", async || app.ready().await.0 == 503).await;
    let (_, body) = app.ready().await;
    assert_eq!((&body["draining"], &body["dependencies"]["redis"]["status"]), (&json!(true), &json!("ok")));
    assert_eq!(app.ops().json("/health/live").await.0, 200);
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    assert!(!app.has_stopped());
    // `finish` sends a second message, which ends the wait.
    let began = Instant::now();
    app.finish().await;
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_draining_instance_asks_clients_to_send_their_next_requests_elsewhere() {
    let app = TestApp::builder().set("server.drain_delay", "10m").start().await;
    let ask = async |stream: &mut TcpStream| {
        stream.write_all(b"GET /otp/123 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 1_024];
        let length = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).to_lowercase()
    };
    let mut kept = app.connect("").await;
    let answer = ask(&mut kept).await;
    assert!(answer.starts_with("http/1.1 400") && !answer.contains("connection: close"), "{answer}");
    let (mut requests, http2) = http2_to(app.address()).await;
    assert_eq!(ask_over_http2(&mut requests).await.unwrap(), 400);

    app.ask_to_stop().await;
    eventually("it is not ready", async || app.ready().await.0 == 503).await;
    let answer = ask(&mut kept).await;
    assert!(answer.starts_with("http/1.1 400") && answer.contains("\r\nconnection: close"), "{answer}");
    assert_eq!(kept.read(&mut [0]).await.unwrap(), 0, "the connection is closed after it");
    // GOAWAY ends the connection's driver without an error.
    tokio::time::timeout(Duration::from_secs(10), http2).await.expect("GOAWAY").unwrap().unwrap();
    // A new connection is served, and gets the same.
    let (mut requests, http2) = http2_to(app.address()).await;
    assert_eq!(ask_over_http2(&mut requests).await.unwrap(), 400);
    tokio::time::timeout(Duration::from_secs(10), http2).await.expect("GOAWAY").unwrap().unwrap();
    app.finish().await;
}

type Requests = h2::client::SendRequest<axum::body::Bytes>;

async fn http2_to(address: SocketAddr) -> (Requests, JoinHandle<Result<(), h2::Error>>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (requests, connection) = h2::client::Builder::new().handshake(stream).await.unwrap();
    (requests, tokio::spawn(connection))
}

async fn ask_over_http2(requests: &mut Requests) -> Result<u16, h2::Error> {
    let request = axum::http::Request::get("http://x/otp/123").body(()).unwrap();
    let mut requests = requests.clone().ready().await?;
    Ok(requests.send_request(request, true)?.0.await?.status().as_u16())
}

#[tokio::test]
async fn an_http_2_client_that_does_not_react_does_not_delay_the_end() {
    let app = TestApp::builder().set("server.shutdown_timeout", "30s").start().await;
    // The preface, SETTINGS, and GET /otp/123 as HEADERS; then nothing, not even the frames that the protocol requires.
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let head = b"\x82\x86\x04\x08/otp/123\x01\x01x";
    bytes.extend([0, 0, u8::try_from(head.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    bytes.extend(head);
    let mut client = app.connect(bytes).await;
    let mut answers = Vec::new();
    eventually("it is answered", async || {
        client.read_buf(&mut answers).await.unwrap();
        String::from_utf8_lossy(&answers).contains("Invalid phone number.")
    })
    .await;
    let began = Instant::now();
    app.ask_to_stop().await;
    eventually("it has stopped", async || app.has_stopped()).await;
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    app.finish().await;
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_end() {
    let app = TestApp::start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 700 })));
    let client = Client::clone(&app);
    let in_flight = tokio::spawn(async move { client.request(PHONE).await });
    eventually("the message is on its way", async || app.sends() == 1).await;
    app.ask_to_stop().await;
    let address = app.address();
    eventually("no new connections", async || tokio::net::TcpStream::connect(address).await.is_err()).await;
    in_flight.await.unwrap().is(200, "OK");
    eventually("it has stopped", async || app.has_stopped()).await;
    assert_eq!(app.messages_to(PHONE), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_message_whose_caller_hung_up_is_sent_before_the_end() {
    let app = TestApp::start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 500 })));
    let connection = app.connect(format!("GET /otp/{PHONE} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    eventually("the message is on its way", async || app.sends() == 1).await;
    drop(connection);
    app.ask_to_stop().await;
    eventually("it has stopped", async || app.has_stopped()).await;
    assert_eq!(app.messages_to(PHONE), 1);
    app.finish().await;
}

#[tokio::test]
async fn the_shutdown_time_out_bounds_requests_in_flight() {
    let app = TestApp::builder().set("server.shutdown_timeout", "300ms").start().await;
    let mut idle = app.connect("POST /otp/15551234567 HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n").await;
    app.request("123").await;
    app.ask_to_stop().await;
    let began = Instant::now();
    eventually("it has stopped", async || app.has_stopped()).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let _ = idle.read_to_end(&mut Vec::new()).await;
    app.finish().await;
}

#[tokio::test]
async fn each_signal_to_stop_ends_the_program_with_0_after_the_last_answer() {
    for signal in ["TERM", "INT", "HUP"] {
        let simulator = Simulator::new(SimulatorSettings::default());
        let whatsapp = serve_simulator(&simulator).await;
        let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
        let settings = serve_settings(&simulator, whatsapp, keys.url(), keys.prefix());
        let mut program = Program::new(&["serve"]).settings(&settings).set("server.drain_delay", "300ms").start();
        let client = Client::new(program.printed(r#""public":"http://"#).await.parse().unwrap());
        let ops = Client::new(program.printed(r#""ops":""#).await.parse().unwrap());
        assert_eq!(ops.json("/health/ready").await.0, 200);

        assert!(simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 800 })));
        let in_flight = tokio::spawn(async move { client.request(PHONE).await });
        eventually("the message is on its way", async || simulator.send_requests() == 1).await;
        program.signal(signal);
        eventually("it is not ready", async || ops.json("/health/ready").await.0 == 503).await;
        in_flight.await.unwrap().is(200, "OK");
        let ended = tokio::task::spawn_blocking(move || program.wait()).await.unwrap();
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{signal}");
        assert!(ended.stdout.lines().last().unwrap().contains("stopped"), "{}", ended.stdout);
    }
}
