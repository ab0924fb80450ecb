//! `POST /webhooks`: lets an event of the account happen.
//!
//! `{"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}` changes the account as the event says, and sends
//! its webhook.

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};

use super::Change;
use crate::{Simulator, refuse};

pub(crate) fn router() -> Router<Simulator> {
    Router::new().route("/webhooks", post(announce))
}

async fn announce(State(simulator): State<Simulator>, body: Result<Json<Change>, JsonRejection>) -> Response {
    let Ok(Json(change)) = body else {
        let expected = r#"Expected JSON such as {"field": "security", "value": {"event": "PIN_CHANGED"}}."#;
        return refuse(StatusCode::BAD_REQUEST, expected);
    };
    simulator.announce(change);
    StatusCode::ACCEPTED.into_response()
}
