//! `POST /messages`, one rule at a time.

mod envelope;
mod limits;
mod recipient;
mod template;

use serde_json::Value;

use crate::testing::{RECIPIENT, message};

const BODY_TEXT: &str = "/template/components/0/parameters/0/text";
const BUTTON: &str = "/template/components/1";
const BUTTON_TEXT: &str = "/template/components/1/parameters/0/text";

/// The message with this text in both places.
fn with_code(code: &str) -> Value {
    message(RECIPIENT, code)
}
