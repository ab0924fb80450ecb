//! `GET /v1/verifications/{id}` shows a verification.

use super::admit::{self, Located};
use super::bodies::VerificationIdInPath;
use super::problem_code::ProblemCode;
use super::resource::Resource;
use super::shown;
use crate::http::edge::outcome::{Answer, Ended, Outcome, Subject};
use crate::http::edge::route::Call;

/// The problems of this call alone.
pub(super) const PROBLEMS: &[ProblemCode] = &[ProblemCode::Forbidden, ProblemCode::VerificationNotFound];

/// Shows a verification: its state, its messages, and what is left.
///
/// Server and test keys only. A verification can be read until `otp.linger` after its deadline.
#[utoipa::path(
    get,
    path = "/v1/verifications/{id}",
    operation_id = "getVerification",
    tag = "verifications",
    params(VerificationIdInPath),
    responses((status = 200, description = "The verification.", body = Resource))
)]
pub(super) async fn get(call: Call) -> Ended {
    let mut subject = Subject::default();
    let (Ok(outcome) | Err(outcome)) = found(call, &mut subject).await;
    Ended { outcome, subject }
}

async fn found(call: Call, subject: &mut Subject) -> Result<Outcome, Outcome> {
    let admitted = admit::backend(&call, subject)?;
    let Located { app, phone, id } = admitted.locate(&call, subject)?;
    let _place = call.state.request_place(admitted.holder)?;
    let found = call.state.service.find(&app, &phone, &id).await;
    let found = found.inspect_err(|error| tracing::warn!(%error, "a verification could not be read"))?;
    let verification = found.ok_or(Outcome::Absent)?;
    Ok(Outcome::Verification(Answer::Found, shown::of(&app, &phone, verification).into()))
}
