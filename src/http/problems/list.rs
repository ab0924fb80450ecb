//! `GET /problems`: the list of all codes.

use super::page;
use crate::http::edge::outcome::Ended;
use crate::http::edge::route::Call;

/// Answers with the list.
pub(super) fn list(call: &Call) -> Ended {
    page::list().answer(&call.request).into()
}
