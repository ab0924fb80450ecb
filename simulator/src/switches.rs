//! Lasting conditions of the simulated account, set over HTTP or from Rust.
//!
//! An [order](super::orders) changes the answer to the next message; a switch stays until it is set back.
//! `GET /switches` shows all of them, and `PATCH /switches` changes the ones it names. `GET /switches/templates/{id}`
//! shows one template, and `PUT` with `{"status": "PAUSED"}`, `{"button": "one_tap"}` or both changes it without the
//! review and the limits of an edit. `PUT /switches/health/{id}` with `{"can_send_message": "BLOCKED"}` sets what
//! `health_status` says about a number, a template or the account, and `null` lets it follow their state again.

use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CanSend, OtpButton, Simulator, TemplateStatus};

/// The conditions of the account that outlast one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// The account's state with Meta.
    pub account: AccountState,
    /// The sender is registered on the platform; if not, sends get 133010.
    pub sender_registered: bool,
    /// The sender's PIN of two-step verification, which registering it requires (133005) or, if there is none, sets.
    pub two_step_pin: Option<String>,
    /// The account may have authentication templates; if not, creating one gets 10/2388185.
    pub authentication_eligible: bool,
    /// The recipients that a test number may write to, at most five (131030); `null` for a real number.
    pub allowed_recipients: Option<Vec<String>>,
    /// The review of a template that is created or edited.
    pub template_review: TemplateReview,
    /// The app is subscribed to the account; if not, it gets no webhooks.
    pub app_subscribed: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            account: AccountState::Active,
            sender_registered: true,
            two_step_pin: None,
            authentication_eligible: true,
            allowed_recipients: None,
            template_review: TemplateReview::Approve,
            app_subscribed: true,
        }
    }
}

/// The account's state with Meta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// In good standing.
    Active,
    /// Locked: sends get 131031.
    Locked,
    /// Blocked for breaking a policy: sends get 368.
    Blocked,
    /// The bill is unpaid: sends get 131042.
    Unpaid,
    /// Being upgraded: sends get 131057.
    Maintenance,
    /// The app made too many calls: every call gets 4.
    AppBudgetSpent,
    /// Too many management calls were made for this account: those get 80007.
    AccountBudgetSpent,
    /// The access token was revoked: every call gets 190.
    TokenRevoked,
}

/// The review of a template that is created or edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateReview {
    /// Approves it immediately.
    Approve,
    /// Rejects it immediately.
    Reject,
    /// Leaves it pending.
    Pending,
    /// Leaves it pending for this many reads of the template, then approves it.
    ApproveAfterReads(u32),
}

const LONGEST_ALLOW_LIST: usize = 5;

impl Switches {
    /// These switches with the changes of `change`.
    fn moved(&self, change: &Value) -> Result<Self, String> {
        let Value::Object(change) = change else {
            return Err("Expected a JSON object with the switches to change.".to_owned());
        };
        let mut merged = json!(self);
        for (name, value) in change {
            merged[name] = value.clone();
        }
        let moved: Self = serde_json::from_value(merged).map_err(|error| format!("Invalid switch: {error}."))?;
        match &moved.allowed_recipients {
            Some(list) if list.len() > LONGEST_ALLOW_LIST => {
                Err("A test number has at most 5 allowed recipients.".to_owned())
            }
            _ => Ok(moved),
        }
    }

    /// Returns `true` if a test number may write to these digits.
    pub(crate) fn allows(&self, digits: &str) -> bool {
        let same = |allowed: &String| {
            let allowed = allowed.bytes().filter(u8::is_ascii_digit);
            allowed.eq(digits.bytes())
        };
        self.allowed_recipients.as_ref().is_none_or(|list| list.iter().any(same))
    }
}

pub(crate) fn router() -> Router<Simulator> {
    Router::new()
        .route("/switches", get(show).patch(change))
        .route("/switches/health/{id}", put(change_health))
        .route("/switches/templates/{id}", get(show_template).put(change_template))
}

async fn show(State(simulator): State<Simulator>) -> Json<Switches> {
    Json(simulator.switches())
}

