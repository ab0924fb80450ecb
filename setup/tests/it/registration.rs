//! Registering the number.

use std::fs;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use whatsapp_otp_simulator::{SimulatorSettings, Switches};

use crate::harness::{TOKEN, WABA_ID, World};

/// A world whose number is not registered, and has this PIN.
fn unregistered(two_step_pin: Option<&str>) -> World {
    let world = World::new();
    let two_step_pin = two_step_pin.map(str::to_owned);
    world.simulator.set_switches(Switches { sender_registered: false, two_step_pin, ..Switches::default() });
    world
}

#[test]
fn a_number_is_registered_with_its_pin() {
    let world = unregistered(Some("212834"));
    let mut terminal = world.program(&["--waba-id", WABA_ID]).token(TOKEN).at_a_terminal();
    terminal.shows("The account has only this one:").shows("disconnected");
    terminal.shows("+1 555-789-0100 is not registered with the Cloud API yet, so it cannot send.");
    terminal.shows("? Register it now? (y/n) › yes").accepts();
    terminal.shows("6-digit PIN").shows("Meta allows 10 attempts in 72 hours.").shows("If you have forgotten it");
    terminal.shows("https://business.facebook.com/latest/whatsapp_manager/phone_numbers/");
    terminal.shows("? PIN, 6 digits (hidden) ›").answers_unseen("12345").shows("expected exactly 6 digits");
    terminal.shows("? PIN, 6 digits (hidden) ›").answers_unseen("123456");
    terminal.shows("Repeat it ›").answers_unseen("123450").shows("The two differ.");
    terminal.shows("? PIN, 6 digits (hidden) ›").answers_unseen("123456").shows("Repeat it ›").answers_unseen("123456");
    terminal.shows("error: this is not the number's PIN").shows("133005");
    terminal.shows("? PIN, 6 digits (hidden) ›").answers_unseen("212834").shows("Repeat it ›").answers_unseen("212834");
    terminal.shows("ok +1 555-789-0100 is registered").shows("ok +1 555-789-0100 can send").shows("? Template ›");
    terminal.interrupts();
    assert_eq!(terminal.ends(), 130);
    assert_eq!(terminal.wrapped_rows(), Vec::<String>::new());
    assert!(!String::from_utf8_lossy(&terminal.bytes()).contains("212834"), "the PIN is shown");
}

#[test]
fn a_number_is_left_unregistered_on_request() {
    let world = unregistered(None);
    let mut terminal = world.program(&["--waba-id", WABA_ID]).token(TOKEN).at_a_terminal();
    terminal.shows("? Register it now? (y/n) › yes").types("n");
    terminal.shows("error: +1 555-789-0100 is not registered with the Cloud API");
    terminal.shows("? What now? ›").shows("Try again");
    world.simulator.set_switches(Switches::default());
    terminal.accepts().shows("ok +1 555-789-0100 can send").interrupts();
    assert_eq!(terminal.ends(), 130);
}

#[test]
fn without_a_terminal_the_pin_comes_from_a_file() {
    let world = unregistered(None);
    let run =
        |more: &[&str]| world.program(&[&["--yes", "--json", "--waba-id", WABA_ID], more].concat()).token(TOKEN).run();
    let refused = run(&[]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert_eq!(refused.json()["missing"][0]["what"], "registration");
    assert!(refused.json()["missing"][0]["how"].as_str().unwrap().contains("--pin-file FILE"));
    fs::write(world.path("pin"), "212834\n").unwrap();
    let pin_file = world.path("pin");
    let ended = run(&["--pin-file", pin_file.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("212834"), "the PIN is shown");
    assert_eq!(world.simulator.switches().two_step_pin.as_deref(), Some("212834"), "it is the number's PIN now");
}

#[test]
fn too_many_attempts_are_explained() {
    let world = unregistered(Some("212834"));
    fs::write(world.path("pin"), "123456").unwrap();
    let pin_file = world.path("pin");
    let arguments = ["--yes", "--json", "--waba-id", WABA_ID, "--pin-file", pin_file.to_str().unwrap()];
    let errors: Vec<_> = (0..11)
        .map(|_| world.program(&arguments).token(TOKEN).run().json()["error"]["code"].as_i64().unwrap())
        .collect();
    assert_eq!((errors[9], errors[10]), (133_005, 133_016));
}

/// Leaves out the status of numbers, as Graph does for some tokens.
async fn without_status(request: Request, next: Next) -> Response {
    let is_list = request.uri().path().ends_with("/phone_numbers");
    let response = next.run(request).await;
    if !is_list {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove("content-length");
    let text = String::from_utf8(to_bytes(body, 10_000).await.unwrap().to_vec()).unwrap();
    Response::from_parts(parts, Body::from(text.replace("\"status\":", "\"hidden\":")))
}

#[test]
fn a_number_without_a_status_is_registered_if_it_turns_out_to_need_it() {
    let world = World::behind(SimulatorSettings::default(), |router| router.layer(middleware::from_fn(without_status)));
    world.simulator.set_switches(Switches { sender_registered: false, ..Switches::default() });
    let mut terminal = world.program(&["--waba-id", WABA_ID]).token(TOKEN).at_a_terminal();
    terminal.shows("quality green, unknown").shows("? Register it now? (y/n) › yes").accepts();
    terminal.shows("? PIN, 6 digits (hidden) ›").answers_unseen("212834").shows("Repeat it ›").answers_unseen("212834");
    terminal.shows("ok +1 555-789-0100 is registered").shows("ok +1 555-789-0100 can send").interrupts();
    assert_eq!(terminal.ends(), 130);
}

/// Refuses every send, as Graph does for a number whose name is in review.
async fn unapproved_name(request: Request, next: Next) -> Response {
    if !request.uri().path().ends_with("/messages") {
        return next.run(request).await;
    }
    let error =
        r#"{"error":{"message":"(#131037) Display name","type":"OAuthException","code":131037,"fbtrace_id":"A"}}"#;
    (StatusCode::BAD_REQUEST, [("content-type", "application/json")], error).into_response()
}

#[test]
fn the_only_number_that_cannot_send_is_not_tried_again_without_a_question() {
    let world =
        World::behind(SimulatorSettings::default(), |router| router.layer(middleware::from_fn(unapproved_name)));
    let mut terminal = world.program(&["--waba-id", WABA_ID]).token(TOKEN).at_a_terminal();
    terminal.shows("error: the number's display name is not approved").shows("? What now? ›").takes(2).shows("stopped");
    assert_eq!(terminal.ends(), 130);
}
