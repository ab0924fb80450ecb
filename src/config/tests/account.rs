//! The WhatsApp account: from the set-up's file, from keys of its own, or from both.

use std::path::Path;

use secrecy::ExposeSecret;

use super::*;
use crate::config::Origin;
use crate::whatsapp::WhatsAppAccount;

const INFO: &str = r#"{
    "app_id": "9", "waba_id": "11", "access_token": "EAAfile", "phone_number_id": 22, "template_id": "33", "step": {}
}"#;

fn load(info_file: &Path, pairs: &[(&str, &str)]) -> Result<ServeSettings, SettingsError> {
    let mut sources = given(&[("otp.secret", SECRET), ("whatsapp.info_file", info_file.to_str().unwrap())]);
    sources.environment.extend(given(pairs).environment);
    ServeSettings::load(&sources)
}

fn parts(account: &WhatsAppAccount) -> [&str; 4] {
    [&account.waba_id, account.access_token.expose_secret(), &account.phone_number_id, &account.template_id]
}

#[test]
fn the_set_up_writes_the_account_down() {
    let (_directory, path) = file("info.json", INFO);
    let settings = load(&path, &[]).unwrap();
    assert_eq!(parts(&settings.whatsapp.account), ["11", "EAAfile", "22", "33"]);
    let shown = settings.common.shown();
    let shown = |key| shown.iter().find(|setting| setting.key == key).unwrap();
    assert_eq!(shown("whatsapp.phone_number_id").value, "22");
    assert_eq!(shown("whatsapp.access_token").value, "***");
    assert_eq!(shown("whatsapp.access_token").origin, Origin::InfoFile(path));
}

#[test]
fn keys_override_the_file_one_by_one() {
    let (_directory, path) = file("info.json", INFO);
    let settings = load(&path, &[("whatsapp.template_id", "44"), ("whatsapp.waba_id", "")]).unwrap();
    assert_eq!(parts(&settings.whatsapp.account), ["11", "EAAfile", "22", "44"]);

    let (_directory, token) = file("token", "EAAother\n");
    let settings = load(&path, &[("whatsapp.access_token_file", token.to_str().unwrap())]).unwrap();
    assert_eq!(parts(&settings.whatsapp.account), ["11", "EAAother", "22", "33"]);
}

#[test]
fn the_languages_come_with_the_files_template_unless_either_is_set() {
    let (_directory, path) = file("info.json", &INFO.replace("\"step\": {}", "\"languages\": [\"pt_BR\", \"en_US\"]"));
    let languages = |path: &Path, pairs: &[(&str, &str)]| {
        let languages = load(path, pairs).unwrap().whatsapp.api.languages;
        languages.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(languages(&path, &[]), ["pt_BR", "en_US"]);
    assert_eq!(languages(&path, &[("whatsapp.languages", "de")]), ["de"]);
    assert_eq!(languages(&path, &[("whatsapp.template_id", "44")]), ["en_US"]);
    assert_eq!(languages(&path, &[("whatsapp.waba_id", "44")]), ["pt_BR", "en_US"]);
    let (_directory, path) = file("info.json", &INFO.replace("\"step\": {}", "\"language\": \"pt_BR\""));
    assert_eq!(languages(&path, &[]), ["pt_BR"]);
    let (_directory, path) = file("info.json", &INFO.replace("\"step\": {}", "\"language\": \"Portuguese\""));
    let fault = only_fault(load(&path, &[]));
    assert_eq!((fault.key.as_str(), &fault.origin), ("whatsapp.languages", &Origin::InfoFile(path)));
}

#[test]
fn there_need_be_no_file_when_all_four_are_given() {
    let settings = load(
        Path::new("/nowhere/info.json"),
        &[
            ("whatsapp.waba_id", "1"),
            ("whatsapp.access_token", "EAA"),
            ("whatsapp.phone_number_id", "2"),
            ("whatsapp.template_id", "3"),
        ],
    )
    .unwrap();
    assert_eq!(parts(&settings.whatsapp.account), ["1", "EAA", "2", "3"]);
}

#[test]
fn a_missing_file_is_one_fault_that_says_what_to_do() {
    let path = Path::new("/nowhere/info.json");
    let fault = only_fault(load(path, &[("whatsapp.waba_id", "1")]));
    assert_eq!(fault.key, "whatsapp.info_file");
    assert_eq!(fault.given.as_deref(), Some("/nowhere/info.json"));
    assert!(
        fault.expected.ends_with(
            "run whatsapp-otp-setup, or set whatsapp.access_token, whatsapp.phone_number_id, whatsapp.template_id"
        ),
        "{fault}"
    );
    let fault = only_fault(load(Path::new(""), &[]));
    assert!(fault.expected.starts_with("a file: run whatsapp-otp-setup"), "{fault}");
}

#[test]
fn what_the_file_leaves_out_is_one_fault_that_names_it() {
    let (_directory, path) = file("info.json", r#"{"waba_id": "11", "template_id": null}"#);
    let fault = only_fault(load(&path, &[("whatsapp.access_token", TOKEN)]));
    assert_eq!(fault.key, "whatsapp.info_file");
    assert!(fault.expected.ends_with("set whatsapp.phone_number_id, whatsapp.template_id"), "{fault}");
    assert_eq!(fault.origin, Origin::InfoFile(path));
}

#[test]
fn a_bad_key_is_a_fault_even_where_others_are_missing() {
    let error = load(Path::new("/nowhere/info.json"), &[("whatsapp.waba_id", "1/2")]).unwrap_err();
    assert_eq!(fault_keys(&error), ["whatsapp.info_file", "whatsapp.waba_id"]);
}

#[test]
fn a_file_that_is_not_as_the_set_up_writes_it_is_a_fault_with_its_line_but_not_its_text() {
    for text in [
        "{\n\"access_token\": \"hunter22\",\n\"waba_id\": hunter22}",
        "{\n\"access_token\": \"hunter22\",\n\"waba_id\": true}",
        "\n\n\"hunter22\"",
    ] {
        let (_directory, path) = file("info.json", text);
        let fault = only_fault(load(&path, &[]));
        assert!(fault.expected.contains("line 3"), "{fault}");
        assert!(!format!("{fault}{fault:?}").contains("hunter22"), "{fault}");
    }
}

#[test]
fn what_the_file_says_is_checked_like_any_other_value() {
    let text = INFO.replace("\"11\"", "\"../11\"").replace("EAAfile", "EAA file");
    let (_directory, path) = file("info.json", &text);
    let error = load(&path, &[]).unwrap_err();
    assert_eq!(fault_keys(&error), ["whatsapp.waba_id", "whatsapp.access_token"]);
    let [waba_id, token] = error.faults() else {
        panic!("two faults");
    };
    assert_eq!((waba_id.given.as_deref(), &token.given), (Some("../11"), &None));
    assert_eq!([&waba_id.origin, &token.origin], [&Origin::InfoFile(path.clone()); 2]);
}
