//! Payloads: what WhatsApp writes, and may come to write.

use super::*;
use crate::harness::logs;

#[tokio::test]
async fn whatever_is_unknown_or_malformed_breaks_nothing() {
    let app = service().start().await;
    let id = created(&app, TO).await;
    let good = status_of(&id, 1, "sent");
    let envelope = |entry: Value| json!({ "object": "whatsapp_business_account", "entry": entry });
    let waba = app.simulator.settings().waba_id.clone();
    let messages =
        |value: Value| envelope(json!([{ "id": waba, "changes": [{ "field": "messages", "value": value }] }]));
    let metadata = json!({ "phone_number_id": app.simulator.settings().phone_number_id });
    let mut bodies = vec![
        json!({}),
        json!(null),
        json!([]),
        json!("x"),
        json!({ "object": "page", "entry": [{ "id": waba }] }),
        json!({ "object": null, "entry": null }),
        envelope(json!([])),
        envelope(json!(null)),
        envelope(
            json!([null, 7, {}, { "id": waba }, { "id": 7, "changes": [] }, { "id": waba, "changes": [null, {}] }]),
        ),
        messages(json!(null)),
        messages(json!({ "metadata": null, "statuses": [good] })),
        messages(json!({ "metadata": metadata, "statuses": null, "messages": [] })),
        messages(json!({ "metadata": metadata, "statuses": { "0": good } })),
        messages(json!({ "metadata": metadata, "statuses": [null, [], {}, { "status": null }] })),
        messages(json!({ "metadata": metadata, "messages": [{ "type": "text", "from": 7, "errors": [{}] }] })),
        envelope(json!([{ "id": waba, "changes": [{ "field": "made_up", "value": { "x": 1 } }] }])),
        envelope(json!([{ "id": waba, "changes": [{ "field": ["messages"], "value": { "statuses": [good] } }] }])),
    ];
    for word in ["played", "warned", "", "SENT"] {
        let mut status = good.clone();
        status["status"] = json!(word);
        bodies.push(messages(json!({ "metadata": metadata, "statuses": [status] })));
    }
    for body in &bodies {
        post_bytes(app.on(0), body.to_string().into_bytes()).await.is(200, "");
        is(&app, &id, "accepted").await;
    }
    for body in [&b""[..], b"{", b"\xff", b"not json"] {
        post_bytes(app.on(1), body.to_vec()).await.is(200, "");
    }
    // The same beside something good, with numbers as strings and strings as numbers.
    let mut status = good.clone();
    status["timestamp"] = json!(1_793_800_000);
    status["made_up"] = json!({ "deep": [{}] });
    let number: u64 = app.simulator.settings().phone_number_id.parse().unwrap();
    let statuses = json!([null, { "status": "warned" }, status, 7]);
    let value = json!({ "metadata": { "phone_number_id": number }, "contacts": null, "statuses": statuses });
    post_bytes(app.on(0), messages(value).to_string().into_bytes()).await.is(200, "");
    is(&app, &id, "sent").await;
    app.finish().await;
}

