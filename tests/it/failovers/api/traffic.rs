//! Callers of the verification API: backends that create, check, repeat and resend, on two instances.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use whatsapp_otp_simulator::{InboxMessage, Simulator};

use super::history::{Answer, Call, History, Message, Request};
use crate::failovers::traffic::INSTANCES;
use crate::harness::app::TestAppBuilder;
use crate::harness::reply::{Client, wrong};

/// The time between two messages for a verification: short, so that callers come to the end of it.
pub const RESEND_COOLDOWN: Duration = Duration::from_secs(1);
/// `otp.max_sends`.
pub const MAX_SENDS: usize = 3;

/// The number of phones in use at any time.
pub const CALLERS: u64 = 6;
/// The first of its phones, after `1555`.
const FIRST_PHONE: u32 = 5_000_000;
/// The number of phones that share an address.
const PHONES_PER_ADDRESS: u32 = 3;
/// The time for which a phone is used. It spans a failover.
const LIFE: Duration = Duration::from_secs(7);
const KEY: &str = "the-key-of-a-backend-in-the-failover-tests";

/// Adds an app whose limits no other caller has, and a key for it.
pub fn configured(app: TestAppBuilder) -> TestAppBuilder {
    app.set("apps.shop.limits.resend_cooldown", &format!("{}s", RESEND_COOLDOWN.as_secs()))
        .set("apps.shop.otp.max_sends", &MAX_SENDS.to_string())
        .set("keys.backend.kind", "server")
        .set("keys.backend.apps", "shop")
        .set("keys.backend.sha256", &data_encoding::HEXLOWER.encode(&Sha256::digest(KEY)))
}

/// Returns the address that a phone's codes are requested for.
pub fn address_of(phone: &str) -> String {
    let group = (phone["1555".len()..].parse::<u32>().unwrap() - FIRST_PHONE) / PHONES_PER_ADDRESS;
    format!("198.19.{}.{}", group / 250, group % 250)
}

/// The state that callers share.
pub struct Callers {
    began: (Instant, Timestamp),
    clients: [Client; INSTANCES],
    simulator: Simulator,
    history: Mutex<History>,
    next_phone: AtomicU32,
    next_key: AtomicU32,
    stop: AtomicBool,
}

/// A verification with its code, as its phone shows it.
#[derive(Clone)]
struct Pending {
    phone: String,
    id: String,
    code: String,
}

