//! Proofs: what they state, and who can verify them.

use std::fs;
use std::path::PathBuf;

use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use whatsapp_otp::proof::SigningKey;

use super::{DIGITS, TO, service};
use crate::harness::api::{Answer, check};
use crate::harness::app::{TestApp, TestAppBuilder};
use crate::harness::reply::{Client, wrong};

const ISSUER: &str = "https://otp.example.com";
const SHOP: &str = "https://shop.example.com";

/// A service with signing keys for both worlds. The keys live as long as the directory.
pub fn with_proofs() -> (TestAppBuilder, TempDir) {
    let directory = TempDir::new().unwrap();
    let draw = |name: &str| -> PathBuf {
        let path = directory.path().join(name);
        fs::write(&path, SigningKey::draw().unwrap().expose_secret()).unwrap();
        path
    };
    let app = service()
        .set("server.public_url", ISSUER)
        .set("proof.signing_key_files", draw("live").to_str().unwrap())
        .set("proof.test_signing_key_files", draw("test").to_str().unwrap())
        .set("proof.audiences", &format!("{SHOP},https://pay.example.com"));
    (app, directory)
}

/// Verifies the proof of an answer as a stranger does, with the keys that are published at `path`, and returns its
/// claims.
pub async fn claims(client: &Client, path: &str, answer: &Answer) -> Value {
    let keys: Value = client.call(Method::GET, path).send().await.unwrap().json().await.unwrap();
    let proof = answer.text("proof");
    assert!(proof.len() < 1_024, "{} bytes", proof.len());
    let (signed, signature) = proof.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("otp-proof+jwt")));
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).expect("its key");
    let point = [vec![4], decode(key["x"].as_str().unwrap()), decode(key["y"].as_str().unwrap())].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), &decode(signature)).expect("a valid signature");
    let forged = format!("{signed}x");
    assert!(key.verify(forged.as_bytes(), &decode(signature)).is_err());
    serde_json::from_slice(&decode(payload)).unwrap()
}

async fn approved(app: &TestApp, key: &str, body: &Value) -> Answer {
    let api = app.api(key);
    let id = api.create_with(body).await.shows(201, "pending").id();
    let code = if key == "ci" { "123456".to_owned() } else { app.code(DIGITS) };
    let answer = api.check(&id, &code).await;
    answer.shows(200, "approved");
    answer
}

#[tokio::test]
async fn a_proof_states_what_was_verified_and_for_whom() {
    let (app, _keys) = with_proofs();
    let app = app.start().await;
    let body = json!({"to": TO, "proof": {"audience": SHOP, "nonce": "n-0S6_WzA2Mj"}});
    for key in ["backend", "mobile"] {
        let answer = approved(&app, key, &body).await;
        let claims = claims(&app, "/.well-known/jwks.json", &answer).await;
        for (claim, expected) in [
            ("iss", json!(ISSUER)),
            ("aud", json!(SHOP)),
            ("sub", json!(answer.id())),
            ("phone_number", json!(TO)),
            ("phone_number_verified", json!(true)),
            ("app", json!("default")),
            ("nonce", json!("n-0S6_WzA2Mj")),
            ("amr", json!(["otp"])),
            ("channel", json!("whatsapp")),
        ] {
            assert_eq!(claims[claim], expected, "{claim} for {key}: {claims}");
        }
        assert_eq!(claims.get("test"), None);
        let moment = |claim: &str| claims[claim].as_i64().unwrap();
        assert_eq!(moment("exp") - moment("iat"), 300);
        let approved_at: jiff::Timestamp = answer.text("approved_at").parse().unwrap();
        assert_eq!(moment("auth_time"), approved_at.as_second());
        assert!(!claims["jti"].as_str().unwrap().is_empty());
        // Only the answer to the check has it.
        assert_eq!(app.api("backend").get(&answer.id()).await.json.get("proof"), None);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_proof_of_a_test_key_is_of_another_issuer_with_another_key() {
    let (app, _keys) = with_proofs();
    let app = app.start().await;
    let answer = approved(&app, "ci", &json!({"to": TO})).await;
    let claims = claims(&app, "/test/.well-known/jwks.json", &answer).await;
    assert_eq!((&claims["iss"], &claims["test"]), (&json!(format!("{ISSUER}/test")), &json!(true)));
    assert_eq!(claims.get("nonce"), None, "none was given");
    assert_eq!(claims["aud"], SHOP, "the first one");
    let live: Value = app.call(Method::GET, "/.well-known/jwks.json").send().await.unwrap().json().await.unwrap();
    let header = BASE64URL_NOPAD.decode(answer.text("proof").split('.').next().unwrap().as_bytes()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert!(live["keys"].as_array().unwrap().iter().all(|key| key["kid"] != header["kid"]));
    assert_eq!(app.sends(), 0);
    app.finish().await;
}

#[tokio::test]
async fn an_audience_that_is_not_allowed_is_refused_before_anything_is_sent() {
    let (app, _keys) = with_proofs();
    let app = app.start().await;
    for key in ["backend", "mobile", "ci"] {
        let body = json!({"to": TO, "proof": {"audience": "https://evil.example.com"}});
        let refused = app.api(key).create_with(&body).await;
        refused.fails(400, "invalid_request");
        assert_eq!(refused.pointers(), ["#/proof/audience"]);
    }
    assert_eq!((app.sends(), app.traces().await), (0, Vec::new()));
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_check_gets_the_same_proof_and_nobody_else_gets_one() {
    let (app, _keys) = with_proofs();
    let app = app.instances(2).start().await;
    let (one, other) = (app.api("backend"), app.api_on(1, "backend"));
    let id = one.create(TO).await.id();
    let code = app.code(DIGITS);
    let refused = one.once("wrong", &check(&id), &json!({"code": wrong(&code)})).await;
    assert_eq!(refused.fails(422, "code_incorrect").json.get("proof"), None);
    let mut stated = Vec::new();
    for api in [&one, &other, &one] {
        let answer = api.once("right", &check(&id), &json!({"code": code})).await;
        answer.shows(200, "approved");
        stated.push(claims(&app, "/.well-known/jwks.json", &answer).await);
    }
    assert_eq!(stated[0], stated[1]);
    assert_eq!(stated[0], stated[2]);
    for answer in
        [one.check(&id, &code).await, app.api("mobile").once("right", &check(&id), &json!({"code": code})).await]
    {
        assert_eq!(answer.fails(409, "verification_not_pending").json.get("proof"), None);
    }
    app.finish().await;
}
