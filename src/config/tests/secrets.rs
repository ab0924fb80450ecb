//! Secrets have one source, a value or a file, and are never shown.

use secrecy::ExposeSecret;

use super::*;
use crate::config::Origin;
use crate::otp::{KeyRing, OtpSecret, SecretId};
use crate::store::redis::Subject;

const OLD: &str = "old-old-old-old-old-old-old-old-";
const OLDER: &str = "older-older-older-older-older-old";

fn id(secret: &str) -> SecretId {
    OtpSecret::new(secret.as_bytes().to_vec()).unwrap().id().clone()
}

/// Returns the ids of all secrets in force, current first.
fn ids(keys: &KeyRing) -> Vec<SecretId> {
    keys.secret_ids().cloned().collect()
}

#[test]
fn earlier_secrets_come_as_a_list() {
    let keys = serve(&[("otp.previous_secrets", &format!("{OLD}, {OLDER}"))]).unwrap().keys;
    assert_eq!(ids(&keys), [id(SECRET), id(OLD), id(OLDER)]);
    assert_eq!(ids(&serve(&[("otp.previous_secrets", "")]).unwrap().keys), [id(SECRET)]);
}

#[test]
fn earlier_secrets_come_as_a_file_with_a_line_for_each() {
    let (_directory, path) = file("secrets", &format!("{OLD}\r\n{OLDER}\n"));
    let keys = serve(&[("otp.previous_secrets_file", path.to_str().unwrap())]).unwrap().keys;
    assert_eq!(ids(&keys), [id(SECRET), id(OLD), id(OLDER)]);
}

#[test]
fn a_newline_at_the_end_of_a_secrets_file_is_not_part_of_it() {
    for (text, meant) in [
        (OLD.to_owned(), OLD.to_owned()),
        (format!("{OLD}\n"), OLD.to_owned()),
        (format!("{OLD}\r\n"), OLD.to_owned()),
        (format!("{OLD}\n\n"), format!("{OLD}\n")),
        (format!(" {OLD} "), format!(" {OLD} ")),
    ] {
        let (_directory, path) = file("secret", &text);
        let mut sources = complete(&[("otp.secret_file", path.to_str().unwrap())]);
        sources.environment.remove("WHATSAPP_OTP__OTP__SECRET");
        let settings = ServeSettings::load(&sources).unwrap();
        assert_eq!(*settings.keys.current().id(), id(&meant), "{text:?}");
    }
}

#[test]
fn spaces_around_a_secret_are_part_of_it() {
    let spaced = format!(" {SECRET} ");
    let settings = serve(&[("otp.secret", &spaced)]).unwrap();
    assert_eq!(*settings.keys.current().id(), id(&spaced));
}

#[test]
fn every_secret_may_come_by_file() {
    let (directory, token) = file("token", "EAAtoken\n");
    let path = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut sources = complete(&[
        ("redis.subject", "hashed"),
        ("otp.secret_file", &path("secret", OLD)),
        ("redis.password_file", &path("password", "pass word\n")),
        ("redis.subject_secret_file", &path("subject", OLDER)),
        ("whatsapp.access_token_file", token.to_str().unwrap()),
    ]);
    for key in ["otp.secret", "whatsapp.access_token"] {
        sources.environment.remove(&keys::variable(key));
    }
    let settings = ServeSettings::load(&sources).unwrap();
    assert_eq!(*settings.keys.current().id(), id(OLD));
    assert_eq!(settings.common.redis.credentials.password.unwrap().expose_secret(), "pass word");
    assert!(matches!(settings.common.redis.subject, Subject::Hashed(key) if *key.id() == id(OLDER)));
    assert_eq!(settings.whatsapp.account.access_token.expose_secret(), "EAAtoken");
}

#[test]
fn a_secret_comes_once() {
    let (_directory, path) = file("secret", OLDER);
    for key in ["otp.secret", "otp.previous_secrets", "redis.password", "redis.subject_secret", "whatsapp.access_token"]
    {
        let file_key = keys::file_of(key);
        let fault = only_fault(serve(&[("redis.subject", "hashed"), (key, OLD), (&file_key, path.to_str().unwrap())]));
        assert_eq!((fault.key.as_str(), fault.given), (key, None));
        assert!(fault.expected.contains(&file_key), "{}", fault.expected);
    }
}

#[test]
fn the_environment_can_take_back_a_file_that_another_source_names() {
    let (_directory, mut sources) = from_file("[otp]\nsecret_file = \"/nowhere/secret\"");
    sources.environment = complete(&[("otp.secret_file", "")]).environment;
    let settings = ServeSettings::load(&sources).unwrap();
    assert_eq!(*settings.keys.current().id(), id(SECRET));
}

#[test]
fn a_secrets_file_that_is_missing_empty_or_not_text_is_a_fault_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty"), "\n").unwrap();
    fs::write(path("binary"), [0xff; 32]).unwrap();
    for (name, expected) in
        [("missing", "a readable text file"), ("binary", "a readable text file"), ("empty", "a file that is not empty")]
    {
        let fault = only_fault(serve(&[("redis.password_file", &path(name))]));
        assert_eq!((fault.key.as_str(), fault.given), ("redis.password_file", Some(path(name))));
        assert!(fault.expected.starts_with(expected), "{}", fault.expected);
    }
}

