//! The account's own events: templates, quality, the number, the account and its security.
//!
//! The functions build changes that differ from Meta's only where a test changes their public fields. Words such as events
//! are given as text, because Meta adds new ones at any time. [`Simulator::announce`] lets one happen.

use serde_json::{Value, json};

use super::Change;
use crate::{AccountState, Simulator, TemplateStatus, digits};

impl Simulator {
    /// Changes the simulated account as the change says, and sends its webhook: a paused template cannot be sent, and a
    /// restricted account cannot send.
    pub fn announce(&self, change: Change) {
        self.apply(&change);
        self.send_webhook(self.webhook().with(change));
    }

    fn apply(&self, change: &Change) {
        let event = change.value["event"].as_str().unwrap_or_default();
        match &*change.field {
            "message_template_status_update" => {
                let id = change.value["message_template_id"].to_string();
                if let Some(status) = status_after(event) {
                    // A foreign template is no news to this account.
                    let _ = self.set_template_status(&id, status);
                }
            }
            "account_update" => {
                let ban = change.value["ban_info"]["waba_ban_state"].as_str();
                let account = match (event, ban) {
                    ("DISABLED_UPDATE", Some("REINSTATE")) => AccountState::Active,
                    ("ACCOUNT_RESTRICTION", _) => AccountState::Blocked,
                    ("ACCOUNT_DELETED", _) | ("DISABLED_UPDATE", Some("DISABLE")) => AccountState::Locked,
                    _ => return,
                };
                self.world().switches.account = account;
            }
            _ => {}
        }
    }

    /// `message_template_status_update` for a template of this account, in any of its languages: `PAUSED`, `DISABLED`,
    /// `APPROVED`. Returns `None` if there is no such template.
    #[must_use]
    pub fn template_status_change(&self, template_id: &str, event: &str) -> Option<Change> {
        let mut value = self.about_template(template_id)?;
        value["event"] = json!(event);
        value["reason"] = json!(if event == "REJECTED" { "INCORRECT_CATEGORY" } else { "NONE" });
        value["message_template_category"] = json!("AUTHENTICATION");
        match event {
            "DISABLED" => value["disable_info"] = json!({ "disable_date": self.shared.clock.timestamp().as_second() }),
            "PAUSED" => {
                let description = "Your WhatsApp message template has been paused for 3 hours because it continued to \
                    have issues.";
                value["other_info"] = json!({ "title": "FIRST_PAUSE", "description": description });
            }
            "REJECTED" => {
                let rejection = json!({ "reason": "The category is wrong.", "recommendation": "Change the category." });
                value["rejection_info"] = rejection;
            }
            _ => {}
        }
        Some(Change::new("message_template_status_update", value))
    }

    /// `message_template_quality_update`: `GREEN`, `YELLOW`, `RED` or `UNKNOWN`.
    #[must_use]
    pub fn template_quality_change(&self, template_id: &str, before: &str, now: &str) -> Option<Change> {
        let mut value = self.about_template(template_id)?;
        value["previous_quality_score"] = json!(before);
        value["new_quality_score"] = json!(now);
        Some(Change::new("message_template_quality_update", value))
    }

    /// `message_template_components_update`, with the template's texts as they are.
    #[must_use]
    pub fn template_components_change(&self, template_id: &str) -> Option<Change> {
        let mut value = self.about_template(template_id)?;
        value["message_template_element"] = json!("*{{1}}* is your verification code.");
        value["message_template_buttons"] = json!([{
            "message_template_button_type": "URL",
            "message_template_button_text": "Copy code",
            "message_template_button_url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE",
        }]);
        Some(Change::new("message_template_components_update", value))
    }

    /// `template_category_update` that has happened.
    #[must_use]
    pub fn template_category_change(&self, template_id: &str, before: &str, now: &str) -> Option<Change> {
        let mut value = self.about_template(template_id)?;
        value["previous_category"] = json!(before);
        value["new_category"] = json!(now);
        Some(Change::new("template_category_update", value))
    }

    /// `template_category_update` that is announced. Meta calls the current category `new_category` then.
    #[must_use]
    pub fn template_category_warning(&self, template_id: &str, now: &str, correct: &str) -> Option<Change> {
        let mut value = self.about_template(template_id)?;
        let in_a_day = self.shared.clock.timestamp().as_second() + 86_400;
        value["new_category"] = json!(now);
        value["correct_category"] = json!(correct);
        value["category_update_timestamp"] = json!(in_a_day);
        Some(Change::new("template_category_update", value))
    }

