//! The URLs of webhooks, set and read back.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Change, DEFAULT_APP_SECRET,
    testing::{Answer, RECIPIENT, Server},
    webhooks::tests::{Receiver, VERIFY_TOKEN, at_once},
};

const APP: &str = "400000000000001";
const NUMBER: &str = "/200000000000001";

async fn subscribed(server: &Server) -> Value {
    server.get(&server.account("subscribed_apps")).await.ok()["data"].take()
}

async fn start() -> (Server, Receiver) {
    (Server::with(at_once()).await, Receiver::start().await)
}

fn own_url(receiver: &Receiver, token: &str) -> Value {
    json!({ "override_callback_uri": receiver.url().as_str(), "verify_token": token })
}

#[tokio::test]
async fn an_app_is_subscribed_and_unsubscribed() {
    let server = Server::start().await;
    let edge = server.account("subscribed_apps");
    assert_eq!(subscribed(&server).await[0]["whatsapp_business_api_data"]["id"], APP);
    assert_eq!(server.delete(&edge).await.ok(), json!({ "success": true }));
    assert_eq!(subscribed(&server).await, json!([]));
    assert_eq!(server.post(&edge, &json!({})).await.ok(), json!({ "success": true }));
    assert_eq!(subscribed(&server).await[0].get("override_callback_uri"), None);
    server.get("/1/subscribed_apps").await.refused(400, 100, Some(33));
    let request = server.plain(Method::GET, &format!("/v24.0{edge}"));
    Answer::to(request.bearer_auth("EAASIMULATOR0NO0MANAGEMENT0SCOPE")).await.refused(403, 200, None);
}

#[tokio::test]
async fn an_accounts_own_url_must_shake_hands_and_then_gets_webhooks_about_messages() {
    let (server, receiver) = start().await;
    let edge = server.account("subscribed_apps");
    let refused = server.post(&edge, &own_url(&receiver, "wrong")).await.refused(400, 2200, None);
    assert!(refused["message"].as_str().unwrap().contains("HTTP Status Code = 403"), "{refused}");
    assert_eq!(subscribed(&server).await[0].get("override_callback_uri"), None);

    server.post(&edge, &own_url(&receiver, VERIFY_TOKEN)).await.ok();
    let handshake = receiver.handshakes().pop().unwrap();
    let names: Vec<_> = handshake.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["hub.mode", "hub.challenge", "hub.verify_token"]);
    assert_eq!(handshake[0].1, "subscribe");
    assert_eq!(subscribed(&server).await[0]["override_callback_uri"], receiver.url().as_str());

    server.send_code(RECIPIENT, "1").await.ok();
    let security = server.simulator.security_change("PIN_CHANGED");
    server.simulator.send_webhook(server.simulator.webhook().with(security));
    server.simulator.webhooks_are_idle().await;
    assert_eq!(receiver.statuses(), ["sent", "delivered"], "events of the account go to the app's URL");
    server.post(&edge, &json!({})).await.ok();
    server.send_code(RECIPIENT, "1").await.ok();
    server.simulator.webhooks_are_idle().await;
    assert_eq!(receiver.posts().len(), 2);
}

#[tokio::test]
async fn a_numbers_own_url_comes_first() {
    let (server, of_number) = start().await;
    let (of_account, of_app) = (Receiver::start().await, Receiver::start().await);
    let configuration = async || server.get(&format!("{NUMBER}?fields=webhook_configuration")).await.ok();
    assert_eq!(configuration().await, json!({ "id": "200000000000001" }));
    server.simulator.send_webhooks_to(of_app.url(), "s3cret");
    server.post(&server.account("subscribed_apps"), &own_url(&of_account, VERIFY_TOKEN)).await.ok();
    let body = json!({ "webhook_configuration": own_url(&of_number, VERIFY_TOKEN) });
    server.post(NUMBER, &body).await.ok();
    let expected = json!({
        "phone_number": of_number.url().as_str(),
        "whatsapp_business_account": of_account.url().as_str(),
        "application": of_app.url().as_str(),
    });
    assert_eq!(configuration().await["webhook_configuration"], expected);
    server.send_code(RECIPIENT, "1").await.ok();
    server.simulator.webhooks_are_idle().await;
    let counts = [&of_number, &of_account, &of_app].map(|receiver| receiver.posts().len());
    assert_eq!(counts, [2, 0, 0]);
    server.post(NUMBER, &json!({ "webhook_configuration": { "override_callback_uri": "" } })).await.ok();
    server.send_code(RECIPIENT, "1").await.ok();
    server.simulator.webhooks_are_idle().await;
    assert_eq!(of_account.posts().len(), 2);
}

#[tokio::test]
async fn invalid_urls_are_refused() {
    let server = Server::start().await;
    let edge = server.account("subscribed_apps");
    for (url, token, message) in [
        ("https://example.com/".to_owned(), None, "The parameter verify_token is required."),
        (format!("https://example.com/{}", "x".repeat(200)), Some("t"), "at most 200 characters"),
        ("http://example.com/".to_owned(), Some("t"), "a valid HTTPS URL"),
        ("webhooks".to_owned(), Some("t"), "a valid HTTPS URL"),
    ] {
        let body = json!({ "override_callback_uri": url, "verify_token": token });
        let error = server.post(&edge, &body).await.refused(400, 100, None);
        assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    }
    let dead = json!({ "override_callback_uri": "http://127.0.0.1:1/", "verify_token": "t" });
    server.post(&edge, &dead).await.refused(400, 2200, None);
}

#[tokio::test]
async fn an_app_is_given_its_url_and_fields_with_its_own_token() {
    let (server, receiver) = start().await;
    let path = format!("/{APP}/subscriptions");
    let body = |fields: &str| {
        json!({ "object": "whatsapp_business_account", "callback_url": receiver.url().as_str(), "verify_token": VERIFY_TOKEN,
            "fields": fields })
    };
    let post = async |token: &str, body: Value| {
        let request = server.plain(Method::POST, &format!("/v24.0{path}"));
        Answer::to(request.bearer_auth(token).json(&body)).await
    };
    server.post(&path, &body("messages")).await.refused(400, 15, None);
    post(&format!("{APP}|wrong"), body("messages")).await.refused(401, 190, None);
    let token = format!("{APP}|{DEFAULT_APP_SECRET}");
    post(&token, body("messages,colours")).await.refused(400, 100, None);
    post(&token, body("messages, security")).await.ok();

    let request = server.plain(Method::GET, &format!("/v24.0{path}")).bearer_auth(&token);
    let listed = Answer::to(request).await.ok()["data"][0].take();
    assert_eq!((&listed["callback_url"], &listed["active"]), (&json!(receiver.url().as_str()), &json!(true)));
    assert_eq!(listed["fields"][1], json!({ "name": "security", "version": "v24.0" }));

    for change in [Change::account_review("REJECTED"), server.simulator.security_change("PIN_CHANGED")] {
        server.simulator.send_webhook(server.simulator.webhook().with(change));
    }
    server.simulator.webhooks_are_idle().await;
    let posts = receiver.posts();
    assert_eq!(posts.len(), 1, "only subscribed fields are sent");
    assert_eq!(posts[0].json()["entry"][0]["changes"][0]["field"], "security");
    let request = server.plain(Method::GET, "/v24.0/200000000000001").bearer_auth(&token);
    Answer::to(request).await.refused(403, 200, None);
}
