//! Without a terminal: answers by flags, variables or an earlier run.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use whatsapp_otp::app::{self, WhatsAppAtStart};
use whatsapp_otp::config::{ServeSettings, Sources};

use crate::harness::{TOKEN, WABA_ID, World};

#[test]
fn all_missing_answers_are_reported_together() {
    let world = World::new();
    let ended = world.program(&["--delivery", "zero-tap"]).run();
    assert_eq!(ended.code, 2);
    for flag in
        ["--waba-id", "--token-file", "WHATSAPP_OTP_SETUP_ACCESS_TOKEN", "--app", "--accept-zero-tap-terms", "--yes"]
    {
        assert!(ended.stderr.contains(flag), "{flag}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("\x1b["), "{}", ended.stderr);
    assert!(world.simulator.requests().is_empty());
}

#[test]
fn a_run_with_flags_ends_with_json() {
    let world = World::new();
    fs::write(world.path("token"), format!("{TOKEN}\n")).unwrap();
    let token_file = world.path("token");
    let ended = world
        .program(&[
            "--yes",
            "--json",
            "--waba-id",
            WABA_ID,
            "--token-file",
            token_file.to_str().unwrap(),
            "--phone-number-id",
            "200000000000001",
            "--platform",
            "both",
            "--delivery",
            "zero-tap",
            "--accept-zero-tap-terms",
            "--app",
            "com.example.app=AbCdEfGh+/1",
            "--app",
            "com.example.app=AbCdEfGh+/2",
            "--template-name",
            "login_code",
            "--languages",
            "de,en_US",
            "--code-lifetime",
            "10m",
            "--security-recommendation",
            "false",
            "--message-ttl",
            "2m",
        ])
        .run();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let result = ended.json();
    assert_eq!(result["status"], "APPROVED");
    assert_eq!((&result["template_name"], &result["language"]), (&json!("login_code"), &json!("de")));
    assert_eq!(result["translations"].as_array().unwrap().len(), 2);
    assert_eq!(result["settings"]["WHATSAPP_OTP__OTP__CODE_LIFETIME"], "10m");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(TOKEN));
    assert_eq!(world.info()["template_id"], result["template_id"]);
    assert_eq!(world.info()["languages"], json!(["de", "en_US"]));
    assert_eq!(fs::metadata(world.info_path()).unwrap().permissions().mode() & 0o777, 0o600);

    let shown = world.program(&["template", "show", "login_code", "--json"]).run().json();
    let german = shown.as_array().unwrap().iter().find(|template| template["language"] == "de").unwrap();
    assert_eq!(german["otp_type"], "ZERO_TAP");
    assert_eq!((&german["code_lifetime_minutes"], &german["message_ttl_seconds"]), (&json!(10), &json!(120)));
}

#[test]
fn an_existing_template_is_changed_only_on_request() {
    let world = World::new();
    world.set_up();
    let run = |more: &[&str]| world.program(&[&["--yes", "--json"], more].concat()).run();
    let refused = run(&[]);
    assert_eq!(refused.code, 1);
    assert_eq!(refused.json()["error"]["meaning"], "the account already has a template \"verification_code\"");
    let (before, makings) = (world.info(), world.makings());
    assert_eq!(run(&["--existing", "reuse"]).code, 0);
    assert_eq!((world.info(), world.makings()), (before, makings));
    assert_eq!(run(&["--existing", "replace", "--code-lifetime", "8m"]).code, 0);
    let again = run(&["--existing", "replace"]);
    assert_eq!((again.code, again.json()["error"]["subcode"].clone()), (1, json!(2_388_039)));
    let other = run(&["--existing", "reuse", "--template-name", "hello_world"]);
    assert_eq!(other.code, 1);
    assert_eq!(
        other.json()["error"]["meaning"],
        "no code can be sent with the template \"hello_world\": it has no button for a code"
    );
}

#[test]
fn a_token_in_the_arguments_is_refused_and_not_repeated() {
    let world = World::new();
    for arguments in [
        ["--access-token", TOKEN].as_slice(),
        &["--token", TOKEN],
        &["template", "list", "--access-token", TOKEN],
        &[&format!("--access-token={TOKEN}")],
    ] {
        let ended = world.program(arguments).run();
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("everyone on this machine can see arguments"), "{}", ended.stderr);
        assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
    }
    let help = world.program(&["--help"]).token(TOKEN).run();
    assert!(!help.stdout.contains(TOKEN) && !help.stdout.contains("--access-token"), "{}", help.stdout);
}

#[test]
fn the_token_is_never_sent_unencrypted() {
    let world = World::new();
    let run = |url| world.program(&["--yes", "--waba-id", WABA_ID, "--base-url", url]).token(TOKEN).run();
    let ended = run("http://198.51.100.1");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("unencrypted"), "{}", ended.stderr);
}

#[test]
fn invalid_settings_and_invalid_files_have_their_own_errors() {
    let world = World::new();
    let ended = world.program(&["template", "list"]).env("WHATSAPP_OTP__OTP__CODE_LIFETIME", "soon").run();
    assert_eq!(ended.code, 78, "{}", ended.stderr);
    assert!(ended.stderr.contains("otp.code_lifetime: expected"), "{}", ended.stderr);
    fs::write(world.info_path(), format!("{{\"access_token\": {TOKEN}")).unwrap();
    let ended = world.program(&["template", "list"]).run();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("is not JSON as whatsapp-otp-setup writes it: line 1"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
}

#[test]
fn an_unwritable_file_is_reported_before_anything_is_created() {
    let world = World::new();
    fs::write(world.path("file"), "").unwrap();
    let path = world.path("file/whatsapp-info.json");
    let arguments = ["--yes", "--waba-id", WABA_ID, "--info-file", path.to_str().unwrap()];
    let ended = world.program(&arguments).token(TOKEN).run();
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("cannot be"), "{}", ended.stderr);
    assert!(world.simulator.requests().is_empty());
}

#[test]
fn serve_starts_on_the_file() {
    let world = World::new();
    let ended = world.program(&["--yes", "--waba-id", WABA_ID, "--languages", "de"]).token(TOKEN).run();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let (url, info_file) = (world.url(), world.info_path());
    let environment = [
        ("WHATSAPP_OTP__WHATSAPP__BASE_URL", url.as_str()),
        ("WHATSAPP_OTP__WHATSAPP__INFO_FILE", info_file.to_str().unwrap()),
        ("WHATSAPP_OTP__OTP__SECRET", "the-secret-of-the-setups-own-tests"),
        ("WHATSAPP_OTP__SERVER__LISTEN", "127.0.0.1:0"),
        ("WHATSAPP_OTP__SERVER__OPS_LISTEN", "127.0.0.1:0"),
        // Redis is unreachable there, but this start requires only the template.
        ("WHATSAPP_OTP__REDIS__URL", "redis://127.0.0.1:1/0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sources = Sources { file: None, environment: environment.into() };
    let settings = ServeSettings::load(&sources).unwrap();
    assert_eq!(settings.whatsapp.api.languages[0].as_str(), "de", "the languages come with the template");
    let service = world.runtime.block_on(app::serve(settings, WhatsAppAtStart::Required)).unwrap();
    assert!(service.public_url().starts_with("http://127.0.0.1:"));
}
