//! The life of a verification, from its creation to its end.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::json;
use whatsapp_otp::otp::VerificationId;

use super::{DIGITS, MASKED, TO, lasting, service};
use crate::harness::reply::wrong;

const COOLDOWN: Duration = Duration::from_secs(30);
const LIFETIME: Duration = Duration::from_mins(5);
const LINGER: Duration = Duration::from_mins(10);

/// Returns the moment that is `duration` before another one.
fn before(moment: &str, duration: Duration) -> String {
    (moment.parse::<jiff::Timestamp>().unwrap() - duration).to_string()
}

#[tokio::test]
async fn a_verification_is_created_shown_and_approved() {
    let app = service().start().await;
    let api = app.api("backend");
    let created = api.create(TO).await;
    created.shows(201, "pending");
    let id = created.id();
    for (member, expected) in [
        ("app", json!("default")),
        ("to", json!(TO)),
        ("to_masked", json!(MASKED)),
        ("channel", json!("whatsapp")),
        ("locale", json!("en_US")),
        ("attempts_left", json!(3)),
        ("sends_left", json!(2)),
        ("code_length", json!(6)),
        ("test", json!(false)),
    ] {
        assert_eq!(created[member], expected, "{member}");
    }
    assert_eq!(before(created.text("expires_at"), LIFETIME), created.text("created_at"));
    let delivery = &created["deliveries"][0];
    assert_eq!((&delivery["id"], &delivery["channel"]), (&json!(format!("{id}.1")), &json!("whatsapp")));
    assert_eq!(delivery["status"], "accepted");

    let found = api.get(&id).await;
    assert_eq!((found.status, lasting(&found)), (200, lasting(&created)));
    let approved = api.check(&id, &app.code(DIGITS)).await;
    approved.shows(200, "approved");
    assert_eq!((approved.id(), &approved["attempts_left"]), (id.clone(), &json!(2)));
    assert_eq!(approved.json.get("proof"), None, "there is no key to sign one with");
    assert_eq!(api.get(&id).await.json, approved.json);

    let again = api.check(&id, &app.code(DIGITS)).await;
    again.fails(409, "verification_not_pending");
    assert_eq!((&again["verification_status"], &again["id"]), (&json!("approved"), &json!(id)));
    api.resend(&id).await.fails(409, "verification_not_pending");
    api.cancel(&id).await.fails(409, "verification_not_pending");
    let next = api.create(TO).await;
    next.shows(201, "pending");
    assert_ne!(next.id(), id);
    app.finish().await;
}

#[tokio::test]
async fn a_second_create_goes_on_with_the_pending_verification() {
    let app = service().start().await;
    let api = app.api("backend");
    let created = api.create(TO).await;
    let code = app.code(DIGITS);
    let resumed = api.create(TO).await;
    resumed.shows(200, "pending");
    assert_eq!(lasting(&resumed), lasting(&created));
    assert_eq!((app.sends(), app.code(DIGITS)), (1, code.clone()));

    app.age(COOLDOWN).await;
    let resent = api.create(TO).await;
    resent.shows(200, "pending");
    assert_eq!((resent.id(), resent["sends_left"].clone()), (created.id(), json!(1)));
    assert_eq!(resent["expires_at"], before(created.text("expires_at"), COOLDOWN), "the deadline stays");
    assert_eq!((app.messages_to(DIGITS), app.code(DIGITS)), (2, code.clone()));
    api.check(&created.id(), &code).await.shows(200, "approved");
    app.finish().await;
}

#[tokio::test]
async fn a_resend_waits_for_the_cooldown_and_keeps_code_and_deadline() {
    let app = service().start().await;
    let api = app.api("backend");
    let created = api.create(TO).await;
    let (id, code) = (created.id(), app.code(DIGITS));
    api.check(&id, &wrong(&code)).await.fails(422, "code_incorrect");
    let refused = api.resend(&id).await;
    refused.fails(429, "resend_too_soon");
    assert_eq!(refused["limit"], "resend_cooldown");
    assert!((29..=30).contains(&refused.retry_after()), "{refused:?}");
    assert_eq!(app.sends(), 1);

    for sends_left in [1, 0] {
        app.age(COOLDOWN).await;
        let before_resend = api.get(&id).await;
        let resent = api.resend(&id).await;
        resent.shows(200, "pending");
        assert_eq!((&resent["sends_left"], &resent["attempts_left"]), (&json!(sends_left), &json!(2)));
        assert_eq!(resent["expires_at"], before_resend["expires_at"]);
        assert_eq!(resent.json.get("resend_at").is_some(), sends_left > 0);
        assert_eq!(app.code(DIGITS), code);
    }
    assert_eq!(app.messages_to(DIGITS), 3);
    app.age(COOLDOWN).await;
    let refused = api.resend(&id).await;
    refused.fails(429, "too_many_sends");
    assert_eq!(refused["limit"], "max_sends");
    // Another create cannot send either, and does no harm.
    api.create(TO).await.shows(200, "pending");
    assert_eq!(app.messages_to(DIGITS), 3);
    let deliveries = api.get(&id).await["deliveries"].clone();
    let numbers: Vec<_> = deliveries.as_array().unwrap().iter().map(|delivery| delivery["id"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3].map(|number| json!(format!("{id}.{number}"))));
    api.check(&id, &code).await.shows(200, "approved");
    app.finish().await;
}

