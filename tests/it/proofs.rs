//! Proofs, from the check that earns them to the published key that verifies them.

use std::fs;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use reqwest::Method;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use whatsapp_otp::proof::SigningKey;

use crate::harness::app::{TestApp, TestAppBuilder};
use crate::harness::eventually_within;

const KEY: &str = "otp_sk_of-the-tests-of-proofs";

/// Draws keys in files of these names.
fn draw(names: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in names {
        fs::write(folder.path().join(name), SigningKey::draw().unwrap().expose_secret()).unwrap();
    }
    folder
}

/// A service with these signing keys and a server key for `default` and `shop`.
fn service(files: &str) -> TestAppBuilder {
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(KEY));
    TestApp::builder()
        .set("server.public_url", "https://otp.example.com")
        .set("proof.signing_key_files", files)
        .set("keys.backend.kind", "server")
        .set("keys.backend.apps", "default,shop")
        .set("keys.backend.sha256", &hash)
        .set("apps.shop.proof.audiences", "https://shop.example.com,https://pay.example.com")
        .set("apps.shop.proof.lifetime", "90s")
}

async fn post(app: &TestApp, path: &str, body: &Value) -> (u16, Value) {
    let response = app.call(Method::POST, path).bearer_auth(KEY).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Verifies a number, and returns the proof.
async fn prove(app: &TestApp, phone: &str, request: Value) -> String {
    let mut create = json!({ "to": format!("+{phone}") });
    create.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    let (status, created) = post(app, "/v1/verifications", &create).await;
    assert_eq!(status, 201, "{created}");
    let path = format!("/v1/verifications/{}/check", created["id"].as_str().unwrap());
    let (status, checked) = post(app, &path, &json!({ "code": app.code(phone) })).await;
    assert_eq!(status, 200, "{checked}");
    checked["proof"].as_str().unwrap_or_else(|| panic!("no proof in {checked}")).to_owned()
}

/// Returns header and claims of a proof, which one of the published keys must verify.
async fn verified(app: &TestApp, proof: &str) -> (Value, Value) {
    let (status, published) = app.json("/.well-known/jwks.json").await;
    assert_eq!(status, 200);
    let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    let parts: Vec<_> = proof.split('.').map(bytes).collect();
    let [header, claims] = [0, 1].map(|part| serde_json::from_slice::<Value>(&parts[part]).unwrap());
    let key = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]);
    let key = key.expect("the key is published");
    let point = [vec![4], bytes(key["x"].as_str().unwrap()), bytes(key["y"].as_str().unwrap())].concat();
    let (text, _) = proof.rsplit_once('.').unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(text.as_bytes(), &parts[2]).unwrap();
    (header, claims)
}

#[tokio::test]
async fn a_check_earns_a_proof_for_an_audience_of_the_app() {
    let keys = draw(&["key"]);
    let app = service(keys.path().join("key").to_str().unwrap()).start().await;
    let began = Timestamp::now().as_second();
    let request = json!({ "proof": { "nonce": "n-0S6_WzA2Mj" } });
    let (_, claims) = verified(&app, &prove(&app, "15551234567", request).await).await;
    assert_eq!([&claims["iss"], &claims["aud"]], ["https://otp.example.com", "default"]);
    assert_eq!([&claims["phone_number"], &claims["nonce"]], ["+15551234567", "n-0S6_WzA2Mj"]);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!((began..=Timestamp::now().as_second()).contains(&claims["iat"].as_i64().unwrap()), "{claims}");

    let of_shop = |audience: &str| json!({ "app": "shop", "proof": { "audience": audience } });
    for (phone, request, audience) in [
        ("15551234568", json!({ "app": "shop" }), "https://shop.example.com"),
        ("15551234569", of_shop("https://pay.example.com"), "https://pay.example.com"),
    ] {
        let (_, claims) = verified(&app, &prove(&app, phone, request).await).await;
        assert_eq!([&claims["aud"], &claims["app"]], [audience, "shop"]);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 90);
    }
    let mut other = of_shop("https://bank.example.com");
    other["to"] = json!("+15551234560");
    let (status, problem) = post(&app, "/v1/verifications", &other).await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{problem}");
    app.finish().await;
}

#[tokio::test]
async fn the_next_key_signs_from_its_moment_on() {
    let keys = draw(&["old", "new"]);
    let path = |name| keys.path().join(name).to_str().unwrap().to_owned();
    let kid = |name| SigningKey::from_pem(&fs::read_to_string(path(name)).unwrap()).unwrap().kid().to_owned();
    // Enough for the first proof.
    let moment = Timestamp::now() + Duration::from_secs(3);
    let app = service(&format!("{},{}@{moment}", path("old"), path("new"))).start().await;
    let mut phones = (15_551_234_561_u64..).map(|phone| phone.to_string());
    let mut signed = async || {
        let proof = prove(&app, &phones.next().unwrap(), json!({})).await;
        verified(&app, &proof).await.0["kid"].as_str().unwrap().to_owned()
    };
    let first = signed().await;
    if Timestamp::now() < moment {
        assert_eq!(first, kid("old"));
    }
    eventually_within(Duration::from_secs(15), "the new key signs", async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        signed().await == kid("new")
    })
    .await;
    assert!(Timestamp::now() >= moment);
    app.finish().await;
}

#[tokio::test]
async fn without_keys_a_check_earns_no_proof() {
    let app = service("").start().await;
    let (_, created) = post(&app, "/v1/verifications", &json!({ "to": "+15551234567" })).await;
    let path = format!("/v1/verifications/{}/check", created["id"].as_str().unwrap());
    let (status, checked) = post(&app, &path, &json!({ "code": app.code("15551234567") })).await;
    assert_eq!((status, &checked["status"], checked.get("proof")), (200, &json!("approved"), None), "{checked}");
    app.finish().await;
}
