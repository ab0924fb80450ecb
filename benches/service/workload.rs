//! Workloads. Phones are numbered; each shares its client address with nine others.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use rand::rngs::SysRng;
use whatsapp_otp::config::ServeSettings;
use whatsapp_otp::otp::{
    AppName, Check, Creation, Details, Guess, Manner, Message, NewVerification, PhoneNumber, Verdict, VerificationStore,
};
use whatsapp_otp::store::redis::RedisStore;

use crate::floor::CREATE_ONLY;
use crate::load::Work;
use crate::stage::{API_KEY, Redis, WhatsApp, settings};
use crate::wire::Wire;

/// The guesses compared with each code (`otp.max_verification_attempts`).
pub const GUESSES_PER_CODE: u64 = 3;
/// As long as codes are here (`stage::CODE_LENGTH`), so that it is compared, and rarely correct by chance.
const WRONG: &str = "0000000000";
/// Codes that are stored concurrently.
const AT_ONCE: u64 = 128;

fn digits(phone: u64) -> String {
    format!("1555{}", 4_000_000 + phone)
}

/// The digits of the first phone.
pub fn first_phone() -> String {
    digits(0)
}

fn path(phone: u64) -> String {
    format!("/otp/{}", digits(phone))
}

fn client(phone: u64) -> [u8; 4] {
    let [_, a, b, c] = ((phone / 10) as u32).to_be_bytes();
    [10, a, b, c]
}

fn expect(status: u16, expected: u16, wire: &Wire) {
    assert_eq!(status, expected, "{}", wire.answer());
}

/// `GET /`
pub struct Hello;

impl Work for Hello {
    fn units(&self) -> u64 {
        u64::MAX
    }

    async fn unit(&self, _: u64, wire: &mut Wire) -> io::Result<()> {
        let status = wire.get("/", [10, 0, 0, 1]).await?;
        expect(status, 200, wire);
        Ok(())
    }
}

/// Wrong guesses, in turn for this many phones with live codes, until no code has attempts left.
pub struct WrongGuesses {
    pub codes: Range<u64>,
}

impl Work for WrongGuesses {
    fn units(&self) -> u64 {
        (self.codes.end - self.codes.start) * GUESSES_PER_CODE
    }

    async fn unit(&self, number: u64, wire: &mut Wire) -> io::Result<()> {
        let phone = self.codes.start + number % (self.codes.end - self.codes.start);
        let status = wire.post(&path(phone), WRONG, client(number)).await?;
        expect(status, 401, wire);
        Ok(())
    }
}

/// Wrong guesses on the verification API, in turn for each of these verifications, until none has attempts left. Each
/// guess is another one, as a repeated one costs nothing.
pub struct WrongChecks {
    pub ids: Vec<String>,
    /// The phone of the first one.
    pub first: u64,
    /// `true` for the bare handler, which needs to be told the phone.
    pub is_bare: bool,
}

impl Work for WrongChecks {
    fn units(&self) -> u64 {
        self.ids.len() as u64 * GUESSES_PER_CODE
    }

    async fn unit(&self, number: u64, wire: &mut Wire) -> io::Result<()> {
        let (round, index) = (number / self.ids.len() as u64, number % self.ids.len() as u64);
        let id = &self.ids[index as usize];
        let status = if self.is_bare {
            wire.get(&format!("/check/{}/{id}/{round}", digits(self.first + index)), client(number)).await?
        } else {
            wire.check(id, API_KEY, &format!("{round:010}"), client(number)).await?
        };
        expect(status, 422, wire);
        Ok(())
    }
}

/// Webhooks from WhatsApp.
pub struct Webhooks {
    pub webhooks: Vec<SignedWebhook>,
}

/// A webhook's body and its signature.
pub struct SignedWebhook {
    pub body: String,
    pub signature: String,
}

impl Work for Webhooks {
    fn units(&self) -> u64 {
        self.webhooks.len() as u64
    }

    async fn unit(&self, number: u64, wire: &mut Wire) -> io::Result<()> {
        let SignedWebhook { body, signature } = &self.webhooks[number as usize];
        let status = wire.webhook(body, signature).await?;
        expect(status, 200, wire);
        Ok(())
    }
}

/// The order of two servers in a round, and the codes of each: one directly after the other, without new codes in
/// between, and in the opposite order in the next round.
pub fn in_turns(round: usize, codes: u64) -> [(usize, Range<u64>); 2] {
    let first = round % 2;
    [(first, 0..codes), (1 - first, codes..2 * codes)]
}

/// Guesses for phones that have no code.
pub struct UnknownPhones;

impl Work for UnknownPhones {
    fn units(&self) -> u64 {
        u64::MAX
    }

