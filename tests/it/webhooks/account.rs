//! Reports on the account, its numbers and its templates.

use whatsapp_otp_simulator::Simulator;

use super::*;
use crate::harness::logs;

const TEMPLATE: &str = "300000000000001";
/// The events of a template after which it must not be used.
const STOPPING: [&str; 11] = [
    "PAUSED",
    "DISABLED",
    "REJECTED",
    "PENDING",
    "IN_APPEAL",
    "FLAGGED",
    "LOCKED",
    "LIMIT_EXCEEDED",
    "PENDING_DELETION",
    "DELETED",
    "ARCHIVED",
];

/// Returns the causes for which nothing is sent, as an instance's readiness names them.
async fn suspended(instance: &Instance) -> Vec<(String, String)> {
    let (status, body) = instance.ready().await;
    assert_eq!(status, 200, "codes can be checked: {body}");
    let suspended = body["dependencies"]["account"]["suspended"].as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, member: &str| entry[member].as_str().unwrap().to_owned();
    suspended.iter().map(|entry| (text(entry, "scope"), text(entry, "cause"))).collect()
}

/// Announces a change to the first instance, and waits until the second has closed something of this scope.
async fn closes(change: impl Fn(&Simulator) -> Change, scope: &str) {
    let app = service().start().await;
    let id = created(&app, TO).await;
    let code = app.code("15551234567");
    let url = format!("http://{}{PATH}", app.on(0).address()).parse().unwrap();
    app.simulator.send_webhooks_to(url, DEFAULT_APP_SECRET);
    let change = change(&app.simulator);
    app.simulator.announce(change.clone());
    eventually("both instances know", async || {
        let (first, second) = (suspended(app.on(0)).await, suspended(app.on(1)).await);
        first == second && first.iter().any(|(of, _)| of == scope)
    })
    .await;
    let sends = app.sends();
    assert_ne!(app.api_on(1, "backend").create("+15551234568").await.status, 201, "{change:?}");
    assert_eq!(app.sends(), sends, "WhatsApp is not asked: {change:?}");
    app.api_on(1, "backend").check(&id, &code).await.shows(200, "approved");
    app.finish().await;
}

/// Returns the outcome of a change that is only reported.
async fn reported(app: &TestApp, log: &LogMark, change: Change) -> String {
    outcome(log, post(app.on(0), &about(app, change)).await.is(200, ""))
}

#[tokio::test]
async fn a_template_that_is_paused_or_disabled_is_not_used_on_any_instance() {
    for event in ["PAUSED", "DISABLED", "REJECTED", "PENDING", "DELETED", "ARCHIVED"] {
        closes(|simulator| simulator.template_status_change(TEMPLATE, event).unwrap(), "template").await;
    }
}

#[tokio::test]
async fn a_restricted_banned_or_deleted_account_sends_nothing_on_any_instance() {
    closes(|simulator| simulator.account_restriction_change("RESTRICTED_BIZ_INITIATED_MESSAGING", 3_600), "account")
        .await;
    closes(|simulator| simulator.account_ban_change("DISABLE"), "account").await;
    closes(|simulator| simulator.account_change("ACCOUNT_DELETED", json!({})), "account").await;
    let violation = json!({ "violation_info": { "violation_type": "SCAM" } });
    closes(|simulator| simulator.account_change("ACCOUNT_VIOLATION", violation.clone()), "account").await;
}

#[tokio::test]
async fn every_stop_of_our_template_is_acted_on_and_others_templates_are_not_ours() {
    let log = logs::capture();
    for event in STOPPING {
        let app = service().start().await;
        created(&app, TO).await;
        let change = app.simulator.template_status_change(TEMPLATE, event).unwrap();
        let mut foreign = change.clone();
        foreign.value["message_template_id"] = json!(594_425_479_261_596_u64);
        foreign.value["message_template_name"] = json!("somebody_elses");
        assert_eq!(reported(&app, &log, foreign).await, "ignored", "{event}");
        assert_eq!(suspended(app.on(0)).await, [], "{event}");
        assert_eq!(reported(&app, &log, change).await, "applied", "{event}");
        app.finish().await;
    }
}

#[tokio::test]
async fn other_notices_alert_and_stop_nothing() {
    let log = logs::capture();
    let app = service().start().await;
    created(&app, TO).await;
    let simulator = &app.simulator;
    let mut quality = simulator.template_quality_change(TEMPLATE, "GREEN", "RED").unwrap();
    let mut changes = vec![
        (quality.clone(), "people report the template"),
        (simulator.template_quality_change(TEMPLATE, "GREEN", "YELLOW").unwrap(), "some people report the template"),
        (simulator.template_components_change(TEMPLATE).unwrap(), "the template was changed"),
        (
            simulator.template_category_change(TEMPLATE, "AUTHENTICATION", "MARKETING").unwrap(),
            "WhatsApp moved the template",
        ),
        (
            simulator.template_category_warning(TEMPLATE, "AUTHENTICATION", "MARKETING").unwrap(),
            "WhatsApp will move the template",
        ),
        (simulator.account_alert_change("CRITICAL", "OBA_REJECTED"), "WhatsApp sent an alert about the account"),
        (simulator.security_change("PIN_CHANGED"), "somebody changes the PIN"),
        (Change::account_review("REJECTED"), "WhatsApp reviewed the account"),
        (
            simulator.account_change("AUTH_INTL_PRICE_ELIGIBILITY_UPDATE", json!({})),
            "codes to some countries will cost",
        ),
    ];
    // The documentation shows it with this name.
    quality.field = "message_template_status_update".to_owned();
    changes.push((quality, "people report the template"));
    for (change, said) in changes {
        let field = change.field.clone();
        assert_eq!(reported(&app, &log, change).await, "applied", "{field}: {said}");
        assert!(!log.lines_with(said).is_empty(), "{field}: {said}");
    }
    for change in [Change::capability(json!("TIER_10K")), Change::capability(json!(2_000))] {
        assert_eq!(reported(&app, &log, change).await, "applied");
    }
    assert_eq!(reported(&app, &log, simulator.number_quality_change("THROUGHPUT_UPGRADE", "TIER_2K")).await, "applied");
    for change in [
        simulator.account_change("PARTNER_ADDED", json!({})),
        Change::new("phone_number_name_update", json!({ "decision": "APPROVED" })),
        Change::new("made_up", json!({})),
    ] {
        assert_eq!(reported(&app, &log, change).await, "ignored");
    }
    let mut foreign = about(&app, simulator.account_change("ACCOUNT_DELETED", json!({})));
    foreign.body["entry"][0]["id"] = json!("1");
    assert_eq!(outcome(&log, post(app.on(0), &foreign).await.is(200, "")), "ignored");
    for instance in [app.on(0), app.on(1)] {
        assert_eq!(suspended(instance).await, []);
    }
    created(&app, "+15551234568").await;
    app.finish().await;
}

#[tokio::test]
async fn an_error_without_a_message_stops_what_its_code_names() {
    let app = service().start().await;
    created(&app, TO).await;
    let mut change = app.simulator.statuses_change(Vec::new());
    change.value["errors"] = json!([{ "code": 131_042, "title": "Business eligibility payment issue" }]);
    post(app.on(0), &about(&app, change)).await.is(200, "");
    eventually("the other instance knows", async || {
        suspended(app.on(1)).await == [("account".to_owned(), "payment_problem".to_owned())]
    })
    .await;
    app.finish().await;
}
