//! Fuzz targets for input from strangers: `fuzz/` runs them without end, the tests below on the inputs in
//! `fuzz/corpus`. Each asserts properties that always hold, not only that nothing panics.
//!
//! Compiled only for tests and under `cfg(fuzzing)`. A new target is a function here or in the `fuzzing` of its layer,
//! a row in [`TARGETS`], and a file in `fuzz/fuzz_targets`.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target that finds something panics")]

use std::sync::LazyLock;

use regex::Regex;

pub use crate::http::fuzzing::{api_body, body, forwarded, path, request_id};
use crate::otp::{Destinations, NumberType, PhoneNumber, Selection};
pub use crate::store::redis::fuzzing::redis_reply;
use crate::telemetry::{cleaned, without_numbers};
pub use crate::whatsapp::fuzzing::{webhook, whatsapp_answer};

/// Panics if an input has a wrong result.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("api_body", api_body),
    ("body", body),
    ("forwarded", forwarded),
    ("path", path),
    ("phone", phone),
    ("redact", redact),
    ("redis_reply", redis_reply),
    ("request_id", request_id),
    ("webhook", webhook),
    ("whatsapp_answer", whatsapp_answer),
];

/// A number as a caller writes it.
pub fn phone(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(phone) = PhoneNumber::parse(text) else { return };
    let digits = phone.digits();
    assert!((1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
    assert!(!digits.starts_with('0'), "no country calling code starts with 0: {digits}");
    assert!(text.chars().all(|character| character.is_ascii_digit() || " -.()+".contains(character)), "{text:?}");
    assert!(text.matches('+').count() <= 1, "{text:?}");

    let typed: String = text.chars().filter(char::is_ascii_digit).collect();
    for spelling in [digits, &phone.e164(), &typed] {
        assert_eq!(PhoneNumber::parse(spelling).as_ref(), Ok(&phone), "{spelling}");
    }

    let of_types = |number_types| Destinations { number_types, ..Destinations::default() };
    let all = NumberType::ALL.to_vec();
    assert!(of_types(Selection::Only(all.clone())).permit(&phone), "of no type: {digits}");
    assert!(!of_types(Selection::AllBut(all)).permit(&phone), "of no type: {digits}");

    let masked = phone.masked();
    assert!(masked.matches('*').count() >= 5, "{masked}");
    assert_eq!(masked.len(), digits.len());
    assert!(masked.chars().zip(digits.chars()).all(|(shown, digit)| shown == '*' || shown == digit), "{masked}");
    assert!(PhoneNumber::parse(&masked).is_err(), "{masked}");
    assert_eq!(format!("{phone:?}"), format!("PhoneNumber({masked})"));
}

/// Foreign text for a log.
pub fn redact(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let clean = without_numbers(&text);
    assert!(!may_be_number(&clean), "{text:?} became {clean:?}");
    assert_eq!(without_numbers(&clean), clean, "{text:?}");
    if !text.contains(char::is_numeric) {
        assert_eq!(clean, text);
    }

    let clean = cleaned(&text, 131_026);
    assert!(clean.chars().count() <= 2 * 301 && !clean.contains(char::is_control), "{text:?} became {clean:?}");
    assert!(!has_digits(&clean.replace("(#131026)", "|"), 4), "{text:?} became {clean:?}");
}

/// Returns `true` if a text has so many digits in a row, with up to two separators after each.
fn has_digits(text: &str, count: usize) -> bool {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9](?:[-. _:()/]{0,2}[0-9])*").unwrap());
    let digits = |number: &str| number.bytes().filter(u8::is_ascii_digit).count();
    NUMBER.find_iter(text).any(|number| digits(number.as_str()) >= count)
}

/// Returns `true` if a text may contain a phone number.
pub(crate) fn may_be_number(text: &str) -> bool {
    has_digits(text, 7)
}

/// Takes the input's first byte, which selects a case.
pub(crate) fn choice(input: &mut &[u8]) -> Option<u8> {
    let (first, rest) = input.split_first()?;
    *input = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn files(directory: &str) -> Vec<(String, Vec<u8>)> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(directory);
        let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let file =
            |path: std::path::PathBuf| (path.file_name().unwrap().display().to_string(), fs::read(path).unwrap());
        entries.map(|entry| file(entry.unwrap().path())).collect()
    }

    #[test]
    fn every_stored_input_keeps_what_its_target_promises() {
        for (name, target) in TARGETS {
            let inputs = files(&format!("corpus/{name}"));
            assert!(inputs.len() >= 5, "{name} has hardly any inputs");
            for (file, input) in inputs {
                let result = std::panic::catch_unwind(|| target(&input));
                assert!(result.is_ok(), "fuzz/corpus/{name}/{file} fails, see above");
            }
            target(&[]);
        }
    }

    #[test]
    fn every_target_can_be_run_by_the_fuzzer() {
        let mut programs = files("fuzz_targets");
        programs.sort();
        let expected = TARGETS.iter().map(|(name, _)| {
            let text = format!(
                "#![no_main]\n\nlibfuzzer_sys::fuzz_target!(|input: &[u8]| whatsapp_otp::fuzzing::{name}(input));\n"
            );
            (format!("{name}.rs"), text.into_bytes())
        });
        assert_eq!(programs, expected.collect::<Vec<_>>());
        let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/Cargo.toml")).unwrap();
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n")), "{name}");
        }
    }
}
