//! The complete dialogue of a first run.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use whatsapp_otp_simulator::TemplateReview;

use crate::harness::{TOKEN, WABA_ID, World};

#[test]
fn a_first_run_ends_with_an_approved_template_and_a_file() {
    let world = World::new();
    world.review(TemplateReview::ApproveAfterReads(1));
    let mut terminal = world.terminal(&[]);
    terminal.shows("WhatsApp Business account (WABA)").shows("? WABA ID ›").answers(WABA_ID);
    terminal.shows("? Access token (hidden) ›").answers_unseen(TOKEN);
    terminal.shows("ok the token has access to the account \"Simulated Business\"");
    terminal.shows("? Phone number ›").shows("+1 555-789-0100 Simulated Business quality GREEN, CONNECTED").accepts();
    terminal.shows("? Your app runs on ›").shows("Android and iOS").takes(0);
    terminal.shows("? Code delivery ›").shows("Zero-tap").takes(1);
    terminal.shows("? Package name ›").answers("com.example.app");
    terminal.shows("? Signature hashes ›").answers("AbCdEfGh+/1 AbCdEfGh+/2");
    terminal.shows("? Another app? (y/n) › no").accepts();
    terminal.shows("? Template name (verification_code) ›").answers("login_code");
    terminal.shows("? Languages (en_US) ›").accepts();
    terminal.shows("otp.code_lifetime, which is 5m now").shows("? Code lifetime (5m) ›").accepts();
    terminal.shows("? Add it to the message? (y/n) › yes").accepts();
    terminal.shows("? Time to deliver (5m) ›").accepts();
    terminal.shows("en_US:").shows("123456 is your verification code.").shows("This code expires in 5 minutes.");
    terminal.shows("Autofill").shows("? Create this template? ›").accepts();
    terminal.shows("The template \"login_code\" in en_US is APPROVED.").shows("whatsapp-otp serve");
    assert_eq!(terminal.ends(), 0);

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
    let mode = std::fs::metadata(world.info_path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(world.files(), ["whatsapp-info.json"]);
    assert_eq!(world.makings(), 1);
    assert_eq!(world.simulator.tokens_in_query(), 0);
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(!bytes.contains(TOKEN) && !bytes.contains(&TOKEN[..8]), "{bytes}");
}
