//! Calls that send a message once, however often they are repeated with the same idempotency key.

use std::time::Duration;

use rand::rngs::SysRng;

use super::shown;
use crate::http::edge::outcome::{Answer, Outcome};
use crate::http::state::PublicState;
use crate::otp::{App, Begun, Finished, IdempotencyKey, IdempotentCall, Key};

/// The minimum time for which the result of a call is kept.
const KEPT: Duration = Duration::from_hours(1);

/// A call with an idempotency key, which is about `about` if not about a new verification.
pub(super) fn call(
    state: &PublicState,
    caller: &Key,
    key: &IdempotencyKey,
    operation: &str,
    about: &str,
    request: &[u8],
) -> Result<IdempotentCall, Outcome> {
    let keys = state.service.keys();
    let entry = key.entry(keys, &caller.name, operation, about);
    IdempotentCall::new(entry, keys.fingerprint(request), &mut SysRng).map_err(|_| Outcome::Internal)
}

/// Runs `work` unless a repetition of it has run already, whose result is repeated.
pub(super) async fn once(
    state: &PublicState,
    app: &App,
    call: Option<IdempotentCall>,
    work: impl Future<Output = Outcome>,
) -> Outcome {
    let Some(call) = call else { return work.await };
    let kept = KEPT.max(app.policy.code_lifetime + app.policy.linger);
    let store = state.service.store();
    match store.begin(&call, state.request_timeout).await {
        Ok(Begun::New) => {}
        Ok(Begun::Running) => return Outcome::IdempotencyInProgress,
        Ok(Begun::Reused) => return Outcome::IdempotencyKeyReused,
        Ok(Begun::Finished(finished)) => return replay(state, finished).await,
        Err(error) => {
            tracing::warn!(%error, "a call with an idempotency key could not begin");
            return error.into();
        }
    }
    let outcome = work.await;
    let finished = match &outcome {
        Outcome::Verification(answer, shown) => {
            Some(Finished { id: shown.verification.id, created: *answer == Answer::Created })
        }
        // Nothing was decided, so a repetition may succeed.
        _ => None,
    };
    if let Err(error) = store.finish(&call, finished, kept).await {
        tracing::warn!(%error, "the result of a call with an idempotency key could not be kept");
    }
    outcome
}

/// Answers from the verification that the first call was about.
async fn replay(state: &PublicState, Finished { id, created }: Finished) -> Outcome {
    let Some((app, phone)) = state.service.locate(&id) else { return Outcome::Absent };
    match state.service.find(app, &phone, &id).await {
        Ok(Some(verification)) => {
            let mut shown = shown::of(app, &phone, verification);
            shown.is_replay = true;
            Outcome::Verification(if created { Answer::Created } else { Answer::Resumed }, shown.into())
        }
        // Results are kept for longer than verifications.
        Ok(None) => Outcome::Expired,
        Err(error) => error.into(),
    }
}
