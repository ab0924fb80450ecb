//! Apps with policies of their own.

use std::time::Duration;

use serde_json::json;
use whatsapp_otp::otp::KeyKind;

use super::{DIGITS, TO, service};
use crate::harness::reply::wrong;

#[tokio::test]
async fn each_app_has_its_own_policy_and_verifications() {
    let app = service()
        .key("both", KeyKind::Server, "default,shop")
        .key("shop", KeyKind::Server, "shop")
        .key("shop-ci", KeyKind::Test, "shop")
        .set("apps.shop.otp.code_length", "8")
        .set("apps.shop.otp.code_lifetime", "2m")
        .set("apps.shop.otp.max_verification_attempts", "1")
        .set("apps.shop.otp.max_sends", "1")
        .set("apps.shop.limits.resend_cooldown", "10s")
        .set("apps.shop.limits.countries", "+US")
        .start()
        .await;
    let api = app.api("both");
    let of_default = api.create(TO).await.shows(201, "pending").id();
    let code = app.code(DIGITS);
    let of_shop = api.create_with(&json!({"to": TO, "app": "shop"})).await;
    of_shop.shows(201, "pending");
    let shop_code = app.code(DIGITS);
    for (member, expected) in
        [("app", json!("shop")), ("code_length", json!(8)), ("attempts_left", json!(1)), ("sends_left", json!(0))]
    {
        assert_eq!(of_shop[member], expected, "{member}");
    }
    assert_eq!((of_shop.json.get("resend_at"), shop_code.len(), code.len()), (None, 8, 6));
    let moment = |member: &str| of_shop.text(member).parse::<jiff::Timestamp>().unwrap();
    assert_eq!(moment("expires_at") - jiff::SignedDuration::from_mins(2), moment("created_at"));

    // A code of the wrong length is no guess, and the code of one app is none of the other's.
    let refused = api.check(&of_shop.id(), &code).await;
    assert_eq!(refused.fails(400, "invalid_request").pointers(), ["#/code"]);
    app.age(Duration::from_secs(10)).await;
    api.resend(&of_shop.id()).await.fails(429, "too_many_sends");
    api.resend(&of_default).await.fails(429, "resend_too_soon");
    api.check(&of_shop.id(), &wrong(&shop_code)).await.fails(422, "attempts_exhausted");
    api.get(&of_default).await.shows(200, "pending");
    let body = json!({"to": TO, "app": "default", "code": code});
    api.post("/v1/verifications/check", &body).await.shows(200, "approved");

    let abroad = "+447700900123";
    app.api("shop").create(abroad).await.fails(403, "destination_not_allowed");
    let in_test = app.api("shop-ci").create(TO).await;
    assert_eq!((in_test.shows(201, "pending").text("app"), &in_test["code_length"]), ("shop", &json!(8)));
    app.api("shop-ci").check(&in_test.id(), "12345678").await.shows(200, "approved");
    app.finish().await;
}
