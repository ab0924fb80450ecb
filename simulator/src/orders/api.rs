//! Orders over HTTP.
//!
//! `POST /orders` takes one [`Behaviour`] as JSON, with an optional `to` (a phone number) and `times` (default 1):
//!
//! ```json
//! {"kind": "error", "code": 131000, "http": 500, "retry_after": 5, "times": 2}
//! {"kind": "slow", "milliseconds": 1500, "to": "+15551234567"}
//! {"kind": "hang", "taken": true}
//! {"kind": "undelivered"}
//! {"kind": "fail_later", "code": 131026}
//! {"kind": "deliver_late", "milliseconds": 20000}
//! {"kind": "silent"}
//! {"kind": "read_only"}
//! {"kind": "answer_late", "milliseconds": 1500}
//! {"kind": "answer_wrong", "code": 131000}
//! {"kind": "html", "http": 502}
//! ```
//!
//! `GET /orders` lists the waiting orders, `DELETE /orders` removes them, and `GET /orders/errors` lists the errors of
//! Meta's table.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;

use super::{Behaviour, LATEST_DELIVERY, LONGEST_WAIT, Order, queue};
use crate::{Simulator, digits, graph::catalog, refuse};

const MOST_TIMES: u64 = 10_000;

pub(crate) fn router() -> Router<Simulator> {
    Router::new().route("/orders", get(list).post(give).delete(clear)).route("/orders/errors", get(errors))
}

async fn list(State(simulator): State<Simulator>) -> Json<Vec<Order>> {
    Json(simulator.orders())
}

async fn give(State(simulator): State<Simulator>, body: Bytes) -> Response {
    match parse(&body) {
        Err(sentence) => refuse(StatusCode::BAD_REQUEST, &sentence),
        Ok(order) if simulator.push_order(order.clone()) => (StatusCode::CREATED, Json(order)).into_response(),
        Ok(_) => refuse(StatusCode::TOO_MANY_REQUESTS, &format!("{} orders are already waiting.", queue::CAPACITY)),
    }
}

async fn clear(State(simulator): State<Simulator>) -> StatusCode {
    simulator.clear_orders();
    StatusCode::NO_CONTENT
}

/// `GET /orders/errors`: `[{"code", "http", "title"}]`, sorted by code.
async fn errors() -> Json<Vec<catalog::Entry>> {
    Json(catalog::all().collect())
}

/// Parses an order, or returns a sentence about the fault.
fn parse(body: &[u8]) -> Result<Order, String> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else {
        return Err(r#"Expected a JSON object such as {"kind": "error", "code": 131000}."#.into());
    };
    let to = match fields.remove("to") {
        None => None,
        Some(Value::String(phone)) if !digits(&phone).is_empty() => Some(digits(&phone)),
        Some(_) => return Err("`to` must be a phone number in a string.".into()),
    };
    let times = match fields.remove("times") {
        None => 1,
        Some(times) => times
            .as_u64()
            .filter(|times| (1..=MOST_TIMES).contains(times))
            .and_then(|times| u32::try_from(times).ok())
            .ok_or_else(|| format!("`times` must be a number from 1 to {MOST_TIMES}."))?,
    };
    let behaviour =
        serde_json::from_value(Value::Object(fields)).map_err(|error| format!("Invalid order: {error}."))?;
    check(&behaviour)?;
    Ok(Order { to, times, behaviour })
}

fn check(behaviour: &Behaviour) -> Result<(), String> {
    match behaviour {
        Behaviour::Error { http: Some(http), .. } | Behaviour::Html { http } if !(400..=599).contains(http) => {
            Err("`http` must be an error status, 400 to 599.".into())
        }
        Behaviour::Slow { milliseconds } | Behaviour::AnswerLate { milliseconds } => {
            at_most(LONGEST_WAIT, *milliseconds)
        }
        Behaviour::DeliverLate { milliseconds } => at_most(LATEST_DELIVERY, *milliseconds),
        _ => Ok(()),
    }
}

fn at_most(longest: Duration, milliseconds: u64) -> Result<(), String> {
    if Duration::from_millis(milliseconds) > longest {
        Err(format!("`milliseconds` must be at most {}.", longest.as_millis()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_order_is_understood() {
        let error = Behaviour::Error { code: 131_000, http: Some(500), retry_after: Some(5) };
        let table = [
            (r#"{"kind":"error","code":131000,"http":500,"retry_after":5,"times":3}"#, Order::once(error).times(3)),
            (
                r#"{"kind":"slow","milliseconds":1500,"to":"+1 555-123-4567"}"#,
                Order::once(Behaviour::Slow { milliseconds: 1500 }).to("15551234567"),
            ),
            (r#"{"kind":"hang"}"#, Order::once(Behaviour::Hang { taken: false })),
            (r#"{"kind":"hang","taken":true}"#, Order::once(Behaviour::Hang { taken: true })),
            (r#"{"kind":"undelivered"}"#, Order::once(Behaviour::Undelivered {})),
            (r#"{"kind":"fail_later","code":131026}"#, Order::once(Behaviour::FailLater { code: 131_026 })),
            (
                r#"{"kind":"deliver_late","milliseconds":20000}"#,
                Order::once(Behaviour::DeliverLate { milliseconds: 20_000 }),
            ),
            (r#"{"kind":"silent"}"#, Order::once(Behaviour::Silent {})),
            (r#"{"kind":"read_only"}"#, Order::once(Behaviour::ReadOnly {})),
            (r#"{"kind":"answer_late","milliseconds":9}"#, Order::once(Behaviour::AnswerLate { milliseconds: 9 })),
            (r#"{"kind":"answer_wrong","code":131000}"#, Order::once(Behaviour::AnswerWrong { code: 131_000 })),
            (r#"{"kind":"html","http":502}"#, Order::once(Behaviour::Html { http: 502 })),
        ];
        for (json, expected) in table {
            assert_eq!(parse(json.as_bytes()), Ok(expected), "{json}");
        }
    }

    #[test]
    fn the_refusal_of_an_invalid_order_says_why() {
        let table = [
            ("", "JSON object such as"),
            ("[]", "JSON object such as"),
            (r#"{"code":1}"#, "`kind`"),
            (r#"{"kind":"explode"}"#, "expected one of `error`, `slow`"),
            (r#"{"kind":"error"}"#, "`code`"),
            (r#"{"kind":"error","code":"1"}"#, "u32"),
            (r#"{"kind":"error","code":1,"http":200}"#, "400 to 599"),
            (r#"{"kind":"html","http":302}"#, "400 to 599"),
            (r#"{"kind":"slow"}"#, "`milliseconds`"),
            (r#"{"kind":"slow","milliseconds":120001}"#, "at most 120000"),
            (r#"{"kind":"answer_late","milliseconds":120001}"#, "at most 120000"),
            (r#"{"kind":"deliver_late","milliseconds":10800001}"#, "at most 10800000"),
            (r#"{"kind":"undelivered","code":1}"#, "`code`"),
            (r#"{"kind":"hang","times":0}"#, "from 1 to 10000"),
            (r#"{"kind":"hang","to":"nobody"}"#, "phone number"),
        ];
        for (json, expected) in table {
            let sentence = parse(json.as_bytes()).unwrap_err();
            assert!(sentence.contains(expected), "{json}: {sentence}");
        }
    }
}
