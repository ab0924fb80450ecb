//! The answer to a valid send: acceptance, or the outcome that an order asks for.

use std::{future, time::Duration};

use axum::{
    Json,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use serde_json::json;
use tokio::time;

use super::{
    super::{call::Call, catalog, error::GraphError},
    recipient::Recipient,
};
use crate::{
    Behaviour, Failure, InboxMessage, MessageStatus,
    orders::{LATEST_DELIVERY, LONGEST_WAIT},
    webhooks::status::Course,
};

/// Carries out the order. The wait ends early if the client disconnects.
pub(crate) async fn answer(
    call: &Call,
    recipient: &Recipient,
    mut message: InboxMessage,
    behaviour: Option<Behaviour>,
) -> Result<Response, GraphError> {
    match behaviour {
        None => accept(call, recipient, message, Course::Ordinary),
        Some(Behaviour::Error { code, http, retry_after }) => {
            Err(ordered_error(call, code, http).retry_after(retry_after))
        }
        Some(Behaviour::Slow { milliseconds }) => {
            wait(milliseconds).await;
            accept(call, recipient, message, Course::Ordinary)
        }
        Some(Behaviour::Hang { taken }) => {
            if taken {
                accept(call, recipient, message, Course::Ordinary)?;
            }
            Ok(never().await)
        }
        Some(Behaviour::Undelivered {}) => {
            message.status = MessageStatus::Undelivered;
            accept(call, recipient, message, Course::Sent)
        }
        Some(Behaviour::FailLater { code }) => {
            message.status = MessageStatus::Failed;
            message.failure = Some(Failure { code, title: catalog::entry(code).title.to_owned() });
            accept(call, recipient, message, Course::Failed)
        }
        Some(Behaviour::DeliverLate { milliseconds }) => {
            message.status = MessageStatus::OnItsWay;
            let after = Duration::from_millis(milliseconds).min(LATEST_DELIVERY);
            accept(call, recipient, message, Course::Late(after))
        }
        Some(Behaviour::Silent {}) => {
            message.status = MessageStatus::Undelivered;
            accept(call, recipient, message, Course::Silent)
        }
        Some(Behaviour::ReadOnly {}) => accept(call, recipient, message, Course::Read),
        Some(Behaviour::AnswerLate { milliseconds }) => {
            let answer = accept(call, recipient, message, Course::Ordinary)?;
            wait(milliseconds).await;
            Ok(answer)
        }
        Some(Behaviour::AnswerWrong { code }) => {
            accept(call, recipient, message, Course::Ordinary)?;
            Err(ordered_error(call, code, None))
        }
        Some(Behaviour::Html { http }) => Ok(proxy_page(http)),
    }
}

async fn wait(milliseconds: u64) {
    time::sleep(Duration::from_millis(milliseconds).min(LONGEST_WAIT)).await;
}

fn ordered_error(call: &Call, code: u32, http: Option<u16>) -> GraphError {
    let error = match code {
        4 | 80_007 | 80_008 | 130_429 => call.throttled(code),
        _ => GraphError::new(code).details(catalog::entry(code).title),
    };
    match http.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => error.http(status),
        None => error,
    }
}

/// Accepts the message unless this recipient has had too many.
fn accept(call: &Call, recipient: &Recipient, message: InboxMessage, course: Course) -> Result<Response, GraphError> {
    let now = call.simulator.shared.clock.instant();
    let limited = call.settings().pair_limit;
    if limited && !call.simulator.world().pairs.admit(now, &recipient.digits) {
        return Err(GraphError::new(131_056).details(
            "Message failed to send because there were too many messages sent from this phone \
             number to the same phone number in a short period of time.",
        ));
    }
    let accepted = json!({
        "messaging_product": "whatsapp",
        "contacts": [{ "input": recipient.input, "wa_id": recipient.digits }],
        "messages": [{ "id": message.id, "message_status": "accepted" }],
    });
    tracing::debug!(template = %message.template, status = ?message.status, "message accepted");
    call.simulator.shared.inbox.push(message.clone());
    call.simulator.follow(message, course);
    Ok(Json(accepted).into_response())
}

/// Keeps the client waiting until it disconnects, for longer than any client waits.
async fn never() -> Response {
    let wait = time::timeout(LONGEST_WAIT, future::pending::<Response>());
    wait.await.unwrap_or_else(|_| StatusCode::GATEWAY_TIMEOUT.into_response())
}

fn proxy_page(http: u16) -> Response {
    let status = StatusCode::from_u16(http).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = "<!DOCTYPE html>\n<html><head><title>Error</title></head>\
        <body><h1>Sorry, something went wrong.</h1></body></html>\n";
    (status, Html(page)).into_response()
}