    async fn unit(&self, number: u64, wire: &mut Wire) -> io::Result<()> {
        let status = wire.post(&path(5_000_000 + number % 900_000), WRONG, client(number)).await?;
        expect(status, 404, wire);
        Ok(())
    }
}

/// Guesses for one phone, whose code is soon locked.
pub struct HotPhone {
    pub phone: u64,
}

impl Work for HotPhone {
    fn units(&self) -> u64 {
        u64::MAX
    }

    async fn unit(&self, number: u64, wire: &mut Wire) -> io::Result<()> {
        let status = wire.post(&path(self.phone), WRONG, client(number)).await?;
        expect(status, 401, wire);
        Ok(())
    }
}

/// Requests for a code, each for another phone.
pub struct Sends;

impl Work for Sends {
    fn units(&self) -> u64 {
        900_000
    }

    async fn unit(&self, number: u64, wire: &mut Wire) -> io::Result<()> {
        let status = wire.get(&path(number), client(number)).await?;
        expect(status, 200, wire);
        Ok(())
    }
}

/// A code requested, then verified: two requests, one unit.
pub enum Pairs {
    /// From the service; the code is read where it arrives.
    Service(Arc<WhatsApp>),
    /// From the bare handler, which accepts any code.
    Bare,
    /// From the bare handler without a call to WhatsApp: only the same scripts.
    BareScripts,
}

impl Work for Pairs {
    fn units(&self) -> u64 {
        900_000
    }

    async fn unit(&self, number: u64, wire: &mut Wire) -> io::Result<()> {
        let request = match self {
            Self::Service(_) | Self::Bare => path(number),
            Self::BareScripts => format!("{CREATE_ONLY}{}", digits(number)),
        };
        let status = wire.get(&request, client(number)).await?;
        expect(status, 200, wire);
        let code = match self {
            Self::Service(inbox) => inbox.code(&digits(number)),
            Self::Bare | Self::BareScripts => WRONG.to_owned(),
        };
        let status = wire.post(&path(number), &code, client(number)).await?;
        expect(status, 200, wire);
        Ok(())
    }
}

/// Stores live codes as the service does, by its own store and charging all limits.
pub struct Seeder {
    runtime: tokio::runtime::Runtime,
    store: Arc<RedisStore>,
    settings: Arc<ServeSettings>,
}

impl Seeder {
    pub fn new(redis: &Redis, whatsapp: &WhatsApp) -> Self {
        let settings = settings(redis, whatsapp);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let store = runtime.block_on(async { RedisStore::new(&settings.common.redis) }).unwrap();
        Self { runtime, store: Arc::new(store), settings: Arc::new(settings) }
    }

    /// A live code for each of these phones, and the ids of their verifications.
    pub fn codes(&self, phones: Range<u64>) -> Vec<String> {
        let ids = RefCell::new(Vec::new());
        self.each(phones, &async |store, settings, number| {
            let phone = PhoneNumber::parse(&digits(number)).unwrap();
            let (app, policy) = (AppName::default(), &settings.common.policy);
            let issued = settings.keys.issue(&app, &phone, policy.code_length, &mut SysRng).unwrap();
            let (client, pacing) = (Some(IpAddr::from(client(number)).into()), None);
            ids.borrow_mut().push((number, issued.id.to_string()));
            let message = Message { id: issued.id, app, phone, client, pacing, manner: Manner::Replace };
            let new = NewVerification { message, sealed: issued.sealed, details: Details::default() };
            let creation = store.create(&new, policy).await.unwrap();
            assert!(matches!(creation, Creation::Created(_)), "{creation:?}");
        });
        let mut ids = ids.into_inner();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// A wrong guess for each of these phones.
    pub fn wrong_guesses(&self, phones: Range<u64>) {
        self.each(phones, &async |store, settings, number| {
            let phone = PhoneNumber::parse(&digits(number)).unwrap();
            let guess = Guess::parse(WRONG, settings.common.policy.code_length).unwrap();
            let client = Some(IpAddr::from(client(number)).into());
            let (app, keys) = (&AppName::default(), &settings.keys);
            let (phone, id, guess, entry) = (&phone, None, &guess, None);
            let check = Check { app, phone, id, client, guess, keys, is_repeatable: false, entry };
            let verdict = store.check(&check, &settings.common.policy).await.unwrap().verdict;
            assert!(matches!(verdict, Verdict::Wrong { .. }), "{verdict:?}");
        });
    }

    fn each(&self, phones: Range<u64>, what: &impl AsyncFn(&RedisStore, &ServeSettings, u64)) {
        let next = Cell::new(phones.start);
        let one_by_one = async || {
            while next.get() < phones.end {
                what(&self.store, &self.settings, next.replace(next.get() + 1)).await;
            }
        };
        self.runtime.block_on(futures_util::future::join_all((0..AT_ONCE).map(|_| one_by_one())));
    }
}
