//! Subscribing to webhooks.

use std::fs;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::routing::get;

use crate::harness::World;

#[test]
fn an_app_is_subscribed_without_a_url() {
    let world = World::new();
    world.set_up();
    let ended = world.program(&["subscribe", "--json"]).run();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("webhooks go to the URL in its dashboard"), "{said}");
    let token = fs::read_to_string(world.path("whatsapp-verify-token")).unwrap();
    let token = token.trim();
    assert!(!ended.stderr.contains(token) && !ended.stdout.contains(token), "the token is shown");
    assert!(world.simulator.requests().iter().any(|request| request.path.ends_with("/subscribed_apps")));
}

/// Serves the handshake of a service with the token in this file.
fn service(world: &World, token_file: std::path::PathBuf) -> String {
    let handshake = move |RawQuery(query): RawQuery| async move {
        let (query, token) = (query.unwrap_or_default(), fs::read_to_string(token_file).unwrap_or_default());
        let challenge = query.split('&').find_map(|pair| pair.strip_prefix("hub.challenge=")).map(str::to_owned);
        let is_right = query.contains(&format!("hub.verify_token={}", token.trim())) && !token.is_empty();
        match challenge.filter(|_| is_right) {
            Some(challenge) => (StatusCode::OK, challenge),
            None => (StatusCode::FORBIDDEN, String::new()),
        }
    };
    let router = Router::new().route("/webhooks/whatsapp", get(handshake));
    let listener = world.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/webhooks/whatsapp", listener.local_addr().unwrap());
    world.runtime.spawn(async move { axum::serve(listener, router).await });
    url
}

#[test]
fn a_callback_url_is_set_once_it_knows_the_generated_token() {
    let world = World::new();
    world.set_up();
    let token_file = world.path("token");
    let url = service(&world, token_file.clone());
    let arguments = ["subscribe", "--callback-url", &url, "--verify-token-file", token_file.to_str().unwrap()];
    let ended = world.program(&arguments).run();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("webhooks about messages go to {url}")), "{said}");
}

#[test]
fn a_url_that_does_not_shake_hands_is_refused_with_advice() {
    let world = World::new();
    world.set_up();
    let url = service(&world, world.path("another-token"));
    let ended = world.program(&["subscribe", "--callback-url", &url]).run();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("the callback URL did not repeat WhatsApp's challenge"), "{said}");
    let elsewhere = world.program(&["subscribe", "--callback-url", "https://otp.example/"]).run();
    assert_eq!(elsewhere.code, 2, "{}", elsewhere.stderr);
}