    /// `phone_number_quality_update`: an event such as `ONBOARDING` or `THROUGHPUT_UPGRADE`, and a tier such as `TIER_2K`.
    #[must_use]
    pub fn number_quality_change(&self, event: &str, tier: &str) -> Change {
        let value = json!({
            "display_phone_number": digits(&self.settings().display_phone_number),
            "event": event,
            "max_daily_conversations_per_business": tier,
        });
        Change::new("phone_number_quality_update", value)
    }

    /// `account_update`: an event such as `ACCOUNT_VIOLATION`, and what belongs to it, such as
    /// `{"violation_info": {"violation_type": "SCAM"}}`.
    #[must_use]
    pub fn account_change(&self, event: &str, details: Value) -> Change {
        let mut value = json!({ "event": event });
        if let (Some(value), Value::Object(details)) = (value.as_object_mut(), details) {
            value.extend(details);
        }
        Change::new("account_update", value)
    }

    /// `account_update` with `DISABLED_UPDATE`: `DISABLE`, `SCHEDULE_FOR_DISABLE` or `REINSTATE`.
    #[must_use]
    pub fn account_ban_change(&self, state: &str) -> Change {
        let date = self.shared.clock.timestamp().strftime("%B %-d, %Y").to_string();
        let ban = json!({ "waba_ban_state": state, "waba_ban_date": date });
        self.account_change("DISABLED_UPDATE", json!({ "ban_info": ban }))
    }

    /// `account_update` with `ACCOUNT_RESTRICTION` that ends after this many seconds.
    #[must_use]
    pub fn account_restriction_change(&self, restriction_type: &str, seconds: i64) -> Change {
        let expiration = self.shared.clock.timestamp().as_second() + seconds;
        let restriction = json!([{ "restriction_type": restriction_type, "expiration": expiration }]);
        self.account_change("ACCOUNT_RESTRICTION", json!({ "restriction_info": restriction }))
    }

    /// `account_alerts` about the account: `CRITICAL`, `WARNING` or `INFORMATIONAL`.
    #[must_use]
    pub fn account_alert_change(&self, severity: &str, alert_type: &str) -> Change {
        let value = json!({
            "entity_type": "WABA",
            "entity_id": self.settings().waba_id,
            "alert_info": {
                "alert_severity": severity,
                "alert_status": "ACTIVE",
                "alert_type": alert_type,
                "alert_description": "Something about this account needs attention.",
            },
        });
        Change::new("account_alerts", value)
    }

    /// `security`: `PIN_CHANGED`, `PIN_RESET_REQUEST` or `PIN_REQUEST_SUCCESS`.
    #[must_use]
    pub fn security_change(&self, event: &str) -> Change {
        let value = json!({
            "display_phone_number": digits(&self.settings().display_phone_number),
            "event": event,
            "requester": "500000000000001",
        });
        Change::new("security", value)
    }

    fn about_template(&self, id: &str) -> Option<Value> {
        let world = self.world();
        let template = world.templates.get(id)?;
        Some(json!({
            "message_template_id": template.id.parse::<u64>().ok()?,
            "message_template_name": template.name,
            "message_template_language": template.language,
        }))
    }
}

impl Change {
    /// `business_capability_update`. Meta's page has a tier as text, and its sample a number.
    #[must_use]
    pub fn capability(max_daily_conversations: Value) -> Self {
        let mut value = json!({ "max_phone_numbers_per_waba": 25 });
        value["max_daily_conversations_per_business"] = max_daily_conversations;
        Self::new("business_capability_update", value)
    }

    /// `account_review_update`: `APPROVED`, `REJECTED`, `PENDING` or `DEFERRED`.
    #[must_use]
    pub fn account_review(decision: &str) -> Self {
        Self::new("account_review_update", json!({ "decision": decision }))
    }
}

/// The template's status after an event; `None` if the event leaves it as it is.
fn status_after(event: &str) -> Option<TemplateStatus> {
    Some(match event {
        "APPROVED" | "REINSTATED" | "UNARCHIVED" => TemplateStatus::Approved,
        "PAUSED" => TemplateStatus::Paused,
        "DISABLED" => TemplateStatus::Disabled,
        "REJECTED" => TemplateStatus::Rejected,
        "PENDING" => TemplateStatus::Pending,
        "IN_APPEAL" => TemplateStatus::InAppeal,
        "LIMIT_EXCEEDED" => TemplateStatus::LimitExceeded,
        "PENDING_DELETION" => TemplateStatus::PendingDeletion,
        "DELETED" => TemplateStatus::Deleted,
        "ARCHIVED" => TemplateStatus::Archived,
        _ => return None,
    })
}
