//! Reads webhooks about the account, its numbers and its templates.

use serde_json::Value;

use super::account::{
    AccountEvent, AccountNotice, AlertSeverity, BanState, CategoryStage, Quality, ReviewDecision, SecurityEvent,
    TemplateEvent, TemplateName, Tier,
};
use super::lenient::{list, text, time, whole, word};
use super::part::{Ignored, Kind};

/// Documented fields without a consequence.
const OTHERS: &[&str] = &["phone_number_name_update", "business_username_update", "user_preferences", "history"];

/// Reads a change of the account that is ours.
pub(super) fn notice(field: &str, value: &Value) -> Result<AccountNotice, (Kind, Ignored)> {
    if !value.is_object() {
        return Err((Kind::Account, Ignored::Malformed));
    }
    Ok(match field {
        // The documentation shows the second with the name of the first.
        "message_template_status_update" | "message_template_quality_update" => template(value),
        "message_template_components_update" => AccountNotice::TemplateComponents { template: template_name(value) },
        "template_category_update" => category(value),
        "phone_number_quality_update" => AccountNotice::NumberQuality {
            digits: text(&value["display_phone_number"]).map(|text| digits(&text)),
            event: word(&value["event"]),
            tier: tier(&value["max_daily_conversations_per_business"]).or_else(|| tier(&value["current_limit"])),
        },
        "business_capability_update" => AccountNotice::Capability {
            tier: tier(&value["max_daily_conversations_per_business"])
                .or_else(|| tier(&value["max_daily_conversation_per_phone"])),
        },
        "account_update" => AccountNotice::AccountUpdate { event: account_event(value) },
        "account_alerts" => alert(value),
        "account_review_update" => {
            AccountNotice::ReviewUpdate { decision: ReviewDecision::of(&word(&value["decision"])) }
        }
        "security" => AccountNotice::Security { event: SecurityEvent::of(&word(&value["event"])) },
        _ => match OTHERS.iter().find(|other| **other == field) {
            Some(field) => AccountNotice::Other { field },
            None => return Err((Kind::Other, Ignored::Unknown)),
        },
    })
}

fn template(value: &Value) -> AccountNotice {
    let template = template_name(value);
    if value["new_quality_score"].is_null() {
        AccountNotice::TemplateStatus { template, event: TemplateEvent::of(&word(&value["event"])) }
    } else {
        AccountNotice::TemplateQuality { template, quality: Quality::of(&word(&value["new_quality_score"])) }
    }
}

fn template_name(value: &Value) -> TemplateName {
    let part = |name: &str| text(&value[name]).unwrap_or_default().into_owned();
    TemplateName {
        id: text(&value["message_template_id"]).map(Into::into),
        name: part("message_template_name"),
        language: part("message_template_language"),
    }
}

