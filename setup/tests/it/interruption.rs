//! Ctrl-C at any point leaves no file, or the old one.

use std::fs;

use whatsapp_otp_simulator::TemplateReview;

use crate::harness::{TOKEN, Terminal, WABA_ID, World};

/// The prompts of a first run, and their answers.
const PROMPTS: &[(&str, &str)] = &[
    ("? WABA ID ›", "100000000000001\r"),
    ("? Access token (hidden) ›", "EAASIMULATOR0SYSTEM0USER0TOKEN\r"),
    ("? Template ›", "\x1b[B\x1b[B\r"),
    ("? Template name (verification_code) ›", "\r"),
    ("? Your app runs on ›", "\r"),
    ("? Code delivery ›", "\x1b[B\x1b[B\r"),
    ("? Do you accept? (y/n) ›", "y"),
    ("? Package name ›", "com.example.app\r"),
    ("? Signature hashes ›", "AbCdEfGh+/1\r"),
    ("? Another app? (y/n) › no", "\r"),
    ("? Languages (en_US) ›", "\r"),
    ("? Code lifetime (5m) ›", "\r"),
    ("? Add it to the message? (y/n) › yes", "\r"),
    ("? Time to deliver (5m) ›", "\r"),
    ("? Create this template? ›", "\r"),
];

/// Answers the first `count` prompts and waits for the next.
fn at_prompt(world: &World, count: usize) -> Terminal {
    let mut terminal = world.terminal(&[]);
    for (prompt, answer) in &PROMPTS[..count] {
        terminal.shows(prompt);
        match answer.strip_suffix('\r') {
            Some(token) if prompt.contains("hidden") => terminal.answers_unseen(token),
            _ => terminal.types(answer),
        };
    }
    terminal.shows(PROMPTS[count].0);
    terminal
}

#[test]
fn ctrl_c_at_any_prompt_leaves_no_file_and_restores_the_terminal() {
    let world = World::new();
    for (count, (prompt, _)) in PROMPTS.iter().enumerate() {
        let mut terminal = at_prompt(&world, count);
        assert!(!terminal.echoes());
        terminal.interrupts().shows("stopped");
        assert_eq!(terminal.ends(), 130, "{prompt}");
        assert_eq!(world.files(), Vec::<String>::new(), "{prompt}");
    }
    assert_eq!(world.makings(), 0);
}

#[test]
fn signals_of_other_processes_do_the_same() {
    let world = World::new();
    for count in [0, 1, 2] {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let mut terminal = at_prompt(&world, count);
            terminal.signal(signal).shows("stopped");
            assert_eq!(terminal.ends(), code, "{}", PROMPTS[count].0);
        }
    }
    assert_eq!(world.files(), Vec::<String>::new());
}

#[test]
fn ctrl_c_on_a_re_run_leaves_the_old_file_unchanged() {
    let world = World::new();
    world.set_up();
    let before = fs::read(world.info_path()).unwrap();
    let mut terminal = world.terminal(&[]);
    terminal.shows("? Use the same account").types("n");
    terminal.shows("? WABA ID").accepts().shows("? Keep the earlier token?").types("n");
    terminal.shows("? Access token").types("half a tok").interrupts().shows("stopped");
    assert_eq!(terminal.ends(), 130);
    assert_eq!(fs::read(world.info_path()).unwrap(), before);
    assert_eq!(world.files(), ["whatsapp-info.json"]);
}

#[test]
fn ctrl_c_during_the_review_loses_nothing_and_says_how_to_continue() {
    let world = World::new();
    world.review(TemplateReview::Pending);
    let arguments = ["--waba-id", WABA_ID, "--platform", "ios", "--languages", "en_US", "--code-lifetime", "5m"];
    let mut terminal = world.program(&arguments).token(TOKEN).at_a_terminal();
    terminal.shows("? Template ›").takes(2).shows("? Template name").accepts();
    terminal.shows("? Add it").accepts().shows("? Time to deliver").accepts();
    terminal.shows("? Create this template? ›").accepts();
    terminal.shows("Saved, readable only by you:").shows("? Settings file").accepts();
    terminal.shows("WhatsApp is reviewing the template in en_US").interrupts();
    terminal.shows("WhatsApp is still reviewing the template \"verification_code\" in en_US.");
    terminal.shows("Next:").shows("# Continue waiting: whatsapp-otp-setup --config whatsapp-otp.toml");
    assert_eq!(terminal.ends(), 3);
    assert_eq!(world.info()["setup"]["template_name"], "verification_code");
}

#[test]
fn ctrl_c_at_the_last_step_leaves_the_account_saved() {
    let world = World::new();
    let mut terminal = world.program(&["--waba-id", WABA_ID]).token(TOKEN).at_a_terminal();
    terminal.shows("? Template ›").accepts().shows("? Settings file").interrupts().shows("stopped");
    assert_eq!(terminal.ends(), 130);
    assert_eq!(world.files(), ["whatsapp-info.json"]);
    assert_eq!(world.info()["setup"]["template_name"], "otp_login");
}
