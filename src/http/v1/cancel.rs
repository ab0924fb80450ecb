//! `POST /v1/verifications/{id}/cancel` ends a verification. Repeating it is harmless.

use super::admit::{self, Located};
use super::bodies::{Nothing, VerificationIdInPath};
use super::problem_code::ProblemCode;
use super::request::NoBody;
use super::resource::Resource;
use super::shown;
use crate::http::edge::body::{self, ContentType};
use crate::http::edge::outcome::{Answer, Ended, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::otp::Status;

/// The problems of this call alone.
pub(super) const PROBLEMS: &[ProblemCode] = &[
    ProblemCode::Forbidden,
    ProblemCode::VerificationNotFound,
    ProblemCode::VerificationNotPending,
    ProblemCode::VerificationExpired,
];

/// Cancels a verification: its code is no longer accepted. Repeating it changes nothing.
///
/// Server and test keys only.
#[utoipa::path(
    post,
    path = "/v1/verifications/{id}/cancel",
    operation_id = "cancelVerification",
    tag = "verifications",
    params(VerificationIdInPath),
    request_body(content = Nothing, description = "It may be left out."),
    responses((status = 200, description = "The verification is canceled.", body = Resource))
)]
pub(super) async fn cancel(call: Call) -> Ended {
    let mut subject = Subject::default();
    let (Ok(outcome) | Err(outcome)) = canceled(call, &mut subject).await;
    Ended { outcome, subject }
}

async fn canceled(call: Call, subject: &mut Subject) -> Result<Outcome, Outcome> {
    let admitted = admit::backend(&call, subject)?;
    let Located { app, phone, id } = admitted.locate(&call, subject)?;
    let Call { state, request, .. } = call;
    let content_type = ContentType::of(request.headers());
    let body = body::read(&state, admitted.holder, request).await?;
    let NoBody = NoBody::parse(content_type, &body)?;
    let _place = state.request_place(admitted.holder)?;
    let canceled = state.service.cancel(&app, &phone, &id).await;
    let canceled = canceled.inspect_err(|error| tracing::warn!(%error, "a verification could not be canceled"))?;
    let verification = canceled.ok_or(Outcome::Absent)?;
    match verification.status {
        Status::Canceled => Ok(Outcome::Verification(Answer::Canceled, shown::of(&app, &phone, verification).into())),
        Status::Expired => Err(Outcome::Expired),
        status => Err(Outcome::NotPending(status)),
    }
}
