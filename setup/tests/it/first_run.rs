//! The complete dialogue of a first run.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use whatsapp_otp::config::{ServeSettings, Sources};
use whatsapp_otp_simulator::TemplateReview;

use crate::harness::{TOKEN, WABA_ID, World};

#[test]
fn a_first_run_ends_with_an_approved_template_and_two_files() {
    let world = World::new();
    world.review(TemplateReview::ApproveAfterReads(1));
    let mut terminal = world.terminal(&[]);
    terminal.shows("It takes about 5 minutes; you need");
    terminal.shows("Step 1 of 5: WhatsApp Business account (WABA)").shows("? WABA ID ›").answers(WABA_ID);
    terminal.shows("Step 2 of 5: Access token").shows("https://business.facebook.com/latest/settings/system_users");
    terminal.shows("? Access token (hidden) ›").answers_unseen(TOKEN);
    terminal.shows("ok the token has access to the account \"Simulated Business\"");
    terminal.shows("Step 3 of 5: Phone number");
    terminal.shows("The account has only this one: +1 555-789-0100 Simulated Business quality green, connected");
    terminal.shows("ok +1 555-789-0100 can send, and the token may use it");
    terminal.shows("Step 4 of 5: Template").shows("? Template ›").shows("Create a new one").takes(2);
    terminal.shows("? Template name (verification_code) ›").answers("login_code");
    terminal.shows("? Your app runs on ›").shows("Android and iOS").takes(0);
    terminal.shows("? Code delivery ›").shows("Zero-tap").takes(1);
    terminal.shows("? Package name ›").answers("com.example.app");
    terminal.shows("? Signature hashes ›").answers("AbCdEfGh+/1 AbCdEfGh+/2");
    terminal.shows("? Another app? (y/n) › no").accepts();
    terminal.shows("? Languages (en_US) ›").accepts();
    terminal.shows("otp.code_lifetime, which is 5m now").shows("? Code lifetime (5m) ›").answers("7m");
    terminal.shows("? Add it to the message? (y/n) › yes").accepts();
    terminal.shows("? Time to deliver (7m) ›").accepts();
    terminal.shows("en_US:").shows("123456 is your verification code.").shows("This code expires in 7 minutes.");
    terminal.shows("Autofill").shows("? Create this template? ›").accepts();
    terminal.shows("Step 5 of 5: Settings file").shows("? Settings file (- for none) (whatsapp-otp.toml) ›").accepts();
    terminal.shows("Saved, readable only by you: whatsapp-otp.toml");
    terminal.shows("Ctrl-C stops waiting").shows("WhatsApp is reviewing the template in en_US (").shows("s)");
    terminal.shows("The template \"login_code\" in en_US is approved.");
    terminal.shows("whatsapp-otp-setup send-test PHONE --config whatsapp-otp.toml");
    terminal.shows("# Try everything that the service needs: whatsapp-otp check --config whatsapp-otp.toml");
    terminal.shows("# Start it: whatsapp-otp serve --config whatsapp-otp.toml");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(terminal.wrapped_rows(), Vec::<String>::new());

    let info = world.info();
    assert_eq!(info["waba_id"], WABA_ID);
    assert_eq!(info["access_token"], TOKEN);
    assert_eq!(info["phone_number_id"], "200000000000001");
    assert_eq!(info["languages"], json!(["en_US"]));
    assert_eq!(
        info["setup"]["apps"],
        json!([
            { "package_name": "com.example.app", "signature_hash": "AbCdEfGh+/1" },
            { "package_name": "com.example.app", "signature_hash": "AbCdEfGh+/2" },
        ])
    );
    assert_eq!(world.files(), ["whatsapp-info.json", "whatsapp-otp.toml"]);
    for name in world.files() {
        let mode = std::fs::metadata(world.path(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let sources = Sources { file: Some(world.path("whatsapp-otp.toml")), environment: [].into() };
    let settings = ServeSettings::load(&sources).unwrap();
    assert_eq!(settings.whatsapp.api.base_url.as_str().trim_end_matches('/'), world.url());
    assert_eq!(world.makings(), 1);
    assert_eq!(world.simulator.tokens_in_query(), 0);
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(!bytes.contains(TOKEN) && !bytes.contains(&TOKEN[..8]), "{bytes}");
}

#[test]
fn an_existing_template_needs_no_question_about_its_content() {
    let world = World::new();
    let mut terminal = world.terminal(&[]);
    terminal.shows("? WABA ID ›").answers(WABA_ID);
    terminal.shows("? Access token (hidden) ›").answers_unseen(TOKEN);
    terminal.shows("? Template ›").shows("❯ Use \"otp_login\": approved in en_US; copy code").accepts();
    terminal.shows("ok using \"otp_login\"");
    terminal.shows("? Settings file (- for none)").answers("-");
    terminal.shows("The template \"otp_login\" in en_US is approved.");
    terminal.shows("export WHATSAPP_OTP__OTP__SECRET=$(openssl rand -hex 32)");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(world.makings(), 0);
    assert_eq!(world.files(), ["whatsapp-info.json"]);
}
