//! A backend that calls the verification API with a server key.

use reqwest::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::app::{Instance, TestAppBuilder};

const KEY: &str = "the-key-of-a-backend-under-test";

/// Lets the backend use these apps, separated by commas.
pub fn with_backend(service: TestAppBuilder, apps: &str) -> TestAppBuilder {
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(KEY));
    service.set("keys.backend.kind", "server").set("keys.backend.apps", apps).set("keys.backend.sha256", &hash)
}

/// Calls `POST /v1/verifications` and what follows in the path, and returns the status and the body.
pub async fn post(instance: &Instance, path: &str, body: &Value) -> (u16, Value) {
    let call = instance.call(Method::POST, &format!("/v1/verifications{path}"));
    let call = call.header("authorization", format!("Bearer {KEY}")).header("content-type", "application/json");
    let response = call.body(body.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}