#[tokio::test]
async fn canceling_is_final_and_harmless_to_repeat() {
    let app = service().start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    let code = app.code(DIGITS);
    for _ in 0..2 {
        let canceled = api.cancel(&id).await;
        canceled.shows(200, "canceled");
        assert_eq!(canceled.id(), id);
    }
    api.get(&id).await.shows(200, "canceled");
    for refused in [api.check(&id, &code).await, api.resend(&id).await] {
        refused.fails(409, "verification_not_pending");
        assert_eq!(refused["verification_status"], "canceled");
    }
    let next = api.create(TO).await;
    next.shows(201, "pending");
    assert_ne!(next.id(), id);
    api.get(&id).await.shows(200, "canceled");
    app.finish().await;
}

#[tokio::test]
async fn wrong_codes_use_up_the_attempts_and_a_repeated_one_costs_nothing() {
    let app = service().start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    let code = app.code(DIGITS);
    let guesses = [wrong(&code), wrong(&wrong(&code)), wrong(&wrong(&wrong(&code)))];
    for (guess, left) in guesses.iter().zip([2, 1]) {
        for _ in 0..3 {
            let refused = api.check(&id, guess).await;
            refused.fails(422, "code_incorrect");
            assert_eq!(refused["attempts_left"], left);
        }
        assert_eq!(api.get(&id).await["attempts_left"], left);
    }
    for not_a_code in ["12345", "1234567", "12345a", ""] {
        let refused = api.check(&id, not_a_code).await;
        refused.fails(400, "invalid_request");
        assert_eq!(refused.pointers(), ["#/code"]);
    }
    let exhausted = api.check(&id, &guesses[2]).await;
    exhausted.fails(422, "attempts_exhausted");
    assert_eq!(exhausted["attempts_left"], 0);
    let locked = api.check(&id, &code).await;
    locked.fails(409, "verification_not_pending");
    assert_eq!(locked["verification_status"], "failed");
    let found = api.get(&id).await;
    found.shows(200, "failed");
    assert_eq!(found["attempts_left"], 0);
    api.create(TO).await.shows(201, "pending");
    app.finish().await;
}

#[tokio::test]
async fn an_expired_verification_stays_readable_for_a_while() {
    let app = service().start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    let code = app.code(DIGITS);
    app.age(LIFETIME).await;
    let found = api.get(&id).await;
    found.shows(200, "expired");
    assert_eq!(found["sends_left"], 2);
    api.check(&id, &code).await.fails(410, "verification_expired");
    api.check_by_number(TO, &code).await.fails(410, "verification_expired");
    api.resend(&id).await.fails(410, "verification_expired");
    api.cancel(&id).await.fails(410, "verification_expired");
    app.age(LINGER).await;
    for gone in [api.get(&id).await, api.check(&id, &code).await, api.resend(&id).await, api.cancel(&id).await] {
        gone.fails(404, "verification_not_found");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_backend_that_kept_no_id_checks_by_number() {
    let app = service().start().await;
    let api = app.api("backend");
    api.check_by_number(TO, "123456").await.fails(404, "verification_not_found");
    let id = api.create(TO).await.id();
    let code = app.code(DIGITS);
    for _ in 0..2 {
        let refused = api.check_by_number(TO, &wrong(&code)).await;
        refused.fails(422, "code_incorrect");
        assert_eq!(refused["attempts_left"], 2, "a repeated one costs nothing");
    }
    let approved = api.check_by_number(TO, &code).await;
    approved.shows(200, "approved");
    assert_eq!(approved.id(), id);
    let again = api.check_by_number(TO, &code).await;
    again.fails(409, "verification_not_pending");
    app.finish().await;
}

#[tokio::test]
async fn an_id_has_three_spellings() {
    let app = service().start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    let hex = HEXLOWER.encode(id.parse::<VerificationId>().unwrap().as_bytes());
    let uuid = uuid::Uuid::parse_str(&hex).unwrap().hyphenated().to_string();
    let code = app.code(DIGITS);
    let spellings = [id.clone(), hex, uuid.clone(), uuid.to_uppercase(), id.replace('_', "%5f")];
    for spelling in &spellings {
        let found = api.get(spelling).await;
        assert_eq!((found.shows(200, "pending").id(), spelling.is_empty()), (id.clone(), false));
        let refused = api.check(spelling, &wrong(&code)).await;
        assert_eq!((&refused["id"], &refused["attempts_left"]), (&json!(id), &json!(2)), "{spelling}");
        assert_eq!(refused["instance"], format!("/v1/verifications/{id}"));
        api.resend(spelling).await.fails(429, "resend_too_soon");
    }
    api.check(&spellings[1], &code).await.shows(200, "approved");
    api.cancel(&spellings[2]).await.fails(409, "verification_not_pending");
    app.finish().await;
}

#[tokio::test]
async fn http2_makes_no_difference() {
    let app = service().start().await;
    let api = app.api("backend").over_http2();
    let id = api.create(TO).await.shows(201, "pending").id();
    let code = app.code(DIGITS);
    api.check(&id, &wrong(&code)).await.fails(422, "code_incorrect");
    api.create_with(&json!({"to": TO, "reference": "x".repeat(100_000)})).await.fails(413, "content_too_large");
    let (found, checked) = tokio::join!(api.get(&id), api.check(&id, &code));
    assert_eq!((found.status, checked.shows(200, "approved").id()), (200, id.clone()));
    api.cancel(&id).await.fails(409, "verification_not_pending");
    app.finish().await;
}
