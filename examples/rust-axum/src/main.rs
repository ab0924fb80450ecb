//! A sign-in by phone number: the browser calls this backend, and only this backend calls whatsapp-otp.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_sessions::cookie::SameSite;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use uuid::Uuid;

/// Returns the sentence for people. Any other code is a fault of this program or its settings.
fn message(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_phone_number" => "Check the number. It starts with + and the country code.",
        "destination_not_allowed" => "This number cannot be used.",
        "send_failed" => "WhatsApp refused the message. Check the number.",
        "invalid_request" => "Check what you entered.",
        "code_incorrect" => "That is not the code.",
        "attempts_exhausted" => "That is not the code. Request a new one.",
        "verification_expired" => "The code has expired. Request a new one.",
        "verification_not_pending" | "verification_not_found" => "The code is no longer valid. Request a new one.",
        "resend_too_soon" => "The code is on its way. Wait a moment.",
        "too_many_sends" => "This number has received too many codes. Try again later.",
        "too_many_failures" => "There were too many wrong codes. Try again later.",
        "rate_limited" => "There were too many requests. Try again later.",
        "unavailable" => "This does not work at the moment. Try again.",
        _ => return None,
    })
}

#[derive(Clone)]
struct Otp {
    client: reqwest::Client,
    url: String,
    key: String,
}

impl Otp {
    /// Calls whatsapp-otp. The Idempotency-Key makes it safe to repeat a call whose answer was lost.
    async fn call(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let repetition = Uuid::new_v4().to_string();
        for _ in 0..3 {
            match self.attempt(path, &body, &repetition).await {
                Ok((_, json)) if json["code"] == "idempotency_in_progress" => {}
                Ok(answer) => return answer,
                Err(error) => eprintln!("no answer from whatsapp-otp: {error}"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        (StatusCode::SERVICE_UNAVAILABLE, json!({"code": "unavailable", "retry_after_seconds": 1}))
    }

    async fn attempt(&self, path: &str, body: &Value, repetition: &str) -> reqwest::Result<(StatusCode, Value)> {
        let request = self.client.post(format!("{}/v1/verifications{path}", self.url)).bearer_auth(&self.key);
        let answer = request.header("Idempotency-Key", repetition).json(body).send().await?;
        Ok((answer.status(), answer.json().await?))
    }
}

/// An answer other than success.
struct Refusal(StatusCode, Value);

impl From<(StatusCode, Value)> for Refusal {
    fn from((status, problem): (StatusCode, Value)) -> Self {
        let code = problem["code"].as_str().unwrap_or_default();
        let Some(message) = message(code) else {
            eprintln!("whatsapp-otp answered {status}: {problem}");
            return internal();
        };
        let (left, wait) = (&problem["attempts_left"], &problem["retry_after_seconds"]);
        Self(status, json!({"error": code, "message": message, "attempts_left": left, "retry_after_seconds": wait}))
    }
}

impl From<tower_sessions::session::Error> for Refusal {
    fn from(error: tower_sessions::session::Error) -> Self {
        eprintln!("no session: {error}");
        internal()
    }
}

fn internal() -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, json!({"error": "internal_error", "message": "Something went wrong."}))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let wait = self.1["retry_after_seconds"].as_u64().map(|seconds| [(RETRY_AFTER, seconds.to_string())]);
        (self.0, wait, Json(self.1)).into_response()
    }
}

type Answer = Result<Json<Value>, Refusal>;
/// The address of the connection: behind a reverse proxy, use the one that the proxy states.
type Peer = ConnectInfo<SocketAddr>;

#[derive(Deserialize)]
struct Number {
    number: String,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

async fn sign_in(State(otp): State<Otp>, Peer { 0: peer }: Peer, session: Session, Json(body): Json<Number>) -> Answer {
    let to: String = body.number.chars().filter(|c| !c.is_whitespace() && !"().-".contains(*c)).collect();
    let (status, json) = otp.call("", json!({"to": to, "client": {"ip": peer.ip()}})).await;
    if status != StatusCode::CREATED && status != StatusCode::OK {
        return Err((status, json).into());
    }
    // Kept here, so that nobody can enter codes for another's sign-in.
    session.insert("verification", &json["id"]).await?;
    Ok(Json(json!({"to": json["to_masked"], "resend_at": json["resend_at"], "expires_at": json["expires_at"]})))
}

async fn resend(State(otp): State<Otp>, Peer { 0: peer }: Peer, session: Session) -> Answer {
    let path = format!("/{}/resend", started(&session).await?);
    let (status, json) = otp.call(&path, json!({"client": {"ip": peer.ip()}})).await;
    if status != StatusCode::OK {
        return Err((status, json).into());
    }
    Ok(Json(json!({"to": json["to_masked"], "resend_at": json["resend_at"], "expires_at": json["expires_at"]})))
}

async fn code(State(otp): State<Otp>, Peer { 0: peer }: Peer, session: Session, Json(body): Json<Code>) -> Answer {
    let path = format!("/{}/check", started(&session).await?);
    let (status, json) = otp.call(&path, json!({"code": body.code, "client": {"ip": peer.ip()}})).await;
    // 200 means that the code is right, and nothing else does.
    if status != StatusCode::OK {
        return Err((status, json).into());
    }
    // A new session: nobody else may know its ID.
    session.flush().await?;
    session.insert("number", &json["to"]).await?;
    Ok(Json(json!({"number": json["to"]})))
}

async fn me(session: Session) -> Answer {
    let number = session.get::<String>("number").await?;
    let number = number.ok_or_else(|| refusal(StatusCode::UNAUTHORIZED, "not_signed_in", "Sign in first."))?;
    Ok(Json(json!({"number": number})))
}

async fn started(session: &Session) -> Result<String, Refusal> {
    let verification = session.get("verification").await?;
    verification.ok_or_else(|| refusal(StatusCode::CONFLICT, "not_started", "Enter your number first."))
}

fn refusal(status: StatusCode, error: &str, message: &str) -> Refusal {
    Refusal(status, json!({"error": error, "message": message}))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider().install_default().ok().context("TLS")?;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
    let url = env::var("OTP_URL").unwrap_or_else(|_| "http://127.0.0.1:3000".to_owned());
    let otp = Otp { client, url, key: env::var("OTP_KEY").context("OTP_KEY")? };
    // Leave out with_secure once this is behind HTTPS.
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_same_site(SameSite::Lax).with_secure(false);
    let app = Router::new()
        .route("/sign-in", post(sign_in))
        .route("/sign-in/resend", post(resend))
        .route("/sign-in/code", post(code))
        .route("/me", get(me))
        .layer(sessions)
        .with_state(otp);
    let port = env::var("PORT").unwrap_or_else(|_| "8003".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
