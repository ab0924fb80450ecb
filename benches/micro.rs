//! The service's computations for each request, in isolation: digests, phone numbers, Redis's replies.
//!
//! `cargo bench --bench micro` measures times. `scripts/instructions` counts instructions, which do not depend on the
//! machine's other load, and compares them with `benches/instructions.tsv`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark stops when it cannot run")]

use std::hint::black_box;

use divan::Bencher;
use redis::{Value, from_redis_value};
use whatsapp_otp::otp::{self, DigestKey, Guess, KeyRing, PhoneNumber};

/// Private to the store, and kept so.
#[expect(dead_code, reason = "only a part of it is measured")]
#[path = "../src/store/redis/decisions/reply.rs"]
mod reply;

const PLAIN: &str = "15552345678";
const PUNCTUATED: &str = "+44 (0)20 7946 0958";
const IMPOSSIBLE: &str = "999123456789";

/// The input of a digest.
struct Subject {
    ring: KeyRing,
    phone: PhoneNumber,
    guess: Guess,
}

impl Subject {
    fn new() -> Self {
        Self {
            ring: KeyRing::new(DigestKey::new(vec![7; 32]).unwrap(), Vec::new()),
            phone: PhoneNumber::parse(PLAIN).unwrap(),
            guess: Guess::parse("123456", otp::CodeLength::new(6).unwrap()).unwrap(),
        }
    }

    fn digest(&self) -> String {
        let secret = self.ring.current().id().as_str();
        self.ring.seal_guess(secret, "AAAAAAAAAAA", &self.phone, &self.guess).unwrap().digest.to_hex()
    }
}

fn parse(text: &str) -> bool {
    PhoneNumber::parse(black_box(text)).is_ok()
}

/// The reply to a wrong guess, as the connection returns it.
fn answer() -> Value {
    Value::Array(vec![Value::BulkString(b"wrong".to_vec()), Value::BulkString(Vec::new()), Value::Int(2)])
}

fn decode(answer: Value) -> reply::Settled {
    reply::settled(from_redis_value(black_box(answer)).unwrap()).unwrap()
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
fn decode_reply(bencher: Bencher) {
    bencher.with_inputs(answer).bench_local_values(decode);
}

/// Each computation is a function, as callgrind reports costs by function.
mod counted {
    use super::{Subject, Value, answer, black_box, decode, parse};

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

    pub(super) fn answers() -> Vec<Value> {
        (0..TIMES).map(|_| answer()).collect()
    }

    #[inline(never)]
    pub(super) fn decode_reply(answers: Vec<Value>) {
        for answer in answers {
            black_box(decode(answer));
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
    counted::decode_reply(counted::answers());
}
