//! Reviewers' numbers, which are secrets of an app.

use super::*;
use crate::otp::PhoneNumber;

const ENTRY: &str = "+12025550123 424242 2999-01-31";
const OTHER: &str = "+447700900123 131313 2999-12-31";

/// Returns the code of the number in each app.
fn codes(settings: &ServeSettings, number: &str) -> Vec<(String, Option<String>)> {
    let phone = PhoneNumber::parse(number).unwrap();
    let code = |app: &crate::config::AppSettings| app.reviewers.code_for(&phone).map(|code| code.expose().to_owned());
    settings.common.apps.iter().map(|app| (app.name.to_string(), code(app))).collect()
}

fn code(app: &str, code: Option<&str>) -> (String, Option<String>) {
    (app.to_owned(), code.map(str::to_owned))
}

#[test]
fn there_are_none_unless_they_are_given() {
    assert_eq!(codes(&serve(&[]).unwrap(), "+12025550123"), [code("default", None)]);
}

#[test]
fn apps_share_them_or_have_their_own() {
    let apps = [("apps.bank.otp.linger", "1m"), ("apps.shop.otp.reviewers", OTHER)];
    let both = format!("{ENTRY}, {OTHER}");
    let settings = serve(&[&apps[..], &[("otp.reviewers", both.as_str())]].concat()).unwrap();
    let expected = [code("default", Some("424242")), code("bank", Some("424242")), code("shop", None)];
    assert_eq!(codes(&settings, "+12025550123"), expected);
    let expected = ["default", "bank", "shop"].map(|app| code(app, Some("131313")));
    assert_eq!(codes(&settings, "+447700900123"), expected);
    let settings = serve(&[("otp.reviewers", ENTRY), ("apps.shop.otp.reviewers", "")]).unwrap();
    assert_eq!(codes(&settings, "+12025550123"), [code("default", Some("424242")), code("shop", None)]);
}

#[test]
fn a_file_has_an_entry_in_each_line_and_an_app_may_have_its_own() {
    let (_directory, shared) = file("reviewers", &format!("{ENTRY}\n{OTHER}\n"));
    let (_other_directory, own) = file("reviewers", &ENTRY.replace("424242", "555555"));
    let settings = serve(&[
        ("apps.bank.otp.linger", "1m"),
        ("otp.reviewers_file", shared.to_str().unwrap()),
        ("apps.shop.otp.reviewers_file", own.to_str().unwrap()),
    ]);
    let expected = [code("default", Some("424242")), code("bank", Some("424242")), code("shop", Some("555555"))];
    assert_eq!(codes(&settings.unwrap(), "+12025550123"), expected);
    let settings = serve(&[("otp.reviewers_file", shared.to_str().unwrap()), ("apps.shop.otp.reviewers", "")]);
    assert_eq!(codes(&settings.unwrap(), "+12025550123"), [code("default", Some("424242")), code("shop", None)]);
    let fault = only_fault(serve(&[("otp.reviewers_file", shared.to_str().unwrap()), ("otp.reviewers", ENTRY)]));
    assert!(fault.key == "otp.reviewers" && fault.expected.starts_with("one source"), "{fault}");
}

#[test]
fn a_fault_says_which_entry_and_repeats_nothing_of_it() {
    for (entry, expected) in [
        ("+12025550123 424242", "entry 2 to be a number, a code and a last day"),
        ("+4915112345678 424242 2999-01-31", "entry 2 to be one whose number belongs to nobody"),
        ("+12025550123 4242 2999-01-31", "entry 2 to be one whose code has 6 digits"),
    ] {
        let error = serve(&[("otp.reviewers", &format!("{OTHER},{entry}"))]).unwrap_err();
        let fault = &error.faults()[0];
        assert!(fault.key == "otp.reviewers" && fault.expected.starts_with(expected), "{fault}");
        for secret in ["131313", "49151"] {
            assert!(!format!("{error}{error:?}").contains(secret), "{error}");
        }
    }
    let eight = [("apps.shop.otp.code_length", "8"), ("otp.reviewers", ENTRY)];
    let fault = only_fault(serve(&eight));
    assert_eq!((fault.key.as_str(), fault.expected.contains("8 digits")), ("otp.reviewers", true), "{fault}");
}

#[test]
fn their_codes_are_not_shown() {
    let settings = serve(&[("otp.reviewers", ENTRY)]).unwrap();
    let shown = settings.common.shown().iter().find(|setting| setting.key == "otp.reviewers").unwrap();
    assert_eq!(shown.value, "***");
    assert!(!format!("{settings:?}").contains("424242"));
}
