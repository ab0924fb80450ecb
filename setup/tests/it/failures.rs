//! Failures: their messages, and the question at which the dialogue continues.

use std::io::{Read, Write};
use std::net::TcpListener;

use whatsapp_otp_simulator::{AccountState, SimulatorSettings, Switches, TemplateReview};

use crate::harness::{TOKEN, Terminal, WABA_ID, World};

const TOKEN_PROMPT: &str = "? Access token (hidden) ›";
const TEMPLATE_PROMPT: &str = "? Template ›";

/// A terminal with flags for the account and the template.
fn told(world: &World) -> Terminal {
    world
        .program(&["--waba-id", WABA_ID, "--platform", "ios", "--languages", "en_US", "--code-lifetime", "5m"])
        .env("WHATSAPP_OTP_SETUP_SECURITY_RECOMMENDATION", "true")
        .env("WHATSAPP_OTP_SETUP_MESSAGE_TTL", "5m")
        .env("WHATSAPP_OTP_SETUP_PHONE_NUMBER_ID", "200000000000001")
        .at_a_terminal()
}

#[test]
fn a_wrong_token_is_asked_for_again() {
    let world = World::new();
    let mut terminal = told(&world);
    for (token, meaning, code) in [
        ("EAAnonsense", "WhatsApp does not know this token", "WhatsApp error 190:"),
        ("EAASIMULATOR0EXPIRED0TOKEN", "the token has expired", "190/463"),
        ("EAASIMULATOR0INVALIDATED0TOKEN", "the token was invalidated", "190/460"),
    ] {
        terminal.shows(TOKEN_PROMPT).answers_unseen(token);
        terminal.shows(&format!("error: {meaning}")).shows("hint: ").shows(code);
    }
    terminal.shows(TOKEN_PROMPT).answers_unseen(TOKEN).shows("ok the token has access to the account");
    terminal.shows(TEMPLATE_PROMPT).takes(2).shows("? Template name (verification_code) ›").accepts();
    terminal.shows("? Create this template? ›").accepts();
    terminal.shows("? Settings file").answers("-").shows("is approved.");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(terminal.wrapped_rows(), Vec::<String>::new());
    assert!(!String::from_utf8_lossy(&terminal.bytes()).contains("EAA0"));
    assert!(!String::from_utf8_lossy(&terminal.bytes()).contains("EAAnonsense"));
}

#[test]
fn a_token_without_a_permission_is_told_which() {
    let world = World::new();
    let mut terminal = told(&world);
    terminal.shows(TOKEN_PROMPT).answers_unseen("EAASIMULATOR0NO0MANAGEMENT0SCOPE");
    terminal.shows("error: the token lacks a permission, or its system user is not assigned to this account");
    terminal.shows("whatsapp_business_management").shows("(#200) Requires whatsapp_business_management permission");
    terminal.shows("? Keep the earlier token?").types("n");
    terminal.shows(TOKEN_PROMPT).answers_unseen("EAASIMULATOR0NOT0ASSIGNED");
    terminal.shows("error: the token lacks a permission, or its system user is not assigned to this account");
    terminal.shows("? Keep the earlier token?").types("n");
    terminal.shows(TOKEN_PROMPT).answers_unseen("EAASIMULATOR0NO0MESSAGING0SCOPE");
    terminal.shows("error: the token may not send messages for this account").shows("whatsapp_business_messaging");
    terminal.shows("? Keep the earlier token?").types("n");
    terminal.shows(TOKEN_PROMPT).answers_unseen(TOKEN).shows(TEMPLATE_PROMPT);
    terminal.interrupts();
    assert_eq!(terminal.ends(), 130);
    assert_eq!(terminal.wrapped_rows(), Vec::<String>::new());
}

#[test]
fn an_unknown_account_is_asked_for_again() {
    let world = World::new();
    let mut terminal = world.program(&["--waba-id", "5"]).token(TOKEN).at_a_terminal();
    terminal.shows("error: there is no such account, or the token's system user may not see it");
    terminal.shows("100/33").shows("? WABA ID (5) ›").answers(WABA_ID);
    terminal.shows("? Keep the earlier token?").accepts().shows("ok the token has access to the account").interrupts();
    assert_eq!(terminal.ends(), 130);
}

/// An account with a second number, listed first, that cannot send.
fn two_numbers() -> World {
    let unregistered_numbers = vec![("200000000000002".to_owned(), "1 555-789-0199".to_owned())];
    World::of(SimulatorSettings { unregistered_numbers, ..SimulatorSettings::default() })
}

#[test]
fn of_several_numbers_one_that_can_send_has_to_be_chosen() {
    let world = two_numbers();
    let mut terminal = world.program(&["--waba-id", WABA_ID]).token(TOKEN).at_a_terminal();
    terminal.shows("? Number ›").shows("❯ +1 555-789-0199 Simulated Business quality green, disconnected");
    terminal.accepts().shows("? Register it now? (y/n) › yes").types("n");
    terminal.shows("error: +1 555-789-0199 is not registered with the Cloud API");
    terminal.shows("? Number ›").shows("+1 555-789-0100").takes(1);
    terminal.shows("ok +1 555-789-0100 can send").interrupts();
    assert_eq!(terminal.ends(), 130);

    let run = |more: &[&str]| world.program(&[&["--yes", "--waba-id", WABA_ID], more].concat()).token(TOKEN).run();
    let ended = run(&[]);
    assert_eq!(ended.code, 2);
    for number in ["--phone-number-id", "200000000000001 +1 555-789-0100", "200000000000002 +1 555-789-0199"] {
        assert!(ended.stderr.contains(number), "{}", ended.stderr);
    }
    assert_eq!(run(&["--phone-number-id", "200000000000002"]).code, 1);
    let absent = run(&["--phone-number-id", "15557890100"]);
    assert!(
        absent.stderr.contains("error: the account has no phone number with the ID 15557890100"),
        "{}",
        absent.stderr
    );
    assert_eq!(run(&["--phone-number-id", "200000000000001"]).code, 0);
}

