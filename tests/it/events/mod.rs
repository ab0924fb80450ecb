//! Events, from the transition to the app's endpoint.

mod addresses;
mod crashes;
mod delivery;
mod retries;

use data_encoding::BASE64;
use whatsapp_otp::otp::KeyKind;

use crate::harness::app::{TestApp, TestAppBuilder};
use crate::harness::endpoint::Endpoint;

const TO: &str = "+15551230199";
const DIGITS: &str = "15551230199";

/// Returns a secret for signatures.
fn secret(byte: u8) -> String {
    format!("whsec_{}", BASE64.encode(&[byte; 32]))
}

/// Returns a service that tells an endpoint on this machine.
fn telling(endpoint: &Endpoint) -> TestAppBuilder {
    telling_url(&endpoint.url)
}

fn telling_url(url: &str) -> TestAppBuilder {
    telling_unsigned(url).set("events.secret", &secret(1))
}

fn telling_unsigned(url: &str) -> TestAppBuilder {
    TestApp::builder()
        .key("backend", KeyKind::Server, "default")
        .set("events.url", url)
        .set("events.allow_http", "true")
        .set("events.allow_networks", "127.0.0.0/8")
        .set("limits.per_phone", "off")
        .set("limits.per_ip", "off")
}
