//! The commands as an operator runs them: their output and exit codes.

mod check;
mod config;
mod healthcheck;
mod inspect;
mod revoke;
mod sandbox;

use std::collections::HashMap;
use std::sync::Arc;

use rand::rngs::SysRng;
use serde_json::{Value, json};
use whatsapp_otp::otp::{
    AppName, Channel, CodeLength, DeliveryReport, DeliveryStatus, Details, KeyRing, Manner, Message, NewVerification,
    OtpSecret, PhoneNumber, Status, UndeliveredReason, VerificationStore,
};
use whatsapp_otp::store::redis::RedisStore;
use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

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
    assert!(ended.stderr.starts_with("error: 11 settings are invalid\n"), "{}", ended.stderr);
    for remedy in ["\n  `openssl rand -hex 32` generates one. ", "\n  `whatsapp-otp api-key NAME` generates a key "] {
        assert!(ended.stderr.contains(remedy), "{}", ended.stderr);
    }
    let place = format!("(file {})", file.display());
    assert!(ended.stderr.lines().any(|line| line.starts_with("otp.code_length:") && line.ends_with(&place)));
    assert!(ended.stderr.contains("(environment variable WHATSAPP_OTP__SERVER__LISTEN)"));
    for secret in ["too-short-a-secret", "a token with blanks", "hunter22", "hunter23"] {
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn completions_and_man_pages_have_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = Program::new(&["completions", shell]).run().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        assert!(["healthcheck", "simulator-listen", "proof-key"].iter().all(|word| ended.stdout.contains(word)));
    }
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    let ended = Program::new(&["man", pages.to_str().unwrap()]).run().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("whatsapp-otp.1").contains("healthcheck"));
    assert!(page("whatsapp-otp-config-explain.1").contains("environment variable"));
    assert!(page("whatsapp-otp-sandbox.1").contains("listen"));
}

#[tokio::test]
async fn bad_settings_are_wrapped_to_the_terminal() {
    let shown = Program::new(&["check"]).env("NO_COLOR", "1").run_at_terminal(60).await;
    assert_eq!(shown.code, 78);
    assert!(
        shown.stdout.starts_with("error: 2 settings are invalid\n\notp.secret: expected a secret"),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains("\n  `openssl rand -hex 32` generates one."), "{}", shown.stdout);
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 60), "{}", shown.stdout);
}

#[tokio::test]
async fn a_terminal_shows_a_failure_once() {
    let shown = Program::new(&["serve"]).run_at_terminal(100).await;
    assert_eq!((shown.code, shown.stdout.matches("openssl rand -hex 32").count()), (78, 1), "{}", shown.stdout);
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
async fn commands_fail_with_1_when_redis_is_away() {
    let url = format!("redis://127.0.0.1:{}/0", free_port());
    for arguments in [vec!["inspect"], vec!["inspect", PHONE], vec!["revoke", PHONE]] {
        let ended = Program::new(&arguments).set("redis.url", &url).run().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{arguments:?}");
        let error = format!("error: Redis cannot be used ({url}): nothing answers there (Connection refused");
        assert!(ended.stderr.starts_with(&error), "{}", ended.stderr);
        assert!(ended.stderr.ends_with("\nhint: Start Redis, or set redis.url to its address.\n"), "{}", ended.stderr);
    }
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
    assert!(last["message"].as_str().unwrap().ends_with("settings are invalid") && last["hint"].is_string(), "{last}");
    assert!(!ended.stdout.contains("too-short-a-secret"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_start_that_fails_over_a_taken_port_says_so_once_in_the_log_or_to_people() {
    let World { settings, simulator: _whatsapp, keys: _redis } = world().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let problem = format!("port {} of 127.0.0.1 is already in use", taken.local_addr().unwrap().port());
    let serve = || Program::new(&["serve"]).settings(&settings).set("server.listen", &address);
    let ended = serve().run().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
    let last = log_lines(&ended.stdout).pop().unwrap();
    assert_eq!((&last["level"], &last["exit_code"]), (&json!("ERROR"), &json!(1)));
    assert_eq!(last["message"], problem);
    assert!(last["hint"].as_str().unwrap().contains("WHATSAPP_OTP__SERVER__LISTEN"), "{last}");

    let ended = serve().set("log.format", "pretty").run().await;
    assert_eq!(ended.code, 1);
    let hint = "choose another port with server.listen (WHATSAPP_OTP__SERVER__LISTEN).";
    let said = format!("error: {problem}\n\nhint: Stop the program that uses it, or {hint}\n");
    assert_eq!(ended.stderr, said);
    let ended = serve().set("log.level", "off").run().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert_eq!(ended.stderr, said);

    for (arguments, flag) in [
        (["sandbox", "--simulator-listen", &address], "with --simulator-listen.\n"),
        (["simulator", "--listen", &address], "with --listen.\n"),
    ] {
        let ended = Program::new(&arguments).run().await;
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.starts_with(&format!("error: {problem}\n")), "{}", ended.stderr);
        assert!(ended.stderr.ends_with(flag), "{}", ended.stderr);
    }
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
        vec!["config", "default"],
        vec!["config", "show"],
        vec!["config", "explain", "otp.secret"],
        vec!["completions", "bash"],
        vec!["openapi"],
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
