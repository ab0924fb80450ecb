//! Callers of every kind, on two instances, and the record of what they saw.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use tokio::task::{JoinHandle, JoinSet};

use super::api;
use super::history::{Answer, Call, History, Message, Moment, Request};
use crate::harness::app::TestApp;
use crate::harness::reply::{Client, send, wrong};

/// The number of instances of the service.
pub const INSTANCES: usize = 2;
/// The number of phones, from `1555` and this on, which are no orders to the simulator. Callers take the first ones,
/// probes the last ones.
const PHONES: u32 = 12_000;
const FIRST_PHONE: u32 = 4_000_000;
/// The interval at which a probe checks that the service serves.
const PROBED_EVERY: Duration = Duration::from_millis(150);
/// The number of phones in use at any time.
const CALLERS: u64 = 14;
/// The interval at which messages are collected.
const COLLECTED_EVERY: Duration = Duration::from_millis(500);
/// The number of phones that share an address.
const PHONES_PER_ADDRESS: u32 = 6;
/// The time for which a phone is used. It spans a failover, so that codes from before one are retried after it.
const LIFE: Duration = Duration::from_secs(7);

/// Callers that continue until told to stop.
pub struct Traffic {
    shared: Arc<Shared>,
    api: Arc<api::traffic::Callers>,
    callers: JoinSet<()>,
    collector: JoinHandle<()>,
}

/// The distribution of phones over the primaries.
pub struct Parts {
    pub of: Vec<usize>,
    pub count: usize,
}

struct Shared {
    began: Instant,
    clients: [Client; INSTANCES],
    parts: Parts,
    simulator: whatsapp_otp_simulator::Simulator,
    history: Mutex<History>,
    /// For each probe, the moments at which it requested a code and had verified it.
    served: Mutex<Vec<Vec<(Moment, Moment)>>>,
    next_phone: AtomicU32,
    stop: AtomicBool,
    collect: AtomicBool,
}

impl Traffic {
    /// Starts callers that act as the seed determines.
    pub fn start(app: &TestApp, parts: Parts, seed: u64) -> Self {
        let began = Instant::now();
        let clients: [Client; INSTANCES] = std::array::from_fn(|instance| Client::clone(app.on(instance)));
        let api = api::traffic::Callers::new(began, clients.clone(), app.simulator.clone());
        let shared = Arc::new(Shared {
            began,
            clients,
            served: Mutex::new(vec![Vec::new(); INSTANCES * parts.count]),
            parts,
            simulator: app.simulator.clone(),
            history: Mutex::default(),
            next_phone: AtomicU32::new(0),
            stop: AtomicBool::new(false),
            collect: AtomicBool::new(true),
        });
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let random = Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_add(caller));
            let shared = Arc::clone(&shared);
            callers.spawn(async move { shared.call_until_told(random).await });
        }
        for probe in 0..INSTANCES * shared.parts.count {
            let shared = Arc::clone(&shared);
            callers.spawn(async move { shared.probe_until_told(probe).await });
        }
        for caller in 0..api::traffic::CALLERS {
            callers.spawn(Arc::clone(&api).call_until_told(seed.wrapping_add(CALLERS + caller)));
        }
        let (collected, of_api) = (Arc::clone(&shared), Arc::clone(&api));
        let collector = tokio::spawn(async move { collected.collect_until_told(&of_api).await });
        Self { shared, api, callers, collector }
    }

    /// Returns the current moment of the history.
    pub fn now(&self) -> Moment {
        self.shared.began.elapsed()
    }

    /// Returns the moment by which every instance had sent and verified a code, requested after this moment, for each
    /// part of the phones; `None` if some have not.
    pub fn served_since(&self, moment: Moment) -> Option<Moment> {
        let served = self.shared.served.lock().unwrap();
        let first = |probe: &Vec<(Moment, Moment)>| {
            probe.iter().find(|(started, _)| *started >= moment).map(|&(_, ended)| ended)
        };
        served.iter().map(first).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Returns a phone that was just sent a code.
    pub fn a_busy_phone(&self) -> Option<String> {
        let history = self.shared.history();
        let sent = history.requests.iter().rev().find(|request| request.answer == Answer::Sent);
        sent.map(|request| request.phone.clone())
    }

    /// Lets callers finish their current calls, and returns what they saw.
    pub async fn finish(mut self) -> (History, api::history::History) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.api.stop();
        while let Some(caller) = self.callers.join_next().await {
            caller.unwrap();
        }
        self.shared.collect.store(false, Ordering::Relaxed);
        self.collector.await.unwrap();
        (std::mem::take(&mut *self.shared.history()), self.api.taken())
    }
}

