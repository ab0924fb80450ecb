//! Input that no honest client sends: it is refused with the right problem, and never with a fault of ours.

use rand::TryRng;
use rand::rngs::SysRng;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use whatsapp_otp::otp::{AppName, CodeLength, KeyRing, OtpSecret, PhoneNumber, VerificationId, World};

use super::{DIGITS, TO, service};
use crate::harness::app::SECRET;

/// Returns the paths of every call with a body.
fn paths(id: &str) -> [String; 5] {
    ["", "/check", &format!("/{id}/check"), &format!("/{id}/resend"), &format!("/{id}/cancel")]
        .map(|rest| format!("/v1/verifications{rest}"))
}

/// Bodies with the status of the refusal.
fn bodies() -> Vec<(Vec<u8>, u16)> {
    let nested = |open: &str, close: &str, depth| [open.repeat(depth), close.repeat(depth)].concat();
    let text = [
        ("{", 400),
        ("}", 400),
        ("null", 400),
        ("true", 400),
        ("1e999", 400),
        ("-0", 400),
        ("\"\"", 400),
        ("[]", 400),
        ("[[[]]]", 400),
        ("{}{}", 400),
        ("{\"to\":\"+15551234567\"", 400),
        ("{\"to\":\"+15551234567\",}", 400),
        ("{'to':'+15551234567'}", 400),
        ("{\"to\":\"+15551234567\",\"to\":\"+15557654321\"}", 400),
        ("{\"code\":\"123456\",\"code\":\"123457\",\"to\":\"+15551234567\"}", 400),
        ("{\"code\":\"123456\",\"to\":\"+15551234567\",\"client\":[]}", 400),
        ("{\"to\":[\"+15551234567\"],\"code\":[\"123456\"],\"client\":null}", 400),
        ("{\"to\":{\"$ne\":\"\"},\"code\":{\"$ne\":\"\"},\"x\":1}", 400),
        ("{\"__proto__\":{\"to\":\"+15551234567\"},\"constructor\":\"x\"}", 400),
        ("{\"to\\u0000\":\"+15551234567\",\"code\\u0000\":\"123456\"}", 400),
        ("{\"to\":\"+15551234567\\u0000\",\"code\":\"123456\\u0000\",\"x\":\"\"}", 400),
        ("{\"to\":\"\\ud800\",\"code\":\"\\udfff\"}", 400),
        ("{\"to\":\"+1٥٥٥١٢٣٤٥٦٧\",\"code\":\"１２３４５６\",\"é\":\"\"}", 400),
        ("\u{feff}{\"to\":\"+15551234567\"}", 400),
        ("to=%2B15551234567&code=123456", 400),
        ("<?xml version=\"1.0\"?><to>+15551234567</to>", 400),
    ];
    let mut bodies: Vec<_> = text.map(|(body, status)| (body.as_bytes().to_vec(), status)).into();
    for nested in
        [nested("[", "]", 2_000), nested("{\"a\":", "}", 600), "[".repeat(4_000), nested("{\"to\":[", "]}", 200)]
    {
        bodies.push((nested.into_bytes(), 400));
    }
    bodies.push((json!({"x".repeat(3_900): "y"}).to_string().into_bytes(), 400));
    let many: serde_json::Map<_, _> = (0..400).map(|n| (format!("m{n}"), json!(0))).collect();
    bodies.push((json!(many).to_string().into_bytes(), 400));
    bodies.push((vec![0xff, 0xfe, 0x7b, 0x00], 400));
    bodies.push((vec![0; 100], 400));
    bodies.push((b"{\"to\":\"\xc3\x28\",\"code\":\"\xff\"}".to_vec(), 400));
    bodies.push((vec![b' '; 4_097], 413));
    bodies.push((vec![b'a'; 100_000], 413));
    bodies.push((json!({"to": TO, "code": "1".repeat(100_000)}).to_string().into_bytes(), 413));
    bodies
}

#[tokio::test]
async fn no_body_is_answered_with_a_fault_of_ours() {
    let app = service().start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    for (body, status) in bodies() {
        for path in paths(&id) {
            let call = api.call(Method::POST, &path).header(CONTENT_TYPE, "application/json").body(body.clone());
            let answer = api.send(call).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            let is_fine = answer.status == status || answer.json["code"] == "invalid_phone_number";
            assert!(is_fine, "{path} {shown}: {answer:?}");
            assert!(answer.json.to_string().len() < 64 * 1_024, "{path} {shown}: a large answer to a small body");
        }
    }
    // Random bytes, and a valid body with one byte changed.
    let mut random = [0; 64];
    for _ in 0..100 {
        SysRng.try_fill_bytes(&mut random).unwrap();
        let answer = api.send(api.posting(&paths(&id)[0], "").body(random.to_vec())).await;
        assert_eq!(answer.status, 400, "{random:?}");
        let mut body = json!({"code": "x", "client": {"ip": "203.0.113.7"}}).to_string().into_bytes();
        let at = usize::from(random[0]) % body.len();
        body[at] = random[1];
        let answer = api.send(api.posting(&paths(&id)[2], "").body(body.clone())).await;
        assert!((400..500).contains(&answer.status), "{body:?}: {answer:?}");
    }
    let after = api.get(&id).await;
    assert_eq!((after.shows(200, "pending").json["attempts_left"].clone(), app.sends()), (json!(3), 1));
    app.finish().await;
}

