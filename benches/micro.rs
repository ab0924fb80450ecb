//! The service's computations for each request, in isolation: digests, ids and the codes that follow from them, numbers,
//! proofs.
//!
//! `cargo bench --bench micro` measures times. `scripts/instructions` counts instructions, which do not depend on the
//! machine's other load, and compares them with `benches/instructions.tsv`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark stops when it cannot run")]

use std::hint::black_box;
use std::time::Duration;

use divan::Bencher;
use rand::SeedableRng;
use rand::rngs::StdRng;
use whatsapp_otp::otp::{
    AppName, Audience, Channel, CodeLength, Guess, KeyRing, Nonce, OtpSecret, PhoneNumber, ProofFacts, ProofSigner,
    UnixMillis, VerificationId,
};
use whatsapp_otp::proof::{Issuer, KeyFiles, ProofKeys, Signer};

const PLAIN: &str = "15552345678";
const PUNCTUATED: &str = "+44 (0)20 7946 0958";
const IMPOSSIBLE: &str = "999123456789";

/// The input of a digest.
struct Subject {
    ring: KeyRing,
    phone: PhoneNumber,
    guess: Guess,
    id: VerificationId,
}

impl Subject {
    fn new() -> Self {
        let ring = KeyRing::new(OtpSecret::new(vec![7; 32]).unwrap(), Vec::new());
        let phone = PhoneNumber::parse(PLAIN).unwrap();
        let (guess, id) = (Guess::parse("123456", length()).unwrap(), issue(&ring, &phone));
        Self { ring, phone, guess, id }
    }

    fn digest(&self) -> String {
        let secret = self.ring.current().id().as_str();
        self.ring.seal_guess(secret, &self.id, &self.phone, &self.guess).unwrap().digest.to_hex()
    }
}

fn length() -> CodeLength {
    CodeLength::new(6).unwrap()
}

fn issue(ring: &KeyRing, phone: &PhoneNumber) -> VerificationId {
    let mut random = StdRng::seed_from_u64(1);
    ring.issue(&AppName::default(), phone, length(), &mut random).unwrap().id
}

fn parse(text: &str) -> bool {
    PhoneNumber::parse(black_box(text)).is_ok()
}

#[divan::bench]
fn digest(bencher: Bencher) {
    let subject = Subject::new();
    bencher.bench_local(|| subject.digest());
}

#[divan::bench(args = [PLAIN, PUNCTUATED, IMPOSSIBLE])]
fn phone(bencher: Bencher, text: &str) {
    parse(text);
    bencher.bench_local(|| parse(text));
}

#[divan::bench]
fn locate(bencher: Bencher) {
    let subject = Subject::new();
    bencher.bench_local(|| subject.ring.locate(black_box(&subject.id)));
}

#[divan::bench]
fn issued(bencher: Bencher) {
    let subject = Subject::new();
    bencher.bench_local(|| issue(&subject.ring, &subject.phone));
}

/// Signing draws randomness, so its instructions are not counted.
#[divan::bench]
fn proof(bencher: Bencher) {
    let subject = Subject::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let keys = runtime.block_on(ProofKeys::follow_or_draw(KeyFiles::default())).unwrap();
    let signer = Signer::new(keys, Issuer::parse("https://otp.example.com").unwrap());
    let (app, audience) = (AppName::default(), Audience::parse("https://shop.example.com").unwrap());
    let (nonce, channel) = (Nonce::parse("n-0S6_WzA2Mj").unwrap(), Channel::whatsapp());
    bencher.bench_local(|| {
        signer.sign(&ProofFacts {
            app: &app,
            id: &subject.id,
            phone: &subject.phone,
            audience: &audience,
            nonce: Some(&nonce),
            channel: &channel,
            approved_at: UnixMillis(1_764_064_821_999),
            lifetime: Duration::from_mins(5),
            jti: subject.ring.proof_id(&subject.id).unwrap(),
        })
    });
}

/// Each computation is a function, as callgrind reports costs by function.
mod counted {
    use super::{Subject, black_box, issue, parse};

    pub(super) const TIMES: usize = 1_000;

    #[inline(never)]
    pub(super) fn digest(subject: &Subject) {
        for _ in 0..TIMES {
            black_box(subject.digest());
        }
    }

    #[inline(never)]
    pub(super) fn plain_phone() {
        for _ in 0..TIMES {
            black_box(parse(super::PLAIN));
        }
    }

    #[inline(never)]
    pub(super) fn punctuated_phone() {
        for _ in 0..TIMES {
            black_box(parse(super::PUNCTUATED));
        }
    }

    #[inline(never)]
    pub(super) fn impossible_phone() {
        for _ in 0..TIMES {
            black_box(parse(super::IMPOSSIBLE));
        }
    }

    #[inline(never)]
    pub(super) fn locate(subject: &Subject) {
        for _ in 0..TIMES {
            black_box(subject.ring.locate(black_box(&subject.id)));
        }
    }

    #[inline(never)]
    pub(super) fn issued(subject: &Subject) {
        for _ in 0..TIMES {
            black_box(issue(&subject.ring, &subject.phone));
        }
    }
}

fn main() {
    if !std::env::args().any(|argument| argument == "--count") {
        return divan::main();
    }
    // Initialization on first use does not count.
    let subject = Subject::new();
    for text in [PLAIN, PUNCTUATED, IMPOSSIBLE] {
        parse(text);
    }
    counted::digest(&subject);
    counted::plain_phone();
    counted::punctuated_phone();
    counted::impossible_phone();
    counted::locate(&subject);
    counted::issued(&subject);
}
