//! Lasting conditions of the simulated account, thrown over HTTP or from Rust.
//!
//! An [order](super::orders) changes the answer to the next message; a switch stays until it is put
//! back. `GET /switches` shows all of them, `PATCH /switches` changes those it names, and
//! `PUT /switches/templates/{id}` with `{"status": "PAUSED"}` moves one template.

use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Simulator, TemplateStatus};

/// Everything that can be wrong with the account for longer than one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// What Meta holds against the account, if anything.
    pub account: AccountState,
    /// Whether the sender is registered on the platform; if not, sends get 133010.
    pub sender_registered: bool,
    /// Whether the account may have authentication templates; if not, creating one gets 10/2388185.
    pub authentication_eligible: bool,
    /// The recipients a test number may write to, at most five (131030); `null` for a real number.
    pub allowed_recipients: Option<Vec<String>>,
    /// What becomes of a template that is created or edited.
    pub template_review: TemplateReview,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            account: AccountState::Active,
            sender_registered: true,
            authentication_eligible: true,
            allowed_recipients: None,
            template_review: TemplateReview::Approve,
        }
    }
}

/// What Meta holds against the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Nothing.
    Active,
    /// Locked: sends get 131031.
    Locked,
    /// Blocked for breaking a policy: sends get 368.
    Blocked,
    /// The bill is not paid: sends get 131042.
    Unpaid,
    /// Being upgraded: sends get 131057.
    Maintenance,
    /// The app made too many calls: every call gets 4.
    AppBudgetSpent,
    /// Too many management calls were made for this account: those get 80007.
    AccountBudgetSpent,
}

/// What becomes of a template that is created or edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateReview {
    /// Approved at once.
    Approve,
    /// Rejected at once.
    Reject,
    /// Left pending.
    Pending,
    /// Pending for so many reads of the template, approved from then on.
    ApproveAfterReads(u32),
}

const LONGEST_ALLOW_LIST: usize = 5;

impl Switches {
    /// These switches with the ones `change` names moved.
    fn moved(&self, change: &Value) -> Result<Self, String> {
        let Value::Object(change) = change else {
            return Err("Expected a JSON object naming the switches to move.".to_owned());
        };
        let mut merged = json!(self);
        for (name, value) in change {
            merged[name] = value.clone();
        }
        let moved: Self =
            serde_json::from_value(merged).map_err(|error| format!("That switch cannot be moved so: {error}."))?;
        match &moved.allowed_recipients {
            Some(list) if list.len() > LONGEST_ALLOW_LIST => {
                Err("A test number has at most 5 allowed recipients.".to_owned())
            }
            _ => Ok(moved),
        }
    }

    /// Whether a test number may write to these digits.
    pub(crate) fn allows(&self, digits: &str) -> bool {
        let same = |allowed: &String| {
            let allowed = allowed.bytes().filter(u8::is_ascii_digit);
            allowed.eq(digits.bytes())
        };
        self.allowed_recipients.as_ref().is_none_or(|list| list.iter().any(same))
    }
}

pub(crate) fn router() -> Router<Simulator> {
    Router::new().route("/switches", get(show).patch(change)).route("/switches/templates/{id}", put(move_template))
}

async fn show(State(simulator): State<Simulator>) -> Json<Switches> {
    Json(simulator.switches())
}

async fn change(State(simulator): State<Simulator>, body: Result<Json<Value>, JsonRejection>) -> Response {
    let moved = body
        .map_err(|_| "Expected a JSON object naming the switches to move.".to_owned())
        .and_then(|Json(body)| simulator.switches().moved(&body));
    match moved {
        Ok(switches) => {
            simulator.set_switches(switches.clone());
            Json(switches).into_response()
        }
        Err(sentence) => super::refuse(StatusCode::BAD_REQUEST, &sentence),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewStatus {
    status: TemplateStatus,
}

async fn move_template(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    body: Result<Json<NewStatus>, JsonRejection>,
) -> Response {
    let Ok(Json(NewStatus { status })) = body else {
        let expected = r#"Expected JSON such as {"status": "PAUSED"}, with a template status."#;
        return super::refuse(StatusCode::BAD_REQUEST, expected);
    };
    if simulator.set_template_status(&id, status) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        super::refuse(StatusCode::NOT_FOUND, "There is no template with that id.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_switches_move() {
        let before = Switches { sender_registered: false, ..Switches::default() };
        let change = json!({ "account": "locked", "template_review": { "approve_after_reads": 2 } });
        let after = before.moved(&change).unwrap();
        let expected = Switches {
            account: AccountState::Locked,
            sender_registered: false,
            template_review: TemplateReview::ApproveAfterReads(2),
            ..Switches::default()
        };
        assert_eq!(after, expected);
    }

    #[test]
    fn a_switch_that_does_not_exist_is_named_in_the_refusal() {
        let switches = Switches::default();
        let refusal = |change: Value| switches.moved(&change).unwrap_err();
        assert!(refusal(json!({ "acount": "locked" })).contains("`acount`"));
        assert!(refusal(json!({ "account": "closed" })).contains("`closed`"));
        assert!(refusal(json!([])).contains("JSON object"));
        let six = json!({ "allowed_recipients": ["1", "2", "3", "4", "5", "6"] });
        assert!(refusal(six).contains("at most 5"));
    }

    #[test]
    fn allowed_recipients_are_compared_by_their_digits() {
        let mut switches = Switches::default();
        assert!(switches.allows("15551234567"));
        switches.allowed_recipients = Some(vec!["+1 (555) 123-4567".to_owned()]);
        assert!(switches.allows("15551234567"));
        assert!(!switches.allows("15551234568"));
    }
}
