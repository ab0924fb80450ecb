//! Webhooks from WhatsApp: their effect on checks, and the time for as many as one may carry.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::figures::{Bound, Goal, Rounds, Table, figure};
use crate::load::{self, Pace};
use crate::report::{Report, Scale};
use crate::stage::{PROGRAM, Redis, Service, WhatsApp};
use crate::workload::{Seeder, SignedWebhook, Webhooks, WrongGuesses};

/// Webhooks a second, three for each message at WhatsApp's usual pace of 80 messages a second.
const WEBHOOKS: f64 = 240.0;
/// Checks a second, more than two for each second's messages in an hour of constant sending.
const CHECKS: f64 = 2_000.0;
/// The factor by which the comparison is made more often: a stall of the machine distorts a 99th percentile.
const OFTENER: usize = 2;
/// The statuses that one webhook may carry.
const MOST: u64 = 1_000;
const APP_SECRET: &str = "the-app-secret-of-the-benchmark";

pub fn measure(scale: Scale, report: &mut Report) {
    let whatsapp = Arc::new(WhatsApp::start());
    let redis = Redis::start("redis", false);
    let seeder = Seeder::new(&redis, &whatsapp);
    let more = [("WHATSAPP_OTP__WHATSAPP__APP_SECRET", APP_SECRET)];
    let service = Service::start_program(Path::new(PROGRAM), "service", &redis, &whatsapp, &more);
    let account = whatsapp.simulator.settings().clone();
    let of = |statuses: &[String]| signed(&account.waba_id, &account.phone_number_id, statuses);

    let codes = (CHECKS * scale.time.as_secs_f64()) as u64 + 1;
    let mut p99 = [Rounds::default(), Rounds::default()];
    let mut receipts = Rounds::default();
    for turn in 0..OFTENER * scale.rounds {
        for place in 0..2 {
            let with = usize::from((turn + place) % 2 == 1);
            redis.empty();
            let ids = seeder.codes(0..codes);
            let pace = Pace::Open { per_second: WEBHOOKS };
            let statuses = ["sent", "delivered", "read"];
            let webhooks: Vec<_> = (0..=((WEBHOOKS * scale.time.as_secs_f64()) as usize))
                .map(|number| of(&[status(&ids[number / 3 % ids.len()], statuses[number % 3])]))
                .collect();
            let (address, time) = (service.address, scale.time);
            let receiving =
                (with == 1).then(|| thread::spawn(move || load::run(address, pace, time, Webhooks { webhooks })));
            let outcome = load::run(address, Pace::Open { per_second: CHECKS }, time, WrongGuesses { codes: 0..codes });
            service.process.forget_log();
            p99[with].push(outcome.quantile_ms(0.99));
            if let Some(receiving) = receiving {
                receipts.push(receiving.join().unwrap().quantile_ms(0.99));
            }
        }
    }

    let mut largest = Rounds::default();
    for _ in 0..scale.rounds {
        redis.empty();
        let ids = seeder.codes(0..MOST);
        let statuses: Vec<_> = ids.iter().map(|id| status(id, "delivered")).collect();
        let webhooks = vec![of(&statuses)];
        let began = Instant::now();
        let pace = Pace::Closed { connections: 1 };
        let outcome = load::run(service.address, pace, Duration::from_secs(5), Webhooks { webhooks });
        assert_eq!(outcome.done, 1, "after {:?}", began.elapsed());
        largest.push(outcome.quantile_ms(1.0));
        service.process.forget_log();
    }

    let [without, with] = p99;
    let mut table = Table::new("Webhooks from WhatsApp", &["", "ms"]);
    table.row([format!("p99 of {CHECKS} wrong guesses a second"), figure(without.median())]);
    table.row([format!("the same beside {WEBHOOKS} webhooks a second"), figure(with.median())]);
    table.row(["p99 of these webhooks".to_owned(), figure(receipts.median())]);
    table.row([format!("one webhook with {MOST} statuses"), figure(largest.median())]);
    report.table(&table);
    report.goal(Goal::new("p99 of guesses beside webhooks, of that without", Bound::AtMost(1.5), with.over(&without)));
    report.goal(Goal::new("one webhook with 1,000 statuses, in s", Bound::AtMost(1.0), largest.most() / 1_000.0));
}

/// Returns a status of the first message of a verification.
fn status(id: &str, status: &str) -> String {
    format!(
        r#"{{"id":"wamid.{id}","status":"{status}","timestamp":"1795600800","recipient_id":"15554000000","biz_opaque_callback_data":"v1.{id}.1"}}"#
    )
}

fn signed(waba_id: &str, phone_number_id: &str, statuses: &[String]) -> SignedWebhook {
    let statuses = statuses.join(",");
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{waba_id}","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550001111","phone_number_id":"{phone_number_id}"}},"statuses":[{statuses}]}}}}]}}]}}"#
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    SignedWebhook { signature: HEXLOWER.encode(&mac.finalize().into_bytes()), body }
}
