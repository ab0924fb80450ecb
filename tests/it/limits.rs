//! The limits as callers meet them.

use std::time::Duration;

use reqwest::Method;
use whatsapp_otp_simulator::{Behaviour, Order};

use crate::harness::app::TestApp;
use crate::harness::proxy::Mode;
use crate::harness::reply::{Reply, says, send, wrong};

const PHONE: &str = "15551234567";
const OTHER: &str = "15557654321";
/// WhatsApp always refuses messages to this one.
const REFUSED: &str = "15550131026";
const HOUR: u64 = 3_600;
/// The time that a test may take, by which a wait may be shorter than its window.
const LEEWAY: u64 = 30;

fn error(code: u32) -> Behaviour {
    Behaviour::Error { code, http: None, retry_after: None }
}

#[track_caller]
fn assert_about(seconds: u64, expected: u64) {
    assert!((expected - LEEWAY..=expected).contains(&seconds), "{seconds} is not about {expected}");
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Requests a code as a client behind a proxy.
async fn request_from(app: &TestApp, forwarded: &str, phone: &str) -> Reply {
    send(app.call(Method::GET, &format!("/otp/{phone}")).header("x-forwarded-for", forwarded.to_owned())).await
}

/// Guesses as a client behind a proxy.
async fn verify_from(app: &TestApp, forwarded: &str, phone: &str, code: &str) -> Reply {
    let call = app.call(Method::POST, &format!("/otp/{phone}")).header("x-forwarded-for", forwarded.to_owned());
    send(call.json(&serde_json::json!({ "code": code }))).await
}

#[tokio::test]
async fn the_sixth_code_within_an_hour_has_to_wait() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        app.request(PHONE).await.is(200, "OK");
    }
    let refused = app.request(PHONE).await;
    assert_about(refused.retry_after(), HOUR);
    assert_eq!(app.sends(), 5);
    // Another phone is not affected, and the last code is still valid.
    app.request(OTHER).await.is(200, "OK");
    app.verify(PHONE, &app.code(PHONE)).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn waiting_as_long_as_is_said_is_enough_and_less_is_not() {
    let app = TestApp::builder().set("limits.per_phone", "2/1h").start().await;
    app.request(PHONE).await.is(200, "OK");
    app.age(seconds(1_800)).await;
    app.request(PHONE).await.is(200, "OK");
    let wait = app.request(PHONE).await.retry_after();
    assert_about(wait, 1_800);
    app.age(seconds(wait - LEEWAY)).await;
    let rest = app.request(PHONE).await.retry_after();
    assert!(rest <= LEEWAY, "{rest}");
    app.age(seconds(rest)).await;
    app.request(PHONE).await.is(200, "OK");
    // The window slides: the second of the three still counts.
    assert_about(app.request(PHONE).await.retry_after(), 1_800);
    app.finish().await;
}

