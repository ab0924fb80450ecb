//! The API keys that are accepted.

use super::*;
use crate::config::Origin;
use crate::otp::KeyKind;

fn hash(byte: &str) -> String {
    byte.repeat(32)
}

#[test]
fn a_key_has_a_kind_a_hash_and_apps() {
    let (_directory, mut sources) = from_file(&format!(
        "[keys.backend]\nkind = \"server\"\nsha256 = {:?}\n[keys.phone-app]\nkind = \"client\"\napps = [\"shop\", \"default\"]\n[apps.shop]",
        hash("aa")
    ));
    sources.environment = complete(&[("keys.phone-app.sha256", &hash("bb"))]).environment;
    let settings = ServeSettings::load(&sources).unwrap().common;
    let keys = settings.server.keys.borrow().clone();
    let described: Vec<_> = keys
        .iter()
        .map(|key| {
            let apps: Vec<_> = key.key.apps.iter().map(ToString::to_string).collect();
            (key.key.name.as_str(), key.key.kind, apps.join(","), key.sha256)
        })
        .collect();
    assert_eq!(
        described,
        [
            ("backend", KeyKind::Server, "default".to_owned(), [0xaa; 32]),
            ("phone-app", KeyKind::Client, "shop,default".to_owned(), [0xbb; 32]),
        ]
    );
    let shown: Vec<_> = settings.shown().iter().map(|setting| setting.key.as_str()).collect();
    let first = shown.iter().position(|key| key.starts_with("keys.")).unwrap();
    assert_eq!(
        shown[first - 1..first + 6],
        [
            "auth.mode",
            "keys.backend.kind",
            "keys.backend.sha256",
            "keys.phone-app.apps",
            "keys.phone-app.kind",
            "keys.phone-app.sha256",
            "sample.enabled",
        ]
    );
}

#[test]
fn a_hash_may_come_by_file() {
    let (_directory, path) = file("hash", &format!("{}\n", hash("cc")));
    let pairs = [("keys.backend.kind", "test"), ("keys.backend.sha256_file", path.to_str().unwrap())];
    let settings = serve(&pairs).unwrap();
    assert_eq!(settings.common.server.keys.borrow()[0].sha256, [0xcc; 32]);
    assert_eq!(settings.api_keys.files(), [path.as_path()]);
    // Commands that accept no keys do not read it.
    fs::remove_file(&path).unwrap();
    assert!(Settings::load(&given(&pairs)).is_ok());
}

#[test]
fn what_is_wrong_with_keys_is_reported_in_one_go() {
    let (_directory, sources) = from_file(&format!(
        r#"
        [keys.Backend]
        kind = "server"
        sha256 = "{0}"
        [keys.empty]
        [keys.bad]
        kind = "admin"
        sha256 = "plain-api-key"
        apps = ["default", "shpo"]
        owner = "me"
        [keys.idle]
        kind = "server"
        sha256 = "{1}"
        apps = []
        [keys.one]
        kind = "server"
        sha256 = "{0}"
        [keys.two]
        kind = "client"
        sha265 = "{0}"
        sha256 = "{0}"
        [apps.shop]
        [auth]
        api_keys = ["backend:{0}"]
        "#,
        hash("aa"),
        hash("bb")
    ));
    let sources = Sources { environment: complete(&[]).environment, ..sources };
    let error = ServeSettings::load(&sources).unwrap_err();
    let faults: Vec<_> = error.faults().iter().map(|fault| (fault.key.as_str(), fault.expected.as_str())).collect();
    let kinds = "server or client or test";
    assert_eq!(
        faults,
        [
            ("auth.api_keys", "a known key, perhaps keys.NAME.sha256"),
            ("keys.Backend", "a name of 1 to 32 lower-case letters, digits, '-' and '_' that starts with a letter"),
            ("keys.bad.apps", "entry 2 to be the name of an app: default, or one with settings in [apps]"),
            ("keys.bad.kind", kinds),
            ("keys.bad.owner", "a known key; `whatsapp-otp config default` lists them"),
            ("keys.bad.sha256", "64 hexadecimal digits, as keys.bad.sha256 or keys.bad.sha256_file"),
            ("keys.empty.kind", kinds),
            ("keys.empty.sha256", "64 hexadecimal digits, as keys.empty.sha256 or keys.empty.sha256_file"),
            ("keys.idle.apps", "at least one app"),
            ("keys.two.sha256", "the hash of another key than one's"),
            ("keys.two.sha265", "a known key, perhaps keys.two.sha256"),
        ]
    );
    assert!(!error.to_string().contains("plain-api-key") && !error.to_string().contains(&hash("aa")), "{error}");
    assert!(error.faults().iter().all(|fault| fault.origin != Origin::Default));
}

#[test]
fn a_misspelled_variable_of_a_key_names_the_right_one() {
    let mut sources = complete(&[]);
    sources.environment.insert("WHATSAPP_OTP__KEYS__BACKEND__SHA265".to_owned(), hash("aa"));
    let error = ServeSettings::load(&sources).unwrap_err();
    assert_eq!(error.faults()[0].expected, "a known key, perhaps WHATSAPP_OTP__KEYS__BACKEND__SHA256");
}
