//! The files under `config/`.

use std::path::Path;

use super::*;
use crate::otp::Destinations;
use crate::telemetry::LogFormat;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// `KEY = VALUE` without the `#` of a setting that has no default; prose has a space after it.
fn uncommented(line: &str) -> &str {
    match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '[') => setting,
        _ => line,
    }
}

#[test]
fn what_the_sample_files_have_commented_out_is_known_too() {
    for name in ["default.toml", "production.toml", "development.toml", "sandbox.toml"] {
        let text = fs::read_to_string(sample(name)).unwrap();
        let lines: Vec<_> = text.lines().map(uncommented).collect();
        let (_directory, sources) = from_file(&lines.join("\n"));
        if let Err(error) = Settings::load(&sources) {
            // Values and names that have to be filled in are faults; unknown keys would be others.
            let known = |key: &str| keys::kind(key).is_some() || ["keys.NAME", "apps.NAME"].contains(&key);
            assert!(error.faults().iter().all(|fault| known(&fault.key)), "{name}: {error}");
        }
    }
}

#[test]
fn every_key_is_read() {
    for key in keys::all() {
        let (section, name) = key.split_once('.').unwrap();
        // No list accepts this entry, and other settings accept no list.
        let (_directory, mut sources) = from_file(&format!("[{section}]\n{name} = [\"? @\"]"));
        sources.environment = given(&[("redis.subject", "hashed")]).environment;
        if key == "redis.subject" {
            sources.environment.clear();
        }
        let error = ServeSettings::load(&sources).unwrap_err();
        let noticed = |fault: &Fault| {
            fault.key == key && (fault.expected.contains("not a list") || fault.expected.contains("entry 1 to be"))
        };
        assert!(error.faults().iter().any(noticed), "{key}: {error}");
    }
}

#[test]
fn production_lacks_nothing_but_its_secrets() {
    let secrets = ["otp.secret_file", "redis.password_file", "whatsapp.info_file"];
    let (directory, secret) = file("secret", SECRET);
    let info = directory.path().join("info.json");
    fs::write(&info, r#"{"waba_id": 1, "access_token": "EAA", "phone_number_id": 2, "template_id": 3}"#).unwrap();
    let paths = [&secret, &secret, &info].map(|path| path.to_str().unwrap());
    let pairs: Vec<_> = secrets.into_iter().zip(paths).collect();
    let mut sources = given(&pairs);
    sources.file = Some(sample("production.toml"));
    let settings = ServeSettings::load(&sources).unwrap();
    assert_eq!(settings.common.policy.limits.get("resend_cooldown").unwrap().window.as_secs(), 30);
    assert_ne!(settings.common.policy.limits.destinations, Destinations::default());
    assert!(!settings.common.server.sample_enabled);
    assert_eq!(settings.common.log.format, LogFormat::Json);
    for key in secrets {
        let mut sources = sources.clone();
        sources.environment.remove(&keys::variable(key));
        // On a machine that has the secret, there is no fault.
        if let Err(error) = ServeSettings::load(&sources) {
            assert_eq!(fault_keys(&error), [key]);
            assert!(error.faults()[0].given.as_ref().is_some_and(|path| path.starts_with("/run/secrets/")));
        }
    }
}

#[test]
fn development_lacks_nothing_but_a_secret() {
    let mut sources = Sources { file: Some(sample("development.toml")), ..Sources::default() };
    assert_eq!(only_fault(ServeSettings::load(&sources)).key, "otp.secret");
    sources.environment = given(&[("otp.secret", SECRET)]).environment;
    let settings = ServeSettings::load(&sources).unwrap();
    assert_eq!(settings.whatsapp.api.base_url.as_str(), "http://127.0.0.1:3001/");
    assert_eq!(settings.whatsapp.account.waba_id, "100000000000001");
    assert_eq!(settings.common.log.format, LogFormat::Pretty);
}
