//! `config`.

use serde_json::Value;

use super::*;

#[tokio::test]
async fn config_default_prints_the_file_of_defaults() {
    let ended = Program::new(&["config", "default"]).run().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_eq!(ended.stdout, include_str!("../../../config/default.toml"));
}

#[tokio::test]
async fn config_show_prints_the_settings_in_force_with_their_sources_and_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let (file, secret) = (directory.path().join("my.toml"), directory.path().join("secret"));
    std::fs::write(&secret, SECRET).unwrap();
    std::fs::write(&file, format!("[otp]\ncode_length = 8\nsecret_file = {secret:?}\n")).unwrap();
    let show = |more: &[&str]| {
        let program = Program::new(&[&["config", "show", "--config", file.to_str().unwrap()], more].concat());
        program.set("redis.url", "redis://app:hunter22@127.0.0.1:6380").set("whatsapp.access_token", "EAA-hidden").run()
    };
    let all = show(&[]).await;
    assert_eq!((all.code, all.stderr.as_str()), (0, ""));
    for line in [
        "otp.code_length = 8 (file ",
        "otp.linger = 10m (default)\n",
        "otp.secret = *** (file of otp.secret_file ",
        "redis.url = redis://app:***@127.0.0.1:6380 (environment variable WHATSAPP_OTP__REDIS__URL)\n",
        "whatsapp.access_token = *** (environment",
    ] {
        assert!(all.stdout.contains(line), "no {line:?} in {}", all.stdout);
    }
    let changed = show(&["--changed"]).await.stdout;
    assert!(changed.contains("otp.code_length = 8") && !changed.contains("(default)"), "{changed}");
    let json: Value = serde_json::from_str(&show(&["--json"]).await.stdout).unwrap();
    let of = |key| json["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!(of("otp.linger"), &json!({ "key": "otp.linger", "value": "10m", "source": "default" }));
    for hidden in [SECRET, "hunter22", "EAA-hidden"] {
        assert!(!format!("{}{changed}{json}", all.stdout).contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn config_show_shows_and_reports_invalid_settings() {
    let ended = Program::new(&["config", "show"]).set("otp.code_length", "3").run().await;
    assert_eq!(ended.code, 78);
    assert!(ended.stdout.contains("otp.code_length = 3 (environment variable "), "{}", ended.stdout);
    assert!(ended.stderr.contains("\notp.code_length: expected a whole number from 4 to 10"), "{}", ended.stderr);
}

#[tokio::test]
async fn config_explain_says_everything_about_a_setting() {
    let explain = |name: &str| Program::new(&["config", "explain", name]).set("otp.secret", SECRET).run();
    let ended = explain("otp.code_length").await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_eq!(
        ended.stdout,
        "otp.code_length\n\n\
         The number of digits of a code. (`codeLength`)\n\n\
         Takes        a whole number from 4 to 10\n\
         Default      6\n\
         Environment  WHATSAPP_OTP__OTP__CODE_LENGTH\n\
         Per app      apps.NAME.otp.code_length\n\
         Now          6 (default)\n"
    );
    assert_eq!(explain("WHATSAPP_OTP__OTP__CODE_LENGTH").await.stdout, ended.stdout);
    for (name, line) in [
        ("otp.secret_file", "From a file  otp.secret_file or WHATSAPP_OTP__OTP__SECRET_FILE names it\n"),
        ("otp.secret", "Now          *** (environment variable WHATSAPP_OTP__OTP__SECRET)\n"),
        ("server.public_url", "Default      none; an example is https://otp.example.com\n"),
        ("server.public_url", "Now          not set\n"),
        ("apps.shop.otp.linger", "Now          otp.linger = 10m (default)\n"),
        ("keys.backend.kind", "Environment  WHATSAPP_OTP__KEYS__BACKEND__KIND\n"),
        ("log", "log.level"),
    ] {
        let ended = explain(name).await;
        assert!(ended.code == 0 && ended.stdout.contains(line), "{name}: {}{}", ended.stdout, ended.stderr);
        assert!(!ended.stdout.contains(SECRET), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn config_explain_suggests_the_setting_that_was_meant() {
    for (written, meant) in [
        ("otp.code_lenght", "; did you mean otp.code_length?"),
        ("CODE_LENGTH", "; did you mean otp.code_length?"),
        ("WHATSAPP_OTP_OTP_LINGER", "; did you mean otp.linger?"),
        ("colour", "\n"),
    ] {
        let ended = Program::new(&["config", "explain", written]).run().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
        assert!(ended.stderr.starts_with(&format!("error: there is no setting {written}{meant}")), "{}", ended.stderr);
    }
}
