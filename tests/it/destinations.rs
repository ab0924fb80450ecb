//! The countries and types of numbers that may receive codes, as callers see them.

use crate::harness::app::TestApp;
use crate::harness::logs;
use crate::harness::reply::{Reply, says};

const GERMAN: &str = "4915123456789";
const AUSTRIAN: &str = "4366412345678";
const AMERICAN: &str = "12015550123";
const CANADIAN: &str = "15062345678";
/// +1 800, which belongs to every country that shares +1.
const TOLL_FREE: &str = "18002345678";
const PREMIUM_RATE: &str = "449012345678";

#[track_caller]
fn is_refused(reply: &Reply) {
    reply.is(403, "Sending to this number is not allowed.");
}

#[tokio::test]
async fn a_list_of_what_is_allowed_refuses_everything_else_and_costs_nobody_anything() {
    let app = TestApp::builder()
        .set("limits.countries", "+DE, +AT")
        .set("limits.per_phone", "1/1h")
        .set("limits.per_ip", "2/1h")
        .set("limits.total", "2/1h")
        .start()
        .await;
    for phone in [AMERICAN, CANADIAN, TOLL_FREE, "%2B1 (201) 555-0123", "447400123456"] {
        for _ in 0..3 {
            is_refused(&app.request(phone).await);
        }
    }
    assert_eq!(app.keys.list().await, Vec::<String>::new(), "neither a code, nor a charge, nor a turn");
    assert_eq!(app.sends(), 0);
    app.request(GERMAN).await.is(200, "OK");
    app.request(AUSTRIAN).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_list_of_what_is_denied_permits_everything_else() {
    let app = TestApp::builder().set("limits.countries", "-KP,-AT").start().await;
    for phone in [GERMAN, AMERICAN, "15551234567"] {
        app.request(phone).await.is(200, "OK");
    }
    is_refused(&app.request(AUSTRIAN).await);
    is_refused(&app.request("%2B43 (0)664 12345678").await);
    // An invalid number belongs to no country.
    app.request("999123456789").await.is(400, says::INVALID_PHONE);
    app.finish().await;
}

#[tokio::test]
async fn the_united_states_and_canada_are_told_apart_where_they_can_be() {
    let app = TestApp::builder()
        .instances(2)
        .set_on(0, "limits.countries", "+US")
        .set_on(1, "limits.countries", "-CA")
        .start()
        .await;
    let (only, all_but) = (app.on(0), app.on(1));
    only.request(AMERICAN).await.is(200, "OK");
    all_but.request(AMERICAN).await.is(200, "OK");
    is_refused(&only.request(CANADIAN).await);
    is_refused(&all_but.request(CANADIAN).await);
    // It belongs to both: each list decides for its own country.
    only.request(TOLL_FREE).await.is(200, "OK");
    is_refused(&all_but.request(TOLL_FREE).await);
    app.finish().await;
}

#[tokio::test]
async fn types_of_numbers_are_refused_in_every_country() {
    let app = TestApp::builder()
        .instances(2)
        .set_on(0, "limits.number_types", "-premium_rate, -shared_cost")
        .set_on(1, "limits.number_types", "+mobile")
        .start()
        .await;
    let landline = "4930901820";
    for phone in [PREMIUM_RATE, "499001234567", "979123456789"] {
        is_refused(&app.on(0).request(phone).await);
        is_refused(&app.on(1).request(phone).await);
    }
    app.on(0).request(landline).await.is(200, "OK");
    is_refused(&app.on(1).request(landline).await);
    // Its plan does not distinguish mobile phones from landlines.
    app.on(1).request(AMERICAN).await.is(200, "OK");
    app.on(1).request(GERMAN).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn by_default_every_possible_number_may_have_a_code() {
    let app = TestApp::start().await;
    for phone in [GERMAN, AMERICAN, TOLL_FREE, PREMIUM_RATE, "85021234567"] {
        app.request(phone).await.is(200, "OK");
    }
    app.finish().await;
}

#[tokio::test]
async fn live_codes_of_a_country_that_was_just_denied_still_verify() {
    let mut app = TestApp::start().await;
    let code = app.code_for(AUSTRIAN).await;
    let denying = app.start_another_with("limits.countries", "-AT").await;
    is_refused(&app.on(denying).request(AUSTRIAN).await);
    app.on(denying).verify(AUSTRIAN, "not a code").await.is(400, "A code has 6 digits.");
    app.on(denying).verify(AUSTRIAN, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn the_log_names_the_outcome_and_masks_the_number() {
    let log = logs::capture();
    let app = TestApp::builder().set("limits.countries", "-AT").start().await;
    let reply = app.request(AUSTRIAN).await;
    is_refused(&reply);
    let id = reply.header("x-request-id").unwrap().to_owned();
    assert!(log.has_line(&[&id, "destination_not_allowed", "4366*****"]), "{id}");
    assert!(!log.has_line(&[&id, "reason="]));
    app.finish().await;
}
