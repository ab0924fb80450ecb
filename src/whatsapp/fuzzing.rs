//! Fuzz targets of this layer; see [`crate::fuzzing`].

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a target that finds something panics")]

use reqwest::StatusCode;
use serde_json::Value;

use super::client::{CallError, decoded};
use super::webhook::{Notice, Ours, notices};
use super::wire::Accepted;
use crate::fuzzing::{choice, may_be_number};

/// Decodes an answer to a message. The first byte selects the HTTP status, the rest is the body.
pub fn whatsapp_answer(mut input: &[u8]) {
    let Some(first) = choice(&mut input) else { return };
    let statuses = [200, 201, 302, 400, 401, 429, 500, 503];
    let status = StatusCode::from_u16(statuses[usize::from(first) % statuses.len()]).unwrap();
    let json = serde_json::from_slice::<Value>(input).ok();
    match decoded::<Accepted>(status, None, input) {
        Ok(_) => {
            assert!(status.is_success());
            let json = json.unwrap();
            assert!(json["messages"].is_array(), "{json}");
        }
        Err(error) => {
            let text = error.to_string();
            match error {
                CallError::Api(error) => {
                    // Fields that are not read need not be text, and an array may stand for an object.
                    assert!(json.is_none_or(|json| json.is_array() || !json["error"].is_null()));
                    let own_code = format!("(#{})", error.code);
                    for said in [Some(error.message), error.details, error.trace_id].into_iter().flatten() {
                        assert!(!may_be_number(&said.replace(&own_code, "|")), "{said}");
                        assert!(!said.contains(char::is_control), "{said:?}");
                    }
                }
                // The other texts contain nothing of the body. A message that WhatsApp refused is never unclear.
                CallError::Unclear(_) => assert!(status.is_success() || status.is_server_error(), "{text}"),
                CallError::Foreign(_) => assert!(!status.is_success() && !status.is_server_error(), "{text}"),
                CallError::Unreachable(_) => unreachable!("there was an answer"),
            }
        }
    }
}

/// The body of a webhook.
pub fn webhook(input: &[u8]) {
    let ours = Ours { waba_id: "2000000001".to_owned(), phone_number_ids: ["1000000001".to_owned()].into() };
    let Some(notices) = notices(input, &ours) else { return };
    let Ok(json) = serde_json::from_slice::<Value>(input) else { return };
    let is_ours = json["object"] == "whatsapp_business_account";
    for notice in notices {
        match notice {
            Notice::Status(status) => {
                assert!(is_ours && status.delivery > 0);
                assert_eq!(status.reason.is_some(), status.status.as_str() == "failed");
                assert!(status.code.is_none() || status.reason.is_some());
            }
            Notice::Denied { .. } | Notice::Account(_) => assert!(is_ours),
            Notice::Ignored(..) => {}
        }
    }
}
