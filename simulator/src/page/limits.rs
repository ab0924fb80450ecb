//! `DELETE /page/limits` and `DELETE /page/limits/{phone}`: reset the limits of everyone, or of one phone.
//!
//! Those are the service's limits, which the program that runs both can pass as [`ResetLimits`], and the limit of the
//! simulated WhatsApp on messages to one recipient.

use async_trait::async_trait;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{PageState, RecordError};
use crate::{digits, refuse};

/// Access to the counters of the service's limits.
#[async_trait]
pub trait ResetLimits: Send + Sync {
    /// Clears the counters of a phone, in any notation of its number.
    ///
    /// # Errors
    ///
    /// [`RecordError`]
    async fn of_phone(&self, phone: &str) -> Result<(), RecordError>;

    /// Clears the counters of every phone, address and app.
    ///
    /// # Errors
    ///
    /// [`RecordError::Store`]
    async fn of_all(&self) -> Result<(), RecordError>;
}

/// A limit of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitInForce {
    /// Its name in the settings, `per_phone`.
    pub name: String,
    /// Its value there, `5/1h`.
    pub value: String,
}

pub(super) async fn reset_all(State(PageState { simulator, page }): State<PageState>) -> Response {
    simulator.world().pairs.reset(None);
    match &page.limits {
        Some(limits) => answer(limits.of_all().await),
        None => unknown(),
    }
}

pub(super) async fn reset_one(
    State(PageState { simulator, page }): State<PageState>,
    Path(phone): Path<String>,
) -> Response {
    simulator.world().pairs.reset(Some(&digits(&phone)));
    match &page.limits {
        Some(limits) => answer(limits.of_phone(&phone).await),
        None => unknown(),
    }
}

fn answer(reset: Result<(), RecordError>) -> Response {
    match reset {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(),
    }
}

fn unknown() -> Response {
    let sentence = "This simulator cannot reset the service's limits; `whatsapp-otp revoke PHONE --limits` can.";
    refuse(StatusCode::NOT_FOUND, sentence)
}
