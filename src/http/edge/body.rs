//! Reading the guess out of a request's body.

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use crate::http::sample::answer::Answer;
use crate::otp::{CodeLength, Guess};

/// The longest body that is read.
pub(in crate::http) const MAX_BYTES: usize = 4 * 1024;

/// Reads `{"code": "…"}`, a code of `length` digits.
///
/// # Errors
///
/// The answer that says what was expected.
pub(in crate::http) async fn guess(request: Request, length: CodeLength) -> Result<Guess, Answer> {
    if !is_json(&request) {
        return Err(Answer::NoCode);
    }
    // A length announced is believed; the limit below would wait for that many bytes before it refused them.
    if request.body().size_hint().lower() > MAX_BYTES as u64 {
        return Err(Answer::BodyTooLarge);
    }
    match Limited::new(request.into_body(), MAX_BYTES).collect().await {
        Ok(body) => parse(&body.to_bytes(), length),
        Err(error) if error.is::<LengthLimitError>() => Err(Answer::BodyTooLarge),
        Err(_) => Err(Answer::BodyTooSlow),
    }
}

fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn parse(body: &[u8], length: CodeLength) -> Result<Guess, Answer> {
    if body.trim_ascii().is_empty() {
        return Err(Answer::NoCode);
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| Answer::MalformedJson)?;
    match body {
        Value::Object(mut fields) => match fields.remove("code") {
            Some(Value::String(code)) if code.is_empty() => Err(Answer::NoCode),
            Some(Value::String(code)) => Guess::parse(&code, length).map_err(|_| Answer::NotACode { length }),
            None | Some(Value::Null) => Err(Answer::NoCode),
            Some(_) => Err(Answer::CodeNotAString),
        },
        _ => Err(Answer::NoCode),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &[u8]) -> Result<Guess, Answer> {
        super::parse(body, CodeLength::new(6).unwrap())
    }

    #[test]
    fn a_code_is_a_string_in_an_object() {
        assert_eq!(parse(br#"{"code":"012345","more":1}"#).unwrap().expose(), "012345");
        assert_eq!(parse(br#"{"code":" 012-345 "}"#).unwrap().expose(), "012345");
    }

    #[test]
    fn anything_else_is_answered_with_what_was_expected() {
        for (body, answer) in [
            ("", Answer::NoCode),
            ("  \n", Answer::NoCode),
            ("{}", Answer::NoCode),
            (r#"{"code":""}"#, Answer::NoCode),
            (r#"{"code":null}"#, Answer::NoCode),
            (r#"{"Code":"1"}"#, Answer::NoCode),
            ("[]", Answer::NoCode),
            (r#""123456""#, Answer::NoCode),
            ("null", Answer::NoCode),
            (r#"{"code":"12345"}"#, Answer::NotACode { length: CodeLength::new(6).unwrap() }),
            (r#"{"code":"12345x"}"#, Answer::NotACode { length: CodeLength::new(6).unwrap() }),
            (r#"{"code":123456}"#, Answer::CodeNotAString),
            (r#"{"code":["1"]}"#, Answer::CodeNotAString),
            (r#"{"code":true}"#, Answer::CodeNotAString),
            ("{", Answer::MalformedJson),
            (r#"{"code":"1"} x"#, Answer::MalformedJson),
            ("code=123456", Answer::MalformedJson),
            ("\u{feff}{}", Answer::MalformedJson),
        ] {
            assert_eq!(parse(body.as_bytes()).err(), Some(answer), "{body}");
        }
        assert_eq!(parse(&[0xff, 0xfe]).err(), Some(Answer::MalformedJson));
        assert_eq!(parse("[".repeat(4_000).as_bytes()).err(), Some(Answer::MalformedJson));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }
    }
}
