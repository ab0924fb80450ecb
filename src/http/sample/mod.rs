//! The sample server's two calls: `GET /otp/{phone}` requests a code, `POST /otp/{phone}` verifies one. They work on the app
//! `default`.

pub(super) mod active_codes;
mod admit;
pub(super) mod guess;
mod presenter;
mod request_code;
mod verify_code;

use axum::http::Method;

use super::edge::route::{Route, Surface};

pub(super) static SURFACE: Surface = Surface { present: presenter::present, is_enabled: |state| state.sample_enabled };

// No HEAD: link previews would have codes sent.
pub(super) const OTP: Route = Route {
    pattern: "/otp/{phone}",
    surface: &SURFACE,
    endpoints: &[
        (Method::GET, |call| Box::pin(request_code::request_code(call))),
        (Method::POST, |call| Box::pin(verify_code::verify_code(call))),
    ],
};