#[tokio::test]
async fn only_json_is_read() {
    let app = service().start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", ""]
    {
        for path in paths(&id) {
            let call = api.call(Method::POST, &path).header(CONTENT_TYPE, content_type).body("{\"x\":\"y\"}");
            api.send(call).await.fails(415, "unsupported_media_type");
        }
    }
    let call = api.call(Method::POST, &paths(&id)[2]).body("{\"code\":\"000000\"}");
    api.send(call).await.fails(415, "unsupported_media_type");
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON", " application/json ;x"] {
        let call = api.call(Method::POST, &paths(&id)[0]).header(CONTENT_TYPE, content_type);
        api.send(call.body(json!({"to": TO}).to_string())).await.shows(200, "pending");
    }
    app.finish().await;
}

#[tokio::test]
async fn an_id_that_was_never_issued_finds_nothing() {
    let app = service().start().await;
    let api = app.api("backend");
    api.create(TO).await.shows(201, "pending");
    let (app_name, phone) = (AppName::default(), PhoneNumber::parse(TO).unwrap());
    let length = CodeLength::new(6).unwrap();
    let issued = |secret: &str, app: &AppName, phone: &PhoneNumber| {
        let keys = KeyRing::new(OtpSecret::new(secret.as_bytes().to_vec()).unwrap(), Vec::new());
        let id = keys.issue(app, phone, length, &mut SysRng).unwrap().id;
        (id, keys.locate(&id).is_some())
    };
    let mut forged: Vec<String> = (0..20)
        .map(|_| {
            let mut bytes = [0; 16];
            SysRng.try_fill_bytes(&mut bytes).unwrap();
            uuid::Uuid::from_bytes(bytes).simple().to_string().parse::<VerificationId>().unwrap().to_string()
        })
        .collect();
    forged.push(issued("another-secret-of-the-end-to-end-tests", &app_name, &phone).0.to_string());
    // The service can read these, which name a number with a pending verification, one without, and other apps.
    let readable = [
        issued(SECRET, &app_name, &phone),
        issued(SECRET, &app_name, &PhoneNumber::parse("+15557654321").unwrap()),
        issued(SECRET, &app_name.in_world(World::Test), &phone),
        issued(SECRET, &AppName::parse("nowhere").unwrap(), &phone),
    ];
    for (id, is_located) in readable {
        assert!(is_located);
        forged.push(id.to_string());
    }
    for id in &forged {
        let code = app.code(DIGITS);
        for answer in [api.get(id).await, api.check(id, &code).await, api.resend(id).await, api.cancel(id).await] {
            answer.fails(404, "verification_not_found");
            assert_eq!(answer["id"], *id, "it says no more than it was told");
        }
    }
    assert_eq!((app.sends(), app.messages_to(DIGITS)), (1, 1));
    app.finish().await;
}

#[tokio::test]
async fn what_is_no_id_finds_nothing() {
    let app = service().start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    let long = format!("ver_{}", "0".repeat(4_000));
    let ids = [
        "ver_",
        "%00",
        "ver_%00",
        "%ff%fe",
        "%F0%9F%98%80",
        "..",
        "%2e%2e",
        "%2f",
        "15551234567",
        "%2B15551234567",
        "null",
        "*",
        "%0d%0aX-Evil:%201",
        "ver_01js7whh8m7m9a9s94qzrj8k0u",
        &long,
        &format!("{id}%00"),
        &format!("{id}%20"),
        &id[4..],
    ];
    for id in ids {
        // The client resolves dots, so these go out as they are.
        for (method, rest) in [("GET", ""), ("POST", "/check"), ("POST", "/resend"), ("POST", "/cancel")] {
            let head = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
            let answer = api.raw(&format!("{method} /v1/verifications/{id}{rest}"), head).await;
            assert_eq!(answer.status, 404, "{id}{rest}: {answer:?}");
            assert_eq!((answer.header("x-evil"), answer.json.get("id")), (None, None), "{answer:?}");
        }
    }
    for path in ["/v1", "/v1/", "/v1/verifications/", "/v1/verifications//check", "/v1/verifications/a/b/c", "/v1/%76"]
    {
        let answer = api.raw(&format!("GET {path}"), "\r\n").await;
        assert!(matches!(answer.status, 404 | 405), "{path}: {answer:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn strange_headers_change_nothing() {
    let app = service().start().await;
    let api = app.api("backend");
    let body = json!({"to": TO}).to_string();
    let key = app.api_key("backend").text().to_owned();
    let head =
        |more: &str| format!("Content-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len());
    // A second key, a key in capitals, bytes that are no text.
    for more in [format!("Authorization: Bearer {key}\r\n"), "Authorization: Basic eDp5\r\n".to_owned()] {
        api.raw("POST /v1/verifications", &head(&more)).await.fails(401, "unauthenticated");
    }
    for more in ["Idempotency-Key: \u{e9}\r\n", "Idempotency-Key:\r\n", "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"]
    {
        api.raw("POST /v1/verifications", &head(more)).await.fails(400, "idempotency_key_invalid");
    }
    api.raw("POST /v1/verifications", &head("Host: y\r\n")).await.fails(400, "invalid_request");
    assert_eq!(app.sends(), 0);
    // An address in a header is nobody's word, and a request id is cleaned before it is repeated.
    let more = "X-Forwarded-For: 203.0.113.7\r\nX-Client-IP: ::1\r\nX-Request-Id: +15551234567\r\nX-HTTP-Method-Override: GET\r\n";
    let created = api.raw("POST /v1/verifications", &head(more)).await;
    assert!(!created.shows(201, "pending").header("x-request-id").unwrap().contains(DIGITS));
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "HEADER", "CHECK"] {
        let answer = api.raw(&format!("{method} /v1/verifications"), "\r\n").await;
        answer.fails(405, "method_not_allowed");
    }
    app.finish().await;
}
