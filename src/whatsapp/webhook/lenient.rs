//! Reads JSON as leniently as WhatsApp writes it: numbers as strings and strings as numbers, `null` for anything.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

/// The longest word that is kept.
const LONGEST_WORD: usize = 64;

/// Parses a body. Half a surrogate pair, as in a name that was cut in the middle of an emoji, costs that character and not
/// the body.
pub(super) fn parse(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).or_else(|_| serde_json::from_slice(&without_halves(body))).ok()
}

/// Replaces escapes of half a surrogate pair.
fn without_halves(body: &[u8]) -> Vec<u8> {
    let unit = |at: usize| {
        let digits = body.get(at..at + 6)?.strip_prefix(br"\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut whole = Vec::with_capacity(body.len());
    let mut at = 0;
    while at < body.len() {
        let taken = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                whole.extend_from_slice(br"\ufffd");
                at += 6;
                continue;
            }
            // An escaped backslash, so that what follows is not taken for an escape.
            _ if body[at] == b'\\' => 2,
            _ => 1,
        };
        let end = body.len().min(at + taken);
        whole.extend_from_slice(&body[at..end]);
        at = end;
    }
    whole
}

/// Returns a string, or a number as one.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

/// Returns a whole number, or a string that is one.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    }
}

/// Returns the entries of a list; none if it is something else.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a word of an enumeration in capitals. Anything else, which might be private, is `OTHER`.
pub(super) fn word(value: &Value) -> String {
    let is_of_words = |text: &&str| {
        let fits = (1..=LONGEST_WORD).contains(&text.len());
        fits && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    value.as_str().filter(is_of_words).map_or_else(|| "OTHER".to_owned(), str::to_ascii_uppercase)
}

/// Returns a time in seconds since 1970.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    Timestamp::from_second(whole(value)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_strings_and_strings_numbers() {
        assert_eq!([whole(&json!(7)), whole(&json!("7")), whole(&json!("-1"))], [Some(7), Some(7), Some(-1)]);
        for value in [json!(null), json!("x"), json!(""), json!({}), json!(1.5), json!(u64::MAX), json!("9".repeat(30))]
        {
            assert_eq!(whole(&value), None, "{value}");
        }
        assert_eq!(text(&json!(15_550_001_111_u64)).as_deref(), Some("15550001111"));
        assert_eq!(text(&json!(null)), None);
    }

    #[test]
    fn a_word_is_letters_alone() {
        assert_eq!(word(&json!("throughput_upgrade")), "THROUGHPUT_UPGRADE");
        for value in [json!("+1 555 1234567"), json!(15_551_234_567_u64), json!(""), json!(null), json!("A".repeat(65))]
        {
            assert_eq!(word(&value), "OTHER", "{value}");
        }
    }

    #[test]
    fn half_a_pair_is_replaced_and_a_whole_one_is_kept() {
        for (body, expected) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud83d \ud83d""#, "\\ud83d \u{fffd}"),
        ] {
            assert_eq!(parse(body.as_bytes()), Some(json!(expected)), "{body}");
        }
        for body in ["", "{", r#""\ud8"#, r#""\"#, "\"\u{0}\""] {
            assert_eq!(parse(body.as_bytes()), None, "{body}");
        }
    }
}
