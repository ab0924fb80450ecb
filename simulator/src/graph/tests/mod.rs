//! The parts that all Graph calls share.

mod account;
mod health;
mod paths;
mod registration;
mod subscriptions;
mod tokens;

use reqwest::Method;

use crate::testing::{Answer, RECIPIENT, Server, message};

async fn with_token(server: &Server, method: Method, path: &str, token: &str) -> Answer {
    let request = server.plain(method, &format!("/v24.0{path}"));
    let body = message(RECIPIENT, "482913");
    Answer::to(request.bearer_auth(token).json(&body)).await
}
