//! The end of a run, by what WhatsApp decided.

use serde_json::{Value, json};
use whatsapp_otp_simulator::{TemplateReview, TemplateStatus};

use crate::harness::{TOKEN, WABA_ID, World};

fn whats(result: &Value) -> Vec<&str> {
    let missing = result["missing"].as_array().unwrap().iter();
    missing
        .map(|item| item["what"].as_str().unwrap())
        .filter(|what| *what != "setting" && *what != "otp.secret")
        .collect()
}

/// Returns the text of the program, in one line.
fn said(stderr: &str) -> String {
    stderr.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_paused_template_resumes_by_itself() {
    let world = World::new();
    world.set_up();
    let template_id = world.info()["template_id"].as_str().unwrap().to_owned();
    assert!(world.simulator.set_template_status(&template_id, TemplateStatus::Paused));
    let ended = world.program(&["--yes", "--json", "--existing", "reuse"]).run();
    assert_eq!((ended.code, whats(&ended.json())), (4, vec!["resumption"]), "{}", ended.stderr);
    let said = said(&ended.stderr);
    assert!(said.contains("because people blocked or reported its messages"), "{said}");
    assert!(said.contains("after 3 hours the first time"), "{said}");
    assert!(said.contains("whatsapp-otp-setup template show verification_code"), "{said}");
    assert!(!said.contains("whatsapp-otp serve"), "{said}");
}

#[test]
fn a_disabled_template_is_not_offered_again() {
    let world = World::new();
    world.set_up();
    let template_id = world.info()["template_id"].as_str().unwrap().to_owned();
    assert!(world.simulator.set_template_status(&template_id, TemplateStatus::Disabled));
    let ended = world.program(&["--yes", "--json", "--existing", "reuse"]).run();
    assert_eq!((ended.code, whats(&ended.json())), (1, vec!["template_name"]), "{}", ended.stderr);
    assert!(said(&ended.stderr).contains("WhatsApp disabled it for good"), "{}", ended.stderr);
    let mut terminal = world.terminal(&[]);
    terminal.shows("? Use the same account").accepts().shows("error: no code can be sent with the template");
    terminal.shows("? Template ›").shows("❯ Use \"otp_login\"").shows("Create a new one").interrupts();
    assert_eq!(terminal.ends(), 130);
    assert!(!terminal.session().join("\n").contains("Change \"verification_code\""));
}

#[test]
fn one_approved_language_is_enough_to_start() {
    let world = World::new();
    world.review(TemplateReview::Pending);
    let arguments = ["--yes", "--json", "--waba-id", WABA_ID, "--languages", "de,en_US", "--wait", "0s"];
    let ended = world.program(&arguments).token(TOKEN).run();
    assert_eq!((ended.code, whats(&ended.json())), (3, vec!["approval"]), "{}", ended.stderr);
    let german = ended.json()["template_id"].as_str().unwrap().to_owned();
    assert!(world.simulator.set_template_status(&german, TemplateStatus::Approved));
    let ended = world.program(&[&arguments[..], &["--existing", "reuse"]].concat()).run();
    let result = ended.json();
    assert_eq!((ended.code, whats(&result)), (0, vec![]), "{}", ended.stderr);
    assert_eq!((&result["status"], &result["language"]), (&json!("APPROVED"), &json!("de")));
    let said = said(&ended.stderr);
    assert!(said.contains("The template \"verification_code\" in de is approved."), "{said}");
    assert!(said.contains("WhatsApp is still reviewing the template \"verification_code\" in en_US."), "{said}");
    assert!(said.contains("The service sends in the approved languages only."), "{said}");
}

#[test]
fn a_log_has_a_line_with_the_elapsed_time() {
    let world = World::new();
    world.review(TemplateReview::ApproveAfterReads(1));
    let ended = world.program(&["--yes", "--waba-id", WABA_ID]).token(TOKEN).run();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("WhatsApp is reviewing the template in en_US (0s)"), "{}", ended.stderr);
}