#[test]
fn an_ineligible_account_can_be_fixed_and_tried_again() {
    let world = World::new();
    world.simulator.set_switches(Switches { authentication_eligible: false, ..Switches::default() });
    let mut terminal = told(&world);
    terminal.shows(TOKEN_PROMPT).answers_unseen(TOKEN).shows(TEMPLATE_PROMPT).takes(2);
    terminal.shows("? Template name").accepts();
    terminal.shows("? Create this template? ›").accepts();
    terminal.shows("error: this account may not have authentication templates");
    terminal.shows("hint: Meta requires a verified business").shows("10/2388185");
    terminal.shows("? What now? ›").shows("Try again");
    world.simulator.set_switches(Switches::default());
    terminal.accepts().shows("? Create this template? ›").accepts();
    terminal.shows("? Settings file").answers("-").shows("is approved.");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(terminal.wrapped_rows(), Vec::<String>::new());
}

#[test]
fn a_name_that_is_still_held_is_asked_for_again() {
    let world = World::new();
    world.set_up();
    let deleted = world.program(&["template", "delete", "verification_code", "--yes"]).run();
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    let mut terminal = world.terminal(&["--platform", "ios", "--languages", "en_US"]);
    terminal.shows("? Use the same account").accepts();
    terminal.shows("error: the account has no template \"verification_code\" any more");
    terminal.shows(TEMPLATE_PROMPT).takes(2).shows("? Template name (verification_code) ›").accepts();
    terminal.shows("? Code lifetime").accepts().shows("? Add it").accepts().shows("? Time to deliver").accepts();
    terminal.shows("? Create this template? ›").accepts();
    terminal.shows("error: a template of this name was deleted less than 30 days ago").shows("100/2388023");
    terminal.shows("? Template name (verification_code) ›").answers("verification_code_2");
    terminal.shows("? Create this template? ›").accepts();
    terminal.shows("? Settings file").answers("-").shows("\"verification_code_2\" in en_US is approved.");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn a_rejected_template_is_reported_with_the_reason() {
    let world = World::new();
    world.review(TemplateReview::Reject);
    let mut terminal = told(&world);
    terminal.shows(TOKEN_PROMPT).answers_unseen(TOKEN).shows(TEMPLATE_PROMPT).takes(2);
    terminal.shows("? Template name").accepts();
    terminal.shows("? Create this template? ›").accepts();
    terminal.shows("? Settings file").answers("-");
    terminal.shows(
        "WhatsApp rejected the template \"verification_code\" in en_US because its format is invalid (INVALID_FORMAT).",
    );
    assert_eq!(terminal.ends(), 4);
}

#[test]
fn too_many_calls_can_be_waited_for() {
    let world = World::new();
    let spent = Switches { account: AccountState::AccountBudgetSpent, ..Switches::default() };
    world.simulator.set_switches(spent);
    let mut terminal = told(&world);
    terminal.shows(TOKEN_PROMPT).answers_unseen(TOKEN);
    terminal.shows("error: too many calls were made for this app or account").shows("80007");
    terminal.shows("? What now? ›").takes(2).shows("stopped");
    assert_eq!(terminal.ends(), 130);
}

#[test]
fn no_network_and_somebody_elses_page_are_told_from_whatsapp() {
    let world = World::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = |url: &str| {
        let arguments = ["--yes", "--json", "--waba-id", WABA_ID, "--base-url", url];
        world.program(&arguments).token(TOKEN).run()
    };
    let ended = run(&format!("http://{nobody}"));
    assert_eq!(ended.code, 1);
    assert_eq!(ended.json()["error"]["meaning"], "WhatsApp is unreachable from this machine");

    for (status, meaning) in [
        ("200 OK", "WhatsApp gave no clear answer"),
        ("302 Found", "the answer is not from WhatsApp"),
        ("403 Forbidden", "the answer is not from WhatsApp"),
        ("502 Bad Gateway", "WhatsApp gave no clear answer"),
    ] {
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = proxy.local_addr().unwrap();
        let page = format!("HTTP/1.1 {status}\r\nLocation: /login\r\nContent-Length: 13\r\n\r\n<html></html>");
        let served = std::thread::spawn(move || {
            let (mut connection, _) = proxy.accept().unwrap();
            let mut request = [0; 4096];
            let read = connection.read(&mut request).unwrap();
            connection.write_all(page.as_bytes()).unwrap();
            read
        });
        let ended = run(&format!("http://{address}"));
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert_eq!(ended.json()["error"]["meaning"], meaning, "{status}");
        assert!(ended.stderr.contains("hint: ") && !ended.stderr.contains(TOKEN), "{}", ended.stderr);
        assert!(served.join().unwrap() > 0);
    }
}
