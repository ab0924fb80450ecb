//! Messages to WhatsApp, and the consequences of its answers for the caller and the code.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use whatsapp_otp_simulator::{Behaviour, Order, ThrottleStatus};

use crate::harness::app::{TestApp, TestAppBuilder};
use crate::harness::eventually;
use crate::harness::proxy::Mode;
use crate::harness::reply::says;
use crate::harness::stub::Stub;

const PHONE: &str = "15551234567";

fn error(code: u32) -> Behaviour {
    Behaviour::Error { code, http: None, retry_after: None }
}

/// A service that gives WhatsApp little time.
fn hasty() -> TestAppBuilder {
    TestApp::builder().set("whatsapp.timeout", "300ms")
}

/// Asserts that nothing can be verified and nothing was charged.
async fn assert_taken_back(app: &TestApp, phone: &str) {
    app.verify(phone, "123456").await.is(404, &says::no_active_code(phone));
    assert!(app.traces().await.iter().all(|key| !key.contains(":code")));
}

/// Returns `true` if the phone was charged for the message.
async fn is_charged(app: &TestApp, phone: &str) -> bool {
    app.keys.list().await.contains(&app.keys.key(&format!("v2:{{{phone}}}:sends")))
}

#[tokio::test]
async fn the_message_goes_out_as_whatsapp_documents_it() {
    let accepted = json!({ "messaging_product": "whatsapp", "messages": [{ "id": "wamid.x" }] }).to_string();
    let stub = Stub::answering(200, None, &accepted).await;
    let app = TestApp::builder()
        .set("whatsapp.base_url", &stub.url)
        .set("whatsapp.access_token", "THE0TOKEN")
        .set("whatsapp.api_version", "v23.0")
        .start()
        .await;
    app.request("+1 (555) 123-4567").await.is(200, "OK");
    let sends = stub.sends();
    let [sent] = sends.as_slice() else { panic!("{sends:?}") };
    assert_eq!(sent.path, "/v23.0/200000000000001/messages");
    assert_eq!(sent.headers["authorization"], "Bearer THE0TOKEN");
    assert_eq!(sent.headers["content-type"], "application/json");
    assert!(sent.headers["user-agent"].to_str().unwrap().starts_with("whatsapp-otp/"));
    let code = sent.body["template"]["components"][0]["parameters"][0]["text"].as_str().unwrap().to_owned();
    let expected = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+15551234567",
        "type": "template",
        "biz_opaque_callback_data": format!("v1.{}.1", app.keys.of_verification(PHONE, "id").await.unwrap()),
        "template": {
            "name": "login",
            "language": { "code": "en_US", "policy": "deterministic" },
            "components": [
                { "type": "body", "parameters": [{ "type": "text", "text": code }] },
                { "type": "button", "sub_type": "url", "index": "0", "parameters": [{ "type": "text", "text": code }] },
            ],
        },
    });
    assert_eq!(sent.body, expected);
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn recipients_of_all_countries_get_their_full_number() {
    let app = TestApp::start().await;
    for (asked, to) in [
        ("5511987654321", "+5511987654321"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+39 06 6982 1234", "+390669821234"),
        ("49-30-901820", "+4930901820"),
        ("+91 98765 43210", "+919876543210"),
    ] {
        app.request(asked).await.is(200, "OK");
        assert_eq!(app.simulator.inbox()[0].to, to);
        assert_eq!(app.simulator.inbox()[0].template, "otp_login");
        app.verify(asked, &app.code(to.trim_start_matches('+'))).await.is(200, "OK");
    }
    app.finish().await;
}

/// Codes that a sender may receive, by the number of tries with two retries. Copied from the table in WhatsApp's
/// documentation, not from ours.
const TRANSIENT: &[u32] = &[2, 131_000, 131_016, 131_057, 133_004];
const WORTH_ONE_MORE: &[u32] = &[1];
#[rustfmt::skip]
const DEFINITE: &[u32] = &[
    0, 3, 4, 10, 33, 100, 104, 190, 200, 210, 299, 368, 613, 2_500, 80_007, 80_008,
    130_403, 130_429, 130_472, 130_497,
    131_005, 131_008, 131_009, 131_021, 131_026, 131_030, 131_031, 131_037, 131_042, 131_045, 131_047, 131_048, 131_049,
    131_050, 131_051, 131_052, 131_053, 131_056, 131_059, 131_062, 131_063, 131_064,
    132_000, 132_001, 132_005, 132_007, 132_008, 132_012, 132_015, 132_016, 132_018, 132_068, 132_069,
    133_000, 133_005, 133_006, 133_008, 133_009, 133_010, 133_015, 133_016, 134_011, 135_000, 137_000,
    // Undocumented ones.
    5, 139_999, 999_999,
];

/// Codes that are due to the recipient, not the sender.
const ABOUT_THE_RECIPIENT: &[u32] = &[130_403, 130_472, 130_497, 131_021, 131_026, 131_049, 131_050, 131_056, 137_000];

/// Tests one refusal on a new service: the answer, the number of tries, and that nothing is left.
async fn refused_with(code: u32, attempts: u64, throttle: ThrottleStatus) {
    let app = TestApp::builder().simulator(|simulator| simulator.throttle_status = throttle).start().await;
    let phone = format!("15550{code:06}");
    let reply = app.request(&phone).await;
    if code == 131_056 {
        assert_eq!(reply.retry_after(), 6, "WhatsApp's pace for one recipient");
    } else {
        assert_eq!((reply.status, reply.body.as_str()), (500, "Error calling WhatsApp send message API"), "{code}");
    }
    assert_eq!(app.sends(), attempts, "attempts with {code}");
    assert_eq!(is_charged(&app, &phone).await, ABOUT_THE_RECIPIENT.contains(&code), "{code}");
    assert_taken_back(&app, &phone).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_is_tried_again_as_its_kind_asks_and_leaves_nothing_behind() {
    let table = ThrottleStatus::BadRequest;
    // Those that wait between attempts come first; all run concurrently.
    let rows = TRANSIENT.iter().map(|&code| (code, 3, table));
    let rows = rows.chain(WORTH_ONE_MORE.iter().map(|&code| (code, 2, table)));
    let rows = rows.chain(DEFINITE.iter().map(|&code| (code, 1, table)));
    let rows = rows.chain([4, 80_007, 130_429].map(|code| (code, 1, ThrottleStatus::TooManyRequests)));
    let mut running = JoinSet::new();
    for (code, attempts, throttle) in rows {
        if running.len() >= 12 {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(refused_with(code, attempts, throttle));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn an_unknown_error_with_a_server_fault_is_tried_once_more() {
    let app = TestApp::start().await;
    let unknown = Behaviour::Error { code: 139_998, http: Some(500), retry_after: None };
    assert!(app.simulator.push_order(Order::once(unknown).times(9)));
    app.request(PHONE).await.is(500, says::SEND_FAILED);
    assert_eq!(app.sends(), 2);
    assert_taken_back(&app, PHONE).await;
    app.finish().await;
}

#[tokio::test]
async fn retries_are_as_many_as_configured() {
    for (retries, attempts) in [("0", 1), ("1", 2)] {
        let app = TestApp::builder().set("whatsapp.max_retries", retries).start().await;
        app.request("15550131000").await.is(500, says::SEND_FAILED);
        assert_eq!(app.sends(), attempts);
        app.finish().await;
    }
}

#[tokio::test]
async fn a_passing_fault_goes_unnoticed() {
    let app = TestApp::start().await;
    assert!(app.simulator.push_order(Order::once(error(131_016))));
    app.request(PHONE).await.is(200, "OK");
    assert_eq!((app.sends(), app.messages_to(PHONE)), (2, 1));
    app.verify(PHONE, &app.code(PHONE)).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn the_last_error_decides() {
    let app = TestApp::start().await;
    assert!(app.simulator.push_order(Order::once(error(2))));
    assert!(app.simulator.push_order(Order::once(error(131_026))));
    app.request(PHONE).await.is(500, says::SEND_FAILED);
    assert_eq!(app.sends(), 2);
    assert_taken_back(&app, PHONE).await;
    app.finish().await;
}

#[tokio::test]
async fn the_wait_that_whatsapp_asks_for_is_kept_and_told() {
    let app = TestApp::start().await;
    let pair_limit = Behaviour::Error { code: 131_056, http: None, retry_after: Some(17) };
    assert!(app.simulator.push_order(Order::once(pair_limit)));
    assert_eq!(app.request(PHONE).await.retry_after(), 17);
    assert_taken_back(&app, PHONE).await;

    let transient = |seconds| Behaviour::Error { code: 2, http: None, retry_after: Some(seconds) };
    assert!(app.simulator.push_order(Order::once(transient(1))));
    let waited = app.request(PHONE).await;
    assert!(waited.is(200, "OK").took >= Duration::from_secs(1), "{:?}", waited.took);
    // This is longer than the request has, so it is reported immediately.
    assert!(app.simulator.push_order(Order::once(transient(3_600))));
    app.request(PHONE).await.is(500, says::SEND_FAILED).within(Duration::from_secs(1));
    app.finish().await;
}

#[tokio::test]
async fn the_recipient_that_whatsapp_holds_back_is_told_when_to_come_again() {
    let app = TestApp::builder().set("limits.per_phone", "off").start().await;
    // The simulator's own limit: 45 within six seconds.
    for _ in 0..45 {
        app.request(PHONE).await.is(200, "OK");
    }
    assert!((1..=6).contains(&app.request(PHONE).await.retry_after()));
    app.request("15557654321").await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_message_that_was_taken_but_not_answered_stays_good_and_charged() {
    let app = hasty().set("limits.per_phone", "1/1h").start().await;
    let phone = "15550910000";
    app.request(phone).await.is(200, "OK").within(Duration::from_secs(1));
    assert_eq!((app.sends(), app.messages_to(phone)), (1, 1), "an unclear outcome is never sent again");
    assert_eq!(app.request(phone).await.status, 429);
    app.verify(phone, &app.code(phone)).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_message_that_vanished_is_unclear_too() {
    let app = hasty().set("limits.per_phone", "1/1h").start().await;
    let phone = "15550911000";
    app.request(phone).await.is(200, "OK").within(Duration::from_secs(1));
    assert_eq!((app.sends(), app.messages_to(phone)), (1, 0));
    assert_eq!(app.keys.of_verification(phone, "attempts").await.as_deref(), Some("0"), "its code stays");
    assert_eq!(app.request(phone).await.status, 429);
    app.finish().await;
}

#[tokio::test]
async fn a_gateways_error_page_is_unclear() {
    let app = TestApp::start().await;
    let phone = "15550940000";
    app.request(phone).await.is(200, "OK");
    assert_eq!(app.sends(), 1);
    assert_eq!(app.keys.of_verification(phone, "attempts").await.as_deref(), Some("0"));
    app.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_not_whatsapps_means_what_can_be_known_from_it() {
    let unclear = [
        (200, None, "<html>"),
        (200, None, "{}"),
        (200, None, r#"{"messages":[]}"#),
        (200, None, ""),
        (502, None, "Bad Gateway"),
        (500, None, ""),
        (503, None, r#"{"error":"down"}"#),
    ];
    for (status, header, body) in unclear {
        let stub = Stub::answering(status, header, body).await;
        let app = TestApp::builder().set("whatsapp.base_url", &stub.url).start().await;
        app.request(PHONE).await.is(200, "OK");
        assert_eq!(stub.sends().len(), 1, "{status} {body:?}");
        assert!(app.keys.of_verification(PHONE, "id").await.is_some(), "{status} {body:?}");
        app.finish().await;
    }
    let refused = [
        (302, Some(("location", "http://127.0.0.1:1/elsewhere")), ""),
        (307, Some(("location", "/v21.0/1/messages")), ""),
        (404, None, "Not Found"),
        (403, None, "<html>blocked by a proxy</html>"),
        (400, None, r#"{"error":{"message":"m","code":131026}}"#),
        (401, None, r#"{"error":{"message":"m","code":190,"error_subcode":463,"error_data":"text"}}"#),
    ];
    for (status, header, body) in refused {
        let stub = Stub::answering(status, header, body).await;
        let app = TestApp::builder().set("whatsapp.base_url", &stub.url).start().await;
        app.request(PHONE).await.is(500, says::SEND_FAILED);
        assert_eq!(stub.sends().len(), 1, "{status} {body:?}");
        assert_taken_back(&app, PHONE).await;
        app.finish().await;
    }
}

#[tokio::test]
async fn a_whatsapp_that_cannot_be_reached_is_a_refusal() {
    let app = TestApp::builder().simulator_proxied().set("whatsapp.max_retries", "1").start().await;
    let proxy = app.simulator_proxy.as_ref().unwrap();
    let upstream = proxy.upstream();
    proxy.set(Mode::Cut).await;
    app.request(PHONE).await.is(500, says::SEND_FAILED).within(Duration::from_secs(2));
    assert_eq!(app.sends(), 0);
    assert_taken_back(&app, PHONE).await;
    proxy.set(upstream).await;
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_message() {
    let app = TestApp::builder().simulator_proxied().start().await;
    let proxy = app.simulator_proxy.as_ref().unwrap();
    for _ in 0..3 {
        let code = app.code_for(PHONE).await;
        app.verify(PHONE, &code).await.is(200, "OK");
        // Open connections are closed; new ones pass.
        let upstream = proxy.upstream();
        proxy.set(Mode::Cut).await;
        proxy.set(upstream).await;
    }
    assert_eq!(app.messages_to(PHONE), 3);
    app.finish().await;
}

#[tokio::test]
async fn the_callers_time_is_never_exceeded() {
    let bound = Duration::from_secs(1);
    let service = || {
        TestApp::builder()
            .set("server.request_timeout", "1s")
            .set("redis.timeout", "500ms")
            .set("whatsapp.max_retries", "10")
    };
    // A slow answer, no answer, and one transient failure after another.
    for (phone, status) in [("15550900005", 200), ("15550911000", 200), ("15550131000", 500)] {
        let app = service().start().await;
        let reply = app.request(phone).await;
        assert_eq!(reply.status, status, "{phone}");
        reply.within(bound + Duration::from_millis(200));
        app.finish().await;
    }
    let app = service().simulator_proxied().start().await;
    app.simulator_proxy.as_ref().unwrap().set(Mode::Frozen).await;
    let reply = app.request(PHONE).await;
    reply.is(200, "OK").within(bound + Duration::from_millis(200));
    app.finish().await;
}

#[tokio::test]
async fn a_slow_message_arrives_and_its_code_is_good() {
    let app = TestApp::start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 400 })));
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

/// Requests a code and hangs up once `sends` attempts have reached WhatsApp.
async fn hang_up(app: &TestApp, phone: &str, sends: u64) {
    let request = format!("GET /otp/{phone} HTTP/1.1\r\nHost: x\r\n\r\n");
    let connection = app.connect(request).await;
    eventually("the message is on its way", async || app.sends() >= sends).await;
    drop(connection);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_stop_the_message() {
    let app = TestApp::start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 300 })));
    hang_up(&app, PHONE, 1).await;
    eventually("the message arrives", async || app.simulator.latest(PHONE).is_some()).await;
    app.verify(PHONE, &app.code(PHONE)).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_before_a_refusal_leaves_nothing_behind() {
    let app = TestApp::start().await;
    let phone = "15550131026";
    assert!(app.simulator.push_order(Order::once(error(2))));
    hang_up(&app, phone, 1).await;
    eventually("the message is refused", async || app.sends() == 2).await;
    eventually("the code is taken back", async || app.keys.of_verification(phone, "id").await.is_none()).await;
    app.finish().await;
}

#[tokio::test]
async fn undelivered_and_failed_later_are_accepted_for_all_we_know() {
    let app = TestApp::start().await;
    for phone in ["15550920000", "15550930000"] {
        app.request(phone).await.is(200, "OK");
        assert!(app.keys.of_verification(phone, "id").await.is_some());
    }
    app.finish().await;
}

#[tokio::test]
async fn ten_slow_messages_do_not_wait_for_each_other() {
    let app = TestApp::start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 300 }).times(10)));
    let began = Instant::now();
    let mut calls = JoinSet::new();
    for n in 0..10 {
        let client = crate::harness::reply::Client::clone(&app);
        calls.spawn(async move { client.request(&format!("155512345{n:02}")).await.status });
    }
    while let Some(status) = calls.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    app.finish().await;
}
