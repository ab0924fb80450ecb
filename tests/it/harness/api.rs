//! A client of the verification API that checks every answer before a test sees it, and the keys it presents.

use std::collections::HashSet;
use std::ops::Index;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use rand::rngs::SysRng;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use whatsapp_otp::otp::{self, KeyKind};

use super::reply::Client;

/// The members of a resource that every key sees.
const ALWAYS: [&str; 9] =
    ["id", "app", "status", "to_masked", "channel", "created_at", "expires_at", "attempts_left", "code_length"];
/// The members that a resource may have besides.
const SOMETIMES: [&str; 5] = ["locale", "reference", "approved_at", "resend_at", "proof"];
/// The members that only backends see. `metadata` may be absent.
const FOR_BACKENDS: [&str; 4] = ["to", "metadata", "sends_left", "deliveries"];
/// The members of every problem.
const PROBLEM: [&str; 6] = ["type", "title", "status", "detail", "code", "request_id"];
/// The members that a problem may have besides.
const PROBLEM_SOMETIMES: [&str; 7] =
    ["instance", "id", "verification_status", "attempts_left", "limit", "retry_after_seconds", "errors"];
/// The example in the problem about a number that is none.
const EXAMPLE: &str = "such as +15551234567";

/// An API key of a test.
#[derive(Clone)]
pub struct ApiKey {
    pub kind: KeyKind,
    drawn: Arc<otp::ApiKey>,
}

impl ApiKey {
    /// Makes a key that no other test has.
    pub fn new(kind: KeyKind) -> Self {
        Self { kind, drawn: Arc::new(otp::ApiKey::draw(kind, &mut SysRng).unwrap()) }
    }

    pub fn text(&self) -> &str {
        self.drawn.expose()
    }

    /// Returns the settings that accept it.
    pub fn settings(&self, name: &str, apps: &str) -> [(String, String); 3] {
        let sha256 = HEXLOWER.encode(&self.drawn.sha256());
        [("kind", self.kind.as_str()), ("apps", apps), ("sha256", &sha256)]
            .map(|(member, value)| (format!("keys.{name}.{member}"), value.to_owned()))
    }
}

/// The bodies of all answers of a test.
#[derive(Clone, Default)]
pub struct Bodies(Arc<Mutex<Vec<String>>>);

impl Bodies {
    fn keep(&self, body: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(body.to_owned());
    }

    /// Asserts that no answer contained a code.
    pub fn have_no_code(&self, codes: &[String]) {
        let codes: HashSet<&str> = codes.iter().map(String::as_str).collect();
        for body in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            for run in body.split(|c: char| !c.is_ascii_alphanumeric()) {
                assert!(!codes.contains(run), "a code in an answer: {body}");
            }
        }
    }
}

/// Calls the verification API of one instance with one key.
#[derive(Clone)]
pub struct Api {
    client: Client,
    key: Option<ApiKey>,
    bodies: Bodies,
}

/// An answer that has kept the promises of all answers of the verification API.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub json: Value,
    pub headers: HeaderMap,
    /// The time from the first byte sent to the last one received.
    pub took: Duration,
}

impl Api {
    pub fn new(client: Client, key: Option<ApiKey>, bodies: Bodies) -> Self {
        Self { client, key, bodies }
    }

    /// Returns the same client with another key.
    pub fn with(&self, key: ApiKey) -> Self {
        Self { key: Some(key), ..self.clone() }
    }

    /// Returns the same caller, who calls another address.
    pub fn at(&self, client: Client) -> Self {
        Self { client, ..self.clone() }
    }

    /// Returns the same client, over HTTP/2.
    pub fn over_http2(&self) -> Self {
        Self { client: self.client.over_http2(), ..self.clone() }
    }

    /// Sends the bytes unchanged, with the key in a header before them, and checks the answer.
    pub async fn raw(&self, start: &str, rest: &str) -> Answer {
        let key = self.key.as_ref().expect("a key").text();
        let head = format!("{start} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n{rest}");
        let began = Instant::now();
        let (status, headers, body) = self.client.raw_parts(head).await;
        self.checked(status, headers, &body, began.elapsed())
    }

