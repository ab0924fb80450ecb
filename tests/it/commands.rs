//! The commands as an operator runs them: their output and exit codes.

use std::collections::HashMap;
use std::sync::Arc;

use rand::rngs::SysRng;
use serde_json::{Value, json};
use whatsapp_otp::otp::{
    AppName, Channel, CodeLength, DeliveryReport, DeliveryStatus, Details, KeyRing, Manner, Message, NewVerification,
    OtpSecret, PhoneNumber, Status, UndeliveredReason, VerificationStore,
};
use whatsapp_otp::store::redis::RedisStore;
use whatsapp_otp_simulator::{Simulator, SimulatorSettings, TemplateStatus};

use crate::harness::app::{SECRET, TestApp, serve_simulator};
use crate::harness::free_port;
use crate::harness::process::{Program, serve_settings};
use crate::harness::redis::RedisServer;
use crate::harness::reply::{Client, Reply, says, wrong};
use crate::harness::stores::RedisKeys;
use crate::harness::unique_prefix;
use crate::store_contract::{at_its_turn, limit, limits, policy, with_limits};

const PHONE: &str = "15551234567";

/// The environment in which commands find the state of an application under test.
fn redis_of(app: &TestApp) -> HashMap<String, String> {
    let settings = [("redis.url", app.keys.url()), ("redis.key_prefix", app.keys.prefix())];
    settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[tokio::test]
async fn bad_usage_ends_with_2() {
    for arguments in [
        vec![],
        vec!["serv"],
        vec!["serve", "--port", "1"],
        vec!["revoke"],
        vec!["revoke", "123"],
        vec!["inspect", "abc"],
        vec!["inspect", "ver_1"],
        vec!["simulator", "--listen", "3001"],
        vec!["simulator", "--service", "localhost:3000"],
        vec!["sandbox", "--store", "disk"],
    ] {
        let ended = Program::new(&arguments).run().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("Usage") || ended.stderr.contains("error:"), "{}", ended.stderr);
    }
    for arguments in [vec!["--help"], vec!["--version"], vec!["serve", "--help"]] {
        let ended = Program::new(&arguments).run().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(ended.stdout.contains("whatsapp-otp"), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn every_bad_setting_is_reported_in_one_go_and_no_secret_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("my.toml");
    std::fs::write(&file, "[otp]\ncode_length = 12\ncode_lenght = 6\n\n[limits]\nper_phone = \"often\"\n").unwrap();
    let ended = Program::new(&["serve", "--config", file.to_str().unwrap()])
        .set("otp.secret", "too-short-a-secret")
        .set("whatsapp.access_token", "a token with blanks")
        .set("redis.url", "redis://app:hunter22@/")
        .set("redis.password", "hunter23")
        .set("server.listen", "3000")
        .set("server.request_timeout", "1h")
        .set("auth.mode", "api_key")
        .set("log.format", "pretty")
        .env("WHATSAPP_OTP__OTP__CODE_LIFETIMES", "5m")
        .run()
        .await;
    assert_eq!((ended.code, ended.stdout.as_str()), (78, ""), "{}", ended.stderr);
    for (key, expected) in [
        ("otp.code_length", "4 to 10"),
        ("otp.code_lenght", "perhaps otp.code_length"),
        ("limits.per_phone", "COUNT/WINDOW"),
        ("otp.secret", "32"),
        ("whatsapp.access_token", "without spaces"),
        ("redis.url", "redis://"),
        ("server.listen", "0.0.0.0:3000"),
        ("server.request_timeout", "2m"),
        ("auth.mode", "at least one key"),
        ("WHATSAPP_OTP__OTP__CODE_LIFETIMES", "perhaps WHATSAPP_OTP__OTP__CODE_LIFETIME"),
        ("whatsapp.info_file", "or set whatsapp.waba_id, whatsapp.phone_number_id, whatsapp.template_id"),
    ] {
        let line = ended.stderr.lines().find(|line| line.starts_with(&format!("{key}:")));
        let line = line.unwrap_or_else(|| panic!("no {key} in {}", ended.stderr));
        assert!(line.contains(expected), "{line}");
    }
    let place = format!("(file {})", file.display());
    assert!(ended.stderr.lines().any(|line| line.starts_with("otp.code_length:") && line.ends_with(&place)));
    assert!(ended.stderr.contains("(environment variable WHATSAPP_OTP__SERVER__LISTEN)"));
    for secret in ["too-short-a-secret", "a token with blanks", "hunter22", "hunter23"] {
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn every_command_that_reads_settings_refuses_bad_ones() {
    for arguments in
        [vec!["serve"], vec!["sandbox"], vec!["check"], vec!["inspect"], vec!["revoke", PHONE], vec!["healthcheck"]]
    {
        let program = || Program::new(&arguments).set("log.format", "pretty");
        let ended = program().set("otp.code_length", "3").run().await;
        assert_eq!(ended.code, 78, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("otp.code_length: expected a whole number from 4 to 10"), "{}", ended.stderr);
        let missing = program().env("WHATSAPP_OTP_CONFIG", "/nowhere/my.toml").run().await;
        assert_eq!(missing.code, 78, "{arguments:?}: {}", missing.stderr);
        assert!(missing.stderr.contains("/nowhere/my.toml"), "{}", missing.stderr);
    }
}

/// A simulator and a Redis, with settings for them.
struct World {
    simulator: Simulator,
    keys: RedisKeys,
    settings: HashMap<String, String>,
}

async fn world() -> World {
    let simulator = Simulator::new(SimulatorSettings::default());
    let address = serve_simulator(&simulator).await;
    let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
    let settings = serve_settings(&simulator, address, keys.url(), keys.prefix());
    World { simulator, keys, settings }
}

#[tokio::test]
async fn check_says_that_all_is_fine_when_it_is() {
    let World { simulator, keys, settings } = world().await;
    let ended = Program::new(&["check"]).settings(&settings).run().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with("Everything works.\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("FAIL"), "{}", ended.stdout);
    assert!(ended.stdout.lines().filter(|line| line.starts_with("ok    ")).count() >= 4, "{}", ended.stdout);
    assert!(ended.stdout.contains("otp_login"), "{}", ended.stdout);
    assert!(!ended.stdout.contains(SECRET) && !ended.stdout.contains(&simulator.settings().access_token));
    assert_eq!(simulator.send_requests(), 0);
    assert_eq!(keys.list().await, Vec::<String>::new());
}

#[tokio::test]
async fn check_proves_that_webhooks_arrive_with_a_real_code() {
    let secret = whatsapp_otp_simulator::DEFAULT_APP_SECRET;
    let app = TestApp::builder().set("whatsapp.app_secret", secret).start().await;
    let url = format!("http://{}/webhooks/whatsapp", app.address());
    app.simulator.send_webhooks_to(url.parse().unwrap(), secret);
    let ended = app.command(&["check", "--webhook", PHONE]).run().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    for line in [
        format!("they go to {url}"),
        "ok    a code to 1555*****67, and its webhook".to_owned(),
        "the webhook arrived after ".to_owned(),
        "ok    the health of WABA 100000000000001".to_owned(),
    ] {
        assert!(ended.stdout.contains(&line), "no {line:?} in {}", ended.stdout);
    }
    assert!(!ended.stdout.contains(PHONE) && !ended.stdout.contains(&app.code(PHONE)), "{}", ended.stdout);
    assert_eq!(app.messages_to(PHONE), 1);
    app.finish().await;
}

#[tokio::test]
async fn check_names_what_is_suspended_and_a_missing_subscription() {
    let World { simulator, settings, keys: _redis } = world().await;
    simulator.set_health("100000000000001", Some(whatsapp_otp_simulator::CanSend::Blocked));
    let switches = whatsapp_otp_simulator::Switches { app_subscribed: false, ..Default::default() };
    simulator.set_switches(switches);
    let ended = Program::new(&["check"]).settings(&settings).set("whatsapp.app_secret", "secret").run().await;
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    for line in [
        "FAIL  the health of WABA 100000000000001\n      WhatsApp says that it cannot send: ",
        "FAIL  the webhooks of WABA 100000000000001\n      no app is subscribed to the account\n      hint: run `whatsapp-otp-setup",
    ] {
        assert!(ended.stdout.contains(line), "no {line:?} in {}", ended.stdout);
    }
}

#[tokio::test]
async fn check_warns_of_a_template_that_promises_another_lifetime() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let check =
        async |lifetime| Program::new(&["check"]).settings(&settings).set("otp.code_lifetime", lifetime).run().await;
    let ended = check("10m").await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let warning = "warning: the template says that codes expire after 5m, but otp.code_lifetime is 10m";
    assert!(ended.stdout.contains(warning), "{}", ended.stdout);
    assert!(!check("5m").await.stdout.contains("warning: the template"));
}

#[tokio::test]
async fn check_warns_of_a_service_that_nobody_can_call() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let warning = "warning: nobody can call this service: sample.enabled is false and there is no API key";
    let check = || Program::new(&["check"]).settings(&settings);
    let closed = check().set("sample.enabled", "false").run().await;
    assert_eq!(closed.code, 0, "{}{}", closed.stdout, closed.stderr);
    assert!(closed.stdout.contains(warning), "{}", closed.stdout);
    let key = check().set("sample.enabled", "false").set("keys.backend.kind", "server");
    let key = key.set("keys.backend.sha256", &"0".repeat(64)).run().await;
    for open in [check().run().await, key] {
        assert!(open.code == 0 && !open.stdout.contains("nobody can call"), "{}{}", open.stdout, open.stderr);
    }
}

#[tokio::test]
async fn check_compares_the_keys_of_proofs_with_the_published_ones() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let folder = tempfile::tempdir().unwrap();
    let make = async |name| {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        let made = Program::new(&["proof-key", "--out", &path]).run().await;
        assert_eq!(made.code, 0, "{}", made.stderr);
        assert!(!made.stdout.contains("PRIVATE"), "{}", made.stdout);
        let entry: Value = serde_json::from_str(made.stdout.lines().last().unwrap()).unwrap();
        (path, entry["kid"].as_str().unwrap().to_owned())
    };
    let [(first, first_kid), (second, second_kid), (third, third_kid)] =
        [make("first.pem").await, make("second.pem").await, make("third.pem").await];
    let elsewhere = TestApp::builder().set("proof.issuer", "elsewhere");
    let elsewhere = elsewhere.set("proof.signing_key_files", &format!("{first},{third}")).start().await;
    let url = format!("http://{}", elsewhere.address());
    let check = |url: &str, files: &str| {
        let program = Program::new(&["check"]).settings(&settings);
        program.set("server.public_url", url).set("proof.signing_key_files", files).run()
    };

    let ended = check(&url, &format!("{first}, {second}@2999-01-01T00:00:00Z")).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let document = format!("{url}/.well-known/jwks.json");
    for line in [
        format!("ok    the keys of proofs, by the issuer {url}"),
        format!("{first_kid} signs"),
        format!("{second_kid} signs from 2999-01-01T00:00:00Z on"),
        format!("warning: {second_kid} is not at {document}: "),
        format!("warning: {third_kid} is at {document} but not here: "),
    ] {
        assert!(ended.stdout.contains(&line), "no {line:?} in {}", ended.stdout);
    }
    assert!(!ended.stdout.contains(&format!("warning: {first_kid}")), "{}", ended.stdout);

    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let ended = check(&nowhere, &first).await;
    assert!(ended.code == 0 && ended.stdout.contains(&format!("warning: {nowhere}/.well-known")), "{}", ended.stdout);
    for (files, seen) in
        [("/nowhere/at/all".to_owned(), "/nowhere/at/all: "), (format!("{first}@2999-01-01T00:00:00Z"), "signs from")]
    {
        let ended = check(&url, &files).await;
        assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
        let failed = ended.stdout.split("FAIL  the keys of proofs").nth(1).unwrap();
        assert!(failed.contains(seen) && failed.contains("hint: "), "{failed}");
    }
    elsewhere.finish().await;
}

#[tokio::test]
async fn check_says_what_is_wrong_and_what_to_do() {
    let World { simulator, settings, keys: _redis } = world().await;
    let nobody = format!("redis://127.0.0.1:{}/0", free_port());
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    for (key, value, tried, seen) in [
        ("redis.url", nobody.as_str(), "Redis at", "the store is unreachable"),
        ("whatsapp.access_token", "WRONG0TOKEN", "the token", "190"),
        ("whatsapp.access_token", "EAASIMULATOR0EXPIRED0TOKEN", "the token", "190/463"),
        ("whatsapp.access_token", "EAASIMULATOR0NOT0ASSIGNED", "the token", "200"),
        ("whatsapp.waba_id", "999", "the token", "100/33"),
        ("whatsapp.phone_number_id", "999", "the phone number", "100/33"),
        ("whatsapp.template_id", "999", "the template", "Could not find template with ID 999"),
        ("whatsapp.languages", "de", "the template", "set whatsapp.languages to some of en_US"),
        ("whatsapp.base_url", nowhere.as_str(), "the token", "is unreachable"),
    ] {
        let ended = Program::new(&["check"]).settings(&settings).set(key, value).run().await;
        assert_eq!(ended.code, 1, "{key}: {}{}", ended.stdout, ended.stderr);
        let failed = ended.stdout.split("FAIL  ").skip(1).find(|finding| finding.starts_with(tried));
        let failed = failed.unwrap_or_else(|| panic!("{key} = {value}: no failure of {tried:?} in {}", ended.stdout));
        let finding = failed.lines().take(3).collect::<Vec<_>>().join("\n");
        assert!(finding.contains(seen), "{key} = {value}: {finding}");
        let redis = if key == "redis.url" { "FAIL  Redis at" } else { "ok    Redis at" };
        assert!(ended.stdout.contains(redis), "{key} = {value}: {}", ended.stdout);
        assert!(finding.contains("\n      hint: "), "{finding}");
        assert!(!ended.stdout.contains(SECRET) && !ended.stdout.contains("0TOKEN"), "{}", ended.stdout);
    }
    assert!(simulator.set_template_status("300000000000001", TemplateStatus::Paused));
    let ended = Program::new(&["check"]).settings(&settings).run().await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("its status is PAUSED"), "{}", ended.stdout);
    assert!(ended.stdout.contains("1 of "), "one failed: {}", ended.stdout);
}

#[tokio::test]
async fn inspect_shows_active_codes_as_a_table_and_as_json() {
    let app = TestApp::start().await;
    let empty = Program::new(&["inspect"]).settings(&redis_of(&app)).run().await;
    assert_eq!(empty.code, 0, "{}", empty.stderr);
    assert!(empty.stdout.ends_with("0 code(s).\n"), "{}", empty.stdout);

    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    app.request("15557654321").await.is(200, "OK");
    let digest = app.keys.of_verification(PHONE, "digest").await.unwrap();

    let table = Program::new(&["inspect"]).settings(&redis_of(&app)).run().await;
    assert_eq!((table.code, table.stderr.as_str()), (0, ""));
    assert!(table.stdout.ends_with("2 code(s).\n"), "{}", table.stdout);
    let row = table.stdout.lines().find(|line| line.contains(PHONE)).expect("a row");
    assert!(row.contains(&digest[..8]) && !row.contains(&digest[..12]) && row.contains("1 of 3"), "{row}");

    let list = Program::new(&["inspect", "--json"]).settings(&redis_of(&app)).run().await;
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(list["codes"].as_array().unwrap().len(), 2);
    let entry = list["codes"].as_array().unwrap().iter().find(|entry| entry["phone"] == PHONE).unwrap();
    assert_eq!(
        (&entry["attempts"], &entry["max_attempts"], &entry["digest"]),
        (&json!(1), &json!(3), &json!(digest[..8]))
    );

    let phone = Program::new(&["inspect", "+1 555 123 4567"]).settings(&redis_of(&app)).run().await;
    assert_eq!(phone.code, 0);
    assert!(phone.stdout.contains("limits.per_phone: 1 in its window"), "{}", phone.stdout);
    assert!(phone.stdout.contains("limits.failures_per_phone: 1 in its window"), "{}", phone.stdout);

    let phone = Program::new(&["inspect", "--json", PHONE]).settings(&redis_of(&app)).run().await;
    let phone: Value = serde_json::from_str(&phone.stdout).unwrap();
    assert_eq!((&phone["phone"], &phone["code"]["attempts"]), (&json!(PHONE), &json!(1)));
    assert_eq!(phone["limits"]["per_phone"], json!({ "count": 1, "retry_after_ms": 0 }));

    let nobody = Program::new(&["inspect", "15557654399"]).settings(&redis_of(&app)).run().await;
    assert!(nobody.stdout.starts_with("No active code for phone # 15557654399"), "{}", nobody.stdout);
    // Inspecting changes nothing.
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

/// A verification of [`PHONE`] as a service with [`SECRET`] makes it.
fn verification_for(app: &str) -> NewVerification {
    let (app, phone) = (AppName::parse(app).unwrap(), PhoneNumber::parse(PHONE).unwrap());
    let ring = KeyRing::new(OtpSecret::new(SECRET.into()).unwrap(), Vec::new());
    let issued = ring.issue(&app, &phone, CodeLength::new(6).unwrap(), &mut SysRng).unwrap();
    let (client, pacing, manner, details) = (None, None, Manner::Replace, Details::default());
    let message = Message { id: issued.id, app, phone, client, pacing, manner };
    NewVerification { message, sealed: issued.sealed, details }
}

/// A store with a verification of the app `shop`.
async fn shop() -> (RedisKeys, RedisStore, NewVerification) {
    let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
    let store = RedisStore::new(&keys.settings()).unwrap();
    let new = verification_for("shop");
    let limited = with_limits(limits([("per_phone", limit("7/1h"))]));
    assert!(at_its_turn(&store.create(&new, &limited).await.unwrap()));
    let report = DeliveryReport {
        id: new.message.id,
        app: new.message.app.clone(),
        phone: new.message.phone.clone(),
        delivery: 1,
        channel: Channel::whatsapp(),
        status: DeliveryStatus::Failed,
        reason: Some(UndeliveredReason::NotOnWhatsApp),
        message: None,
    };
    store.record_delivery(&report, &policy()).await.unwrap();
    (keys, store, new)
}

/// Returns a command about the store of [`shop`], whose service knows the app.
fn in_shop(arguments: &[&str], keys: &RedisKeys) -> Program {
    let program = Program::new(arguments).set("apps.shop.limits.per_phone", "7/1h");
    program.set("redis.url", keys.url()).set("redis.key_prefix", keys.prefix())
}

#[tokio::test]
async fn inspect_shows_one_verification_by_its_id() {
    let (keys, store, new) = shop().await;
    store.confirm(&new.message, &policy()).await.unwrap();
    let id = new.message.id.to_string();
    let hex = format!("{:032x}", u128::from_be_bytes(*new.message.id.as_bytes()));
    let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    let mut shown = Vec::new();
    for spelling in [&id, &hex, &uuid] {
        let ended = in_shop(&["inspect", spelling], &keys).set("otp.secret", SECRET).run().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{spelling}: {}", ended.stdout);
        shown.push(ended.stdout);
    }
    let lines: Vec<_> = shown[0].lines().map(str::trim_end).collect();
    for line in [
        format!("verification  {id}").as_str(),
        "app           shop",
        "phone         1555*****67",
        "status        pending",
        "attempts      0 of 3",
        "sends         1",
        "limits.per_phone: 1 in its window, one more fits now",
    ] {
        assert!(lines.contains(&line), "no {line:?} in {}", shown[0]);
    }
    assert!(lines.iter().any(|line| line.starts_with("expires       20")), "{}", shown[0]);
    for end in ["Z  created", " s: not on whatsapp"] {
        assert!(lines.iter().any(|line| line.ends_with(end)), "no {end:?} in {}", shown[0]);
    }
    assert!(!shown[0].contains(PHONE), "{}", shown[0]);

    let json = in_shop(&["inspect", "--json", &uuid], &keys).set("otp.secret", SECRET).run().await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let verification = &json["verification"];
    assert_eq!((&verification["id"], &verification["app"]), (&json!(id), &json!("shop")));
    assert_eq!((&verification["status"], &verification["ended_at"]), (&json!("pending"), &Value::Null));
    assert_eq!(verification["deliveries"][0]["reason"], "not_on_whatsapp");
    assert_eq!(json["limits"]["per_phone"]["count"], 1);
}

#[tokio::test]
async fn inspect_by_id_needs_the_secret_under_which_it_was_issued() {
    let (keys, _store, new) = shop().await;
    let id = new.message.id.to_string();
    let inspect = || in_shop(&["inspect", &id], &keys);
    let without = inspect().run().await;
    assert_eq!((without.code, without.stdout.as_str()), (78, ""));
    assert!(without.stderr.contains("otp.secret: expected the service's secret, needed to read an ID"), "{without:?}");
    let other = "another-secret-of-the-end-to-end-tests";
    let unreadable = inspect().set("otp.secret", other).run().await;
    // One of 16,000 blocks looks as if it were readable.
    assert!(unreadable.code == 1 || !unreadable.stdout.contains("1555*****67"), "{unreadable:?}");
    let rotated = inspect().set("otp.secret", other).set("otp.previous_secrets", SECRET).run().await;
    assert!(rotated.code == 0 && rotated.stdout.contains("1555*****67"), "{rotated:?}");
    let without_app = Program::new(&["inspect", &id]).set("redis.url", keys.url()).set("otp.secret", SECRET);
    let without_app = without_app.run().await;
    assert!(
        without_app.code == 1 && without_app.stderr.contains("app that these settings do not have"),
        "{without_app:?}"
    );
    let none = in_shop(&["inspect", &id], &keys).set("otp.secret", SECRET).set("redis.key_prefix", &unique_prefix());
    let none = none.run().await;
    assert_eq!(none.code, 0);
    assert!(none.stdout.starts_with(&format!("No verification {id}\nlimits.per_phone: 0 in")), "{}", none.stdout);
}

#[tokio::test]
async fn inspect_shows_the_verifications_of_a_phone_in_every_app() {
    let (keys, _store, new) = shop().await;
    let text = in_shop(&["inspect", PHONE], &keys).run().await;
    assert_eq!((text.code, text.stderr.as_str()), (0, ""));
    assert!(
        text.stdout.starts_with(&format!("verification  {}\napp           shop\n", new.message.id)),
        "{}",
        text.stdout
    );
    let json = in_shop(&["inspect", "--json", PHONE], &keys).run().await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["code"], json["verifications"].as_array().unwrap().len()), (&Value::Null, 1));
    assert_eq!(json["verifications"][0]["app"], "shop");
    let list = in_shop(&["inspect"], &keys).run().await;
    assert!(list.stdout.contains("│ 15551234567 ┆ shop ┆"), "{}", list.stdout);
}

