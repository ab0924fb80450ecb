//! Each command reads the settings that it needs, and no others.

use super::*;
use crate::config::Origin;
use crate::store::redis::Subject;
use crate::telemetry::LogFormat;

const NOWHERE: &str = "/nowhere/at/all";

#[test]
fn serve_needs_a_secret_and_an_account() {
    let error = ServeSettings::load(&given(&[("whatsapp.info_file", NOWHERE)])).unwrap_err();
    assert_eq!(fault_keys(&error), ["otp.secret", "whatsapp.info_file"]);
    assert_eq!(
        error.faults()[0].to_string(),
        "otp.secret: expected a secret of at least 32 bytes, as otp.secret or otp.secret_file (not set)"
    );
}

#[test]
fn the_sandbox_needs_nothing() {
    let settings = SandboxSettings::load(&Sources::default()).unwrap();
    assert_eq!(settings.common.server.listen, "127.0.0.1:3000".parse().unwrap());
    assert_eq!(settings.common.log.format, LogFormat::Pretty);
    assert_eq!(settings.whatsapp.languages[0].as_str(), "en_US");
    let secret = settings.common.shown().iter().find(|setting| setting.key == "otp.secret");
    assert_eq!(secret.unwrap().to_string(), "otp.secret = *** (generated for this run)");
}

#[test]
fn each_sandbox_generates_its_own_secret_unless_one_is_set() {
    let id = |sources: &Sources| SandboxSettings::load(sources).unwrap().keys.current().id().clone();
    assert_ne!(id(&Sources::default()), id(&Sources::default()));
    let set = given(&[("otp.secret", SECRET)]);
    assert_eq!(id(&set), id(&set));
}

#[test]
fn the_sandbox_hashes_subjects_under_the_secret_it_generates() {
    let settings = SandboxSettings::load(&given(&[("redis.subject", "hashed")])).unwrap();
    let Subject::Hashed(key) = settings.common.redis.subject else {
        panic!("hashed was asked for");
    };
    assert_eq!(key.id(), settings.keys.current().id());
}

#[test]
fn the_sandboxs_own_defaults_give_way() {
    let sources = given(&[("log.format", "json"), ("server.listen", "127.0.0.1:8080")]);
    let settings = SandboxSettings::load(&sources).unwrap();
    assert_eq!(settings.common.log.format, LogFormat::Json);
    assert_eq!(settings.common.server.listen.port(), 8080);
}

#[test]
fn the_sandbox_is_never_open_to_others() {
    for key in ["server.listen", "server.ops_listen"] {
        let fault = only_fault(SandboxSettings::load(&given(&[(key, "0.0.0.0:8080")])));
        assert_eq!(fault.key, key);
        assert!(fault.expected.starts_with("a loopback address"), "{fault}");
    }
}

#[test]
fn the_sandbox_and_operators_do_not_read_the_account() {
    let sources = given(&[("whatsapp.info_file", NOWHERE), ("whatsapp.access_token_file", NOWHERE)]);
    assert!(SandboxSettings::load(&sources).is_ok());
    assert!(Settings::load(&sources).is_ok());
    assert!(ServeSettings::load(&sources).is_err());
}

#[test]
fn operators_need_the_secrets_to_read_an_id() {
    let fault = only_fault(Settings::load_with_keys(&given(&[])));
    let expected = "otp.secret: expected the service's secret, needed to read an ID (or otp.secret_file) (not set)";
    assert_eq!(fault.to_string(), expected);
    let other = "another-secret-with-enough-bytes-in-it";
    for more in [("log.format", "json"), ("redis.subject", "hashed")] {
        let given = given(&[("otp.secret", SECRET), ("otp.previous_secrets", other), more]);
        let (_, keys) = Settings::load_with_keys(&given).unwrap();
        assert_eq!(keys.secret_ids().count(), 2);
    }
}

#[test]
fn operators_need_a_secret_only_to_find_hashed_subjects() {
    assert!(Settings::load(&given(&[("otp.secret_file", NOWHERE)])).is_ok());
    let hashed = ("redis.subject", "hashed");
    let fault = only_fault(Settings::load(&given(&[hashed])));
    assert_eq!((fault.key.as_str(), fault.origin), ("otp.secret", Origin::Unset));
    for key in ["otp.secret", "redis.subject_secret"] {
        assert!(Settings::load(&given(&[hashed, (key, SECRET)])).is_ok(), "{key}");
    }
}

#[test]
fn a_bad_value_is_a_fault_for_every_command() {
    for (key, value) in [
        ("server.drain_delay", "soon"),
        ("otp.linger", "long"),
        ("whatsapp.languages", "english"),
        ("log.level", "verbose"),
    ] {
        let sources = complete(&[(key, value)]);
        assert_eq!(only_fault(Settings::load(&sources)).key, key);
        assert_eq!(only_fault(SandboxSettings::load(&sources)).key, key);
        assert_eq!(only_fault(ServeSettings::load(&sources)).key, key);
    }
}
