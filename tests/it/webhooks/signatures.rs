//! Signatures: who may report.

use std::fs;

use super::*;

async fn signed(app: &TestApp, signatures: &[&str], body: &[u8]) -> Reply {
    let mut call = app.call(Method::POST, PATH);
    for signature in signatures {
        call = call.header("x-hub-signature-256", *signature);
    }
    send(call.body(body.to_vec())).await
}

#[tokio::test]
async fn only_reports_with_a_good_signature_are_applied() {
    let app = service().start().await;
    let id = created(&app, TO).await;
    let message = app.simulator.latest("15551234567").unwrap();
    let webhook = about(&app, app.simulator.status_change(&message, "delivered"));
    let body = webhook.bytes();
    let good = webhook_signature(DEFAULT_APP_SECRET, &body);
    let digits = good.strip_prefix("sha256=").unwrap();
    let serialised_again = webhook.body.to_string().into_bytes();
    assert_ne!(body, serialised_again, "Meta escapes");
    for signatures in [
        vec![],
        vec![webhook_signature("the-secret-of-another-app", &body)],
        vec![webhook_signature(&app.simulator.settings().access_token, &body)],
        vec![webhook_signature(TOKEN, &body)],
        vec![format!("sha256={}", digits.to_uppercase())],
        vec![format!("SHA256={digits}")],
        vec![format!("sha1={}", &digits[..40])],
        vec![format!("sha1={digits}")],
        vec![digits.to_owned()],
        vec![String::new()],
        vec![good.clone(), good.clone()],
        vec![webhook_signature(DEFAULT_APP_SECRET, &serialised_again)],
    ] {
        let signatures: Vec<_> = signatures.iter().map(String::as_str).collect();
        signed(&app, &signatures, &body).await.is(401, "Missing or invalid signature.");
    }
    signed(&app, &[&good], &serialised_again).await.is(401, "Missing or invalid signature.");
    // The older header alone, and beside the newer one.
    let sha1 =
        |call: reqwest::RequestBuilder| call.header("x-hub-signature", "sha1=0000000000000000000000000000000000000000");
    send(sha1(app.call(Method::POST, PATH)).body(body.clone())).await.is(401, "Missing or invalid signature.");
    is(&app, &id, "accepted").await;

    signed(&app, &[&webhook_signature(OLD_SECRET, &body)], &body).await.is(200, "");
    is(&app, &id, "delivered").await;
    let call = sha1(app.call(Method::POST, PATH)).header("x-hub-signature-256", &good);
    send(call.body(body)).await.is(200, "");
    app.finish().await;
}

#[tokio::test]
async fn a_new_secret_is_in_force_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    fs::write(&path, "the-first-app-secret\n").unwrap();
    let app = TestApp::builder().set("whatsapp.app_secret_file", path.to_str().unwrap()).start().await;
    let status = async |secret: &str| signed(&app, &[&webhook_signature(secret, b"{}")], b"{}").await.status;
    assert_eq!((status("the-first-app-secret").await, status("the-second-app-secret").await), (200, 401));
    fs::write(&path, "the-second-app-secret\nthe-first-app-secret\n").unwrap();
    eventually("the new secret is in force", async || status("the-second-app-secret").await == 200).await;
    assert_eq!(status("the-first-app-secret").await, 200);
    app.finish().await;
}
