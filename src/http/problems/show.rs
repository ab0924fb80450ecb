//! `GET /problems/{code}`: the page of one code.

use super::page;
use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::edge::route::Call;
use crate::http::v1::ProblemCode;

/// Answers with the page.
pub(super) fn show(call: &Call) -> Ended {
    let code = call.parameter.as_deref().and_then(ProblemCode::from_name);
    code.map_or(Outcome::NotFound, |code| page::of(code).answer(&call.request)).into()
}