/// Returns all phones that traffic may use, by number.
pub fn phones() -> Vec<String> {
    (0..PHONES).map(phone).collect()
}

fn phone(number: u32) -> String {
    format!("1555{:07}", FIRST_PHONE + number)
}

fn number(phone: &str) -> u32 {
    phone["1555".len()..].parse::<u32>().unwrap() - FIRST_PHONE
}

/// Returns the address that requests a phone's codes.
pub fn address_of(phone: &str) -> String {
    let group = number(phone) / PHONES_PER_ADDRESS;
    format!("198.18.{}.{}", group / 250, group % 250)
}

/// A caller's use of a phone's codes.
#[derive(Clone, Copy)]
enum Habit {
    /// Enters the right code, sometimes after a wrong one.
    Honest,
    /// Enters the right code many times concurrently, on both instances.
    Racer,
    /// Enters wrong codes until it locks, and then the right one.
    Guesser,
    /// Waits before entering it.
    Slow,
}

impl Shared {
    fn history(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call_until_told(&self, mut random: Xoshiro256PlusPlus) {
        while !self.stop.load(Ordering::Relaxed) {
            self.live(&mut random).await;
        }
    }

    /// Requests and verifies codes of a new phone each time, all of one part, on one instance.
    async fn probe_until_told(&self, probe: usize) {
        let (part, instance) = (probe / INSTANCES, probe % INSTANCES);
        let phones = (0..PHONES).rev().filter(|&number| self.parts.of[number as usize] == part);
        for phone in phones.skip(instance).step_by(INSTANCES).map(phone) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let started = self.began.elapsed();
            if self.call(&phone, instance, Call::Send).await == Answer::Sent
                && let Some(code) = self.arrived(&phone)
                && self.guess(&phone, instance, &code).await == Answer::Accepted
            {
                self.served.lock().unwrap()[probe].push((started, self.began.elapsed()));
            }
            tokio::time::sleep(PROBED_EVERY).await;
        }
        panic!("the probe has run out of phones");
    }

    /// Returns the code that last arrived on a phone, if there is one.
    fn arrived(&self, phone: &str) -> Option<String> {
        self.simulator.latest(phone).and_then(|message| message.code)
    }

    /// Acts out the life of one phone: some codes, then the same ones again and again, and more requests than the
    /// limit.
    async fn live(&self, random: &mut Xoshiro256PlusPlus) {
        let phone = phone(self.next_phone.fetch_add(1, Ordering::Relaxed));
        let born = Instant::now();
        let (mut codes, rounds) = (Vec::new(), random.random_range(1..=6));
        for _ in 0..rounds {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if self.send_some(&phone, random).await == Answer::Sent
                // Before anyone requests the next one.
                && let Some(code) = self.arrived(&phone)
            {
                self.use_code(&phone, &code, random).await;
                codes.push(code);
            }
            self.pause(random, 50..400).await;
            self.try_again(&phone, &codes, random).await;
        }
        // A code that was used or locked stays so, whatever happens.
        while born.elapsed() < LIFE && !self.stop.load(Ordering::Relaxed) {
            self.try_again(&phone, &codes, random).await;
            if random.random_bool(0.1) {
                self.send_some(&phone, random).await;
            }
            self.pause(random, 100..500).await;
        }
    }

