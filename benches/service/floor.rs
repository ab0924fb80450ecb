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
use whatsapp_otp::otp::OtpSecret;
use whatsapp_otp_simulator::SimulatorSettings;

use crate::stage::SECRET;

macro_rules! script {
    ($($part:literal)*) => {
        concat!($(include_str!(concat!("../../src/store/redis/decisions/lua/", $part, ".lua")), "\n",)*)
    };
}

/// The scripts as the service runs them.
const FIND: &str = script!(
    "parts/arguments" "parts/clock" "parts/history" "parts/moments" "parts/slices" "parts/counters" "parts/failures"
    "parts/tell" "parts/verifications" "find"
);
pub const CHECK: &str = script!(
    "parts/arguments" "parts/clock" "parts/history" "parts/moments" "parts/slices" "parts/counters" "parts/failures"
    "parts/tell" "parts/verifications" "parts/checks" "check"
);
const CREATE: &str = script!(
    "parts/arguments" "parts/clock" "parts/history" "parts/moments" "parts/slices" "parts/counters" "parts/uses"
    "parts/pace" "parts/failures" "parts/tell" "parts/verifications" "parts/resends" "parts/timers" "create"
);

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
    /// `POST /otp/{phone}` runs EVALSHA with the find script and with the check script; `GET` runs it with the create
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
pub const CREATE_ONLY: &str = "/create/";

/// Serves until the process ends, on the same runtime as the service.
pub fn serve(kind: Floor, listen: SocketAddr, redis: String, whatsapp: String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let router = match kind {
            Floor::Hello => Router::new().route("/", get(async || "Hello, World!")),
            Floor::Script => {
                let route = get(create_and_send).post(verify);
                let router = Router::new().route("/otp/{phone}", route);
                let router = router.route(&format!("{CREATE_ONLY}{{phone}}"), get(create_only));
                let router = router.route("/check/{phone}/{id}/{guess}", get(check));
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
    check: Script,
    create: Script,
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
            check: Script::new(CHECK),
            create: Script::new(CREATE),
            secret_id: OtpSecret::new(SECRET.into()).unwrap().id().as_str().to_owned(),
            http: reqwest::Client::builder().build().unwrap(),
            messages: format!("{whatsapp}/v21.0/{}/messages", account.phone_number_id),
            authorization: format!("Bearer {}", account.access_token),
        }
    }
}

async fn verify(State(mut bare): State<Bare>, Path(phone): Path<String>) -> (StatusCode, String) {
    // Ten phones share an address, as in the service's load.
    let address = &phone[..phone.len() - 1];
    let number = ["verification:default", "failures", "guessers"].map(|name| format!("otp:v2:{{{phone}}}:{name}"));
    let mut call = bare.find.key(format!("otp:v2:{{ip:{address}}}:checks"));
    call.arg(1).arg("moments").arg(1).arg("checks_per_ip").arg(10_000).arg(HOUR_MS).key(&number).arg(1);
    call.arg(15).arg(DAY_MS).arg(10).arg(address).arg(SEND_TIME_MS).arg("");
    let (found, _, _, pending): (String, String, u64, Vec<String>) = call.invoke_async(&mut bare.redis).await.unwrap();
    let Some(id) = pending.first() else { return (StatusCode::UNAUTHORIZED, found) };
    let mut call = bare.check.arg(0);
    call.key(&number).arg(15).arg(DAY_MS).arg(10).arg(address).arg(SEND_TIME_MS).arg("");
    call.arg("").arg("").arg("").arg(id).arg(DIGEST).arg("");
    let verdict: Verdict = call.invoke_async(&mut bare.redis).await.unwrap();
    let status = if verdict.0 == "approved" { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    (status, verdict.0)
}

/// The check script's answer.
type Verdict = (String, String, u64, Vec<String>, u8);

/// Runs the check script alone, as for a check by id, with a digest that contains this guess.
async fn check(
    State(mut bare): State<Bare>,
    Path((phone, id, guess)): Path<(String, String, String)>,
) -> (StatusCode, String) {
    let address = &phone[..phone.len() - 1];
    let number = ["verification:default", "failures", "guessers"].map(|name| format!("otp:v2:{{{phone}}}:{name}"));
    let mut call = bare.check.key(format!("otp:v2:{{ip:{address}}}:checks"));
    call.arg(1).arg("moments").arg(1).arg("checks_per_ip").arg(10_000).arg(HOUR_MS).key(&number);
    call.arg(15).arg(DAY_MS).arg(10).arg(address).arg(SEND_TIME_MS).arg("");
    call.arg(&id).arg("1").arg("").arg(&id).arg(format!("{guess:0>32}")).arg("");
    let verdict: Verdict = call.invoke_async(&mut bare.redis).await.unwrap();
    (StatusCode::UNPROCESSABLE_ENTITY, verdict.0)
}

async fn create_only(State(mut bare): State<Bare>, Path(phone): Path<String>) {
    bare.create(&phone).await;
}

async fn create_and_send(State(mut bare): State<Bare>, Path(phone): Path<String>) -> StatusCode {
    let id = bare.create(&phone).await;
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
    /// Runs the create script, and returns the verification's id.
    async fn create(&mut self, phone: &str) -> String {
        // A tenth of the phones share an address, as in the service's load.
        let address = &phone[..phone.len() - 1];
        let mut call = self.create.arg(2);
        call.key(format!("otp:v2:{{ip:{address}}}:sends"));
        call.arg("moments").arg(1).arg("per_ip").arg(60).arg(HOUR_MS);
        call.key(format!("otp:v2:{{{phone}}}:sends"));
        call.arg("moments").arg(2).arg("per_phone").arg(5).arg(HOUR_MS).arg("resend_cooldown").arg(1).arg(1);
        call.arg(0).arg(0).arg("").arg(1);
        for name in ["verification:default", "failures", "guessers"] {
            call.key(format!("otp:v2:{{{phone}}}:{name}"));
        }
        let id = format!("ver_bare-{phone:0>21}");
        call.arg(15).arg(DAY_MS).arg(10).arg("").arg(&id).arg(DIGEST).arg(&self.secret_id);
        call.arg(3).arg(300_000).arg(600_000).arg(SEND_TIME_MS).arg("").arg("").arg("").arg("").arg("");
        call.invoke_async::<redis::Value>(&mut self.redis).await.unwrap();
        id
    }
}
