//! Request bodies: a JSON object, or nothing that Graph can read.

use std::convert::Infallible;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde_json::{Map, Value};

use super::error::GraphError;

/// The received body. It is checked after the token and the object.
#[derive(Debug)]
pub(crate) enum GraphBody {
    Object(Map<String, Value>),
    /// No body, or one that is no JSON object or not declared as JSON: Graph finds no parameters in it.
    Nothing,
    TooLarge,
}

impl GraphBody {
    /// The parameters; none if the body is not readable as JSON.
    pub(crate) fn into_parameters(self) -> Result<Map<String, Value>, GraphError> {
        match self {
            Self::Object(object) => Ok(object),
            Self::Nothing => Ok(Map::new()),
            Self::TooLarge => {
                Err(GraphError::bad_parameter("The request body is too large.").http(StatusCode::PAYLOAD_TOO_LARGE))
            }
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for GraphBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let is_json = is_json(request.headers());
        Ok(match Bytes::from_request(request, state).await {
            Ok(bytes) if is_json => serde_json::from_slice(&bytes).map_or(Self::Nothing, Self::Object),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::Nothing,
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
