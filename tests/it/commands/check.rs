//! `check`.

use serde_json::Value;
use whatsapp_otp_simulator::TemplateStatus;

use super::*;

#[tokio::test]
async fn check_says_that_all_is_fine_when_it_is() {
    let World { simulator, keys, settings } = world().await;
    let ended = Program::new(&["check"]).settings(&settings).run().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with("Everything works.\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.stdout);
    assert!(ended.stdout.starts_with("ok       Redis: "), "results come first: {}", ended.stdout);
    assert!(ended.stdout.lines().filter(|line| line.starts_with("ok       ")).count() >= 4, "{}", ended.stdout);
    assert!(ended.stdout.contains("otp_login"), "{}", ended.stdout);
    assert!(!ended.stdout.contains(SECRET) && !ended.stdout.contains(&simulator.settings().access_token));
    assert_eq!(simulator.send_requests(), 0);
    assert_eq!(keys.list().await, Vec::<String>::new());
}

#[tokio::test]
async fn check_proves_that_webhooks_arrive_with_a_real_code() {
    let secret = whatsapp_otp_simulator::DEFAULT_APP_SECRET;
    let app = TestApp::builder().set("whatsapp.app_secret", secret).start().await;
    let url = format!("http://{}/webhooks/whatsapp", app.address());
    app.simulator.send_webhooks_to(url.parse().unwrap(), secret);
    let ended = app.command(&["check", "--webhook", PHONE]).run().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    for line in [
        format!("they go to {url}"),
        "ok       Webhook delivery: 1555*****67".to_owned(),
        "the webhook arrived after ".to_owned(),
        "ok       Account health: 100000000000001".to_owned(),
    ] {
        assert!(ended.stdout.contains(&line), "no {line:?} in {}", ended.stdout);
    }
    assert!(!ended.stdout.contains(PHONE) && !ended.stdout.contains(&app.code(PHONE)), "{}", ended.stdout);
    assert_eq!(app.messages_to(PHONE), 1);
    app.finish().await;
}

#[tokio::test]
async fn check_names_what_is_suspended_and_a_missing_subscription() {
    let World { simulator, settings, keys: _redis } = world().await;
    simulator.set_health("100000000000001", Some(whatsapp_otp_simulator::CanSend::Blocked));
    let switches = whatsapp_otp_simulator::Switches { app_subscribed: false, ..Default::default() };
    simulator.set_switches(switches);
    let ended = Program::new(&["check"]).settings(&settings).set("whatsapp.app_secret", "secret").run().await;
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    for line in [
        "FAILED   Account health: 100000000000001\n         WhatsApp says that it cannot send: ",
        "FAILED   Webhooks: 100000000000001\n         no app is subscribed to the account\n         To fix it: Run `whatsapp-otp-setup",
    ] {
        assert!(ended.stdout.contains(line), "no {line:?} in {}", ended.stdout);
    }
}

#[tokio::test]
async fn check_warns_of_a_template_that_promises_another_lifetime() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let check =
        async |lifetime| Program::new(&["check"]).settings(&settings).set("otp.code_lifetime", lifetime).run().await;
    let ended = check("10m").await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let warning = "warning: the template says that codes expire after 5m, but otp.code_lifetime is 10m";
    assert!(ended.stdout.contains(warning), "{}", ended.stdout);
    assert!(!check("5m").await.stdout.contains("warning: the template"));
}

#[tokio::test]
async fn check_warns_of_a_service_that_nobody_can_call() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let warning = "warning: nobody can call this service: sample.enabled is false and there is no API key";
    let check = || Program::new(&["check"]).settings(&settings);
    let closed = check().set("sample.enabled", "false").run().await;
    assert_eq!(closed.code, 0, "{}{}", closed.stdout, closed.stderr);
    assert!(closed.stdout.contains(warning), "{}", closed.stdout);
    let key = check().set("sample.enabled", "false").set("keys.backend.kind", "server");
    let key = key.set("keys.backend.sha256", &"0".repeat(64)).run().await;
    for open in [check().run().await, key] {
        assert!(open.code == 0 && !open.stdout.contains("nobody can call"), "{}{}", open.stdout, open.stderr);
    }
}

