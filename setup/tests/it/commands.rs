//! The other commands.

use crate::harness::{Program, World};

const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificate.pem");

#[test]
fn a_hash_is_eleven_characters() {
    let hash = |more: &[&str]| {
        let arguments = ["hash", "--package", "com.example.app", "--certificate", CERTIFICATE];
        Program::new(&[&arguments, more].concat()).run()
    };
    let ended = hash(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "b6+biJBtfNr\n"), "{}", ended.stderr);
    assert_eq!(hash(&["--json"]).json()["signature_hash"], "b6+biJBtfNr");
    let missing = Program::new(&["hash", "--package", "com.example.app", "--certificate", "/nowhere"]).run();
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("/nowhere"), "{}", missing.stderr);
}

#[test]
fn a_closed_pipe_causes_no_panic() {
    let (_, closed) = std::io::pipe().unwrap();
    let mut command = std::process::Command::new(Program::PATH);
    command.args(["hash", "--package", "com.example.app", "--certificate", CERTIFICATE]).env_clear().stdout(closed);
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn a_test_code_arrives() {
    let world = World::new();
    world.set_up();
    let mut terminal = world.terminal(&["send-test", "+1 555 123 4567"]);
    terminal.shows("Sending a code to 1555*****67 with \"verification_code\" in en_US");
    terminal.shows("ok WhatsApp accepted the message").shows("? Code received (- if none) ›");
    terminal.answers("wrong").shows("That is not the code that was just sent.");
    let code = world.simulator.latest("15551234567").unwrap().code.unwrap();
    terminal.shows("? Code received").answers(&code).shows("ok the code is correct: everything works");
    assert_eq!(terminal.ends(), 0);
    let shown = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(!shown.contains("wamid") && !shown.contains("5551234567"), "{shown}");
}

#[test]
fn a_test_code_that_does_not_arrive_is_a_failure() {
    let world = World::new();
    world.set_up();
    let mut terminal = world.terminal(&["send-test", "15551234567"]);
    terminal.shows("? Code received (- if none) ›").answers("-").shows("error: the message did not arrive");
    assert_eq!(terminal.ends(), 1);
}

#[test]
fn without_a_terminal_a_test_reports_whatsapps_answer() {
    let world = World::new();
    world.set_up();
    let ended = world.program(&["send-test", "15551234567", "--json"]).run();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let result = ended.json();
    assert_eq!((result["phone"].as_str(), result["accepted"].as_bool()), (Some("1555*****67"), Some(true)));
    assert!(result["arrived"].is_null());
    for (phone, meaning) in [
        ("15550131026", "the message cannot be delivered to this phone"),
        ("15550131030", "this is a test number, and the recipient is not on its list"),
        ("15550133010", "this number is not registered with the Cloud API"),
        (
            "15550132015",
            "WhatsApp has paused or disabled the template, because people blocked or reported its messages",
        ),
        ("15550131042", "the account has no valid payment method"),
    ] {
        let ended = world.program(&["send-test", phone, "--json"]).run();
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        let error = &ended.json()["error"];
        assert_eq!((error["meaning"].as_str(), error["code"].as_i64()), (Some(meaning), phone[5..].parse().ok()));
        assert!(!ended.stderr.contains(phone), "{}", ended.stderr);
    }
    let ended = world.program(&["send-test", "+1 (555) nobody"]).run();
    assert_eq!(ended.code, 2, "{}", ended.stderr);
}

#[test]
fn templates_are_listed_shown_and_deleted() {
    let world = World::new();
    world.set_up();
    let listed = world.program(&["template", "list"]).run();
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    for row in ["verification_code", "otp_login", "retired_login", "hello_world"] {
        assert!(listed.stdout.contains(row), "{}", listed.stdout);
    }
    assert!(listed.stdout.contains("not for codes (utility)"), "{}", listed.stdout);
    assert!(listed.stdout.lines().all(|line| line.chars().count() <= 80), "{}", listed.stdout);
    let shown = world.program(&["template", "show", "verification_code"]).run();
    assert!(shown.stdout.contains("This code expires in 5 minutes."), "{}", shown.stdout);
    assert_eq!(world.program(&["template", "show", "absent"]).run().code, 1);

    assert_eq!(world.program(&["template", "delete", "verification_code"]).run().code, 2, "nobody agreed");
    let mut terminal = world.terminal(&["template", "delete", "verification_code"]);
    terminal.shows("a service that uses it stops sending").shows("? Delete it? (y/n) › no").accepts();
    assert_eq!(terminal.ends(), 130);
    let mut terminal = world.terminal(&["template", "delete", "verification_code"]);
    terminal.shows("? Delete it? (y/n) › no").types("y").shows("ok the template \"verification_code\" is deleted");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(world.program(&["template", "show", "verification_code"]).run().code, 1);
}

#[test]
fn before_the_first_run_other_commands_refer_to_it() {
    let world = World::new();
    for arguments in [["template", "list"], ["send-test", "15551234567"]] {
        let ended = world.program(&arguments).run();
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains("hint: run whatsapp-otp-setup first"), "{}", ended.stderr);
    }
}

#[test]
fn completions_and_man_pages_cover_all_commands() {
    let completions = Program::new(&["completions", "bash"]).run();
    assert_eq!(completions.code, 0, "{}", completions.stderr);
    let world = World::new();
    let pages = world.path("man");
    let written = Program::new(&["man", pages.to_str().unwrap()]).run();
    assert_eq!(written.code, 0, "{}", written.stderr);
    let help = Program::new(&["--help"]).run().stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<_> =
        commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        assert!(completions.stdout.contains(command), "{command}");
        assert!(pages.join(format!("whatsapp-otp-setup-{command}.1")).exists(), "{command}");
    }
    assert!(pages.join("whatsapp-otp-setup.1").exists());
}
