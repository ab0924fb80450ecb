//! `POST /v1/verifications/{id}/resend` sends the same code again.

use std::sync::Arc;

use super::admit::{self, Located, idempotency_key};
use super::bodies::{IdempotencyKeyHeader, Resend, VerificationIdInPath};
use super::problem_code::ProblemCode;
use super::request::ResendBody;
use super::resource::Resource;
use super::{idempotency, shown};
use crate::http::edge::body::{self, ContentType};
use crate::http::edge::funnel;
use crate::http::edge::outcome::{Answer, Ended, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::http::edge::sending;
use crate::otp::CodeResend;

/// The problems of this call alone.
pub(super) const PROBLEMS: &[ProblemCode] = &[
    ProblemCode::IdempotencyKeyInvalid,
    ProblemCode::DestinationNotAllowed,
    ProblemCode::VerificationNotFound,
    ProblemCode::VerificationNotPending,
    ProblemCode::IdempotencyInProgress,
    ProblemCode::VerificationExpired,
    ProblemCode::IdempotencyKeyReused,
    ProblemCode::ResendTooSoon,
    ProblemCode::TooManySends,
    ProblemCode::TooManyFailures,
    ProblemCode::RateLimited,
    ProblemCode::SendFailed,
];

/// Sends the same code again. Its deadline and the attempts stay as they are.
#[utoipa::path(
    post,
    path = "/v1/verifications/{id}/resend",
    operation_id = "resendVerification",
    tag = "verifications",
    params(VerificationIdInPath, IdempotencyKeyHeader),
    request_body(content = Resend, description = "It may be left out."),
    responses((status = 200, description = "The code is on its way again.", body = Resource))
)]
pub(super) async fn resend(call: Call) -> Ended {
    let mut subject = Subject::default();
    let (Ok(outcome) | Err(outcome)) = resent(call, &mut subject).await;
    Ended { outcome, subject }
}

async fn resent(call: Call, subject: &mut Subject) -> Result<Outcome, Outcome> {
    let admitted = admit::any(&call, subject)?;
    let key = idempotency_key(&call)?;
    let Located { app, phone, id } = admitted.locate(&call, subject)?;
    let Call { state, request, .. } = call;
    let content_type = ContentType::of(request.headers());
    let body = body::read(&state, admitted.holder, request).await?;
    let ResendBody { client, canonical } = ResendBody::parse(content_type, &body)?;
    let client = admitted.client(client)?;
    let about = id.to_string();
    let call = key.map(|key| idempotency::call(&state, &admitted.key, &key, "resend", &about, canonical.expose()));
    let call = call.transpose()?;
    let (caller, holder, shared) = (admitted.caller, admitted.holder, Arc::clone(&state));
    let work = |deadline| async move {
        let (app, caller, phone, state) = (&*app, &caller, &phone, &*shared);
        let resend = CodeResend { app, caller, id: &id, phone, client, deadline };
        let work = async {
            let result = state.service.resend(&resend).await;
            funnel::refused(app, &result);
            shown::requested(state, app, phone, Answer::Resent, result)
        };
        idempotency::once(state, app, call, work).await
    };
    sending::run(&state, holder, work).await
}