#[tokio::test]
async fn requests_that_were_limited_do_not_count() {
    let app = TestApp::builder().set("limits.per_phone", "1/1h").start().await;
    app.request(PHONE).await.is(200, "OK");
    app.age(seconds(HOUR / 2)).await;
    for _ in 0..5 {
        assert_about(app.request(PHONE).await.retry_after(), HOUR / 2);
    }
    app.age(seconds(HOUR / 2)).await;
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn the_cooldown_holds_between_two_codes_to_one_phone() {
    let app = TestApp::builder().set("limits.resend_cooldown", "60s").start().await;
    app.request(PHONE).await.is(200, "OK");
    assert_about(app.request(PHONE).await.retry_after(), 60);
    app.request(OTHER).await.is(200, "OK");
    app.age(seconds(60)).await;
    app.request(PHONE).await.is(200, "OK");
    assert_eq!(app.sends(), 3);
    app.finish().await;
}

#[tokio::test]
async fn a_code_that_was_used_does_not_end_the_cooldown() {
    let app = TestApp::builder().set("limits.resend_cooldown", "60s").start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    assert_about(app.request(PHONE).await.retry_after(), 60);
    app.finish().await;
}

#[tokio::test]
async fn spellings_of_a_number_share_its_limits() {
    let app = TestApp::builder().set("limits.per_phone", "1/1h").start().await;
    app.request("+44 (0)20 7946 0958").await.is(200, "OK");
    assert_eq!(app.request("442079460958").await.status, 429);
    assert_eq!(app.request("%2B44.20.7946.0958").await.status, 429);
    app.finish().await;
}

#[tokio::test]
async fn the_limit_of_an_address_counts_all_its_phones() {
    let app = TestApp::builder().set("limits.per_ip", "2/1h").start().await;
    app.request(PHONE).await.is(200, "OK");
    app.request(OTHER).await.is(200, "OK");
    assert_about(app.request("15557654322").await.retry_after(), HOUR);
    assert_eq!(app.sends(), 2);
    app.age(seconds(HOUR)).await;
    app.request("15557654322").await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn nobody_is_believed_who_is_no_trusted_proxy() {
    let app = TestApp::builder().set("limits.per_ip", "2/1h").start().await;
    request_from(&app, "198.51.100.1", "15557654321").await.is(200, "OK");
    request_from(&app, "198.51.100.2", "15557654322").await.is(200, "OK");
    assert_eq!(request_from(&app, "198.51.100.3", "15557654323").await.status, 429);
    app.finish().await;
}

#[tokio::test]
async fn behind_trusted_proxies_each_client_has_a_limit_of_its_own() {
    let proxies = "127.0.0.0/8, 10.0.0.0/8";
    let app = TestApp::builder().set("limits.per_ip", "1/1h").set("server.trusted_proxies", proxies).start().await;
    request_from(&app, "198.51.100.1", "15557654321").await.is(200, "OK");
    request_from(&app, "198.51.100.2, 10.1.2.3", "15557654322").await.is(200, "OK");
    // Addresses that a client wrote itself are left of the one that the proxy saw.
    for forwarded in
        ["203.0.113.9, 198.51.100.1", "198.51.100.1:4711", "::ffff:198.51.100.1", "x, 198.51.100.2, 10.9.9.9"]
    {
        assert_eq!(request_from(&app, forwarded, "15557654323").await.status, 429, "{forwarded}");
    }
    assert!(app.keys.list().await.contains(&app.keys.key("v2:{ip:198.51.100.2}:sends")));
    app.finish().await;
}

#[tokio::test]
async fn an_ipv6_client_is_its_64() {
    let app = TestApp::builder().set("limits.per_ip", "1/1h").set("server.trusted_proxies", "127.0.0.1").start().await;
    request_from(&app, "2001:db8:1:2::5", "15557654321").await.is(200, "OK");
    assert_eq!(request_from(&app, "2001:db8:1:2:ffff::9", "15557654322").await.status, 429);
    request_from(&app, "[2001:db8:1:3::5]:99", "15557654322").await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn guesses_are_not_charged_to_the_address() {
    let app = TestApp::builder().set("limits.per_ip", "1/1h").start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn too_many_wrong_guesses_over_several_codes_close_the_phone() {
    let app = TestApp::builder().set("limits.failures_per_phone", "4/24h").start().await;
    let first = app.code_for(PHONE).await;
    for _ in 0..3 {
        app.verify(PHONE, &wrong(&first)).await;
    }
    // Locked: not compared, so not counted.
    app.verify(PHONE, &wrong(&first)).await.is(401, says::LOCKED);
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));

    // From here on, neither guesses, even right ones, nor new codes are allowed.
    assert_about(app.verify(PHONE, &wrong(&code)).await.retry_after(), 24 * HOUR);
    assert_about(app.verify(PHONE, &code).await.retry_after(), 24 * HOUR);
    let sent = app.sends();
    assert_about(app.request(PHONE).await.retry_after(), 24 * HOUR);
    assert_eq!(app.sends(), sent);
    app.code_for(OTHER).await;

    app.age(seconds(24 * HOUR)).await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_verified_code_clears_the_wrong_guesses() {
    let app = TestApp::builder().set("limits.failures_per_phone", "2/24h").start().await;
    for _ in 0..3 {
        let code = app.code_for(PHONE).await;
        app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
        app.verify(PHONE, &code).await.is(200, "OK");
    }
    app.finish().await;
}

#[tokio::test]
async fn one_stranger_cannot_lock_a_phone_out() {
    let app =
        TestApp::builder().set("limits.per_phone", "off").set("server.trusted_proxies", "127.0.0.1").start().await;
    let (stranger, owner) = ("198.51.100.66", "203.0.113.7");
    for _ in 0..5 {
        request_from(&app, stranger, PHONE).await.is(200, "OK");
        for _ in 0..3 {
            assert_eq!(verify_from(&app, stranger, PHONE, &wrong(&app.code(PHONE))).await.status, 401);
        }
    }
    assert_about(request_from(&app, stranger, PHONE).await.retry_after(), 24 * HOUR);
    request_from(&app, owner, PHONE).await.is(200, "OK");
    let code = app.code(PHONE);
    assert_about(verify_from(&app, stranger, PHONE, &code).await.retry_after(), 24 * HOUR);
    verify_from(&app, owner, PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    verify_from(&app, owner, PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_spray_of_guesses_from_one_address_ends_soon_and_leaves_most_codes_alone() {
    let app = TestApp::builder()
        .set("limits.per_ip", "off")
        .set("server.trusted_proxies", "127.0.0.1")
        .set("whatsapp.messages_per_second", "0")
        .start()
        .await;
    let phones: Vec<_> = (0..100).map(|n| format!("1555777{n:04}")).collect();
    for phone in &phones {
        request_from(&app, "203.0.113.7", phone).await.is(200, "OK");
    }
    let mut refused = 0;
    for phone in &phones {
        for _ in 0..3 {
            let guess = wrong(&app.code(phone));
            refused += usize::from(verify_from(&app, "198.51.100.66", phone, &guess).await.status == 429);
        }
    }
    assert_eq!(refused, 300 - 120, "limits.checks_per_ip");
    let mut verified = 0;
    for phone in &phones {
        let owner = format!("203.0.113.{}", verified % 250);
        verified += usize::from(verify_from(&app, &owner, phone, &app.code(phone)).await.status == 200);
    }
    assert_eq!(verified, 60, "three guesses each lock 40");
    // Phones without a code do not circumvent it.
    assert_eq!(verify_from(&app, "198.51.100.66", PHONE, "123456").await.status, 429);
    app.finish().await;
}

#[tokio::test]
async fn the_total_holds_over_phones_addresses_and_instances() {
    let app = TestApp::builder()
        .instances(2)
        .set("limits.total", "5/1h")
        .set("server.trusted_proxies", "127.0.0.1")
        .start()
        .await;
    for n in 0..5 {
        let call = app.on(n % 2).call(Method::GET, &format!("/otp/155577700{n:02}"));
        send(call.header("x-forwarded-for", format!("198.51.100.{n}"))).await.is(200, "OK");
    }
    let wait = request_from(&app, "198.51.100.9", PHONE).await.retry_after();
    // A send may count for up to a thirtieth of the window too long.
    assert!(wait > HOUR - LEEWAY && wait <= HOUR + HOUR / 30, "{wait}");
    assert_eq!(app.sends(), 5);
    app.age(seconds(wait)).await;
    request_from(&app, "198.51.100.9", PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn fifteen_wrong_guesses_a_day_are_the_default() {
    let app = TestApp::builder().set("limits.per_phone", "off").start().await;
    for _ in 0..5 {
        let code = app.code_for(PHONE).await;
        for _ in 0..3 {
            assert_eq!(app.verify(PHONE, &wrong(&code)).await.status, 401);
        }
    }
    assert_about(app.request(PHONE).await.retry_after(), 24 * HOUR);
    app.finish().await;
}

#[tokio::test]
async fn a_recipient_that_cannot_be_reached_costs_what_any_other_does() {
    let app = TestApp::builder().set("limits.per_phone", "2/1h").set("limits.per_ip", "3/1h").start().await;
    for _ in 0..2 {
        app.request(REFUSED).await.is(500, says::SEND_FAILED);
    }
    assert_about(app.request(REFUSED).await.retry_after(), HOUR);
    // A caller who probes which numbers WhatsApp knows pays for each, and is soon told to wait.
    app.request("15551131026").await.is(200, "OK");
    assert_about(app.request(PHONE).await.retry_after(), HOUR);
    assert_eq!(app.sends(), 3);
    assert!(
        app.traces().await.iter().all(|key| !key.contains(&format!("{{{REFUSED}}}:verification:default"))),
        "no code stays"
    );
    app.finish().await;
}

#[tokio::test]
async fn one_address_has_whatsapp_called_no_more_often_than_its_limit_allows() {
    let app = TestApp::builder().set("limits.per_ip", "1/1h").start().await;
    for _ in 0..100 {
        app.request(REFUSED).await;
    }
    assert_eq!(app.sends(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_refusal_that_is_no_fault_of_the_phone_costs_the_address_alone() {
    let app = TestApp::builder().set("limits.per_phone", "2/1h").set("limits.per_ip", "3/1h").start().await;
    let kept = app.code_for(PHONE).await;
    assert!(app.simulator.push_order(Order::once(error(190))));
    app.request(PHONE).await.is(500, says::SEND_FAILED);
    app.request(PHONE).await.is(200, "OK");
    assert_about(app.request(PHONE).await.retry_after(), HOUR);
    assert_about(app.request(OTHER).await.retry_after(), HOUR);
    assert_ne!(app.code(PHONE), kept);
    app.finish().await;
}

#[tokio::test]
async fn a_whatsapp_that_cannot_be_reached_costs_nobody_anything() {
    let app = TestApp::builder()
        .set("limits.per_phone", "1/1h")
        .set("limits.per_ip", "1/1h")
        .set("limits.resend_cooldown", "60s")
        .set("whatsapp.max_retries", "0")
        .simulator_proxied()
        .start()
        .await;
    let proxy = app.simulator_proxy.as_ref().unwrap();
    let upstream = proxy.upstream();
    proxy.set(Mode::Cut).await;
    for _ in 0..3 {
        app.request(PHONE).await.is(500, says::SEND_FAILED);
    }
    assert_eq!(app.traces().await, Vec::<String>::new(), "neither a code nor a charge stays behind");
    proxy.set(upstream).await;
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_refused_message_leaves_the_code_that_is_on_the_phone() {
    let app = TestApp::builder().set("limits.per_phone", "off").start().await;
    // The recipient, the operator, a lasting transient failure, and WhatsApp's pace for one recipient.
    for (code, status) in [(131_026, 500), (190, 500), (131_056, 429)] {
        let kept = app.code_for(PHONE).await;
        app.verify(PHONE, &wrong(&kept)).await.is(401, &says::incorrect(2));
        assert!(app.simulator.push_order(Order::once(error(code))));
        assert_eq!(app.request(PHONE).await.status, status, "{code}");
        app.verify(PHONE, &wrong(&kept)).await.is(401, &says::incorrect(1));
        app.verify(PHONE, &kept).await.is(200, "OK");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_double_click_whose_second_message_is_refused_leaves_the_first_code() {
    let app = TestApp::builder().set("limits.per_phone", "off").start().await;
    let on_the_phone = app.code_for(PHONE).await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 500 })));
    assert!(app.simulator.push_order(Order::once(error(131_056))));
    let first = {
        let client = crate::harness::reply::Client::clone(&app);
        tokio::spawn(async move { client.request(PHONE).await })
    };
    crate::harness::eventually("the first message is under way", async || app.sends() == 2).await;
    assert_eq!(app.request(PHONE).await.status, 429);
    first.await.unwrap().is(200, "OK");
    let new = app.code(PHONE);
    assert_ne!(new, on_the_phone);
    app.verify(PHONE, &on_the_phone).await.is(401, &says::incorrect(2));
    app.verify(PHONE, &new).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn impossible_numbers_and_missing_bodies_are_not_charged() {
    let app = TestApp::builder().set("limits.per_ip", "1/1h").start().await;
    for _ in 0..3 {
        app.request("123").await.is(400, says::INVALID_PHONE);
        app.post("/otp/15551234567", "{}").await.is(400, says::NO_CODE);
        app.post("/otp/15551234567", "{").await.is(400, says::MALFORMED);
        app.post("/otp/15551234567", r#"{"code":1}"#).await.is(400, says::NOT_A_STRING);
    }
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn limits_that_are_off_do_not_hold() {
    let app = TestApp::builder()
        .set("limits.per_phone", "off")
        .set("limits.per_ip", "off")
        .set("limits.checks_per_ip", "off")
        .set("limits.failures_per_phone", "off")
        .set("otp.max_verification_attempts", "100")
        .set("whatsapp.messages_per_second", "0")
        .start()
        .await;
    for _ in 0..8 {
        app.request(PHONE).await.is(200, "OK");
    }
    let code = app.code(PHONE);
    for left in (80..100).rev() {
        app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(left));
    }
    assert_eq!(
        app.traces().await,
        [app.keys.key("v2:{15551234567}:verification:default")],
        "what is not counted is not kept"
    );
    app.finish().await;
}