#[tokio::test]
async fn check_compares_the_keys_of_proofs_with_the_published_ones() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let folder = tempfile::tempdir().unwrap();
    let make = async |name| {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        let made = Program::new(&["proof-key", "--out", &path]).run().await;
        assert_eq!(made.code, 0, "{}", made.stderr);
        assert!(!made.stdout.contains("PRIVATE"), "{}", made.stdout);
        let entry: Value = serde_json::from_str(made.stdout.lines().last().unwrap()).unwrap();
        (path, entry["kid"].as_str().unwrap().to_owned())
    };
    let [(first, first_kid), (second, second_kid), (third, third_kid)] =
        [make("first.pem").await, make("second.pem").await, make("third.pem").await];
    let elsewhere = TestApp::builder().set("proof.issuer", "elsewhere");
    let elsewhere = elsewhere.set("proof.signing_key_files", &format!("{first},{third}")).start().await;
    let url = format!("http://{}", elsewhere.address());
    let check = |url: &str, files: &str| {
        let program = Program::new(&["check"]).settings(&settings);
        program.set("server.public_url", url).set("proof.signing_key_files", files).run()
    };

    let ended = check(&url, &format!("{first}, {second}@2999-01-01T00:00:00Z")).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let document = format!("{url}/.well-known/jwks.json");
    for line in [
        format!("ok       Proof keys: issuer {url}"),
        format!("{first_kid} signs"),
        format!("{second_kid} signs from 2999-01-01T00:00:00Z on"),
        format!("warning: {second_kid} is not at {document}. "),
        format!("warning: {third_kid} is at {document} but not here. "),
    ] {
        assert!(ended.stdout.contains(&line), "no {line:?} in {}", ended.stdout);
    }
    assert!(!ended.stdout.contains(&format!("warning: {first_kid}")), "{}", ended.stdout);

    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let ended = check(&nowhere, &first).await;
    assert!(ended.code == 0 && ended.stdout.contains(&format!("warning: {nowhere}/.well-known")), "{}", ended.stdout);
    for (files, seen) in
        [("/nowhere/at/all".to_owned(), "/nowhere/at/all: "), (format!("{first}@2999-01-01T00:00:00Z"), "signs from")]
    {
        let ended = check(&url, &files).await;
        assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
        let failed = ended.stdout.split("FAILED   Proof keys").nth(1).unwrap();
        assert!(failed.contains(seen) && failed.contains("To fix it: "), "{failed}");
    }
    elsewhere.finish().await;
}

#[tokio::test]
async fn check_reports_each_cause_once_in_words_and_says_what_to_do() {
    let World { simulator, settings, keys: _redis } = world().await;
    let nobody = format!("redis://127.0.0.1:{}/0", free_port());
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let (account, after_account) = ("WhatsApp account", &["Phone number", "Template", "Account health", "Webhooks"]);
    for (key, value, failed, reason, skipped) in [
        ("redis.url", nobody.as_str(), "Redis", "nothing answers there (Connection refused", &[][..]),
        ("whatsapp.access_token", "WRONG0TOKEN", account, "does not accept the access token", after_account),
        ("whatsapp.access_token", "EAASIMULATOR0EXPIRED0TOKEN", account, "the access token has expired", after_account),
        (
            "whatsapp.access_token",
            "EAASIMULATOR0NOT0ASSIGNED",
            account,
            "no permission for this account",
            after_account,
        ),
        ("whatsapp.waba_id", "999", account, "no account with this ID", &after_account[1..]),
        ("whatsapp.base_url", &nowhere, account, "cannot be reached", after_account),
        ("whatsapp.phone_number_id", "999", "Phone number", "100/33", &[]),
        ("whatsapp.template_id", "999", "Template", "Could not find template with ID 999", &[]),
        ("whatsapp.languages", "de", "Template", "set whatsapp.languages to some of en_US", &[]),
    ] {
        let ended = Program::new(&["check"]).settings(&settings).set(key, value).run().await;
        assert_eq!(ended.code, 1, "{key}: {}{}", ended.stdout, ended.stderr);
        let failures: Vec<_> = ended.stdout.split("FAILED   ").skip(1).collect();
        assert!(failures.len() == 1 && failures[0].starts_with(failed), "{key} = {value}: {}", ended.stdout);
        let lines: Vec<_> = failures[0].lines().collect();
        assert!(lines[1].contains(reason), "{key} = {value}: {}", ended.stdout);
        assert!(lines[1..4].iter().any(|line| line.starts_with("         To fix it: ")), "{}", ended.stdout);
        let skips = ended.stdout.lines().filter_map(|line| line.strip_prefix("skipped  ")?.split(':').next());
        assert_eq!(skips.collect::<Vec<_>>(), skipped, "{key} = {value}: {}", ended.stdout);
        assert!(!ended.stdout.contains(SECRET) && !ended.stdout.contains("0TOKEN"), "{}", ended.stdout);
    }
    assert!(simulator.set_template_status("300000000000001", TemplateStatus::Paused));
    let ended = Program::new(&["check"]).settings(&settings).run().await;
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("its status is PAUSED"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("\n1 of 6 failed.\n"), "{}", ended.stdout);
}

#[tokio::test]
async fn check_does_not_send_a_code_if_a_part_on_its_way_is_broken() {
    let World { simulator, settings, keys: _redis } = world().await;
    let check = Program::new(&["check", "--webhook", PHONE]).settings(&settings);
    let ended = check.set("whatsapp.phone_number_id", "999").run().await;
    let skipped = "skipped  Webhook delivery: 1555*****67 (needs: Phone number)";
    assert!(ended.code == 1 && ended.stdout.contains(skipped), "{}", ended.stdout);
    assert_eq!(simulator.send_requests(), 0);
}

