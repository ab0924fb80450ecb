//! Apps have their own settings and inherit the rest.

use std::collections::HashMap;

use super::*;
use crate::config::{AppSettings, Origin};
use crate::otp::{AppName, Destinations};
use crate::whatsapp::WhatsAppOverrides;

fn app<'a>(settings: &'a Settings, name: &str) -> &'a AppSettings {
    settings.apps.iter().find(|app| app.name.as_str() == name).unwrap()
}

#[test]
fn default_always_exists_and_comes_first() {
    let names = |pairs: &[(&str, &str)]| {
        let apps = serve(pairs).unwrap().common.apps;
        apps.iter().map(|app| app.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["default"]);
    let apps = [("apps.shop.otp.linger", "1m"), ("apps.bank.otp.linger", "1m"), ("apps.default.otp.linger", "1m")];
    assert_eq!(names(&apps), ["default", "bank", "shop"]);
}

#[test]
fn an_app_overrides_what_it_says_and_inherits_the_rest() {
    let (_directory, mut sources) = from_file(
        r#"
        [otp]
        code_length = 7
        linger = "1m"
        [limits]
        countries = ["+DE"]
        [apps.shop.otp]
        code_length = 8
        [apps.shop.limits]
        per_phone = "2/1h"
        countries = []
        [apps.plain]
        [apps.default.otp]
        max_verification_attempts = 5
        "#,
    );
    sources.environment =
        complete(&[("apps.shop.otp.code_lifetime", "2m"), ("server.request_timeout", "9s")]).environment;
    let ServeSettings { common, .. } = ServeSettings::load(&sources).unwrap();
    let of = |name| {
        let AppSettings { policy, .. } = app(&common, name);
        let only_some_countries = policy.limits.destinations != Destinations::default();
        (policy.code_length.digits(), policy.code_lifetime.as_secs(), policy.max_attempts, only_some_countries)
    };
    assert_eq!(of("default"), (7, 300, 5, true));
    assert_eq!(of("shop"), (8, 120, 3, false));
    assert_eq!(of("plain"), (7, 300, 3, true));
    assert_eq!(common.policy, app(&common, "default").policy);
    assert!(common.apps.iter().all(|app| app.policy.linger.as_secs() == 60 && app.policy.send_time.as_secs() == 9));

    let shown: Vec<_> = common.shown().iter().filter(|setting| setting.key.starts_with("apps.")).collect();
    let keys: Vec<_> = shown.iter().map(|setting| setting.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "apps.default.otp.max_verification_attempts",
            "apps.shop.otp.code_length",
            "apps.shop.otp.code_lifetime",
            "apps.shop.limits.per_phone",
            "apps.shop.limits.countries",
        ]
    );
    assert_eq!(shown[2].origin, Origin::Variable("WHATSAPP_OTP__APPS__SHOP__OTP__CODE_LIFETIME".to_owned()));
}

#[test]
fn an_app_may_send_from_its_own_number_and_template() {
    let pairs = [("apps.shop.whatsapp.template_id", "33"), ("apps.shop.whatsapp.languages", "pt_BR, pt-PT, pt_BR")];
    let ServeSettings { common, whatsapp, .. } = serve(&pairs).unwrap();
    let sender = |name| {
        let whatsapp = whatsapp.clone().with(&app(&common, name).whatsapp);
        let languages = whatsapp.api.languages.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        (whatsapp.account.phone_number_id, whatsapp.account.template_id, languages)
    };
    assert_eq!(sender("default"), ("2".to_owned(), "3".to_owned(), "en_US".to_owned()));
    assert_eq!(sender("shop"), ("2".to_owned(), "33".to_owned(), "pt_BR pt_PT".to_owned()));
    assert_eq!(app(&common, "default").whatsapp, WhatsAppOverrides::default());
}

#[test]
fn faults_name_the_app_and_shared_ones_are_reported_once() {
    let (_directory, mut sources) = from_file(
        r#"
        [apps.shop.otp]
        code_length = 11
        code_lenght = 8
        secret = "of-its-own-and-long-enough-for-one"
        [apps.shop]
        code_length = 8
        [apps.shop.redis]
        url = "redis://elsewhere"
        [apps.Bank]
        [apps."a.b".otp]
        linger = "1m"
        "#,
    );
    sources.environment =
        complete(&[("apps.bank.whatsapp.languages", "de, english"), ("otp.linger", "soon")]).environment;
    let error = ServeSettings::load(&sources).unwrap_err();
    let mut faults: Vec<_> = error.faults().iter().map(|fault| (fault.key.as_str(), fault.expected.as_str())).collect();
    faults.sort_unstable();
    let unknown = "a known key; `whatsapp-otp config default` lists them";
    assert_eq!(
        faults,
        [
            ("apps.Bank", "a name of 1 to 32 lower-case letters, digits, '-' and '_' that starts with a letter"),
            ("apps.a.b.otp.linger", "a known key, perhaps apps.a.otp.linger"),
            (
                "apps.bank.whatsapp.languages",
                "entry 2 to be a language with or without a country, such as de, fil, pt_BR or pt-BR"
            ),
            ("apps.shop.code_length", "a known key, perhaps apps.shop.otp.code_length"),
            ("apps.shop.otp.code_lenght", "a known key, perhaps apps.shop.otp.code_length"),
            ("apps.shop.otp.code_length", "a whole number from 4 to 10"),
            ("apps.shop.otp.secret", unknown),
            ("apps.shop.redis.url", unknown),
            ("otp.linger", "a duration from 0s to 1day in whole milliseconds, such as 90s, 5m or 1h"),
        ]
    );
    assert!(!error.to_string().contains("of-its-own"), "{error}");
}

#[test]
fn apps_that_ids_cannot_tell_apart_are_a_fault() {
    let mut tags = HashMap::new();
    let (one, other) = (0..)
        .find_map(|number| {
            let name = AppName::parse(&format!("app-{number}")).unwrap();
            Some((tags.insert(name.tag(), name.clone())?, name))
        })
        .unwrap();
    let keys = [&one, &other].map(|name| format!("apps.{name}.otp.linger"));
    let fault = only_fault(serve(&[(keys[0].as_str(), "1m"), (keys[1].as_str(), "1m")]));
    assert!([&one, &other].iter().any(|name| fault.key == format!("apps.{name}")), "{fault}");
    assert!(fault.expected.contains(one.as_str()) && fault.expected.contains(other.as_str()), "{fault}");
}

#[test]
fn an_app_has_proofs_of_its_own() {
    let common = serve(&[
        ("proof.lifetime", "2m"),
        ("apps.shop.proof.audiences", "https://shop.example.com, pay"),
        ("apps.bank.proof.lifetime", "1m"),
    ])
    .unwrap()
    .common;
    let of = |name| {
        let proofs = &app(&common, name).proofs;
        let audiences = proofs.audiences.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        (proofs.lifetime.as_secs(), audiences)
    };
    assert_eq!(of("default"), (120, String::new()));
    assert_eq!(of("shop"), (120, "https://shop.example.com pay".to_owned()));
    assert_eq!(of("bank"), (60, String::new()));
}