async fn change(State(simulator): State<Simulator>, body: Result<Json<Value>, JsonRejection>) -> Response {
    let moved = body
        .map_err(|_| "Expected a JSON object with the switches to change.".to_owned())
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
struct Health {
    can_send_message: Option<CanSend>,
}

async fn change_health(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    body: Result<Json<Health>, JsonRejection>,
) -> Response {
    let Ok(Json(Health { can_send_message })) = body else {
        let expected = r#"Expected JSON such as {"can_send_message": "BLOCKED"}."#;
        return super::refuse(StatusCode::BAD_REQUEST, expected);
    };
    simulator.set_health(&id, can_send_message);
    StatusCode::NO_CONTENT.into_response()
}

const NO_TEMPLATE: &str = "There is no template with that id.";

/// `GET /switches/templates/{id}`: the template's names, and the values that can be changed.
async fn show_template(State(simulator): State<Simulator>, Path(id): Path<String>) -> Response {
    let world = simulator.world();
    let Some(template) = world.templates.get(&id) else {
        return super::refuse(StatusCode::NOT_FOUND, NO_TEMPLATE);
    };
    let shown = json!({
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "button": template.otp_button,
    });
    Json(shown).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateChange {
    status: Option<TemplateStatus>,
    button: Option<OtpButton>,
}

async fn change_template(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
    body: Result<Json<TemplateChange>, JsonRejection>,
) -> Response {
    let Ok(Json(TemplateChange { status, button })) = body else {
        let expected = r#"Expected JSON such as {"status": "PAUSED"} or {"button": "one_tap"}."#;
        return super::refuse(StatusCode::BAD_REQUEST, expected);
    };
    let mut world = simulator.world();
    let Some(template) = world.templates.get_mut(&id) else {
        return super::refuse(StatusCode::NOT_FOUND, NO_TEMPLATE);
    };
    if button.is_some_and(|button| !template.set_otp_button(button)) {
        return super::refuse(StatusCode::BAD_REQUEST, "That template has no one-time-passcode button.");
    }
    template.status = status.unwrap_or(template.status);
    StatusCode::NO_CONTENT.into_response()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;
    use crate::testing::{RECIPIENT, Server};

    #[test]
    fn only_the_named_switches_change() {
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

    #[tokio::test]
    async fn a_templates_button_and_status_can_be_changed_at_any_time() {
        let server = Server::start().await;
        let path = "/switches/templates/300000000000001";
        for kind in ["one_tap", "zero_tap", "copy_code", "one_tap"] {
            let changed = server.own(Method::PUT, path, Some(json!({ "button": kind }))).await;
            assert_eq!(changed.status, 204, "{changed:?}");
            let template = server.own(Method::GET, path, None).await.ok();
            assert_eq!((&template["button"], &template["status"]), (&json!(kind), &json!("APPROVED")));
        }
        server.send_code(RECIPIENT, "482913").await.ok();
        let message = server.simulator.inbox().remove(0);
        assert_eq!((message.button, message.autofill_text.as_deref()), (Some(OtpButton::OneTap), Some("Autofill")));
        // As the Graph API reads it back.
        let components = server.get("/300000000000001?fields=components").await.ok().to_string();
        assert!(components.contains("otp_type=ONE_TAP") && !components.contains("COPY_CODE"), "{components}");

        server.own(Method::PUT, path, Some(json!({ "status": "PAUSED" }))).await;
        assert_eq!(server.own(Method::GET, path, None).await.ok()["status"], "PAUSED");
    }

    #[tokio::test]
    async fn an_invalid_template_change_is_refused_with_a_sentence() {
        let server = Server::start().await;
        let refusal = async |id: &str, change: Value| {
            let answer = server.own(Method::PUT, &format!("/switches/templates/{id}"), Some(change)).await;
            (answer.status, answer.json()["error"].as_str().unwrap().to_owned())
        };
        let (status, sentence) = refusal("300000000000001", json!({ "button": "no_tap" })).await;
        assert!(status == 400 && sentence.starts_with("Expected JSON such as"), "{sentence}");
        assert_eq!(refusal("1", json!({ "button": "one_tap" })).await, (404, NO_TEMPLATE.to_owned()));
        let (status, sentence) = refusal("310000000000002", json!({ "button": "one_tap" })).await;
        assert!(status == 400 && sentence.contains("no one-time-passcode button"), "{sentence}");
        assert_eq!(server.own(Method::GET, "/switches/templates/1", None).await.status, 404);
    }
}
