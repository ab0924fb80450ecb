//! The page over HTTP. `tests/browser` tests it in a browser.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use super::{CodeRecord, LimitUse, Page, PageService, PhoneRecord, ReadinessView, RecordError, RecordView};
use crate::testing::Server;

struct OneRecord;

struct Ready;

#[async_trait]
impl ReadinessView for Ready {
    async fn report(&self) -> Value {
        json!({ "status": "ready" })
    }
}

#[async_trait]
impl RecordView for OneRecord {
    async fn of_phone(&self, phone: &str) -> Result<PhoneRecord, RecordError> {
        let code = CodeRecord {
            digest: "0a1b2c3d".to_owned(),
            attempts: 1,
            max_attempts: 3,
            expires_in: Duration::from_millis(299_900),
        };
        let limit = LimitUse { name: "per_phone", count: 5, retry_after: Duration::from_secs(9) };
        match phone {
            "15551234567" => Ok(PhoneRecord { phone: phone.to_owned(), code: Some(code), limits: vec![limit] }),
            "unreachable" => Err(RecordError::Store),
            _ => Err(RecordError::Phone),
        }
    }
}

fn service() -> PageService {
    PageService::at("http://localhost:3000".parse().unwrap())
}

async fn settings(server: &Server) -> Value {
    server.own(Method::GET, "/page/settings.json", None).await.ok()
}

#[tokio::test]
async fn the_page_may_only_call_its_own_listener_and_the_service() {
    for (page, connect) in [
        (Page::default(), "connect-src 'self' ;"),
        (Page { service: Some(service()), ..Page::default() }, "connect-src 'self' http://localhost:3000;"),
    ] {
        let server = Server::with_page(page).await;
        let page = server.own(Method::GET, "/", None).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(policy.contains(connect) && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn every_file_that_the_page_names_is_served() {
    let server = Server::start().await;
    let page = server.own(Method::GET, "/", None).await.text;
    let named: Vec<_> = page.split('"').filter(|text| text.starts_with("/page/")).collect();
    assert!(named.len() > 5, "{named:?}");
    for path in named {
        let file = server.own(Method::GET, path, None).await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        let kind = file.header("content-type");
        let expected = match path.rsplit_once('.').unwrap().1 {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(kind, expected, "{path}");
    }
    for path in ["/page/none.js", "/page/../mod.rs", "/page/"] {
        assert_ne!(server.own(Method::GET, path, None).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_page_receives_its_settings() {
    let server = Server::start().await;
    let bare = settings(&server).await;
    assert_eq!((&bare["service"], &bare["records"]), (&Value::Null, &json!(false)));
    assert_eq!(bare["templates"], json!([{ "id": "300000000000001", "language": "en_US" }]));
    assert!(!bare.to_string().contains(&server.simulator.settings().access_token), "{bare}");

    let service = PageService {
        code_length: Some(8),
        needs_api_key: true,
        api_key: Some("wotp_live_example".into()),
        sends_here: true,
        ..service()
    };
    assert!(!format!("{service:?}").contains("wotp_live_example"), "{service:?}");
    let server =
        Server::with_page(Page { service: Some(service), records: Some(Arc::new(OneRecord)), ..Page::default() }).await;
    let expected = json!({
        "origin": "http://localhost:3000", "code_length": 8, "needs_api_key": true,
        "api_key": "wotp_live_example", "sends_here": true,
    });
    let settings = settings(&server).await;
    assert_eq!((&settings["service"], &settings["records"]), (&expected, &json!(true)));
}

#[tokio::test]
async fn a_service_is_assumed_to_send_here_while_one_calls() {
    let server = Server::with_page(Page { service: Some(service()), ..Page::default() }).await;
    let sends_here = async || settings(&server).await["service"]["sends_here"].clone();
    assert_eq!(sends_here().await, false);
    server.own(Method::GET, "/v24.0/300000000000001", None).await;
    assert_eq!(sends_here().await, false, "a caller without a token is no service");
    server.get("/300000000000001").await.ok();
    assert_eq!(sends_here().await, true);
    server.simulator.advance(Duration::from_mins(12));
    assert_eq!(sends_here().await, false);
}

#[tokio::test]
async fn a_record_is_shown_if_it_can_be_read() {
    let server = Server::with_page(Page { records: Some(Arc::new(OneRecord)), ..Page::default() }).await;
    let record = server.own(Method::GET, "/page/record/15551234567", None).await.ok();
    let expected = json!({
        "phone": "15551234567",
        "code": { "digest": "0a1b2c3d", "attempts": 1, "max_attempts": 3, "expires_in_ms": 299_900 },
        "limits": [{ "name": "per_phone", "count": 5, "retry_after_ms": 9_000 }],
    });
    assert_eq!(record, expected);
    for (phone, status, sentence) in [("x", 400, "international format"), ("unreachable", 503, "does not answer")] {
        let refused = server.own(Method::GET, &format!("/page/record/{phone}"), None).await;
        assert_eq!(refused.status, status);
        assert!(refused.json()["error"].as_str().unwrap().contains(sentence), "{refused:?}");
    }
    let blind = Server::start().await.own(Method::GET, "/page/record/15551234567", None).await;
    assert_eq!(blind.status, 404);
    assert!(blind.json()["error"].as_str().unwrap().contains("whatsapp-otp inspect"), "{blind:?}");
}

#[tokio::test]
async fn the_readiness_is_shown_if_it_can_be_read() {
    let server = Server::with_page(Page { readiness: Some(Arc::new(Ready)), ..Page::default() }).await;
    let readiness = server.own(Method::GET, "/page/readiness.json", None).await.ok();
    assert_eq!(readiness, json!({ "status": "ready" }));
    assert_eq!(settings(&server).await["readiness"], true);
    let blind = Server::start().await;
    assert_eq!(blind.own(Method::GET, "/page/readiness.json", None).await.status, 404);
    assert_eq!(settings(&blind).await["readiness"], false);
}