#[tokio::test]
async fn reports_about_other_numbers_are_ignored() {
    let log = logs::capture();
    let app = service().start().await;
    let id = created(&app, TO).await;
    let mut webhook = status(&app, &id, "delivered");
    webhook.body["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = json!("1");
    assert_eq!(outcome(&log, post(app.on(0), &webhook).await.is(200, "")), "ignored");
    let mut status = status_of(&id, 1, "delivered");
    for reference in [json!(null), json!("v1.prod.dl_01J0EXAMPLE"), json!(format!("v2.{id}.1"))] {
        status["biz_opaque_callback_data"] = reference;
        let reply = post(app.on(0), &statuses(&app, vec![status.clone()])).await;
        assert_eq!(outcome(&log, reply.is(200, "")), "ignored");
    }
    is(&app, &id, "accepted").await;
    app.finish().await;
}

#[tokio::test]
async fn people_and_prices_do_not_matter_and_are_not_logged() {
    let log = logs::capture();
    let app = service().start().await;
    let contacts = [
        json!(null),
        json!([]),
        json!([{ "profile": { "name": "Zo\u{eb} Quux \u{1f600}", "username": "zoe.quux" }, "wa_id": "15551234567" }]),
        json!([{ "profile": { "name": "Zo\u{eb} Quux" }, "user_id": "US.13491208655302741918" }]),
        json!([{ "wa_id": "5511912345678" }]),
    ];
    let prices = [
        json!({ "billable": true, "pricing_model": "PMP", "type": "regular", "category": "authentication" }),
        json!({ "category": "authentication-international" }),
        json!({ "category": "authentication_international", "type": "general_purpose_ai" }),
        json!(null),
        json!("free"),
    ];
    for (contacts, price) in contacts.into_iter().zip(prices) {
        let id = created(&app, TO).await;
        for word in ["sent", "delivered"] {
            let mut status = status_of(&id, 1, word);
            status["pricing"] = price.clone();
            if contacts.is_null() {
                status["recipient_id"] = json!("5511912345678");
            }
            let mut change = app.simulator.statuses_change(vec![status]);
            change.value["contacts"] = contacts.clone();
            post(app.on(0), &about(&app, change)).await.is(200, "");
            is(&app, &id, word).await;
        }
        app.api("backend").cancel(&id).await.shows(200, "canceled");
    }
    // A name that was cut in the middle of an emoji.
    let id = created(&app, TO).await;
    let body = String::from_utf8(status(&app, &id, "read").bytes()).unwrap();
    let body = body.replacen("\"statuses\"", r#""contacts":[{"profile":{"name":"Quux \ud83d"}}],"statuses""#, 1);
    post_bytes(app.on(0), body.into_bytes()).await.is(200, "");
    is(&app, &id, "read").await;
    for text in ["Quux", "quux", "5511912345678", "US.1349", "wamid."] {
        assert_eq!(log.lines_with(text), Vec::<String>::new());
    }
    app.finish().await;
}

#[tokio::test]
async fn the_first_known_code_decides_why_a_message_did_not_arrive() {
    let app = service().start().await;
    for (errors, reason) in [
        (json!([{ "code": 131_026, "error_data": { "details": "x" } }]), "not_on_whatsapp"),
        (json!([{ "code": "131026" }]), "not_on_whatsapp"),
        (json!([{ "code": 999_999 }, { "code": 131_049 }]), "held_back"),
        (json!([{ "code": 131_021 }, { "code": 131_026 }]), "recipient_not_allowed"),
        (json!([{ "code": 999_999 }]), "unknown"),
        (json!([]), "unknown"),
        (json!(null), "unknown"),
    ] {
        let id = created(&app, TO).await;
        post(app.on(0), &statuses(&app, vec![failed_with(&id, &errors)])).await.is(200, "");
        assert_eq!(delivery(&app, &id, 1).await, ("failed".to_owned(), Some(reason.to_owned())), "{errors}");
        app.api("backend").cancel(&id).await.shows(200, "canceled");
    }
    // Alone, they are about no message.
    let id = created(&app, TO).await;
    let mut change = app.simulator.statuses_change(Vec::new());
    change.value["errors"] = json!([{ "code": 999_999, "title": "x" }, {}, null]);
    post(app.on(0), &about(&app, change)).await.is(200, "");
    is(&app, &id, "accepted").await;
    app.finish().await;
}

#[tokio::test]
async fn timestamps_are_for_measurements_alone() {
    let app = service().start().await;
    let now = jiff::Timestamp::now().as_second();
    let id = created(&app, TO).await;
    let before = app.api("backend").get(&id).await;
    let times = [
        json!((now + 86_400 * 365).to_string()),
        json!("0"),
        json!((now - 8 * 86_400).to_string()),
        json!("-1"),
        json!("soon"),
        json!(i64::MAX),
        json!("99999999999999999999999"),
        json!(null),
    ];
    for (word, times) in [("sent", &times[..4]), ("delivered", &times[4..])] {
        for time in times {
            let mut status = status_of(&id, 1, word);
            status["timestamp"] = time.clone();
            post(app.on(1), &statuses(&app, vec![status])).await.is(200, "");
            is(&app, &id, word).await;
        }
    }
    let after = app.api("backend").get(&id).await;
    for member in ["status", "created_at", "expires_at", "resend_at", "attempts_left"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    app.finish().await;
}
