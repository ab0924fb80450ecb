//! The settings file for the service.

use std::fs;

use serde_json::{Value, json};
use whatsapp_otp::config::{ServeSettings, Sources};

use crate::harness::{TOKEN, WABA_ID, World};

fn settings(world: &World, name: &str) -> ServeSettings {
    ServeSettings::load(&Sources { file: Some(world.path(name)), environment: [].into() }).unwrap()
}

/// The value of `otp.secret`.
fn secret(world: &World, name: &str) -> String {
    let text = fs::read_to_string(world.path(name)).unwrap();
    text.lines().find_map(|line| line.strip_prefix("secret = ")).unwrap().to_owned()
}

#[test]
fn without_a_terminal_a_flag_writes_it_and_nothing_is_missing() {
    let world = World::new();
    let arguments = ["--yes", "--json", "--waba-id", WABA_ID, "--code-lifetime", "8m", "--languages", "de"];
    let run = |more: &[&str]| world.program(&[&arguments, more].concat()).token(TOKEN).run();
    let without = run(&[]);
    assert_eq!(without.code, 0, "{}", without.stderr);
    let missing = without.json()["missing"].clone();
    let named = |what: &str| missing.as_array().unwrap().iter().any(|item| item["what"] == what);
    assert!(named("otp.secret") && named("setting") && !named("approval"), "{missing}");

    let ended = run(&["--existing", "reuse", "--settings-file", "otp.toml"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let result = ended.json();
    assert_eq!((&result["missing"], &result["settings"]), (&json!([]), &json!({})));
    assert_eq!(result["settings_file"], "otp.toml");
    let next: Vec<_> = result["next"].as_array().unwrap().iter().map(|command| command.as_str().unwrap()).collect();
    assert_eq!(
        next,
        [
            "whatsapp-otp-setup send-test PHONE --config otp.toml",
            "whatsapp-otp api-key backend",
            "whatsapp-otp check --config otp.toml",
            "whatsapp-otp serve --config otp.toml",
        ]
    );
    let read = settings(&world, "otp.toml");
    assert_eq!(read.whatsapp.api.languages[0].as_str(), "de");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(secret(&world, "otp.toml").trim_matches('"')));
}

#[test]
fn an_existing_file_is_replaced_only_on_request_and_keeps_its_secret() {
    let world = World::new();
    fs::write(world.path("otp.toml"), "ours = true\n").unwrap();
    let run = |more: &[&str]| {
        let arguments = ["--yes", "--json", "--waba-id", WABA_ID, "--settings-file", "otp.toml"];
        world.program(&[&arguments, more].concat()).token(TOKEN).run()
    };
    let refused = run(&[]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("otp.toml exists already"), "{}", refused.stderr);
    assert!(world.simulator.requests().is_empty(), "it is refused before anything is created");
    assert_eq!(fs::read_to_string(world.path("otp.toml")).unwrap(), "ours = true\n");

    assert_eq!(run(&["--replace-settings"]).code, 0);
    let first = secret(&world, "otp.toml");
    assert_eq!(run(&["--replace-settings", "--existing", "reuse"]).code, 0);
    assert_eq!(secret(&world, "otp.toml"), first);
}

#[test]
fn at_a_terminal_a_file_is_replaced_only_after_a_question() {
    let world = World::new();
    world.set_up();
    fs::write(world.path("whatsapp-otp.toml"), "ours = true\n").unwrap();
    for agrees in [false, true] {
        let mut terminal = world.terminal(&[]);
        terminal.shows("? Use the same account").accepts();
        terminal.shows("? Settings file (- for none) (whatsapp-otp.toml) ›").accepts();
        terminal.shows("? whatsapp-otp.toml exists. Replace it, keeping only its otp.secret? (y/n) › no");
        if agrees {
            terminal.types("y").shows("Saved, readable only by you: whatsapp-otp.toml");
        } else {
            terminal.accepts().shows("whatsapp-otp.toml is unchanged.");
        }
        terminal.shows("is approved.");
        assert_eq!(terminal.ends(), 0);
        assert_eq!(fs::read_to_string(world.path("whatsapp-otp.toml")).unwrap() == "ours = true\n", !agrees);
    }
    // The next run knows the file, and asks no more about it.
    let mut terminal = world.terminal(&[]);
    terminal.shows("? Use the same account").accepts();
    terminal.shows("There is one already: whatsapp-otp.toml.").shows("whatsapp-otp serve --config whatsapp-otp.toml");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn json_says_what_is_missing_for_every_outcome() {
    use whatsapp_otp_simulator::TemplateReview::{Pending, Reject};

    let whats = |json: &Value| {
        let missing = json["missing"].as_array().unwrap().iter();
        missing.map(|item| item["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let unanswered = World::new().program(&["--json", "--yes"]).run();
    assert_eq!(
        (unanswered.code, whats(&unanswered.json())),
        (2, vec!["waba_id".to_owned(), "access_token".to_owned()])
    );
    for (review, code, what) in [(Pending, 3, "approval"), (Reject, 4, "template")] {
        let world = World::new();
        world.review(review);
        let arguments =
            ["--json", "--yes", "--waba-id", WABA_ID, "--wait", "0s", "--settings-file", "whatsapp-otp.toml"];
        let ended = world.program(&arguments).token(TOKEN).run();
        assert_eq!((ended.code, whats(&ended.json())), (code, vec![what.to_owned()]), "{}", ended.stderr);
        assert!(!ended.json()["next"].to_string().contains("serve"), "{}", ended.stdout);
    }
    let world = World::new();
    let refused = world.program(&["--json", "--yes", "--waba-id", WABA_ID]).token("EAAnonsense").run();
    assert_eq!((refused.code, whats(&refused.json())), (1, vec!["access_token".to_owned()]));
}