#[tokio::test]
async fn check_prints_json_of_the_same_shape_whatever_it_finds() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let check = || Program::new(&["check", "--json"]).settings(&settings);
    let mut shapes = Vec::new();
    for (ended, code) in [
        (check().run().await, 0),
        (check().set("whatsapp.access_token", "WRONG0TOKEN").run().await, 1),
        (check().set("otp.code_length", "3").run().await, 78),
    ] {
        assert_eq!((ended.code, ended.stderr.as_str()), (code, ""), "{}", ended.stdout);
        assert!(!ended.stdout.contains(SECRET) && !ended.stdout.contains("0TOKEN"), "{}", ended.stdout);
        let mut report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(report["ok"], code == 0);
        shapes.push(report.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
        match code {
            0 => assert!(report["settings"].as_array().unwrap().len() > 20),
            78 => {
                let fault = report["invalid_settings"][0].take();
                assert_eq!((&fault["key"], &fault["given"]), (&json!("otp.code_length"), &json!("3")), "{fault}");
            }
            _ => {
                let outcomes = report["checks"].as_array().unwrap().iter();
                let outcomes: Vec<_> =
                    outcomes.map(|check| (check["check"].clone(), check["status"].clone())).collect();
                assert_eq!(outcomes[0], (json!("redis"), json!("ok")));
                assert_eq!(outcomes[1], (json!("whatsapp_account"), json!("failed")));
                assert!(outcomes[2..].iter().all(|(_, status)| status == "skipped"), "{outcomes:?}");
                assert!(report["checks"][1]["fix"].is_string() && report["checks"][2]["needs"] == "whatsapp_account");
            }
        }
    }
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
}

#[tokio::test]
async fn check_is_coloured_and_wrapped_at_a_terminal() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let check = |more: &[&str]| Program::new(&[&["check"], more].concat()).settings(&settings);
    let shown = check(&[]).run_at_terminal(60).await;
    assert_eq!(shown.code, 0, "{}", shown.stdout);
    assert!(shown.stdout.starts_with("\x1b[32mok"), "{:?}", shown.stdout);
    let plain = check(&[]).env("NO_COLOR", "1").run_at_terminal(60).await.stdout;
    assert!(!plain.contains('\x1b'), "{plain:?}");
    // The name of the test's template and a URL are longer than that, and stay in one piece.
    let is_short = |line: &str| line.chars().count() <= 60 || !line.trim().contains(' ');
    assert!(plain.lines().all(is_short), "{plain}");
    assert!(!check(&["--color", "never"]).run_at_terminal(60).await.stdout.contains('\x1b'));
    assert!(check(&["--color", "always"]).run().await.stdout.starts_with("\x1b[32mok"));
    assert!(!check(&[]).run().await.stdout.contains('\x1b'), "a pipe is no terminal");
}

#[tokio::test]
async fn check_shows_the_settings_if_asked() {
    let World { settings, simulator: _simulator, keys: _redis } = world().await;
    let check = |arguments: &[&str]| Program::new(arguments).settings(&settings).run();
    let line = "\n  otp.code_length = 6 (default)\n";
    assert!(!check(&["check"]).await.stdout.contains("otp.code_length"));
    let verbose = check(&["check", "-v"]).await.stdout;
    assert!(verbose.contains(line) && verbose.contains("otp.secret = *** (environment variable"), "{verbose}");
}

#[tokio::test]
async fn a_plain_text_address_elsewhere_is_warned_of() {
    let World { settings, simulator: _whatsapp, keys: _redis } = world().await;
    let command = |name: &str| {
        let elsewhere = format!("http://whatsapp.invalid:{}", free_port());
        Program::new(&[name]).settings(&settings).set("whatsapp.base_url", &elsewhere).set("whatsapp.max_retries", "0")
    };
    let ended = command("check").run().await;
    assert!(ended.stdout.contains("warning: whatsapp.base_url is http://whatsapp.invalid"), "{}", ended.stdout);
    let mut serve = command("serve").start();
    serve.printed("\"public\":\"http://").await;
    let log = serve.stop().await.stdout;
    let warned = log_lines(&log).into_iter().any(|line| {
        line["level"] == "WARN" && line["message"].as_str().unwrap().starts_with("whatsapp.base_url is http://")
    });
    assert!(warned, "{log}");
    assert!(!Program::new(&["check"]).settings(&settings).run().await.stdout.contains("whatsapp.base_url is"));
}

#[tokio::test]
async fn a_token_in_plain_text_is_shown_to_no_proxy() {
    let World { settings, simulator, keys: _redis } = world().await;
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut check = Program::new(&["check"]).settings(&settings);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        check = check.env(name, &url);
    }
    tokio::select! {
        ended = check.run() => assert_eq!(ended.code, 0, "{}", ended.stdout),
        _ = proxy.accept() => panic!("the proxy was asked"),
    }
    assert!(simulator.requests().len() >= 3);
}
