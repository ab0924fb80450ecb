//! A second run suggests the earlier answers and finds the existing template.

use std::fs;

use serde_json::json;
use whatsapp_otp_simulator::{TemplateReview, TemplateStatus};

use crate::harness::{TOKEN, Terminal, WABA_ID, World};

const CONTINUE: &str = "? Use the same account, number and template again? (y/n) › yes";

/// Goes through the earlier answers one by one, up to the choice of the template.
fn accepts_up_to_the_template(terminal: &mut Terminal) {
    terminal.shows(CONTINUE).types("n");
    terminal.shows(&format!("? WABA ID ({WABA_ID}) ›")).accepts();
    terminal.shows("? Keep the earlier token? (y/n) › yes").accepts();
    terminal.shows("ok the token has access to the account");
}

#[test]
fn a_second_run_continues_with_one_answer() {
    let world = World::new();
    world.set_up();
    let before = world.info();
    let makings = world.makings();
    let mut terminal = world.terminal(&[]);
    terminal.shows("Your earlier answers are in").shows(CONTINUE).accepts();
    terminal.shows("ok using \"verification_code\": approved in en_US; copy code, codes valid for 5 min");
    terminal.shows("? Settings file (- for none)").answers("-");
    terminal.shows("The template \"verification_code\" in en_US is approved.");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(world.info(), before);
    assert_eq!(world.makings(), makings, "nothing was created");
    assert!(!String::from_utf8_lossy(&terminal.bytes()).contains(TOKEN));
}