/// An announced change names the category to come in `correct_category`, and the present one in `new_category`.
fn category(value: &Value) -> AccountNotice {
    let template = template_name(value);
    let correct = &value["correct_category"];
    if correct.is_null() {
        AccountNotice::CategoryChange { template, stage: CategoryStage::Done, category: word(&value["new_category"]) }
    } else {
        let stage = CategoryStage::Announced { at: time(&value["category_update_timestamp"]) };
        AccountNotice::CategoryChange { template, stage, category: word(correct) }
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// `TIER_250`, `TIER_1K`, `TIER_UNLIMITED`, 1000 or "1000".
fn tier(value: &Value) -> Option<Tier> {
    if let Some(number) = whole(value) {
        return Some(u64::try_from(number).map_or(Tier::Unlimited, Tier::Limited));
    }
    Tier::parse(value.as_str()?)
}

fn account_event(value: &Value) -> AccountEvent {
    let event = word(&value["event"]);
    match event.as_str() {
        "ACCOUNT_VIOLATION" => AccountEvent::Violation { violation: word(&value["violation_info"]["violation_type"]) },
        "ACCOUNT_RESTRICTION" => {
            let ends: Option<Vec<_>> =
                list(&value["restriction_info"]).iter().map(|restriction| time(&restriction["expiration"])).collect();
            AccountEvent::Restriction { until: ends.and_then(|ends| ends.into_iter().max()) }
        }
        "DISABLED_UPDATE" => AccountEvent::Ban(BanState::of(&word(&value["ban_info"]["waba_ban_state"]))),
        "ACCOUNT_DELETED" => AccountEvent::Deleted,
        "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE" => {
            AccountEvent::InternationalPrice { from: time(&value["auth_international_rate_eligibility"]["start_time"]) }
        }
        _ => AccountEvent::Other(event),
    }
}

/// Some samples nest the alert, some do not.
fn alert(value: &Value) -> AccountNotice {
    let alert = if value["alert_info"].is_object() { &value["alert_info"] } else { value };
    AccountNotice::AccountAlert {
        severity: AlertSeverity::of(&word(&alert["alert_severity"])),
        alert: word(&alert["alert_type"]),
        is_over: word(&alert["alert_status"]) == "RESOLVED",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(field: &str, value: &Value) -> AccountNotice {
        notice(field, value).unwrap()
    }

    fn template_with(more: &Value) -> Value {
        let mut value = json!({"message_template_id": 594_425_479_261_596_i64, "message_template_name": "otp", "message_template_language": "en_US"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    }

    fn name() -> TemplateName {
        TemplateName { id: Some("594425479261596".to_owned()), name: "otp".to_owned(), language: "en_US".to_owned() }
    }

    #[test]
    fn a_status_of_a_template() {
        let value = template_with(&json!({"event": "PAUSED", "reason": null}));
        let expected = AccountNotice::TemplateStatus { template: name(), event: TemplateEvent::Paused };
        assert_eq!(of("message_template_status_update", &value), expected);
    }

    #[test]
    fn the_quality_of_a_template_under_either_name() {
        let value = template_with(&json!({"previous_quality_score": "GREEN", "new_quality_score": "RED"}));
        let expected = AccountNotice::TemplateQuality { template: name(), quality: Quality::Red };
        assert_eq!(of("message_template_status_update", &value), expected);
        assert_eq!(of("message_template_quality_update", &value), expected);
    }

    #[test]
    fn a_category_is_announced_and_changed() {
        let value = template_with(
            &json!({"new_category": "AUTHENTICATION", "correct_category": "MARKETING", "category_update_timestamp": 1_793_800_000}),
        );
        let at = jiff::Timestamp::from_second(1_793_800_000).ok();
        let expected = |stage, category: &str| AccountNotice::CategoryChange {
            template: name(),
            stage,
            category: category.to_owned(),
        };
        let found = of("template_category_update", &value);
        assert_eq!(found, expected(CategoryStage::Announced { at }, "MARKETING"));
        let value = template_with(&json!({"previous_category": "AUTHENTICATION", "new_category": "UTILITY"}));
        assert_eq!(of("template_category_update", &value), expected(CategoryStage::Done, "UTILITY"));
    }

    #[test]
    fn a_tier_is_a_word_or_a_number() {
        let of_tier = |tier: Value| match of(
            "business_capability_update",
            &json!({"max_daily_conversations_per_business": tier}),
        ) {
            AccountNotice::Capability { tier } => tier,
            other => panic!("{other:?}"),
        };
        assert_eq!(of_tier(json!("TIER_2K")), Some(Tier::Limited(2_000)));
        assert_eq!(of_tier(json!("TIER_250")), Some(Tier::Limited(250)));
        assert_eq!(of_tier(json!(1_000)), Some(Tier::Limited(1_000)));
        assert_eq!(of_tier(json!("TIER_UNLIMITED")), Some(Tier::Unlimited));
        assert_eq!(of_tier(json!(-1)), Some(Tier::Unlimited));
        for tier in [json!("TIER_"), json!("many"), json!(null), json!({})] {
            assert_eq!(of_tier(tier), None);
        }
    }

    #[test]
    fn a_number_is_its_digits() {
        let value = json!({"display_phone_number": "+1 555-789-0100", "event": "THROUGHPUT_UPGRADE", "current_limit": "TIER_1K"});
        let expected = AccountNotice::NumberQuality {
            digits: Some("15557890100".to_owned()),
            event: "THROUGHPUT_UPGRADE".to_owned(),
            tier: Some(Tier::Limited(1_000)),
        };
        assert_eq!(of("phone_number_quality_update", &value), expected);
    }

    #[test]
    fn the_account_is_violating_restricted_banned_deleted_or_more_expensive() {
        let event = |value: Value| match of("account_update", &value) {
            AccountNotice::AccountUpdate { event } => event,
            other => panic!("{other:?}"),
        };
        let until = |second| jiff::Timestamp::from_second(second).ok();
        assert_eq!(
            event(json!({"violation_info": {"violation_type": "SPAM"}, "event": "ACCOUNT_VIOLATION"})),
            AccountEvent::Violation { violation: "SPAM".to_owned() }
        );
        let restrictions = json!([{"restriction_type": "A", "expiration": 5}, {"expiration": "7"}]);
        assert_eq!(
            event(json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": restrictions})),
            AccountEvent::Restriction { until: until(7) }
        );
        assert_eq!(
            event(json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"expiration": 5}, {}]})),
            AccountEvent::Restriction { until: None }
        );
        assert_eq!(
            event(json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE"}})),
            AccountEvent::Ban(BanState::ScheduleForDisable)
        );
        assert_eq!(event(json!({"event": "ACCOUNT_DELETED"})), AccountEvent::Deleted);
        let eligibility = json!({"start_time": 9, "exception_countries": []});
        assert_eq!(
            event(
                json!({"event": "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE", "auth_international_rate_eligibility": eligibility})
            ),
            AccountEvent::InternationalPrice { from: until(9) }
        );
        assert_eq!(event(json!({"event": "PARTNER_ADDED"})), AccountEvent::Other("PARTNER_ADDED".to_owned()));
    }

    #[test]
    fn an_alert_is_nested_or_not() {
        let alert = json!({"alert_severity": "CRITICAL", "alert_status": "RESOLVED", "alert_type": "OBA_REJECTED"});
        let expected = AccountNotice::AccountAlert {
            severity: AlertSeverity::Critical,
            alert: "OBA_REJECTED".to_owned(),
            is_over: true,
        };
        assert_eq!(of("account_alerts", &alert), expected);
        assert_eq!(of("account_alerts", &json!({"entity_type": "PHONE_NUMBER", "alert_info": alert})), expected);
    }

    #[test]
    fn reviews_and_pins() {
        let decision = AccountNotice::ReviewUpdate { decision: ReviewDecision::Rejected };
        assert_eq!(of("account_review_update", &json!({"decision": "REJECTED"})), decision);
        let event = AccountNotice::Security { event: SecurityEvent::PinChanged };
        assert_eq!(of("security", &json!({"event": "PIN_CHANGED", "requester": "1"})), event);
    }

    #[test]
    fn other_fields_are_of_no_consequence_or_unknown() {
        let other = AccountNotice::Other { field: "phone_number_name_update" };
        assert_eq!(of("phone_number_name_update", &json!({})), other);
        assert_eq!(notice("made_up", &json!({})), Err((Kind::Other, Ignored::Unknown)));
        assert_eq!(notice("security", &json!(null)), Err((Kind::Account, Ignored::Malformed)));
    }
}
