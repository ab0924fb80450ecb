//! Targets of the fuzzer for the verification API; see [`crate::fuzzing`].

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target that finds something panics")]

use serde_json::{Value, json};

use super::request::{CheckBody, CheckByNumberBody, CreateBody, NoBody, ResendBody, TypedCode};
use crate::fuzzing::choice;
use crate::http::edge::body::ContentType;
use crate::http::edge::outcome::{InvalidMember, Outcome};
use crate::otp::CodeLength;

/// A body, after a byte that chooses the call.
pub fn api_body(mut input: &[u8]) {
    let Some(call) = choice(&mut input).map(|first| first % 5) else { return };
    let is_empty = input.trim_ascii().is_empty();
    let value = if is_empty { Some(json!({})) } else { serde_json::from_slice::<Value>(input).ok() };
    let content_type = ContentType::Json;
    let refused = match call {
        0 => CreateBody::parse(content_type, input).map(|body| created(&body, value.as_ref().unwrap())).err(),
        1 => CheckBody::parse(content_type, input).map(|body| typed(&body.code, &format!("{body:?}"))).err(),
        2 => CheckByNumberBody::parse(content_type, input).map(|body| typed(&body.code, &format!("{body:?}"))).err(),
        3 => ResendBody::parse(content_type, input).map(drop).err(),
        _ => NoBody::parse(content_type, input).map(drop).err(),
    };
    match refused {
        None => assert!(value.unwrap().is_object()),
        Some(Outcome::MalformedJson) => assert!(value.is_none()),
        Some(Outcome::InvalidPhone) => assert!(matches!(call, 0 | 2) && value.unwrap()["to"].is_string()),
        Some(Outcome::InvalidRequest(members)) => {
            assert!((1..=10).contains(&members.len()), "{members:?}");
            for InvalidMember { pointer, detail } in members {
                assert!(pointer == "#" || pointer.starts_with("#/"), "{pointer}");
                assert!(pointer.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'), "{pointer}");
                assert!(detail.ends_with('.'), "{detail}");
            }
        }
        Some(outcome) => panic!("{outcome:?}"),
    }
}

/// The canonical form says what the body says, and is its own canonical form.
fn created(body: &CreateBody, value: &Value) {
    assert!(value["to"].as_str().unwrap().starts_with('+'));
    let canonical = body.canonical.expose();
    assert_eq!(serde_json::from_slice::<Value>(canonical).unwrap(), *value);
    let again = CreateBody::parse(ContentType::Json, canonical).unwrap();
    assert_eq!(again.canonical.expose(), canonical);
    assert_eq!((&again.to, &again.app, &again.client), (&body.to, &body.app, &body.client));
}

/// A code is not printed.
fn typed(code: &TypedCode, printed: &str) {
    if let Ok(guess) = code.guess(CodeLength::new(6).unwrap()) {
        assert!(!printed.contains(guess.expose()), "{printed}");
    }
}
