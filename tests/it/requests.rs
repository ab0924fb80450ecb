//! `GET` and `POST /otp/{phone}` as requests: spellings, methods, bodies, and the order of the checks.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::harness::app::TestApp;
use crate::harness::reply::{read, says, send};
use crate::harness::{eventually, logs};

const PHONE: &str = "15551234567";

/// Nothing was sent and nothing was stored.
async fn assert_untouched(app: &TestApp) {
    assert_eq!(app.sends(), 0);
    assert_eq!(app.keys.list().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_spelling_of_path_and_number_means_the_same() {
    let app = TestApp::builder().set("limits.per_phone", "off").start().await;
    for path in [
        "/otp/15551234567",
        "/OTP/15551234567",
        "/Otp/15551234567",
        "/oTP/15551234567/",
        "/otp/15551234567/",
        "/otp/+15551234567",
        "/OTP/+15551234567/",
        "/otp/%2B15551234567",
        "/otp/%2b1%20(555)%20123-4567",
        "/otp/+1 (555) 123-4567",
        "/otp/1.555.123.4567",
        "/otp/(+1)%20555-123.4567/",
        "/otp/%31%35%35%35%31%32%33%34%35%36%37",
        "/otp/15551234567?",
        "/otp/15551234567?phone=15557654321&code=1",
        "/OTP/15551234567/?x=%FF",
    ] {
        app.get(path).await.is(200, "OK");
        let code = app.code(PHONE);
        app.post(path, &format!(r#"{{"code":"{code}"}}"#)).await.is(200, "OK");
        app.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    }
    assert!(app.simulator.inbox().iter().all(|message| message.to == "+15551234567"));
    app.finish().await;
}

#[tokio::test]
async fn the_fixed_segment_is_not_decoded() {
    // As in Express, which decodes parameters only.
    let app = TestApp::start().await;
    assert_eq!(app.get("/%6Ftp/15551234567").await.status, 404);
    assert_untouched(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn an_impossible_number_is_refused_at_no_cost() {
    let app = TestApp::start().await;
    let long = "1".repeat(10_000);
    for phone in [
        "abc",
        "1",
        "123",
        "+",
        "%20",
        "0015551234567",
        "05551234567",
        "1555123456",
        "155512345678",
        "155512345678901234",
        "999123456789",
        "1555123456x",
        "1555+1234567",
        "tel:+15551234567",
        "15551234567,15557654321",
        "15551234567;ext=1",
        "15551234567%2F",
        "15551234567%00",
        "15551234567%0A",
        "%2F15551234567",
        "%FF",
        "%C3%28",
        "15551234567%FF",
        "%EF%BC%9115551234567",
        "%E2%80%8B15551234567",
        "%25",
        "%zz",
        "15551234567%",
        "..%2Fotp",
        "%7Bphone%7D",
        &long,
    ] {
        app.request(phone).await.is(400, "Invalid phone number.");
        app.verify(phone, "123456").await.is(400, "Invalid phone number.");
    }
    assert_untouched(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn bytes_that_are_not_http_are_refused_at_no_cost() {
    let app = TestApp::start().await;
    let requests: [&[u8]; 3] = [
        b"GET /otp/\xff\xfe15551234567 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /otp/1555 1234567 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /otp/15551234567 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ];
    for request in requests {
        assert_eq!(app.raw_status(request).await, 400);
    }
    let endless = format!("GET /otp/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "1".repeat(100_000));
    assert_eq!(app.raw_status(endless).await, 431);
    let many = format!("GET /otp/15551234567 HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(1_000));
    assert_eq!(app.raw_status(many).await, 431);
    assert_untouched(&app).await;
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn bytes_that_are_not_http_are_counted() {
    let app = TestApp::start().await;
    let counted = async || {
        let metrics = app.ops().call(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix("whatsapp_otp_malformed_requests_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    let before = counted().await;
    let long = format!("GET /otp/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "1".repeat(100_000));
    for (request, status) in [(b"GET /otp/1555 1234567 HTTP/1.1\r\n\r\n".as_slice(), 400), (long.as_bytes(), 431)] {
        assert_eq!(app.raw_status(request).await, status);
    }
    eventually("both are counted", async || counted().await >= before + 2).await;
    app.finish().await;
}

#[tokio::test]
async fn a_number_as_the_method_is_refused_and_not_logged() {
    let app = TestApp::start().await;
    let number = format!("{PHONE} /otp/{PHONE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(app.raw(number).await.status, 405);
    assert_untouched(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn digits_of_other_scripts_are_not_a_number() {
    let app = TestApp::start().await;
    let arabic = "GET /otp/١٥٥٥١٢٣٤٥٦٧ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    app.raw(arabic).await.is(400, says::INVALID_PHONE);
    assert_untouched(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/otp",
        "/otp/",
        "/OTP//",
        "/otp/15551234567/x",
        "/otp//15551234567",
        "/otp/15551234567//",
        "/x/otp/15551234567",
        "/otpx/15551234567",
        "/favicon.ico",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/inbox",
        "/%FF",
    ] {
        for method in [Method::GET, Method::POST, Method::PUT] {
            let reply = send(app.call(method.clone(), path)).await;
            assert_eq!(reply.status, 404, "{method} {path}: {reply:?}");
        }
    }
    assert_untouched(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn other_methods_are_refused_and_send_nothing() {
    let app = TestApp::start().await;
    for path in ["/otp/15551234567", "/OTP/15551234567/", "/otp/abc"] {
        for method in ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"] {
            let reply = send(app.call(Method::from_bytes(method.as_bytes()).unwrap(), path)).await;
            assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, POST")), "{method} {path}");
            assert_eq!(reply.body.is_empty(), method == "HEAD", "{method}");
        }
    }
    assert_untouched(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_preflight_sends_nothing_and_is_refused_unless_an_origin_is_allowed() {
    let app = TestApp::start().await;
    let preflight = app.call(Method::OPTIONS, "/otp/15551234567");
    let preflight = preflight.header("origin", "https://app.example").header("access-control-request-method", "GET");
    assert_eq!(send(preflight).await.status, 405);
    assert_untouched(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_body_without_a_code_has_none() {
    let app = TestApp::start().await;
    let path = "/otp/15551234567";
    app.code_for(PHONE).await;
    for body in
        ["", "  \r\n", "{}", r#"{"code":""}"#, r#"{"code":null}"#, r#"{"Code":"123456"}"#, "[]", "null", "1", r#""1""#]
    {
        app.post(path, body).await.is(400, "No code provided.");
    }
    send(app.call(Method::POST, path)).await.is(400, "No code provided.");
    assert_eq!(app.keys.of_verification(PHONE, "attempts").await.as_deref(), Some("0"), "no attempt was counted");
    app.finish().await;
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_not_read() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    let body = format!(r#"{{"code":"{code}"}}"#);
    let post = |content_type: Option<&str>| {
        let call = app.call(Method::POST, "/otp/15551234567").body(body.clone());
        send(content_type.into_iter().fold(call, |call, value| call.header(CONTENT_TYPE, value)))
    };
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
        Some("json"),
        Some(""),
    ] {
        post(content_type).await.is(400, "No code provided.");
    }
    post(Some("Application/JSON ; charset=utf-8")).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn text_that_is_not_json_is_malformed() {
    let app = TestApp::start().await;
    for body in ["{", "code=123456", r#"{"code":"1"} x"#, "{'code':'1'}", "undefined", "\u{0}", r#"{"code":"\ud800"}"#]
    {
        app.post("/otp/15551234567", body).await.is(400, "Malformed JSON.");
    }
    let nested = "[".repeat(4_000);
    app.post("/otp/15551234567", &nested).await.is(400, "Malformed JSON.");
    let bytes = app.call(Method::POST, "/otp/15551234567").header(CONTENT_TYPE, "application/json");
    send(bytes.body(b"{\"code\":\"\xff\"}".to_vec())).await.is(400, "Malformed JSON.");
    app.finish().await;
}

#[tokio::test]
async fn a_code_is_a_string() {
    let app = TestApp::start().await;
    for body in [r#"{"code":123456}"#, r#"{"code":0}"#, r#"{"code":true}"#, r#"{"code":["1"]}"#, r#"{"code":{"a":1}}"#]
    {
        app.post("/otp/15551234567", body).await.is(400, "Code must be a string.");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_text_that_cannot_be_a_code_uses_no_attempt() {
    let app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    app.post("/otp/15551234567", r#"{"code":"\u0000'; DROP TABLE codes; --","more":[1]}"#)
        .await
        .is(400, "A code has 6 digits.");
    app.post("/otp/15551234567", &format!(r#"{{"code":"{code}","more":[1]}}"#)).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_body_may_have_four_kibibytes_and_no_more() {
    let app = TestApp::start().await;
    let body = |length: usize| {
        let start = r#"{"code":"123456"}"#;
        format!("{start}{}", " ".repeat(length - start.len()))
    };
    app.post("/otp/15551234567", &body(4_096)).await.is(404, &says::no_active_code(PHONE));
    let reply = app.post("/otp/15551234567", &body(4_097)).await;
    assert_eq!(reply.status, 413, "{reply:?}");
    assert!(!reply.body.is_empty());

    let head = "POST /otp/15551234567 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let chunked = |length: usize| {
        let text = body(length);
        let (one, two) = text.split_at(length / 2);
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
            one.len(),
            two.len()
        )
    };
    app.raw(chunked(4_096)).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(app.raw(chunked(4_097)).await.status, 413);
    // The body is announced but never sent, and the request is refused immediately.
    let announced = app.raw(format!("{head}Content-Length: 100000000\r\n\r\n")).await;
    assert_eq!(announced.status, 413);
    announced.within(Duration::from_secs(2));
    app.finish().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_times_out() {
    let app = TestApp::builder().set("server.request_timeout", "1s").set("redis.timeout", "500ms").start().await;
    let began = Instant::now();
    let head = "POST /otp/15551234567 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let mut stream = app.connect(format!("{head}Content-Length: 17\r\n\r\n{{\"code\":")).await;
    let reply = read(&mut stream, began).await;
    assert_eq!(reply.status, 408, "{reply:?}");
    reply.within(Duration::from_secs(2));
    app.finish().await;
}

#[tokio::test]
async fn the_number_is_checked_before_the_body() {
    let app = TestApp::start().await;
    let huge = "x".repeat(10_000);
    for body in ["", "{", r#"{"code":1}"#, &huge] {
        app.post("/otp/abc", body).await.is(400, "Invalid phone number.");
    }
    send(app.call(Method::POST, "/otp/abc").body("x")).await.is(400, "Invalid phone number.");
    app.finish().await;
}

#[tokio::test]
async fn a_plain_request_id_is_kept() {
    let app = TestApp::start().await;
    let with = |id: &str| send(app.call(Method::GET, "/otp/abc").header("x-request-id", id.to_owned()));
    for id in ["a", "req-42_x.y:z", "0198f3a2-7c1e-7abc-8def-01234a6789ab", &"x".repeat(64)] {
        assert_eq!(with(id).await.header("x-request-id"), Some(id));
    }
    let long = "x".repeat(65);
    for id in ["", " ", "a b", "a\"b", "{}", "<script>", "15551234567", "call-15551234567", &long] {
        let reply = with(id).await;
        let given = reply.header("x-request-id").unwrap();
        assert_ne!(given, id);
        assert!(given.parse::<uuid::Uuid>().is_ok(), "{given}");
    }
    let (one, other) = (app.request("abc").await, app.request("abc").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    app.finish().await;
}

#[tokio::test]
async fn a_uuid_is_kept_whatever_its_digits() {
    let app = TestApp::start().await;
    for id in ["4fa85f64-5717-4562-b3fc-123456789012", "0123456789012345678901234567890a"] {
        let reply = send(app.call(Method::GET, "/otp/abc").header("x-request-id", id)).await;
        assert_eq!(reply.header("x-request-id"), Some(id));
    }
    app.finish().await;
}

#[tokio::test]
async fn http_1_1_needs_exactly_one_host() {
    let app = TestApp::start().await;
    let request = |version: &str, hosts: &str| {
        app.raw(format!("GET /otp/{PHONE} HTTP/{version}\r\n{hosts}X-Request-Id: of-this\r\nConnection: close\r\n\r\n"))
    };
    for (version, hosts) in [
        ("1.1", ""),
        ("1.1", "Host: a\r\nHost: b\r\n"),
        ("1.1", "Host: a\r\nHost: a\r\n"),
        ("1.0", "Host: a\r\nHost: b\r\n"),
    ] {
        let reply = request(version, hosts).await;
        reply.is(400, "A request needs exactly one Host header.");
        assert_eq!(reply.header("x-request-id"), Some("of-this"));
    }
    assert_untouched(&app).await;
    request("1.0", "").await.is(200, "OK");
    request("1.1", "Host:\r\n").await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn the_two_calls_can_be_turned_off() {
    let log = logs::capture();
    let app = TestApp::builder().set("sample.enabled", "false").start().await;
    assert!(log.has_line(&["WARN", "nobody can call this service"]), "there is no key either");
    for path in ["/otp/15551234567", "/OTP/15551234567/", "/otp/abc"] {
        for method in [Method::GET, Method::POST, Method::PUT] {
            send(app.call(method, path)).await.is(404, "Not found: the calls at /otp/{phone} are turned off.");
        }
    }
    // A path without a route is then presented as in the verification API.
    let api = app.api_without_key();
    api.send(api.call(Method::GET, "/other")).await.fails(404, "not_found");
    assert_untouched(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn two_spellings_of_one_whatsapp_account_share_code_and_limits() {
    let app = TestApp::builder().set("limits.per_phone", "3/1h").start().await;
    for (former, current) in [("+55 11 8888-7777", "5511988887777"), ("+52 1 55 1234 5678", "525512345678")] {
        app.request(former).await.is(200, "OK");
        let code = app.code(current);
        app.verify(current, &code).await.is(200, "OK");
        app.request(current).await.is(200, "OK");
        let code = app.code(current);
        app.verify(former, &code).await.is(200, "OK");
        app.request(former).await.is(200, "OK");
        assert_eq!([app.request(former).await.status, app.request(current).await.status], [429, 429], "{former}");
        assert_eq!(app.messages_to(current), 3);
    }
    app.get("/otp/++15551234567").await.is(400, says::INVALID_PHONE);
    app.finish().await;
}
