//! `POST /v1/verifications/{id}/check` checks a code. Only a right one is answered with success.

use super::admit::{self, Located, idempotency_key};
use super::bodies::{Check, IdempotencyKeyHeader, VerificationIdInPath};
use super::checked;
use super::problem_code::ProblemCode;
use super::request::CheckBody;
use super::resource::Resource;
use crate::http::edge::body::{self, ContentType};
use crate::http::edge::outcome::{Ended, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::otp::{CodeCheck, Manner};

/// The problems of this call alone.
pub(super) const PROBLEMS: &[ProblemCode] = &[
    ProblemCode::IdempotencyKeyInvalid,
    ProblemCode::VerificationNotFound,
    ProblemCode::VerificationNotPending,
    ProblemCode::VerificationExpired,
    ProblemCode::CodeIncorrect,
    ProblemCode::AttemptsExhausted,
    ProblemCode::IdempotencyKeyReused,
    ProblemCode::TooManyFailures,
    ProblemCode::RateLimited,
];

/// Checks a code. 200 means that the number is verified, and no other answer does.
///
/// A code is accepted once. The same wrong code entered again uses no further attempt. With an `Idempotency-Key`, a
/// repeated check has the answer of the first.
#[utoipa::path(
    post,
    path = "/v1/verifications/{id}/check",
    operation_id = "checkVerification",
    tag = "verifications",
    params(VerificationIdInPath, IdempotencyKeyHeader),
    request_body = Check,
    responses((status = 200, description = "The code is right: the number is verified.", body = Resource))
)]
pub(super) async fn check(call: Call) -> Ended {
    let mut subject = Subject::default();
    let (Ok(outcome) | Err(outcome)) = settled(call, &mut subject).await;
    Ended { outcome, subject }
}

async fn settled(call: Call, subject: &mut Subject) -> Result<Outcome, Outcome> {
    let admitted = admit::any(&call, subject)?;
    let key = idempotency_key(&call)?;
    let Located { app, phone, id } = admitted.locate(&call, subject)?;
    let Call { state, request, .. } = call;
    let content_type = ContentType::of(request.headers());
    let body = body::read(&state, admitted.holder, request).await?;
    let CheckBody { code, client, proof } = CheckBody::parse(content_type, &body)?;
    let guess = code.guess(app.policy.code_length)?;
    let client = admitted.client(client)?;
    admit::audience(&app, proof.audience.as_ref())?;
    // A repetition that asks for another proof is another call.
    let about = format!("{id} {}", proof.as_text());
    let entry = key.map(|key| key.entry(state.service.keys(), &admitted.key.name, "check", &about));
    let _place = state.request_place(admitted.holder)?;
    let (app, caller, phone, id, entry) = (&*app, &admitted.caller, &phone, Some(&id), entry.as_ref());
    let (manner, audience, nonce) = (Manner::Resume, proof.audience.as_ref(), proof.nonce.as_ref());
    let check = CodeCheck { app, caller, phone, id, client, guess: &guess, manner, entry, audience, nonce };
    Ok(checked::outcome(&state, app, phone, state.service.check(&check).await))
}
