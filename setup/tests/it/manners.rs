//! Behaviour at a terminal.

use crate::harness::{TOKEN, WABA_ID, World};

#[test]
fn answers_are_checked_as_they_are_typed() {
    let world = World::new();
    let mut terminal = world.terminal(&["--delivery", "one-tap", "--platform", "android"]);
    terminal.shows("? WABA ID ›").answers("my account").shows("expected an ID of 1 to 32 digits");
    terminal.shows("? WABA ID ›").answers(WABA_ID);
    terminal.shows("? Access token").answers_unseen("EAA with spaces").shows("expected a token of visible ASCII");
    terminal.shows("? Access token").answers_unseen(TOKEN);
    terminal.shows("? Template ›").takes(2);
    terminal.shows("? Template name").answers("Login Code").shows("lowercase letters");
    terminal.shows("? Template name").answers("login");
    terminal.shows("? Package name").answers("example").shows("expected an Android package name");
    terminal.shows("? Package name").answers("com.example.app");
    terminal.shows("? Signature hashes").answers("short").shows("exactly 11 letters");
    terminal.shows("? Signature hashes").answers("AbCdEfGh+/1 AbCdEfGh+/2 AbCdEfGh+/3 AbCdEfGh+/4");
    terminal.shows("? Another app?").types("y").shows("? Package name").answers("com.example.other");
    terminal.shows("? Signature hashes").answers("AbCdEfGh+/1 AbCdEfGh+/2").shows("expected one hash of 11 characters");
    terminal.shows("? Signature hashes").answers("AbCdEfGh+/1");
    terminal.shows("? Languages").answers("en_US, pt").shows("such as pt_BR, pt_PT, not pt");
    terminal.shows("? Languages").accepts();
    terminal.shows("? Code lifetime").answers("90s").shows("expected 1 to 90 whole minutes");
    terminal.shows("? Code lifetime").answers("1");
    terminal.shows("? Add it").accepts();
    terminal.shows("? Time to deliver (1m)").answers("1h").shows("expected 30 seconds to 15 minutes");
    terminal
        .shows("? Time to deliver (1m)")
        .answers("5m")
        .shows("note: messages may arrive after their code has expired.");
    terminal.shows("This code expires in 1 minute.").shows("? Create this template?").accepts();
    terminal.shows("? Settings file").accepts().shows("is approved.");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(terminal.wrapped_rows(), Vec::<String>::new());
}

#[test]
fn a_change_of_mind_starts_from_the_answers_so_far() {
    let world = World::new();
    let mut terminal = world.program(&["--waba-id", WABA_ID]).token(TOKEN).at_a_terminal();
    terminal.shows("? Template ›").takes(2).shows("? Template name").answers("first");
    terminal.shows("? Your app runs on").takes(2).shows("On iOS there is one way");
    terminal.shows("? Languages").answers("de").shows("? Code lifetime").answers("3");
    terminal.shows("? Add it").types("n").shows("? Time to deliver (3m)").accepts();
    terminal.shows("? Create this template? ›").takes(1);
    terminal.shows("? Template name (first)").answers("second");
    terminal.shows("? Your app runs on").shows("❯ iOS").accepts();
    terminal.shows("? Languages (de)").accepts().shows("? Code lifetime (3m)").accepts();
    terminal.shows("(y/n) › no").accepts().shows("? Time to deliver (3m)").accepts();
    terminal.shows("? Create this template? ›").accepts();
    terminal.shows("? Settings file").answers("-").shows("\"second\" in de is approved.");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(world.makings(), 1);
}

#[test]
fn zero_tap_requires_its_terms() {
    let world = World::new();
    let mut terminal = world.program(&["--waba-id", WABA_ID, "--platform", "android"]).token(TOKEN).at_a_terminal();
    terminal.shows("? Template ›").takes(2).shows("? Template name").accepts();
    terminal.shows("? Code delivery").takes(2);
    terminal.shows("WhatsApp Business Terms of Service").shows("? Do you accept? (y/n) ›").types("n");
    terminal.shows("error: WhatsApp creates zero-tap templates only").shows("? Your app runs on").accepts();
    terminal.shows("? Code delivery").shows("❯ Zero-tap").accepts().shows("? Do you accept? (y/n) ›").types("y");
    terminal.shows("? Package name").interrupts();
    assert_eq!(terminal.ends(), 130);
}

#[test]
fn no_color_is_respected() {
    let world = World::new();
    let colours = |no_color: bool| {
        let program = world.program(&["--waba-id", WABA_ID]).token("EAAnonsense");
        let program = if no_color { program.env("NO_COLOR", "1") } else { program };
        let mut terminal = program.at_a_terminal();
        terminal.shows("error: WhatsApp does not know this token").shows("? Access token").interrupts();
        assert_eq!(terminal.ends(), 130);
        let text = String::from_utf8_lossy(&terminal.bytes()).into_owned();
        // SGR: ESC [ numbers m.
        text.split("\x1b[")
            .skip(1)
            .filter(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
            .count()
    };
    assert!(colours(false) > 0);
    assert_eq!(colours(true), 0);
}

#[test]
fn input_pasted_before_its_prompt_is_hidden() {
    let world = World::new();
    let mut terminal = world.terminal(&[]);
    terminal.shows("? WABA ID ›").types(&format!("{WABA_ID}\r{TOKEN}\r"));
    terminal.shows("? Access token").interrupts();
    assert_eq!(terminal.ends(), 130);
    assert!(!String::from_utf8_lossy(&terminal.bytes()).contains(&TOKEN[..8]));
}

#[test]
fn a_dumb_terminal_gets_no_prompts() {
    let world = World::new();
    let mut terminal = world.program(&[]).env("TERM", "dumb").at_a_terminal();
    terminal.shows("there is no terminal for questions, and these are missing: --waba-id ID");
    assert_eq!(terminal.ends(), 2);
}
