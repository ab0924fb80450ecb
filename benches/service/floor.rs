//! Floors for the service: the same framework and runtime that do nothing, or only run the script.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use clap::ValueEnum;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{IntoConnectionInfo, Script};
use serde_json::json;
use whatsapp_otp::otp::DigestKey;
use whatsapp_otp_simulator::SimulatorSettings;

use crate::stage::SECRET;

macro_rules! script {
    ($name:literal) => {
        concat!(
            include_str!("../../src/store/redis/decisions/lua/prelude.lua"),
            "\n",
            include_str!(concat!("../../src/store/redis/decisions/lua/", $name, ".lua"))
        )
    };
}

/// The scripts as the service runs them.
const FIND: &str = script!("find");
pub const VERIFY: &str = script!("verify");
const RESERVE: &str = script!("reserve");

/// The digest of every guess here, which differs from that of any code that the service stored.
const DIGEST: &str = "00000000000000000000000000000000ffffffffffffffffffffffffffffffff";
const SEND_TIME_MS: u32 = 15_000;
const HOUR_MS: u32 = 3_600_000;
const DAY_MS: u32 = 86_400_000;

/// A server that does next to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Floor {
    /// `GET /` is answered with a greeting.
    Hello,
    /// `POST /otp/{phone}` runs EVALSHA with the find script and with the verify script; `GET` runs it with the reserve
    /// script and makes the same call to WhatsApp as the service.
    Script,
}

impl Floor {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Script => "script",
        }
    }
}

/// The prefix of a phone that skips the call to WhatsApp.
pub const RESERVE_ONLY: &str = "/reserve/";

/// Serves until the process ends, on the same runtime as the service.
pub fn serve(kind: Floor, listen: SocketAddr, redis: String, whatsapp: String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let router = match kind {
            Floor::Hello => Router::new().route("/", get(async || "Hello, World!")),
            Floor::Script => {
                let route = get(reserve_and_send).post(verify);
                let router = Router::new().route("/otp/{phone}", route);
                let router = router.route(&format!("{RESERVE_ONLY}{{phone}}"), get(reserve_only));
                router.with_state(Bare::connect(redis, whatsapp).await)
            }
        };
        axum::serve(tokio::net::TcpListener::bind(listen).await.unwrap(), router).await.unwrap();
    });
}

#[derive(Clone)]
struct Bare {
    redis: MultiplexedConnection,
    find: Script,
    verify: Script,
    reserve: Script,
    secret_id: String,
    http: reqwest::Client,
    messages: String,
    authorization: String,
}

impl Bare {
    async fn connect(redis: String, whatsapp: String) -> Self {
        whatsapp_otp::cli::install_tls_provider();
        let info = redis.into_connection_info().unwrap();
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = redis::Client::open(info).unwrap();
        let account = SimulatorSettings::default();
        Self {
            redis: client.get_multiplexed_async_connection().await.unwrap(),
            find: Script::new(FIND),
            verify: Script::new(VERIFY),
            reserve: Script::new(RESERVE),
            secret_id: DigestKey::new(SECRET.into()).unwrap().id().as_str().to_owned(),
            http: reqwest::Client::builder().build().unwrap(),
            messages: format!("{whatsapp}/v21.0/{}/messages", account.phone_number_id),
            authorization: format!("Bearer {}", account.access_token),
        }
    }
}

async fn verify(State(mut bare): State<Bare>, Path(phone): Path<String>) -> (StatusCode, String) {
    // Ten phones share an address, as in the service's load.
    let address = &phone[..phone.len() - 1];
    let [code, failures, guessers] = ["code", "failures", "guessers"].map(|name| format!("otp:v1:{{{phone}}}:{name}"));
    let mut call = bare.find.key(format!("otp:v1:{{ip:{address}}}:checks"));
    call.key(&code).key(&failures).key(&guessers).arg("address phone").arg(10_000).arg(HOUR_MS);
    call.arg(15).arg(DAY_MS).arg(address).arg(SEND_TIME_MS).arg("");
    let (found, _, _, live): (String, String, u64, Vec<String>) = call.invoke_async(&mut bare.redis).await.unwrap();
    let Some(id) = live.first() else { return (StatusCode::UNAUTHORIZED, found) };
    let mut call = bare.verify.key(&code);
    call.key(&failures).key(&guessers).arg(15).arg(DAY_MS).arg(10).arg(address).arg(SEND_TIME_MS).arg("");
    let (verdict, _, _): (String, String, u64) = call.arg(id).arg(DIGEST).invoke_async(&mut bare.redis).await.unwrap();
    let status = if verdict == "accepted" { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    (status, verdict)
}

async fn reserve_only(State(mut bare): State<Bare>, Path(phone): Path<String>) {
    bare.reserve(&phone).await;
}

async fn reserve_and_send(State(mut bare): State<Bare>, Path(phone): Path<String>) -> StatusCode {
    let id = bare.reserve(&phone).await;
    let text = json!({ "type": "text", "text": "123456" });
    let message = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": format!("+{phone}"),
        "type": "template",
        "biz_opaque_callback_data": id,
        "template": {
            "name": "otp_login",
            "language": { "code": "en_US", "policy": "deterministic" },
            "components": [
                { "type": "body", "parameters": [text] },
                { "type": "button", "sub_type": "url", "index": "0", "parameters": [text] },
            ],
        },
    });
    let request = bare.http.post(&bare.messages).header("Authorization", &bare.authorization).json(&message);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    answer.bytes().await.unwrap();
    status
}

impl Bare {
    /// Runs the reserve script, and returns the record's id.
    async fn reserve(&mut self, phone: &str) -> String {
        // A tenth of the phones share an address, as in the service's load.
        let mut call = self.reserve.key(format!("otp:v1:{{ip:{}}}:sends", &phone[..phone.len() - 1]));
        call.key(format!("otp:v1:{{{phone}}}:code"));
        call.key(format!("otp:v1:{{{phone}}}:sends")).key(format!("otp:v1:{{{phone}}}:failures"));
        call.key(format!("otp:v1:{{{phone}}}:guessers"));
        let id = format!("bare-{phone}");
        call.arg("address phone").arg(&id).arg(DIGEST).arg(&self.secret_id);
        call.arg(3).arg(300_000).arg(600_000).arg(5).arg(HOUR_MS).arg(30_000).arg(60).arg(HOUR_MS).arg(15).arg(DAY_MS);
        call.arg(0).arg(0).arg(0).arg(0).arg(SEND_TIME_MS).arg("").arg("");
        call.invoke_async::<redis::Value>(&mut self.redis).await.unwrap();
        id
    }
}