#[test]
fn the_earlier_template_is_suggested_among_several() {
    let world = World::new();
    world.set_up();
    let mut terminal = world.terminal(&[]);
    accepts_up_to_the_template(&mut terminal);
    terminal.shows("? Template ›").shows("Use \"otp_login\"").shows("❯ Use \"verification_code\"").accepts();
    terminal.shows("? Settings file").answers("-").shows("\"verification_code\" in en_US is approved.");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn another_name_creates_another_template() {
    let world = World::new();
    world.set_up();
    let mut terminal = world.terminal(&[]);
    accepts_up_to_the_template(&mut terminal);
    terminal.shows("? Template ›").shows("Create a new one").takes(2);
    // The name of an existing one leads to that one.
    terminal.shows("? Template name (verification_code) ›").accepts();
    terminal.shows("The account already has a template \"verification_code\":");
    terminal.shows("en_US approved, copy code, codes valid for 5 min");
    terminal.shows("? What do you want to do? ›").shows("Use it unchanged").takes(2);
    terminal.shows("? Template name (verification_code) ›").answers("another");
    terminal.shows("? Your app runs on ›").accepts();
    terminal.shows("? Code delivery ›").accepts();
    terminal.shows("? Languages (en_US) ›").answers("en_US, de");
    terminal.shows("? Code lifetime (5m) ›").answers("10");
    terminal.shows("? Add it to the message? (y/n) › yes").types("n");
    terminal.shows("? Time to deliver (5m) ›").answers("10m");
    terminal.shows("en_US:").shows("de:").shows("Dieser Code läuft in 10 Minuten ab.");
    terminal.shows("? Create this template? ›").accepts();
    terminal.shows("? Settings file").answers("-");
    terminal.shows("The template \"another\" in en_US, de is approved.");
    terminal.shows("export WHATSAPP_OTP__OTP__CODE_LIFETIME=10m");
    assert_eq!(terminal.ends(), 0);
    let info = world.info();
    assert_eq!(info["setup"]["languages"], json!(["en_US", "de"]));
    assert_eq!((&info["setup"]["code_lifetime"], &info["setup"]["message_ttl"]), (&json!("10m"), &json!("10m")));
    assert_eq!(info["setup"]["security_recommendation"], false);
}

#[test]
fn a_template_can_be_changed_once_a_day() {
    let world = World::new();
    world.set_up();
    let template_id = world.info()["template_id"].clone();
    for tries in 1..=2 {
        let mut terminal = world.terminal(&[]);
        accepts_up_to_the_template(&mut terminal);
        terminal.shows("? Template ›").shows("Change one of the templates").takes(1);
        terminal.shows("? Template to change ›").shows("❯ \"verification_code\": approved in en_US").accepts();
        terminal.shows("? Your app runs on ›").accepts();
        terminal.shows("? Code delivery ›").accepts();
        terminal.shows("? Languages (en_US) ›").accepts();
        terminal.shows("? Code lifetime").answers("7");
        terminal.shows("? Add it to the message?").accepts();
        terminal.shows("? Time to deliver").accepts();
        terminal.shows("This code expires in 7 minutes.");
        terminal.shows("? Change the template to this? ›").accepts();
        if tries == 2 {
            terminal.shows("error: this template cannot be changed now").shows("once in 24 hours");
            terminal.shows("? Template ›").shows("❯ Use \"verification_code\"").accepts();
        }
        terminal.shows("? Settings file").answers("-");
        terminal.shows("is approved.").shows("export WHATSAPP_OTP__OTP__CODE_LIFETIME=7m");
        assert_eq!(terminal.ends(), 0);
        assert_eq!(world.info()["template_id"], template_id);
    }
}

#[test]
fn a_run_after_an_interrupted_wait_continues_it() {
    let world = World::new();
    world.review(TemplateReview::Pending);
    let ended = world.program(&["--yes", "--waba-id", WABA_ID, "--wait", "0s"]).token(TOKEN).run();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("WhatsApp is still reviewing the template \"verification_code\" in en_US."), "{said}");
    assert!(said.contains("# Continue waiting: whatsapp-otp-setup") && !said.contains("whatsapp-otp serve"), "{said}");
    let mut terminal = world.terminal(&[]);
    terminal.shows(CONTINUE).accepts().shows("ok using \"verification_code\": in review in en_US");
    terminal.shows("? Settings file").answers("-");
    terminal.shows("WhatsApp is reviewing the template in en_US");
    let template_id = world.info()["template_id"].as_str().unwrap().to_owned();
    assert!(world.simulator.set_template_status(&template_id, TemplateStatus::Approved));
    terminal.shows("is approved.");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn a_rejected_template_is_explained_and_can_be_changed() {
    let world = World::new();
    world.review(TemplateReview::Reject);
    let ended = world.program(&["--yes", "--waba-id", WABA_ID]).token(TOKEN).run();
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    world.review(TemplateReview::Approve);
    let mut terminal = world.terminal(&[]);
    terminal.shows(CONTINUE).accepts();
    terminal
        .shows("error: no code can be sent with the template \"verification_code\": WhatsApp rejected it because its");
    terminal.shows("format is invalid (INVALID_FORMAT)");
    terminal.shows("? Template ›").shows("❯ Change one of the templates").accepts();
    terminal.shows("? Template to change ›").shows("❯ \"verification_code\": rejected in en_US").accepts();
    terminal.shows("? Your app runs on ›").accepts();
    terminal.shows("? Code delivery ›").accepts();
    terminal.shows("? Languages (en_US) ›").accepts();
    terminal.shows("? Code lifetime").accepts();
    terminal.shows("? Add it to the message?").accepts();
    terminal.shows("? Time to deliver").accepts();
    terminal.shows("? Change the template to this? ›").accepts();
    terminal.shows("? Settings file").answers("-");
    terminal.shows("The template \"verification_code\" in en_US is approved.");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn the_samples_file_is_accepted_and_its_other_keys_stay() {
    let world = World::new();
    let sample = json!({ "waba_id": WABA_ID, "access_token": TOKEN, "phone_number_id": "200000000000001",
        "template_id": "300000000000001", "comment": "ours" });
    fs::write(world.info_path(), sample.to_string()).unwrap();
    let mut terminal = world.terminal(&["--template-name", "otp_login"]);
    terminal.shows(&format!("? WABA ID ({WABA_ID}) ›")).accepts();
    terminal.shows("? Keep the earlier token? (y/n) › yes").accepts();
    terminal.shows("The account already has a template \"otp_login\":").shows("? What do you want to do? ›").accepts();
    terminal.shows("? Settings file").answers("-").shows("is approved.");
    assert_eq!(terminal.ends(), 0);
    let info = world.info();
    assert_eq!((&info["comment"], &info["template_id"]), (&json!("ours"), &json!("300000000000001")));
}
