//! `POST /v1/verifications/check` checks a code for backends that kept no id.

use super::admit;
use super::bodies::CheckNumber;
use super::checked;
use super::problem_code::ProblemCode;
use super::request::CheckByNumberBody;
use super::resource::Resource;
use crate::http::edge::body::{self, ContentType};
use crate::http::edge::outcome::{Ended, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::otp::{CodeCheck, Manner};

/// The problems of this call alone.
pub(super) const PROBLEMS: &[ProblemCode] = &[
    ProblemCode::InvalidPhoneNumber,
    ProblemCode::Forbidden,
    ProblemCode::VerificationNotFound,
    ProblemCode::VerificationNotPending,
    ProblemCode::VerificationExpired,
    ProblemCode::CodeIncorrect,
    ProblemCode::AttemptsExhausted,
    ProblemCode::TooManyFailures,
    ProblemCode::RateLimited,
];

/// Checks a code by number, for backends that kept no id. 200 means that the number is verified, and no other answer does.
///
/// Server and test keys only.
#[utoipa::path(
    post,
    path = "/v1/verifications/check",
    operation_id = "checkNumber",
    tag = "verifications",
    request_body = CheckNumber,
    responses((status = 200, description = "The code is right: the number is verified.", body = Resource))
)]
pub(super) async fn check_by_number(call: Call) -> Ended {
    let mut subject = Subject::default();
    let (Ok(outcome) | Err(outcome)) = settled(call, &mut subject).await;
    if let Outcome::Verification(_, shown) = &outcome {
        subject.verification = Some(shown.verification.id);
    }
    Ended { outcome, subject }
}

async fn settled(call: Call, subject: &mut Subject) -> Result<Outcome, Outcome> {
    let admitted = admit::backend(&call, subject)?;
    let Call { state, request, .. } = call;
    let content_type = ContentType::of(request.headers());
    let body = body::read(&state, admitted.holder, request).await?;
    let CheckByNumberBody { to: phone, app, code, client, proof } = CheckByNumberBody::parse(content_type, &body)?;
    subject.phone = Some(phone.clone());
    let app = admitted.app(&state, app.as_ref(), subject)?;
    let guess = code.guess(app.policy.code_length)?;
    let client = admitted.client(client)?;
    admit::audience(&app, proof.audience.as_ref())?;
    let _place = state.request_place(admitted.holder)?;
    let (app, caller, phone, id, entry) = (&*app, &admitted.caller, &phone, None, None);
    let (manner, audience, nonce) = (Manner::Resume, proof.audience.as_ref(), proof.nonce.as_ref());
    let check = CodeCheck { app, caller, phone, id, client, guess: &guess, manner, entry, audience, nonce };
    Ok(checked::outcome(&state, app, phone, state.service.check(&check).await))
}
