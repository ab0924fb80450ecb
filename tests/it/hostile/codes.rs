//! Attacks on codes, limits and the number at WhatsApp: guesses at everyone's codes, numbers that WhatsApp refuses, and
//! numbers with which it fails. The limits are the defaults.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Client;
use tokio::time::timeout;

use super::at_least;
use super::stage::{ATTACKER, Stage};

/// The duration of each attack.
const LONG: Duration = Duration::from_secs(8);
/// The default of `limits.per_ip`.
const PER_IP: f64 = 60.0;

fn client(source: Ipv4Addr) -> Client {
    Client::builder().no_proxy().local_address(IpAddr::V4(source)).timeout(Duration::from_secs(10)).build().unwrap()
}

/// Requests codes for these numbers again and again, on several connections.
async fn ask_for(stage: &Stage, numbers: &[String]) {
    let client = client(ATTACKER);
    let one = async |first: usize| loop {
        for number in numbers.iter().cycle().skip(first).take(numbers.len()) {
            let _ = client.get(format!("http://{}/otp/{number}", stage.public)).send().await;
        }
    };
    drop(timeout(LONG, join_all((0..16).map(one))).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_everybodys_codes() {
    let stage = Stage::start().await;
    let client = client(ATTACKER);
    let one = async |first: usize| loop {
        for number in (first..400).step_by(4) {
            let url = format!("http://{}/otp/1555321{number:04}", stage.public);
            for guess in ["000000", "123456", "111111"] {
                let _ = client.post(&url).json(&serde_json::json!({ "code": guess })).send().await;
            }
        }
    };
    let attack = async { drop(timeout(LONG, join_all((0..4).map(one))).await) };
    stage.beside(attack).await.is_as_if_nothing_happened();
    at_least(&stage, r#"whatsapp_otp_limit_refusals_total{limit="checks_per_ip"}"#, 100.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_for_numbers_that_whatsapp_knows() {
    let stage = Stage::start().await;
    // Numbers that are not on WhatsApp, and others that it refuses because of the recipient. 130497 is not among them: it
    // closes a whole country.
    let recipients = [130_403, 130_472, 131_021, 131_026, 131_049, 131_050, 137_000];
    let numbers: Vec<_> = recipients.into_iter().chain(999_000..999_400).map(|n| format!("15550{n}")).collect();
    stage.beside(ask_for(&stage, &numbers)).await.is_as_if_nothing_happened();
    let refused = r#"whatsapp_otp_whatsapp_request_duration_seconds_count{outcome="refused"}"#;
    at_least(&stage, refused, 10.0).await;
    let calls = stage.series(refused).await;
    assert!(calls <= PER_IP, "one address had WhatsApp called {calls} times");
    at_least(&stage, r#"whatsapp_otp_limit_refusals_total{limit="per_ip"}"#, 100.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_with_which_whatsapp_fails() {
    let stage = Stage::start().await;
    let numbers = [131_000, 131_016, 131_057, 133_004].map(|n| format!("15550{n}"));
    stage.beside(ask_for(&stage, &numbers)).await.is_as_if_nothing_happened();
    at_least(&stage, r#"whatsapp_otp_limit_refusals_total{limit="per_ip"}"#, 100.0).await;
    assert!(
        stage.series(r#"whatsapp_otp_breaker_state{sender="200000000000001"}"#).await < 0.5,
        "sending is suspended"
    );
}