#[test]
fn what_is_wrong_with_the_text_of_a_file_is_said_of_the_file() {
    let (_directory, path) = file("secret", "too-short");
    let mut sources = complete(&[("otp.secret_file", path.to_str().unwrap())]);
    sources.environment.remove("WHATSAPP_OTP__OTP__SECRET");
    let fault = only_fault(ServeSettings::load(&sources));
    let key = "otp.secret_file".to_owned();
    assert_eq!((fault.key.as_str(), fault.given), ("otp.secret", None));
    assert_eq!(fault.origin, Origin::KeyFile { key, path });
}

#[test]
fn short_and_empty_secrets_are_faults_without_their_value() {
    for (key, value) in [
        ("otp.secret", "short-short"),
        ("otp.secret", ""),
        ("otp.previous_secrets", "short-short"),
        ("redis.subject_secret", "short-short"),
        ("redis.subject_secret", ""),
        ("redis.password", ""),
        ("whatsapp.access_token", ""),
        ("whatsapp.access_token", "short short"),
        ("whatsapp.access_token", "short-short\n"),
    ] {
        let fault = only_fault(serve(&[("redis.subject", "hashed"), (key, value)]));
        assert_eq!((fault.key.as_str(), &fault.given), (key, &None));
        assert!(!format!("{fault}{fault:?}").contains("short-short"), "{fault}");
    }
}

#[test]
fn the_secret_of_the_subjects_is_its_own_or_that_of_the_codes() {
    let subject = |pairs: &[(&str, &str)]| match serve(pairs).unwrap().common.redis.subject {
        Subject::Hashed(key) => Some(key.id().clone()),
        Subject::Phone => None,
    };
    let hashed = ("redis.subject", "hashed");
    assert_eq!(subject(&[hashed]), Some(id(SECRET)));
    assert_eq!(subject(&[hashed, ("redis.subject_secret", OLD)]), Some(id(OLD)));
    assert_eq!(subject(&[("redis.subject_secret", OLD)]), None);
}

#[test]
fn rotating_the_secret_keeps_the_subjects_if_the_old_one_is_set_for_them() {
    let phone = "15551234567";
    let name = |pairs: &[(&str, &str)]| match serve(pairs).unwrap().common.redis.subject {
        Subject::Hashed(key) => key.pseudonym("phone", phone),
        Subject::Phone => panic!("hashed was asked for"),
    };
    let hashed = ("redis.subject", "hashed");
    let before = name(&[hashed]);
    let rotated = [hashed, ("otp.secret", OLD), ("otp.previous_secrets", SECRET)];
    assert_ne!(name(&rotated), before);
    assert_eq!(name(&[&rotated[..], &[("redis.subject_secret", SECRET)]].concat()), before);
}

#[test]
fn a_password_stands_in_the_url_or_apart_but_not_in_both() {
    let url = ("redis.url", "redis://app:hunter22@redis:6379/0");
    let password = ("redis.password", "hunter23");
    let fault = only_fault(serve(&[url, password]));
    assert_eq!(fault.key, "redis.password");
    assert!(!format!("{fault}{fault:?}").contains("hunter"), "{fault}");
    assert!(serve(&[url]).is_ok());
    assert!(serve(&[password]).is_ok());
}

#[test]
fn addresses_that_may_hold_a_password_are_not_repeated() {
    for (key, value) in [
        ("redis.url", "http://app:hunter22@redis"),
        ("whatsapp.base_url", "https://app:hunter22@graph.example"),
        ("whatsapp.base_url", "https://hunter22@graph.example"),
        ("whatsapp.base_url", "ftp://app:hunter22@graph.example"),
    ] {
        let fault = only_fault(serve(&[(key, value)]));
        assert_eq!(fault.key, key);
        assert!(!format!("{fault}{fault:?}").contains("hunter22"), "{fault}");
    }
}

#[test]
fn nothing_shown_or_printed_has_a_secret_in_it() {
    let hash = "ab".repeat(32);
    let settings = serve(&[
        ("redis.url", "redis://app:hunter22@redis:6379/0"),
        ("redis.nodes", "other:7000, redis://another"),
        ("otp.previous_secrets", &format!("{OLD},{OLDER}")),
        ("keys.backend.kind", "server"),
        ("keys.backend.sha256", &hash),
    ])
    .unwrap();
    let shown: Vec<_> = settings.common.shown().iter().map(ToString::to_string).collect();
    let variable = |key| format!("(environment variable {})", keys::variable(key));
    for line in [
        format!("otp.secret = *** {}", variable("otp.secret")),
        format!("otp.previous_secrets = *** {}", variable("otp.previous_secrets")),
        format!("whatsapp.access_token = *** {}", variable("whatsapp.access_token")),
        format!("redis.url = redis://app:***@redis:6379/0 {}", variable("redis.url")),
        format!("redis.nodes = redis://other:7000, redis://another:6379 {}", variable("redis.nodes")),
        format!("keys.backend.kind = server {}", variable("keys.backend.kind")),
        format!("keys.backend.sha256 = *** {}", variable("keys.backend.sha256")),
        format!("whatsapp.waba_id = 1 {}", variable("whatsapp.waba_id")),
        "otp.code_length = 6 (default)".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line} is not in {shown:#?}");
    }
    let printed = format!("{shown:?} {settings:?}");
    for secret in [SECRET, OLD, OLDER, TOKEN, &hash, "hunter22"] {
        assert!(!printed.contains(secret), "{secret} is in {printed}");
    }
}
