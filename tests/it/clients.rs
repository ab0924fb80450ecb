//! Callers: holders of API keys, web pages of other origins, and many calls on one connection.

use reqwest::Method;
use sha2::{Digest, Sha256};

use crate::harness::app::{TestApp, TestAppBuilder};
use crate::harness::reply::{Reply, says, send};

const PHONE: &str = "15551234567";
const ORIGIN: &str = "https://app.example";

fn hash(key: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(key))
}

/// Two keys for the app `default`, and one for another.
fn with_keys() -> TestAppBuilder {
    let keys = [("backend", "first-key"), ("backend-next", "second-key"), ("shop", "shop-key")];
    let app = TestApp::builder().set("auth.mode", "api_key");
    let app = app.set("apps.shop.otp.code_length", "8").set("keys.shop.apps", "shop");
    keys.into_iter().fold(app, |app, (name, key)| {
        app.set(&format!("keys.{name}.kind"), "server").set(&format!("keys.{name}.sha256"), &hash(key))
    })
}

async fn call(app: &TestApp, method: Method, phone: &str, authorization: Option<&str>) -> Reply {
    let mut call = app.call(method, &format!("/otp/{phone}"));
    if let Some(value) = authorization {
        call = call.header("authorization", value);
    }
    send(call).await
}