    /// Requests a code, sometimes two concurrently: then it is unknown which one is valid.
    async fn send_some(&self, phone: &str, random: &mut Xoshiro256PlusPlus) -> Answer {
        if random.random_bool(0.15) {
            tokio::join!(self.call(phone, 0, Call::Send), self.call(phone, 1, Call::Send));
            return Answer::Unknown;
        }
        self.call(phone, random.random_range(0..INSTANCES), Call::Send).await
    }

    async fn use_code(&self, phone: &str, code: &str, random: &mut Xoshiro256PlusPlus) {
        let habits = [Habit::Honest, Habit::Racer, Habit::Guesser, Habit::Slow];
        let some = random.random_range(0..INSTANCES);
        match habits[random.random_range(0..habits.len())] {
            Habit::Honest => {
                if random.random_bool(0.5) {
                    self.guess(phone, some, &wrong(code)).await;
                    self.pause(random, 10..100).await;
                }
                self.guess(phone, some, code).await;
            }
            Habit::Racer => {
                self.guess_at_once(phone, code).await;
            }
            Habit::Guesser => {
                self.guess_at_once(phone, &wrong(code)).await;
                self.guess(phone, some, code).await;
            }
            Habit::Slow => {
                self.pause(random, 300..2_000).await;
                self.guess(phone, some, code).await;
            }
        }
    }

    /// Enters earlier codes again, on both instances concurrently.
    async fn try_again(&self, phone: &str, codes: &[String], random: &mut Xoshiro256PlusPlus) {
        if codes.is_empty() {
            return;
        }
        let code = &codes[random.random_range(0..codes.len())];
        tokio::join!(self.guess(phone, 0, code), self.guess(phone, 1, code));
    }

    /// Makes more guesses than a code has attempts, on both instances.
    async fn guess_at_once(&self, phone: &str, code: &str) {
        let guess = |instance| self.guess(phone, instance, code);
        tokio::join!(guess(0), guess(1), guess(0), guess(1));
    }

    async fn guess(&self, phone: &str, instance: usize, code: &str) -> Answer {
        self.call(phone, instance, Call::Guess(code.to_owned())).await
    }

    async fn call(&self, phone: &str, instance: usize, call: Call) -> Answer {
        let path = format!("/otp/{phone}");
        let request = match &call {
            Call::Send => self.clients[instance].call(Method::GET, &path),
            Call::Guess(code) => {
                self.clients[instance].call(Method::POST, &path).json(&serde_json::json!({ "code": code }))
            }
        };
        let started = self.began.elapsed();
        let reply = send(request.header("x-forwarded-for", address_of(phone))).await;
        let ended = self.began.elapsed();
        let answer = Answer::of(&call, &reply);
        self.history().requests.push(Request { phone: phone.to_owned(), instance, call, started, ended, answer });
        answer
    }

    /// Records the messages that arrive on phones, before they are dropped there.
    async fn collect_until_told(&self, api: &api::traffic::Callers) {
        let mut seen = HashSet::new();
        loop {
            let last = !self.collect.load(Ordering::Relaxed);
            for message in self.simulator.inbox() {
                if seen.insert(message.id.clone()) && !api.note(&message) {
                    let phone = message.to.trim_start_matches('+').to_owned();
                    let message = Message { phone, code: message.code.expect("a code") };
                    self.history().messages.push(message);
                }
            }
            if last {
                return;
            }
            tokio::time::sleep(COLLECTED_EVERY).await;
        }
    }

    async fn pause(&self, random: &mut Xoshiro256PlusPlus, ms: std::ops::Range<u64>) {
        tokio::time::sleep(Duration::from_millis(random.random_range(ms))).await;
    }
}
