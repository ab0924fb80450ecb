//! `POST /v1/verifications` creates a verification and sends its code, or goes on with the pending one.

use std::sync::Arc;

use super::admit::{self, idempotency_key};
use super::bodies::{CreateVerification, IdempotencyKeyHeader};
use super::problem_code::ProblemCode;
use super::request::CreateBody;
use super::resource::Resource;
use super::{idempotency, shown};
use crate::http::edge::body::{self, ContentType};
use crate::http::edge::funnel;
use crate::http::edge::outcome::{Answer, Ended, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::http::edge::sending;
use crate::otp::{CodeRequest, Manner};

/// The problems of this call alone.
pub(super) const PROBLEMS: &[ProblemCode] = &[
    ProblemCode::InvalidPhoneNumber,
    ProblemCode::IdempotencyKeyInvalid,
    ProblemCode::Forbidden,
    ProblemCode::DestinationNotAllowed,
    ProblemCode::IdempotencyInProgress,
    ProblemCode::VerificationExpired,
    ProblemCode::IdempotencyKeyReused,
    ProblemCode::TooManySends,
    ProblemCode::TooManyFailures,
    ProblemCode::RateLimited,
    ProblemCode::SendFailed,
];

/// Creates a verification and sends its code.
///
/// While a verification of the same number for the same app is pending, it goes on: its id, code and deadline stay, and
/// another message is sent if `resend_at` has passed and `sends_left` is above zero. So it is safe to call this again.
#[utoipa::path(
    post,
    path = "/v1/verifications",
    operation_id = "createVerification",
    tag = "verifications",
    params(IdempotencyKeyHeader),
    request_body = CreateVerification,
    responses(
        (status = 201, description = "The verification is new, and its code is on its way.", body = Resource),
        (status = 200, description = "The verification was pending and goes on.", body = Resource),
    )
)]
pub(super) async fn create(call: Call) -> Ended {
    let mut subject = Subject::default();
    let (Ok(outcome) | Err(outcome)) = created(call, &mut subject).await;
    if let Outcome::Verification(_, shown) = &outcome {
        subject.verification = Some(shown.verification.id);
    }
    Ended { outcome, subject }
}

async fn created(call: Call, subject: &mut Subject) -> Result<Outcome, Outcome> {
    let admitted = admit::any(&call, subject)?;
    let key = idempotency_key(&call)?;
    let Call { state, request, .. } = call;
    let content_type = ContentType::of(request.headers());
    let body = body::read(&state, admitted.holder, request).await?;
    let CreateBody { to: phone, app, client, mut details, canonical } = CreateBody::parse(content_type, &body)?;
    subject.phone = Some(phone.clone());
    let app = admitted.app(&state, app.as_ref(), subject)?;
    let client = admitted.client(client)?;
    admit::audience(&app, details.audience.as_ref())?;
    let call = key.map(|key| idempotency::call(&state, &admitted.key, &key, "create", "", canonical.expose()));
    let (call, channel) = (call.transpose()?, details.channel.take());
    let (caller, holder, shared) = (admitted.caller, admitted.holder, Arc::clone(&state));
    let work = |deadline| async move {
        let (app, caller, phone, channel, state) = (&*app, &caller, &phone, channel.as_ref(), &*shared);
        let manner = Manner::Resume;
        let request = CodeRequest { app, caller, phone, client, manner, channel, details, deadline };
        let work = async {
            let result = state.service.request(request).await;
            funnel::requested(app, &result);
            shown::requested(state, app, phone, Answer::Resumed, result)
        };
        idempotency::once(state, app, call, work).await
    };
    sending::run(&state, holder, work).await
}