#[tokio::test]
async fn without_an_accepted_key_calls_are_unauthorized() {
    let app = with_keys().start().await;
    for authorization in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer wrong-key"),
        Some("Bearer shop-key"),
        Some("Bearer first-key second-key"),
        Some("Bearer first-key,second-key"),
        Some("bearer FIRST-KEY"),
        Some("Basic first-key"),
        Some("first-key"),
    ] {
        for method in [Method::GET, Method::POST] {
            let reply = call(&app, method, PHONE, authorization).await;
            reply.is(401, "Missing or invalid API key.");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    let hash = hash("first-key");
    call(&app, Method::GET, PHONE, Some(&format!("Bearer {hash}"))).await.is(401, says::UNAUTHORIZED);
    assert_eq!(app.sends(), 0);
    assert_eq!(app.keys.list().await, Vec::<String>::new());
    app.finish().await;
}

#[tokio::test]
async fn two_authorization_lines_are_unauthorized() {
    let app = with_keys().start().await;
    for [first, second] in [["first-key", "wrong-key"], ["wrong-key", "first-key"], ["first-key", "first-key"]] {
        let call = app.call(Method::GET, "/otp/15551234567");
        let call = call.header("authorization", format!("Bearer {first}"));
        send(call.header("authorization", format!("Bearer {second}"))).await.is(401, says::UNAUTHORIZED);
    }
    assert_eq!(app.sends(), 0);
    app.finish().await;
}

#[tokio::test]
async fn limits_by_address_apply_to_the_users_that_a_backend_names_and_to_no_one_else() {
    let app = with_keys().set("limits.per_ip", "2/1h").set("limits.checks_per_ip", "2/1h").start().await;
    let call = async |method: Method, n: u32, client: &[&str]| {
        let mut call = app.call(method.clone(), &format!("/otp/155577700{n:02}"));
        call = call.header("authorization", "Bearer first-key");
        for client in client {
            call = call.header("x-client-ip", *client);
        }
        let call = if method == Method::POST { call.json(&serde_json::json!({ "code": "123456" })) } else { call };
        send(call).await
    };
    for n in 0..5 {
        call(Method::GET, n, &[]).await.is(200, "OK");
        assert_eq!(call(Method::POST, n + 50, &[]).await.status, 404);
    }
    for n in 5..7 {
        call(Method::GET, n, &["203.0.113.7"]).await.is(200, "OK");
        assert_eq!(call(Method::POST, n + 50, &["203.0.113.7"]).await.status, 404);
    }
    assert_eq!(call(Method::GET, 7, &["203.0.113.7"]).await.status, 429);
    assert_eq!(call(Method::POST, 57, &["::ffff:203.0.113.7"]).await.status, 429);
    call(Method::GET, 7, &["2001:db8::7"]).await.is(200, "OK");
    for wrong in [&["nonsense"][..], &["203.0.113.7, 198.51.100.1"], &["203.0.113.7", "198.51.100.1"], &[""]] {
        call(Method::GET, 8, wrong).await.is(400, "Invalid X-Client-IP: send the address of one client.");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_caller_without_a_key_cannot_name_a_client() {
    let app = TestApp::builder().set("limits.per_ip", "1/1h").start().await;
    for (n, status) in [(0, 200), (1, 429)] {
        let call = app.call(Method::GET, &format!("/otp/1555777000{n}"));
        assert_eq!(send(call.header("x-client-ip", format!("203.0.113.{n}"))).await.status, status);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_log_and_metrics_name_the_callers_key() {
    let mark = crate::harness::logs::capture();
    let app = with_keys().start().await;
    let call = app.call(Method::GET, "/otp/15551234567").header("x-request-id", "of-the-second-key");
    send(call.header("authorization", "Bearer second-key")).await.is(200, "OK");
    assert!(mark.has_line(&["of-the-second-key", "key=\"backend-next\"", "outcome=\"sent\""]));
    let call = app.call(Method::GET, "/otp/12").header("x-request-id", "of-no-number");
    send(call.header("authorization", "Bearer second-key")).await.is(400, says::INVALID_PHONE);
    assert!(mark.has_line(&["of-no-number", "key=\"backend-next\"", "app=\"default\""]));
    let metrics = app.ops().call(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let series = "whatsapp_otp_key_requests_total{key=\"backend-next\",app=\"default\",outcome=\"invalid_phone\"} ";
    assert!(metrics.lines().any(|line| line.starts_with(series)), "{metrics}");
    app.finish().await;
}

#[tokio::test]
async fn every_accepted_key_is_authorized() {
    let app = with_keys().start().await;
    for key in ["Bearer first-key", "Bearer second-key", "bearer second-key"] {
        call(&app, Method::GET, PHONE, Some(key)).await.is(200, "OK");
        let body = serde_json::json!({ "code": app.code(PHONE) });
        let verify = app.call(Method::POST, "/otp/15551234567").header("authorization", key);
        send(verify.json(&body)).await.is(200, "OK");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_key_is_checked_before_the_number_and_the_body() {
    let app = with_keys().start().await;
    for method in [Method::GET, Method::POST] {
        call(&app, method.clone(), "abc", None).await.is(401, says::UNAUTHORIZED);
        call(&app, method, "abc", Some("Bearer first-key")).await.is(400, says::INVALID_PHONE);
    }
    let huge = app.call(Method::POST, "/otp/15551234567").header("content-type", "application/json");
    send(huge.body("x".repeat(10_000))).await.is(401, says::UNAUTHORIZED);
    app.finish().await;
}

#[tokio::test]
async fn where_no_key_is_needed_an_authorization_header_is_ignored() {
    let app = TestApp::start().await;
    call(&app, Method::GET, PHONE, Some("Bearer whatever")).await.is(200, "OK");
    app.finish().await;
}

async fn preflight(app: &TestApp, origin: &str, method: &str) -> Reply {
    let call = app.call(Method::OPTIONS, "/otp/15551234567").header("origin", origin.to_owned());
    let call = call.header("access-control-request-method", method.to_owned());
    send(call.header("access-control-request-headers", "content-type")).await
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call() {
    let app = TestApp::builder().set("server.cors_origins", "https://other.example, https://app.example").start().await;
    for method in ["GET", "POST"] {
        let reply = preflight(&app, ORIGIN, method).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN));
        assert!(reply.header("access-control-allow-methods").unwrap().contains(method));
        assert!(reply.header("access-control-allow-headers").unwrap().contains("content-type"));
    }
    assert_eq!(app.sends(), 0, "a preflight sends nothing");

    let get = send(app.call(Method::GET, "/otp/15551234567").header("origin", ORIGIN)).await;
    get.is(200, "OK");
    assert_eq!(get.header("access-control-allow-origin"), Some(ORIGIN));
    let exposed = get.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("retry-after") && exposed.contains("x-request-id"), "{exposed}");
    let post = app.call(Method::POST, "/otp/15551234567").header("origin", ORIGIN);
    let post = send(post.json(&serde_json::json!({ "code": app.code(PHONE) }))).await;
    post.is(200, "OK");
    assert_eq!(post.header("access-control-allow-origin"), Some(ORIGIN));
    // Error responses must have it too, or the page could not read them.
    let refused = send(app.call(Method::GET, "/otp/abc").header("origin", ORIGIN)).await;
    assert_eq!(refused.header("access-control-allow-origin"), Some(ORIGIN));
    app.finish().await;
}

#[tokio::test]
async fn a_page_of_another_origin_may_not() {
    let app = TestApp::builder().set("server.cors_origins", ORIGIN).start().await;
    for origin in [
        "https://evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example.evil",
        "http://localhost:5173",
        "null",
    ] {
        assert_eq!(preflight(&app, origin, "GET").await.header("access-control-allow-origin"), None, "{origin}");
        let get = send(app.call(Method::GET, "/otp/abc").header("origin", origin)).await;
        assert_eq!(get.header("access-control-allow-origin"), None, "{origin}");
    }
    assert_eq!(app.sends(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_plain_options_request_is_refused_for_allowed_origins_too() {
    let app = TestApp::builder().set("server.cors_origins", ORIGIN).start().await;
    let reply = send(app.call(Method::OPTIONS, "/otp/15551234567").header("origin", ORIGIN)).await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, POST")));
    assert_eq!(app.sends(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_preflight_needs_no_key() {
    let app = with_keys().set("server.cors_origins", ORIGIN).start().await;
    let reply = preflight(&app, ORIGIN, "GET").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(ORIGIN)));
    assert!(reply.header("access-control-allow-headers").unwrap().contains("authorization"));
    let refused = send(app.call(Method::GET, "/otp/15551234567").header("origin", ORIGIN)).await;
    refused.is(401, says::UNAUTHORIZED);
    assert_eq!(refused.header("access-control-allow-origin"), Some(ORIGIN));
    app.finish().await;
}

/// Requests a code as a browser does, with these headers.
async fn from_a_browser(app: &TestApp, headers: &[(&'static str, &'static str)]) -> Reply {
    let call = app.call(Method::GET, "/otp/15551234567");
    send(headers.iter().fold(call, |call, (name, value)| call.header(*name, *value))).await
}

#[tokio::test]
async fn a_page_of_another_site_cannot_send_a_message() {
    let app = TestApp::builder().set("server.cors_origins", ORIGIN).start().await;
    let cross_site = ("sec-fetch-site", "cross-site");
    for headers in [
        // <img>, a followed link, a fetch without CORS and one with it.
        vec![cross_site, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        vec![cross_site, ("sec-fetch-mode", "navigate"), ("sec-fetch-user", "?1")],
        vec![cross_site, ("sec-fetch-mode", "no-cors"), ("origin", "null")],
        vec![cross_site, ("sec-fetch-mode", "cors"), ("origin", "https://evil.example")],
        // A prefetch by any page.
        vec![("sec-purpose", "prefetch"), ("sec-fetch-site", "same-origin")],
        vec![("sec-purpose", "prefetch;prerender"), ("sec-fetch-site", "none")],
        vec![("purpose", "prefetch")],
    ] {
        from_a_browser(&app, &headers).await.is(403, "Requests from other web sites are not allowed.");
    }
    let guess = app.call(Method::POST, "/otp/15551234567").header("sec-fetch-site", "cross-site");
    let guess = send(guess.json(&serde_json::json!({ "code": "123456" }))).await;
    guess.is(403, "Requests from other web sites are not allowed.");
    assert_eq!((app.sends(), app.keys.list().await), (0, vec![]), "nothing was sent or stored");
    app.finish().await;
}

#[tokio::test]
async fn a_person_and_an_allowed_page_can() {
    let app = TestApp::builder().set("server.cors_origins", ORIGIN).start().await;
    for headers in [
        vec![("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
        vec![("sec-fetch-site", "same-origin")],
        vec![("sec-fetch-site", "same-site"), ("origin", "https://www.app.example")],
        vec![("sec-fetch-site", "cross-site"), ("origin", ORIGIN)],
    ] {
        from_a_browser(&app, &headers).await.is(200, "OK");
    }
    app.finish().await;
}
