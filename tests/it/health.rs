//! The operators' listener, and stopping without dropping anyone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, watch};
use whatsapp_otp::app::{App, Parts};
use whatsapp_otp::config::{ServeSettings, Sources};
use whatsapp_otp::http::Dependency;
use whatsapp_otp::simulator::{Behaviour, Order, Simulator, SimulatorSettings};

use crate::harness::app::{SECRET, TestApp, environment, serve_simulator};
use crate::harness::eventually;
use crate::harness::process::{Program, serve_settings};
use crate::harness::redis::RedisServer;
use crate::harness::reply::Client;
use crate::harness::stores::RedisKeys;
use crate::harness::unique_prefix;

const PHONE: &str = "15551234567";

#[tokio::test]
async fn the_operators_listener_says_that_it_lives_and_is_ready() {
    let app = TestApp::start().await;
    assert_eq!(app.ops().json("/health/live").await.0, 200);
    let (status, body) = app.ready().await;
    assert_eq!((status, &body["status"], &body["draining"]), (200, &json!("ready"), &json!(false)));
    for dependency in ["redis", "template"] {
        assert_eq!(body["dependencies"][dependency]["status"], "ok", "{body}");
    }
    // Codes are not had here.
    let missing = app.ops().call(reqwest::Method::GET, "/otp/15551234567").send().await.unwrap();
    assert_eq!((missing.status().as_u16(), app.sends()), (404, 0));
    app.request("123").await;
    app.finish().await;
}

/// Readiness over faults that the test decides.
#[tokio::test]
async fn an_instance_is_ready_while_only_a_part_of_it_has_a_fault() {
    let keys = HashMap::from([("otp.secret", SECRET), ("server.listen", "127.0.0.1:0"), ("server.drain_delay", "0s")]);
    let account = ["waba_id", "phone_number_id", "template_id", "access_token"].map(|name| format!("whatsapp.{name}"));
    let mut settings: HashMap<_, _> = keys.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    settings.extend(account.map(|key| (key, "1".to_owned())));
    settings.insert("server.ops_listen".to_owned(), "127.0.0.1:0".to_owned());
    let sources = Sources { file: None, environment: environment(&settings) };
    let ServeSettings { common, keys, .. } = ServeSettings::load(&sources).unwrap();
    let (template, fault) = watch::channel(None);
    let (other, other_fault) = watch::channel(None);
    let parts = Parts {
        store: std::sync::Arc::new(whatsapp_otp::store::EmbeddedStore::default()),
        store_name: "embedded",
        store_details: None,
        sender: std::sync::Arc::new(Nobody),
        dependencies: vec![Dependency::partial("template", fault), Dependency::required("other", other_fault)],
        keys,
        policy: common.policy,
        show_active_codes: false,
    };
    let app = App::bind(common.server, parts).await.unwrap();
    let ops = Client::new(app.ops_address().unwrap());
    let (stop, stopped) = mpsc::channel(1);
    let running = tokio::spawn(app.run_until(stopped));

    assert_eq!(ops.json("/health/ready").await.0, 200);
    template.send_replace(Some("it is paused".to_owned()));
    let (status, body) = ops.json("/health/ready").await;
    assert_eq!((status, &body["status"]), (200, &json!("ready")));
    assert_eq!(body["dependencies"]["template"], json!({ "status": "degraded", "reason": "it is paused" }));
    assert_eq!(body["dependencies"]["embedded"], json!({ "status": "ok" }));
    other.send_replace(Some("it is gone".to_owned()));
    let (status, body) = ops.json("/health/ready").await;
    assert_eq!((status, &body["status"]), (503, &json!("not_ready")));
    assert_eq!(body["dependencies"]["other"], json!({ "status": "failed", "reason": "it is gone" }));
    assert_eq!(ops.json("/health/live").await.0, 200);
    other.send_replace(None);
    template.send_replace(None);
    assert_eq!(ops.json("/health/ready").await.0, 200);
    stop.send(()).await.unwrap();
    running.await.unwrap().unwrap();
}

/// Sends nothing.
struct Nobody;

#[async_trait::async_trait]
impl whatsapp_otp::otp::CodeSender for Nobody {
    fn admit(&self) -> Result<(), whatsapp_otp::otp::Refusal> {
        Ok(())
    }

    async fn send(
        &self,
        _: whatsapp_otp::otp::OutgoingCode<'_>,
        _: Instant,
    ) -> Result<whatsapp_otp::otp::Delivery, whatsapp_otp::otp::Refusal> {
        Ok(whatsapp_otp::otp::Delivery::Accepted)
    }
}

#[tokio::test]
async fn while_it_drains_an_instance_is_not_ready_but_serves() {
    let app = TestApp::builder().set("server.drain_delay", "10m").start().await;
    app.ask_to_stop().await;
    eventually("it is not ready", async || app.ready().await.0 == 503).await;
    let (_, body) = app.ready().await;
    assert_eq!((&body["draining"], &body["dependencies"]["redis"]["status"]), (&json!(true), &json!("ok")));
    assert_eq!(app.ops().json("/health/live").await.0, 200);
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    assert!(!app.has_stopped());
    // A second message, which `finish` sends, ends the wait.
    let began = Instant::now();
    app.finish().await;
    assert!(began.elapsed() < Duration::from_secs(5));
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
async fn a_message_whose_caller_is_gone_is_sent_before_the_end() {
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
async fn who_takes_longer_than_the_shutdown_time_out_is_not_waited_for() {
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
