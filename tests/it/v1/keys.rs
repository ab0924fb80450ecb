//! The kinds of keys: what each may do, and what each sees.

use reqwest::Method;
use serde_json::json;
use whatsapp_otp::otp::KeyKind;

use super::{DIGITS, TO, service};
use crate::harness::api::ApiKey;
use crate::harness::app::TestAppBuilder;
use crate::harness::reply::wrong;

/// A service with two apps, and keys of each kind for the second one.
fn two_apps() -> TestAppBuilder {
    let app = service().set("apps.shop.otp.max_sends", "3");
    let kinds = [("shop", KeyKind::Server), ("shop-mobile", KeyKind::Client), ("shop-ci", KeyKind::Test)];
    let app = kinds.into_iter().fold(app, |app, (name, kind)| app.key(name, kind, "shop"));
    app.key("both", KeyKind::Server, "shop,default")
}

#[tokio::test]
async fn every_call_wants_a_key_that_is_known() {
    let app = service().start().await;
    let id = app.api("backend").create(TO).await.id();
    let stranger = ApiKey::new(KeyKind::Server);
    for api in [app.api_without_key(), app.api("backend").with(stranger)] {
        let answers = [
            api.create(TO).await,
            api.get(&id).await,
            api.check(&id, "123456").await,
            api.resend(&id).await,
            api.cancel(&id).await,
            api.check_by_number(TO, "123456").await,
        ];
        for answer in answers {
            answer.fails(401, "unauthenticated");
        }
    }
    let path = format!("/v1/verifications/{id}");
    let key = app.api_key("backend").text().to_owned();
    for value in [key.clone(), format!("Basic {key}"), format!("Bearer {key}x"), format!("Bearer {}", &key[1..])] {
        let api = app.api_without_key();
        let answer = api.send(api.call(Method::GET, &path).header("authorization", value)).await;
        answer.fails(401, "unauthenticated");
    }
    assert_eq!((app.sends(), app.api("backend").get(&id).await["attempts_left"].clone()), (1, json!(3)));
    app.finish().await;
}

#[tokio::test]
async fn a_client_key_creates_checks_and_resends_and_sees_little() {
    let app = service().start().await;
    let api = app.api("mobile");
    let body = json!({"to": TO, "metadata": {"cart": "77"}, "reference": "order-42"});
    let created = api.create_with(&body).await;
    created.shows(201, "pending");
    assert_eq!(created.json.get("reference"), None, "it may be another caller's");
    let id = created.id();
    api.create(TO).await.shows(200, "pending");
    let refused = [api.get(&id).await, api.cancel(&id).await, api.check_by_number(TO, &app.code(DIGITS)).await];
    for answer in refused {
        answer.fails(403, "forbidden");
    }
    api.check(&id, &wrong(&app.code(DIGITS))).await.fails(422, "code_incorrect");
    api.resend(&id).await.fails(429, "resend_too_soon");
    app.age(std::time::Duration::from_secs(30)).await;
    api.resend(&id).await.shows(200, "pending");
    api.check(&id, &app.code(DIGITS)).await.shows(200, "approved");
    // The backend of the same app sees what the client does not.
    let seen = app.api("backend").get(&id).await;
    assert_eq!((seen.text("to"), &seen["metadata"]), (TO, &json!({"cart": "77"})));
    assert_eq!(seen["reference"], "order-42");
    app.finish().await;
}

#[tokio::test]
async fn the_address_of_a_client_is_its_connection_s_and_that_of_a_backend_what_it_says() {
    let app = service().set("limits.per_ip", "2/1h").set("limits.checks_per_ip", "1/1h").start().await;
    let (backend, mobile) = (app.api("backend"), app.api("mobile"));
    let stated = |to: &str, ip: &str| json!({"to": to, "client": {"ip": ip}});
    let refused = mobile.create_with(&stated(TO, "203.0.113.7")).await;
    refused.fails(400, "invalid_request");
    assert_eq!(refused.pointers(), ["#/client/ip"]);

    let numbers = ["+15551000001", "+15551000002", "+15551000003", "+15551000004"];
    for number in &numbers[..2] {
        backend.create_with(&stated(number, "203.0.113.7")).await.shows(201, "pending");
    }
    let refused = backend.create_with(&stated(numbers[2], "203.0.113.7")).await;
    refused.fails(429, "rate_limited");
    assert_eq!(refused["limit"], "per_ip");
    let id = backend.create_with(&stated(numbers[2], "203.0.113.8")).await.shows(201, "pending").id();
    backend.create(numbers[3]).await.shows(201, "pending");

    for number in ["+15551000005", "+15551000006"] {
        mobile.create(number).await.shows(201, "pending");
    }
    mobile.create("+15551000007").await.fails(429, "rate_limited");
    mobile.check(&id, "000000").await;
    let refused = mobile.check(&id, "000001").await;
    refused.fails(429, "rate_limited");
    assert_eq!(refused["limit"], "checks_per_ip");
    assert_ne!(backend.check(&id, "000001").await.status, 429, "the backend's own address is nobody's");
    app.finish().await;
}

#[tokio::test]
async fn a_key_of_another_app_finds_nothing_and_may_not_use_the_app() {
    let app = two_apps().start().await;
    let id = app.api("backend").create(TO).await.id();
    let code = app.code(DIGITS);
    for name in ["shop", "shop-mobile", "shop-ci"] {
        let api = app.api(name);
        for answer in [api.check(&id, &code).await, api.resend(&id).await] {
            answer.fails(404, "verification_not_found");
        }
        api.create_with(&json!({"to": TO, "app": "default"})).await.fails(403, "forbidden");
        api.create_with(&json!({"to": TO, "app": "nowhere"})).await.fails(403, "forbidden");
        if name != "shop-mobile" {
            for answer in [api.get(&id).await, api.cancel(&id).await, api.check_by_number(TO, &code).await] {
                answer.fails(404, "verification_not_found");
            }
            let body = json!({"to": TO, "app": "default", "code": code});
            api.post("/v1/verifications/check", &body).await.fails(403, "forbidden");
        }
    }
    // The default app of a key is its first; others are named.
    let both = app.api("both");
    let of_shop = both.create(TO).await;
    assert_eq!((of_shop.shows(201, "pending").text("app"), of_shop.id() != id), ("shop", true));
    let of_default = both.create_with(&json!({"to": TO, "app": "default"})).await;
    assert_eq!((of_default.shows(200, "pending").text("app"), of_default.id()), ("default", id.clone()));
    assert_eq!(both.get(&id).await["attempts_left"], 3, "nobody else could try");
    both.check(&id, &code).await.shows(200, "approved");
    both.get(&of_shop.id()).await.shows(200, "pending");
    app.finish().await;
}