    /// Starts a request with the key, to complete and to [`send`](Self::send).
    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let call = self.client.call(method, path);
        match &self.key {
            None => call,
            Some(key) => call.header(AUTHORIZATION, format!("Bearer {}", key.text())),
        }
    }

    /// Starts a `POST` of JSON.
    pub fn posting(&self, path: &str, body: impl Into<String>) -> RequestBuilder {
        self.call(Method::POST, path).header(CONTENT_TYPE, "application/json").body(body.into())
    }

    /// Sends a request and checks the answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// Sends a request to an instance that may not answer.
    pub async fn try_send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let began = Instant::now();
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await?;
        Ok(self.checked(status, headers, &body, began.elapsed()))
    }

    fn checked(&self, status: u16, headers: HeaderMap, body: &str, took: Duration) -> Answer {
        let json = serde_json::from_str(body).unwrap_or_else(|error| panic!("{status} {error}: {body}"));
        self.bodies.keep(body);
        let answer = Answer { status, json, headers, took };
        answer.keeps_the_promises(self.key.as_ref());
        answer
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.posting(path, body.to_string())).await
    }

    /// `POST` of JSON with an idempotency key.
    pub async fn once(&self, idempotency_key: &str, path: &str, body: &Value) -> Answer {
        self.send(self.posting(path, body.to_string()).header("idempotency-key", idempotency_key)).await
    }

    /// Creates a verification of this number, or resumes it.
    pub async fn create(&self, to: &str) -> Answer {
        self.create_with(&json!({ "to": to })).await
    }

    pub async fn create_with(&self, body: &Value) -> Answer {
        self.post("/v1/verifications", body).await
    }

    pub async fn get(&self, id: &str) -> Answer {
        self.send(self.call(Method::GET, &format!("/v1/verifications/{id}"))).await
    }

    pub async fn check(&self, id: &str, code: &str) -> Answer {
        self.post(&check(id), &json!({ "code": code })).await
    }

    pub async fn check_by_number(&self, to: &str, code: &str) -> Answer {
        self.post("/v1/verifications/check", &json!({ "to": to, "code": code })).await
    }

    pub async fn resend(&self, id: &str) -> Answer {
        self.send(self.call(Method::POST, &resend(id))).await
    }

    pub async fn cancel(&self, id: &str) -> Answer {
        self.send(self.call(Method::POST, &format!("/v1/verifications/{id}/cancel"))).await
    }
}

/// Returns the path of a check.
pub fn check(id: &str) -> String {
    format!("/v1/verifications/{id}/check")
}

/// Returns the path of a resend.
pub fn resend(id: &str) -> String {
    format!("/v1/verifications/{id}/resend")
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, member: &str) -> &Value {
        &self.json[member]
    }
}

impl Answer {
    /// Returns a member that is text.
    #[track_caller]
    pub fn text(&self, member: &str) -> &str {
        self.json[member].as_str().unwrap_or_else(|| panic!("no text {member}: {self:?}"))
    }

    /// Returns the id of the verification.
    #[track_caller]
    pub fn id(&self) -> String {
        self.text("id").to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?.to_str().unwrap();
        assert!(values.next().is_none(), "{name} twice");
        Some(first)
    }

    /// Asserts that the answer is a verification with this HTTP status and in this state.
    #[track_caller]
    pub fn shows(&self, status: u16, state: &str) -> &Self {
        assert_eq!((self.status, self.json["status"].as_str()), (status, Some(state)), "{self:?}");
        self
    }

    /// Asserts that the answer is this problem.
    #[track_caller]
    pub fn fails(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{self:?}");
        self
    }