#[tokio::test]
async fn inspect_scans_and_never_asks_for_all_keys_at_once() {
    let server = Arc::new(RedisServer::start());
    let app = TestApp::builder().redis(&server).set("limits.per_ip", "off").set("otp.code_length", "10").start().await;
    let mut connection = app.keys.connection().await;
    let filler: Vec<String> = (0..3_000).flat_map(|n| [format!("filler:{n}"), "x".to_owned()]).collect();
    redis::cmd("MSET").arg(&filler).exec_async(&mut connection).await.unwrap();
    for n in 0..30 {
        app.request(&format!("155576500{n:02}")).await.is(200, "OK");
    }
    let list = Program::new(&["inspect", "--json"]).settings(&redis_of(&app)).run().await;
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!((list["codes"].as_array().unwrap().len(), &list["more"]), (30, &json!(false)));
    let some = Program::new(&["inspect", "--most", "7"]).settings(&redis_of(&app)).run().await;
    assert!(some.stdout.ends_with("The first 7; there are more.\n"), "{}", some.stdout);
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
    assert!(stats.contains("cmdstat_scan:") && !stats.contains("cmdstat_keys:"), "{stats}");
    redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
    app.finish().await;
}

#[tokio::test]
async fn revoke_drops_the_code_and_if_asked_the_limits() {
    let app = TestApp::builder().set("limits.per_phone", "1/1h").start().await;
    let code = app.code_for(PHONE).await;
    let revoked = Program::new(&["revoke", "+15551234567"]).settings(&redis_of(&app)).run().await;
    assert_eq!((revoked.code, revoked.stdout.as_str()), (0, "The active code was revoked.\n"));
    app.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(app.request(PHONE).await.status, 429, "the limits stand");

    let revoked = Program::new(&["revoke", PHONE, "--limits"]).settings(&redis_of(&app)).run().await;
    assert_eq!((revoked.code, revoked.stdout.as_str()), (0, "There was no active code.\nThe limits were reset.\n"));
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn revoke_by_id_cancels_that_verification_alone() {
    let (keys, store, new) = shop().await;
    let other = verification_for("default");
    assert!(at_its_turn(&store.create(&other, &policy()).await.unwrap()));
    let id = new.message.id.to_string();
    let revoke = |more: &[&str]| in_shop(&[&["revoke", &id], more].concat(), &keys);
    let without = revoke(&[]).run().await;
    assert!(without.code == 78 && without.stderr.contains("needed to read an ID"), "{without:?}");
    for (more, said) in [
        (vec![], "The verification is canceled.\n"),
        (vec!["--limits"], "The verification is canceled.\nThe limits were reset.\n"),
    ] {
        let revoked = revoke(&more).set("otp.secret", SECRET).run().await;
        assert_eq!((revoked.code, revoked.stdout.as_str()), (0, said), "{}", revoked.stderr);
    }
    let status = async |of: &NewVerification| {
        let status = store.status(&of.message.phone, &of.message.app, &policy()).await.unwrap();
        status.verifications[0].status
    };
    assert_eq!((status(&new).await, status(&other).await), (Status::Canceled, Status::Pending));
    let none = revoke(&[]).set("otp.secret", SECRET).set("redis.key_prefix", &unique_prefix()).run().await;
    assert_eq!((none.code, none.stdout), (0, format!("No verification {id}\n")));
}

#[tokio::test]
async fn commands_fail_with_1_when_redis_is_away() {
    let url = format!("redis://127.0.0.1:{}/0", free_port());
    for arguments in [vec!["inspect"], vec!["inspect", PHONE], vec!["revoke", PHONE]] {
        let ended = Program::new(&arguments).set("redis.url", &url).run().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn healthcheck_says_whether_the_local_instance_is_ready() {
    let app = TestApp::start().await;
    let port = app.ops().address().port();
    let check = |listen: String| Program::new(&["healthcheck"]).set("server.ops_listen", &listen);
    // It listens on all addresses, as in a container.
    for listen in [format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}")] {
        let ended = check(listen).run().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    }
    app.finish().await;
    let away = check(format!("127.0.0.1:{}", free_port())).run().await;
    assert_eq!(away.code, 1, "{}", away.stderr);
    let none = check(String::new()).run().await;
    assert_eq!(none.code, 1, "{}", none.stderr);
}

#[tokio::test]
async fn healthcheck_asks_another_address_if_told_so() {
    let app = TestApp::start().await;
    let check = |path: &str| Program::new(&["healthcheck", "--url", &format!("http://{}{path}", app.ops().address())]);
    assert_eq!(check("/health/live").run().await.code, 0);
    let ended = check("/none").run().await;
    assert_eq!(ended.code, 1, "{ended:?}");
    app.request("123").await.is(400, "Invalid phone number.");
    app.finish().await;
}

#[tokio::test]
async fn healthcheck_fails_while_redis_is_away() {
    let server = Arc::new(RedisServer::start());
    let proxy = crate::harness::proxy::Proxy::start(server.address());
    let app = TestApp::builder().redis(&server).redis_through(&proxy).start().await;
    proxy.set(crate::harness::proxy::Mode::Cut).await;
    let ended = Program::new(&["healthcheck"]).set("server.ops_listen", &app.ops().address().to_string()).run().await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("not ready") && ended.stderr.contains("redis"), "{}", ended.stderr);
    app.request("123").await.is(400, says::INVALID_PHONE);
    app.finish().await;
}

/// The simulator's inbox, over HTTP.
async fn latest(inbox: &str, phone: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(format!("{inbox}/inbox/{phone}/latest")).send().await.unwrap().json().await.unwrap()
}

/// Requests a code and verifies the one that arrives in the inbox.
async fn flow(service: &Client, inbox: &str) -> Reply {
    service.request(PHONE).await.is(200, "OK");
    let message = latest(inbox, PHONE).await;
    assert_eq!(message["to"], "+15551234567");
    for field in ["code", "template", "language", "received_at"] {
        assert!(message[field].is_string(), "{message}");
    }
    let code = message["code"].as_str().unwrap();
    service.verify(PHONE, &wrong(code)).await.is(401, &says::incorrect(2));
    service.verify(PHONE, code).await.is(200, "OK");
    service.verify(PHONE, code).await
}

fn sandbox(arguments: &[&str]) -> Program {
    let arguments = [&["sandbox", "--simulator-listen", "127.0.0.1:0"], arguments].concat();
    Program::new(&arguments).set("server.listen", "127.0.0.1:0").set("server.ops_listen", "")
}

#[tokio::test]
async fn the_sandbox_works_with_nothing_configured() {
    let empty = tempfile::tempdir().unwrap();
    let mut program = sandbox(&[]).directory(empty.path()).start();
    let inbox = program.printed("Open ").await;
    let service = program.printed("curl http://").await;
    let service = Client::new(service.split('/').next().unwrap().parse().unwrap());
    flow(&service, &inbox).await.is(404, &says::no_active_code(PHONE));
    service.request("15550131026").await.is(500, says::SEND_FAILED);

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = client.get(&inbox).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    // Its page may call the service from a browser.
    let from_page = service.call(reqwest::Method::GET, "/otp/123").header("origin", &inbox).send().await.unwrap();
    assert_eq!(from_page.headers()["access-control-allow-origin"], inbox.as_str());

    let ended = program.stop().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.contains("Active codes state:"), "{}", ended.stdout);
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "it leaves no files");
}

