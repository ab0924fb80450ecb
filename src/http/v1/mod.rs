//! The verification API, `/v1`: verifications as resources, and problems with stable codes.

mod admit;
mod bodies;
mod cancel;
mod check;
mod check_by_number;
mod checked;
mod create;
mod event_data;
mod examples;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod get;
mod idempotency;
mod json;
mod openapi;
mod presenter;
mod problem;
mod problem_code;
mod rate_limit;
mod request;
mod resend;
mod resource;
mod schemas;
mod shown;

use axum::http::Method;

use super::edge::route::{Route, Surface};
pub(crate) use event_data::event_data;
pub(super) use examples::problem as example_problem;
pub(super) use openapi::describe;
pub(super) use problem_code::ProblemCode;

pub(super) static SURFACE: Surface = Surface { present: presenter::present, is_enabled: |_| true };

/// The first route that fits is used, so `check` is no id.
pub(super) const ROUTES: [Route; 6] = [
    Route {
        pattern: "/v1/verifications",
        surface: &SURFACE,
        endpoints: &[(Method::POST, |call| Box::pin(create::create(call)))],
    },
    Route {
        pattern: "/v1/verifications/check",
        surface: &SURFACE,
        endpoints: &[(Method::POST, |call| Box::pin(check_by_number::check_by_number(call)))],
    },
    Route {
        pattern: "/v1/verifications/{id}",
        surface: &SURFACE,
        endpoints: &[(Method::GET, |call| Box::pin(get::get(call)))],
    },
    Route {
        pattern: "/v1/verifications/{id}/check",
        surface: &SURFACE,
        endpoints: &[(Method::POST, |call| Box::pin(check::check(call)))],
    },
    Route {
        pattern: "/v1/verifications/{id}/resend",
        surface: &SURFACE,
        endpoints: &[(Method::POST, |call| Box::pin(resend::resend(call)))],
    },
    Route {
        pattern: "/v1/verifications/{id}/cancel",
        surface: &SURFACE,
        endpoints: &[(Method::POST, |call| Box::pin(cancel::cancel(call)))],
    },
];
