//! The body of a check: `{"code": "…"}`.

use serde_json::Value;

use crate::http::edge::outcome::Outcome;
use crate::otp::{CodeLength, Guess};

/// Reads a code of `length` digits.
///
/// # Errors
///
/// The outcome that says what was expected.
pub(crate) fn parse(body: &[u8], length: CodeLength) -> Result<Guess, Outcome> {
    if body.trim_ascii().is_empty() {
        return Err(Outcome::NoCode);
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| Outcome::MalformedJson)?;
    match body {
        Value::Object(mut fields) => match fields.remove("code") {
            Some(Value::String(code)) if code.is_empty() => Err(Outcome::NoCode),
            Some(Value::String(code)) => Guess::parse(&code, length).map_err(|_| Outcome::NotACode { length }),
            None | Some(Value::Null) => Err(Outcome::NoCode),
            Some(_) => Err(Outcome::CodeNotAString),
        },
        _ => Err(Outcome::NoCode),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &[u8]) -> Result<Guess, Outcome> {
        super::parse(body, CodeLength::new(6).unwrap())
    }

    #[test]
    fn a_code_is_a_string_in_an_object() {
        assert_eq!(parse(br#"{"code":"012345","more":1}"#).unwrap().expose(), "012345");
        assert_eq!(parse(br#"{"code":" 012-345 "}"#).unwrap().expose(), "012345");
    }

    #[test]
    fn anything_else_is_answered_with_what_was_expected() {
        for (body, outcome) in [
            ("", Outcome::NoCode),
            ("  \n", Outcome::NoCode),
            ("{}", Outcome::NoCode),
            (r#"{"code":""}"#, Outcome::NoCode),
            (r#"{"code":null}"#, Outcome::NoCode),
            (r#"{"Code":"1"}"#, Outcome::NoCode),
            ("[]", Outcome::NoCode),
            (r#""123456""#, Outcome::NoCode),
            ("null", Outcome::NoCode),
            (r#"{"code":"12345"}"#, Outcome::NotACode { length: CodeLength::new(6).unwrap() }),
            (r#"{"code":"12345x"}"#, Outcome::NotACode { length: CodeLength::new(6).unwrap() }),
            (r#"{"code":123456}"#, Outcome::CodeNotAString),
            (r#"{"code":["1"]}"#, Outcome::CodeNotAString),
            (r#"{"code":true}"#, Outcome::CodeNotAString),
            ("{", Outcome::MalformedJson),
            (r#"{"code":"1"} x"#, Outcome::MalformedJson),
            ("code=123456", Outcome::MalformedJson),
            ("\u{feff}{}", Outcome::MalformedJson),
        ] {
            assert_eq!(parse(body.as_bytes()).err(), Some(outcome), "{body}");
        }
        assert_eq!(parse(&[0xff, 0xfe]).err(), Some(Outcome::MalformedJson));
        assert_eq!(parse("[".repeat(4_000).as_bytes()).err(), Some(Outcome::MalformedJson));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }
    }
}
