//! `GET /page/record/{phone}`: a phone's record, as operators see it.
//!
//! The simulator knows nothing of the service's records; the program that runs both can pass it a [`RecordView`].

use std::time::Duration;

use async_trait::async_trait;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};

use super::PageState;
use crate::refuse;

/// Read-only access to the service's records.
#[async_trait]
pub trait RecordView: Send + Sync {
    /// Returns the record of a phone, in any notation of its number.
    ///
    /// # Errors
    ///
    /// [`RecordError`]
    async fn of_phone(&self, phone: &str) -> Result<PhoneRecord, RecordError>;
}

/// The service's record of a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneRecord {
    /// The phone in digits.
    pub phone: String,
    /// Its active code, if there is one.
    pub code: Option<CodeRecord>,
    /// The use of each limit that is enabled.
    pub limits: Vec<LimitUse>,
}

/// A code's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeRecord {
    /// The first characters of the digest, in hexadecimal.
    pub digest: String,
    /// The number of guesses compared with it.
    pub attempts: u32,
    /// The number of guesses allowed.
    pub max_attempts: u32,
    /// The remaining lifetime; zero if it has expired.
    #[serde(rename = "expires_in_ms", serialize_with = "milliseconds")]
    pub expires_in: Duration,
}

/// The use of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitUse {
    /// The limit's name in the settings.
    pub name: &'static str,
    /// The number of events in its window.
    pub count: u32,
    /// The time until one more is allowed; zero if it is now.
    #[serde(rename = "retry_after_ms", serialize_with = "milliseconds")]
    pub retry_after: Duration,
}

/// The reason for having no record to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The text is no phone number.
    #[error("Expected a phone number in international format.")]
    Phone,
    /// The store does not answer.
    #[error("The service's store does not answer.")]
    Store,
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

pub(super) async fn show(State(PageState { page, .. }): State<PageState>, Path(phone): Path<String>) -> Response {
    let Some(records) = page.records else {
        let sentence = "This simulator cannot see the service's records; `whatsapp-otp inspect` shows them.";
        return refuse(StatusCode::NOT_FOUND, sentence);
    };
    match records.of_phone(&phone).await {
        Ok(record) => Json(record).into_response(),
        Err(error) => error.into_response(),
    }
}

impl IntoResponse for RecordError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Phone => StatusCode::BAD_REQUEST,
            Self::Store => StatusCode::SERVICE_UNAVAILABLE,
        };
        refuse(status, &self.to_string())
    }
}