impl Callers {
    pub fn new(began: Instant, clients: [Client; INSTANCES], simulator: Simulator) -> Arc<Self> {
        Arc::new(Self {
            began: (began, Timestamp::now() - began.elapsed()),
            clients,
            simulator,
            history: Mutex::default(),
            next_phone: AtomicU32::new(0),
            next_key: AtomicU32::new(0),
            stop: AtomicBool::new(false),
        })
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Returns the record so far.
    pub fn taken(&self) -> History {
        std::mem::take(&mut *self.history())
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Takes note of a message if it is one for these callers.
    pub fn note(&self, message: &InboxMessage) -> bool {
        let phone = message.to.trim_start_matches('+');
        let number = phone.strip_prefix("1555").and_then(|rest| rest.parse::<u32>().ok());
        if number.is_none_or(|number| number < FIRST_PHONE) {
            return false;
        }
        let since_began = message.received_at.duration_since(self.began.1);
        self.history().messages.push(Message {
            phone: phone.to_owned(),
            id: id_of(message),
            code: message.code.clone().expect("a code"),
            arrived: Duration::try_from(since_began).unwrap_or_default(),
        });
        true
    }

    /// Acts out the lives of phones as the seed determines.
    pub async fn call_until_told(self: Arc<Self>, seed: u64) {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        while !self.stopped() {
            let phone = format!("1555{:07}", FIRST_PHONE + self.next_phone.fetch_add(1, Ordering::Relaxed));
            self.live(&phone, &mut random).await;
        }
    }

    /// Creates verifications and checks their codes, then makes the same calls again and again.
    async fn live(&self, phone: &str, random: &mut Xoshiro256PlusPlus) {
        let born = Instant::now();
        let mut known = Vec::new();
        while born.elapsed() < LIFE && !self.stopped() {
            if known.is_empty() || random.random_bool(0.15) {
                self.create_some(phone, random).await;
                if let Some(pending) = self.arrived(phone) {
                    self.use_code(&pending, random).await;
                    known.push(pending);
                }
            }
            if !known.is_empty() {
                let pending = &known[random.random_range(0..known.len())];
                self.try_again(pending, random).await;
            }
            pause(random, 100..400).await;
        }
    }

    /// Creates one, several at once, or the same one again with its key.
    async fn create_some(&self, phone: &str, random: &mut Xoshiro256PlusPlus) {
        let some = random.random_range(0..INSTANCES);
        let mut ids = Vec::new();
        match random.random_range(0..3) {
            0 => {
                ids.push(self.create(phone, some, None).await);
            }
            1 => {
                let create = |instance| self.create(phone, instance, None);
                let (one, two, three, four) = tokio::join!(create(0), create(1), create(0), create(1));
                ids.extend([one, two, three, four]);
            }
            _ => {
                let key = self.new_key();
                let create = |instance| self.create(phone, instance, Some(&key));
                ids.extend(<[_; 2]>::from(tokio::join!(create(0), create(1))));
                ids.push(create(some).await);
            }
        }
        // Which of them are pending shows if there are several.
        let mut ids: Vec<String> = ids.iter().filter_map(|answer| answer.id()).map(str::to_owned).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            self.get(phone, some, &id).await;
        }
    }

    async fn use_code(&self, pending: &Pending, random: &mut Xoshiro256PlusPlus) {
        let some = random.random_range(0..INSTANCES);
        let Pending { code, .. } = pending;
        match random.random_range(0..6) {
            // Enters the right code, after a wrong one that is sent twice.
            0 => {
                let wrong = wrong(code);
                tokio::join!(self.check(pending, 0, &wrong, None), self.check(pending, 1, &wrong, None));
                self.check(pending, some, code, None).await;
            }
            // Sends the right one many times at once, without keys.
            1 => self.check_at_once(pending, [None; 4]).await,
            // With one key, as a client that retries does.
            2 => {
                let key = self.new_key();
                self.check_at_once(pending, [Some(&key); 4]).await;
                self.check(pending, some, code, Some(&key)).await;
                self.check(pending, some, &wrong(code), Some(&key)).await;
            }
            // With two keys, of which one is the first.
            3 => {
                let (one, other) = (self.new_key(), self.new_key());
                self.check_at_once(pending, [Some(&one), Some(&other), Some(&one), Some(&other)]).await;
                let again = |key| self.check(pending, some, code, Some(key));
                tokio::join!(again(&one), again(&other));
            }
            // Enters different wrong codes at once until none is left, and then the right one.
            4 => {
                let (one, two) = (wrong(code), wrong(&wrong(code)));
                let three = wrong(&two);
                let four = wrong(&three);
                let keys = [self.new_key(), self.new_key()];
                tokio::join!(
                    self.check(pending, 0, &one, Some(&keys[0])),
                    self.check(pending, 1, &two, Some(&keys[1])),
                    self.check(pending, 0, &three, None),
                    self.check(pending, 1, &four, None),
                );
                self.check(pending, some, &one, Some(&keys[0])).await;
                self.check(pending, some, code, None).await;
            }
            // Has the code sent again, twice at once, and enters it.
            _ => {
                pause(random, 300..1_500).await;
                tokio::join!(self.resend(pending, 0, None), self.resend(pending, 1, None));
                self.check(pending, some, code, None).await;
            }
        }
    }

    /// Makes a call that was made before, or looks at what became of it.
    async fn try_again(&self, pending: &Pending, random: &mut Xoshiro256PlusPlus) {
        let Pending { phone, id, code } = pending;
        let some = random.random_range(0..INSTANCES);
        match random.random_range(0..6) {
            0 => {
                tokio::join!(self.check(pending, 0, code, None), self.check(pending, 1, code, None));
            }
            1 => {
                let key = self.new_key();
                self.check(pending, some, code, Some(&key)).await;
                self.check(pending, 1 - some, code, Some(&key)).await;
            }
            2 => {
                let key = self.last_key(id);
                self.check(pending, some, code, key.as_deref()).await;
            }
            3 => {
                let key = self.new_key();
                tokio::join!(self.resend(pending, 0, Some(&key)), self.resend(pending, 1, Some(&key)));
            }
            4 => {
                self.get(phone, some, id).await;
                self.check(pending, some, code, None).await;
                self.get(phone, 1 - some, id).await;
            }
            _ => {
                self.get(phone, some, id).await;
            }
        }
    }

    async fn check_at_once(&self, pending: &Pending, keys: [Option<&String>; 4]) {
        let check = |index: usize| {
            let key = keys[index].map(String::as_str);
            self.check(pending, index % INSTANCES, &pending.code, key)
        };
        tokio::join!(check(0), check(1), check(2), check(3));
    }

    fn new_key(&self) -> String {
        format!("key-{}", self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the key of an approval, or that of the last check.
    fn last_key(&self, id: &str) -> Option<String> {
        let history = self.history();
        let checks = || {
            history.requests.iter().rev().filter(|request| {
                request.key.is_some() && matches!(&request.call, Call::Check { id: of, .. } if of == id)
            })
        };
        let approval = checks().find(|request| matches!(request.answer, Answer::Approved { .. }));
        approval.or_else(|| checks().next()).and_then(|request| request.key.clone())
    }

    /// Returns the verification of the message that last arrived on a phone, if there is one.
    fn arrived(&self, phone: &str) -> Option<Pending> {
        let message = self.simulator.latest(phone)?;
        let id = id_of(&message);
        Some(Pending { phone: phone.to_owned(), id, code: message.code? })
    }

    async fn create(&self, phone: &str, instance: usize, key: Option<&str>) -> Answer {
        self.call(phone, instance, Call::Create, key).await
    }

    async fn get(&self, phone: &str, instance: usize, id: &str) -> Answer {
        self.call(phone, instance, Call::Get { id: id.to_owned() }, None).await
    }

    async fn check(&self, pending: &Pending, instance: usize, code: &str, key: Option<&str>) -> Answer {
        let call = Call::Check { id: pending.id.clone(), code: code.to_owned() };
        self.call(&pending.phone, instance, call, key).await
    }

    async fn resend(&self, pending: &Pending, instance: usize, key: Option<&str>) -> Answer {
        self.call(&pending.phone, instance, Call::Resend { id: pending.id.clone() }, key).await
    }

    async fn call(&self, phone: &str, instance: usize, call: Call, key: Option<&str>) -> Answer {
        let client = json!({ "ip": address_of(phone) });
        let (method, path, body) = match &call {
            Call::Create => {
                let body = json!({ "to": format!("+{phone}"), "client": client });
                (Method::POST, "/v1/verifications".to_owned(), Some(body))
            }
            Call::Get { id } => (Method::GET, format!("/v1/verifications/{id}"), None),
            Call::Check { id, code } => {
                let body = json!({ "code": code, "client": client });
                (Method::POST, format!("/v1/verifications/{id}/check"), Some(body))
            }
            Call::Resend { id } => {
                (Method::POST, format!("/v1/verifications/{id}/resend"), Some(json!({ "client": client })))
            }
        };
        let mut request = self.clients[instance].call(method, &path).bearer_auth(KEY);
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let started = self.began.0.elapsed();
        let answer = match request.send().await {
            Ok(response) => {
                let (status, is_replay) = (response.status(), response.headers().contains_key("idempotent-replayed"));
                let body: Value = response.json().await.expect("JSON");
                Answer::of(&call, status, is_replay, &body)
            }
            // The service closes connections that have been idle for long, even if a request is on its way.
            Err(error) if error.is_request() && !error.is_timeout() => Answer::Unknown,
            Err(error) => panic!("{call:?} was not answered: {error}"),
        };
        let ended = self.began.0.elapsed();
        let (phone, key) = (phone.to_owned(), key.map(str::to_owned));
        self.history().requests.push(Request { phone, instance, call, key, started, ended, answer: answer.clone() });
        answer
    }
}

/// Returns the verification of a message, from the reference that the service gives it: `v1.{id}.{number}`.
fn id_of(message: &InboxMessage) -> String {
    let reference = message.biz_opaque_callback_data.as_deref().expect("a reference");
    reference.split('.').nth(1).expect("an id").to_owned()
}

async fn pause(random: &mut Xoshiro256PlusPlus, ms: Range<u64>) {
    tokio::time::sleep(Duration::from_millis(random.random_range(ms))).await;
}