#[tokio::test]
async fn the_sandboxs_page_knows_the_service_and_its_records() {
    let mut program = sandbox(&[]).set("otp.code_length", "8").set("limits.per_phone", "5/1h").start();
    let inbox = program.printed("Open ").await;
    let service = program.printed("curl http://").await;
    let service = service.split('/').next().unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = async |path: &str| client.get(format!("{inbox}/page/{path}")).send().await.unwrap();

    let mut settings: Value = page("settings.json").await.json().await.unwrap();
    let key = settings["service"].as_object_mut().unwrap().remove("api_key").unwrap();
    assert!(key.as_str().unwrap().starts_with("otp_sk_"), "{key}");
    let expected = json!({
        "origin": format!("http://{service}"), "code_length": 8, "needs_api_key": false, "sends_here": true,
    });
    assert_eq!((&settings["service"], &settings["records"]), (&expected, &json!(true)));

    let service = Client::new(service.parse().unwrap());
    service.request(PHONE).await.is(200, "OK");
    let code = latest(&inbox, PHONE).await["code"].as_str().unwrap().to_owned();
    service.verify(PHONE, &wrong(&code)).await.is(401, &says::incorrect(2));
    let record: Value = page("record/+1%20555%20123%204567").await.json().await.unwrap();
    let shown = &record["code"];
    assert_eq!(record["phone"], PHONE);
    assert_eq!((&shown["attempts"], &shown["max_attempts"]), (&json!(1), &json!(3)));
    assert_eq!(shown["digest"].as_str().unwrap().len(), 8);
    assert!((1..=300_000).contains(&shown["expires_in_ms"].as_u64().unwrap()), "{record}");
    let limit = record["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "per_phone").unwrap();
    assert_eq!((&limit["count"], &limit["retry_after_ms"]), (&json!(1), &json!(0)));
    assert_eq!(page("record/12").await.status(), 400);
    assert_eq!(program.stop().await.code, 0);
}

#[tokio::test]
async fn the_sandbox_uses_the_configured_redis_if_asked_under_a_prefix_of_its_own() {
    let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
    let mut program =
        sandbox(&["--store", "redis"]).set("redis.url", keys.url()).set("redis.key_prefix", keys.prefix()).start();
    let inbox = program.printed("Open ").await;
    let service = program.printed("curl http://").await;
    let service = Client::new(service.split('/').next().unwrap().parse().unwrap());
    service.request(PHONE).await.is(200, "OK");
    let of_sandbox = format!("{}:sandbox:", keys.prefix());
    let written = keys.list().await;
    assert!(!written.is_empty() && written.iter().all(|key| key.starts_with(&of_sandbox)), "{written:?}");
    flow(&service, &inbox).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(program.stop().await.code, 0);
    assert_eq!(keys.immortal().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_sandbox_never_leaves_this_machine() {
    let public = Program::new(&["sandbox", "--simulator-listen", "127.0.0.1:0"]).set("server.listen", "0.0.0.0:0");
    let ended = public.run().await;
    assert_eq!(ended.code, 78, "{}", ended.stderr);
    assert!(ended.stderr.contains("server.listen"), "{}", ended.stderr);
    let inbox = Program::new(&["sandbox", "--simulator-listen", "0.0.0.0:0"]).run().await;
    assert_ne!(inbox.code, 0);
    assert!(inbox.stderr.contains("loopback"), "{}", inbox.stderr);
}

#[tokio::test]
async fn the_simulator_alone_serves_a_service_that_was_told_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let info = directory.path().join("info.json");
    let arguments = ["simulator", "--listen", "127.0.0.1:0", "--write-info", info.to_str().unwrap()];
    let mut simulator = Program::new(&arguments).start();
    let url = simulator.printed("WHATSAPP_OTP__WHATSAPP__BASE_URL=").await;
    simulator.printed("WHATSAPP_OTP__WHATSAPP__ACCESS_TOKEN=").await;

    let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
    let mut serve = Program::new(&["serve"])
        .set("whatsapp.base_url", &url)
        .set("whatsapp.info_file", info.to_str().unwrap())
        .set("otp.secret", SECRET)
        .set("redis.url", keys.url())
        .set("redis.key_prefix", keys.prefix())
        .set("server.listen", "127.0.0.1:0")
        .set("server.ops_listen", "127.0.0.1:0")
        .set("server.drain_delay", "0s")
        .start();
    let service = Client::new(serve.printed(r#""public":"http://"#).await.parse().unwrap());
    flow(&service, &url).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(serve.stop().await.code, 0);
    simulator.signal("INT");
    assert_eq!(simulator.stop().await.code, 0);
}

/// Lines of a log in JSON.
fn log_lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn a_start_that_fails_over_settings_says_so_in_the_json_log() {
    let serve = Program::new(&["serve"]).set("otp.code_length", "3").set("otp.secret", "too-short-a-secret");
    let ended = serve.set("limits.per_phone", "often").run().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (78, ""));
    let lines = log_lines(&ended.stdout);
    for key in ["otp.code_length", "otp.secret", "limits.per_phone"] {
        let line =
            lines.iter().find(|line| line["setting"] == key).unwrap_or_else(|| panic!("{key}: {}", ended.stdout));
        assert_eq!(line["level"], "ERROR");
        assert!(line["message"].as_str().unwrap().starts_with(&format!("{key}: expected ")), "{line}");
    }
    let last = lines.last().unwrap();
    assert_eq!(last["exit_code"], 78);
    assert!(last["message"].as_str().unwrap().ends_with("invalid setting(s)") && last["hint"].is_string(), "{last}");
    assert!(!ended.stdout.contains("too-short-a-secret"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_start_that_fails_over_a_taken_port_says_so_in_the_log_or_to_people() {
    let World { settings, simulator: _whatsapp, keys: _redis } = world().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let serve = || Program::new(&["serve"]).settings(&settings).set("server.listen", &address);
    let ended = serve().run().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
    let last = log_lines(&ended.stdout).pop().unwrap();
    assert_eq!((&last["level"], &last["exit_code"]), (&json!("ERROR"), &json!(1)));
    assert!(last["message"].as_str().unwrap().contains(&address), "{last}");

    let ended = serve().set("log.format", "pretty").run().await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.starts_with("error: server.listen: ") && ended.stderr.contains("\nhint: "),
        "{}",
        ended.stderr
    );
    let ended = serve().set("log.level", "off").run().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.starts_with("error: server.listen: "), "{}", ended.stderr);
}

#[tokio::test]
async fn a_command_whose_output_is_closed_ends_quietly() {
    let World { settings, simulator: _whatsapp, keys: _redis } = world().await;
    let closed = || std::process::Stdio::from(std::io::pipe().unwrap().1);
    for arguments in [
        vec!["inspect"],
        vec!["inspect", "--json"],
        vec!["inspect", PHONE],
        vec!["revoke", PHONE],
        vec!["check"],
        vec!["api-key", "backend"],
        vec!["--help"],
        vec!["--version"],
    ] {
        let program = || Program::new(&arguments).settings(&settings);
        let ended = program().stdout_to(closed()).run().await;
        assert_eq!(ended.stderr, "", "{arguments:?}");
        assert!([0, 1].contains(&ended.code), "{arguments:?}: {}", ended.code);
    }
    // Failing does not panic either when nobody reads the output.
    for arguments in [vec!["inspect", "--most", "x"], vec!["healthcheck", "--url", "http://127.0.0.1:1"]] {
        let ended = Program::new(&arguments).stdout_to(closed()).stderr_to(closed()).run().await;
        assert!([1, 2].contains(&ended.code), "{arguments:?}: {}", ended.code);
    }
    // A full disk is a failure.
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let ended = Program::new(&["api-key", "backend"]).stdout_to(full.into()).run().await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.starts_with("error: cannot write to standard output: "), "{}", ended.stderr);
}

#[tokio::test]
async fn a_plain_text_address_elsewhere_is_warned_of() {
    let World { settings, simulator: _whatsapp, keys: _redis } = world().await;
    let command = |name: &str| {
        let elsewhere = format!("http://whatsapp.invalid:{}", free_port());
        Program::new(&[name]).settings(&settings).set("whatsapp.base_url", &elsewhere).set("whatsapp.max_retries", "0")
    };
    let ended = command("check").run().await;
    assert!(ended.stdout.contains("warning: whatsapp.base_url is http://whatsapp.invalid"), "{}", ended.stdout);
    let mut serve = command("serve").start();
    serve.printed("\"public\":\"http://").await;
    let log = serve.stop().await.stdout;
    let warned = log_lines(&log).into_iter().any(|line| {
        line["level"] == "WARN" && line["message"].as_str().unwrap().starts_with("whatsapp.base_url is http://")
    });
    assert!(warned, "{log}");
    assert!(!Program::new(&["check"]).settings(&settings).run().await.stdout.contains("whatsapp.base_url is"));
}

#[tokio::test]
async fn a_token_in_plain_text_is_shown_to_no_proxy() {
    let World { settings, simulator, keys: _redis } = world().await;
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut check = Program::new(&["check"]).settings(&settings);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        check = check.env(name, &url);
    }
    tokio::select! {
        ended = check.run() => assert_eq!(ended.code, 0, "{}", ended.stdout),
        _ = proxy.accept() => panic!("the proxy was asked"),
    }
    assert!(simulator.requests().len() >= 3);
}
