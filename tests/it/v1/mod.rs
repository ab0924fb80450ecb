//! The verification API from outside: real Redis, real HTTP, and every answer checked ([`api`](crate::harness::api)).

mod crashes;
mod hostile;
mod keys;
mod members;
mod outages;
mod policy;
mod problems;
mod proofs;
mod races;
mod repeats;
mod resource;
mod test_numbers;

use serde_json::Value;
use whatsapp_otp::otp::KeyKind;

use crate::harness::api::Answer;
use crate::harness::app::{TestApp, TestAppBuilder};

/// A number, as bodies have it.
const TO: &str = "+15551234567";
/// The same number, as the simulator and Redis name it.
const DIGITS: &str = "15551234567";
/// The number in its masked form.
const MASKED: &str = "+1555*****67";

/// A service with a key of each kind for the app `default`: `backend`, `mobile` and `ci`.
fn service() -> TestAppBuilder {
    let kinds = [("backend", KeyKind::Server), ("mobile", KeyKind::Client), ("ci", KeyKind::Test)];
    kinds.into_iter().fold(TestApp::builder(), |app, (name, kind)| app.key(name, kind, "default"))
}

/// Returns a verification without the moments of its deliveries, which an answer may give a little earlier than the store.
fn lasting(answer: &Answer) -> Value {
    let mut json = answer.json.clone();
    for delivery in json["deliveries"].as_array_mut().unwrap() {
        delivery.as_object_mut().unwrap().remove("at");
        delivery.as_object_mut().unwrap().remove("times");
    }
    json
}