    /// Asserts that members of the body are to blame, and returns their pointers.
    #[track_caller]
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array().unwrap_or_else(|| panic!("no errors: {self:?}"));
        errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
    }

    /// Returns the seconds after which to try again.
    #[track_caller]
    pub fn retry_after(&self) -> u64 {
        self.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {self:?}")).parse().unwrap()
    }

    /// Asserts that the answer came within `bound`.
    #[track_caller]
    pub fn within(&self, bound: Duration) -> &Self {
        assert!(self.took <= bound, "{} took {:?}, more than {bound:?}", self.status, self.took);
        self
    }

    /// Checks the promises of every answer to the holder of this key.
    fn keeps_the_promises(&self, key: Option<&ApiKey>) {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let id = self.header("x-request-id").unwrap_or_else(|| panic!("no X-Request-Id: {self:?}"));
        assert!((1..=64).contains(&id.len()), "{id}");
        if let Some(key) = key {
            assert!(!self.json.to_string().contains(key.text()), "the key in an answer: {self:?}");
        }
        let fields = ["ratelimit", "ratelimit-policy"].map(|name| self.header(name).is_some());
        assert_eq!(fields[0], fields[1], "{self:?}");
        let is_for_backend = key.is_some_and(|key| key.kind.is_backend());
        assert!(is_for_backend || !fields[0], "{self:?}");
        if self.status < 300 {
            self.is_a_verification(key.expect("success needs a key").kind);
        } else {
            self.is_a_problem(id);
        }
    }

    fn members(&self) -> HashSet<&str> {
        self.json.as_object().expect("an object").keys().map(String::as_str).collect()
    }

    fn is_a_verification(&self, viewer: KeyKind) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let members = self.members();
        let expected =
            ALWAYS.into_iter().chain(["test"]).chain(FOR_BACKENDS.into_iter().filter(|_| viewer.is_backend()));
        for member in expected.clone().filter(|member| *member != "metadata") {
            assert!(members.contains(member), "no {member}: {self:?}");
        }
        let known: HashSet<_> = expected.chain(SOMETIMES).collect();
        assert!(members.is_subset(&known), "{:?} too many: {self:?}", members.difference(&known));
        assert!(!self.json.as_object().unwrap().values().any(Value::is_null), "null: {self:?}");

        let id = self.id();
        assert!(id.len() == 30 && id.starts_with("ver_"), "{id}");
        let location = (self.status == 201).then(|| format!("/v1/verifications/{id}"));
        assert_eq!(self.header("location").map(str::to_owned), location, "{self:?}");
        assert!(matches!(self.status, 200 | 201), "{self:?}");
        assert_eq!(self.header("retry-after"), None, "{self:?}");
        assert_eq!(self.json["test"], viewer == KeyKind::Test, "{self:?}");
        let state = self.text("status");
        assert!(["pending", "approved", "failed", "expired", "canceled"].contains(&state), "{state}");
        assert_eq!(members.contains("approved_at"), state == "approved", "{self:?}");
        assert!(state == "approved" || !members.contains("proof"), "{self:?}");
        assert!(state == "pending" || !members.contains("resend_at"), "{self:?}");
        for moment in ["created_at", "expires_at", "approved_at", "resend_at"] {
            if members.contains(moment) {
                // Whole seconds in UTC.
                let text = self.text(moment);
                assert!(text.len() == 20 && text.ends_with('Z'), "{text}");
            }
        }
        assert!(self.text("to_masked").contains("*****"), "{self:?}");
        if !viewer.is_backend() {
            assert!(!has_number(&self.json.to_string()), "a whole number for a client: {self:?}");
        }
    }

    fn is_a_problem(&self, request_id: &str) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let members = self.members();
        for member in PROBLEM {
            assert!(members.contains(member), "no {member}: {self:?}");
        }
        let known: HashSet<_> = PROBLEM.into_iter().chain(PROBLEM_SOMETIMES).collect();
        assert!(members.is_subset(&known), "{:?} too many: {self:?}", members.difference(&known));
        let code = self.text("code");
        assert!(self.text("type").ends_with(&format!("/problems/{code}")), "{self:?}");
        assert_eq!((&self.json["status"], self.text("request_id")), (&json!(self.status), request_id), "{self:?}");
        assert!(!self.text("title").is_empty() && self.text("detail").len() > 10, "{self:?}");
        let waits = matches!(self.status, 429 | 503) || code == "idempotency_in_progress";
        let seconds = self.header("retry-after").map(|seconds| seconds.parse::<u64>().expect("seconds"));
        assert_eq!(waits, seconds.is_some_and(|seconds| seconds > 0), "{self:?}");
        assert_eq!(self.json.get("retry_after_seconds").and_then(Value::as_u64), seconds, "{self:?}");
        let challenge = (self.status == 401).then_some("Bearer");
        assert_eq!(self.header("www-authenticate"), challenge, "{self:?}");
        let text = self.json.to_string().replace(EXAMPLE, "");
        assert!(!has_number(&text), "a whole number in a problem: {self:?}");
    }
}

/// Returns `true` if a text has a whole number of the kind that tests use.
pub fn has_number(text: &str) -> bool {
    let is_number = |run: &str| run.len() >= 11 && run.starts_with("1555") && run.bytes().all(|b| b.is_ascii_digit());
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_number)
}
