//! `POST /otp/{phone}` verifies a code.

use std::sync::Arc;

use super::admit::{Admitted, admit, subject};
use super::guess;
use crate::http::edge::body::{self, ContentType};
use crate::http::edge::funnel;
use crate::http::edge::outcome::{Ended, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::otp::{CodeCheck, Manner};

pub(super) async fn verify_code(call: Call) -> Ended {
    let (state, mut subject) = (Arc::clone(&call.state), subject(&call));
    let (Ok(outcome) | Err(outcome)) = verified(call, &mut subject).await;
    Ended { outcome: state.meters.verification(outcome), subject }
}

async fn verified(call: Call, subject: &mut Subject) -> Result<Outcome, Outcome> {
    let Admitted { app, caller, phone, client, holder } = admit(&call, subject)?;
    let Call { state, request, .. } = call;
    if ContentType::of(request.headers()) != ContentType::Json {
        return Err(Outcome::NoCode);
    }
    let body = body::read(&state, holder, request).await?;
    let guess = guess::parse(&body, app.policy.code_length)?;
    let _place = state.request_place(holder)?;
    let (app, caller, phone, manner) = (&*app, &caller, &phone, Manner::Replace);
    let (id, entry, audience, nonce) = (None, None, None, None);
    let check = CodeCheck { app, caller, phone, id, client, guess: &guess, manner, entry, audience, nonce };
    let checked = state.service.check(&check).await;
    let checked = checked.inspect_err(|error| tracing::warn!(%error, "a guess could not be settled"))?;
    funnel::checked(app, &checked);
    Ok(checked.verdict.into())
}
