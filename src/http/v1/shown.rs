//! Verifications in answers, and the answers to calls that send a message.

use crate::http::edge::outcome::{Answer, Outcome, Shown};
use crate::http::state::PublicState;
use crate::otp::{App, PhoneNumber, RequestError, Requested, Start, Verification};

/// Returns what the answer says about a verification.
pub(super) fn of(app: &App, phone: &PhoneNumber, verification: Verification) -> Shown {
    Shown {
        verification,
        phone: phone.clone(),
        code_length: app.policy.code_length,
        max_sends: app.policy.max_sends,
        resend_cooldown: app.policy.resend_cooldown,
        proof: None,
        uses: Vec::new(),
        is_replay: false,
    }
}

/// Returns the outcome of a call that sends a message, and counts it. `resumed` is the answer if there was a verification.
pub(super) fn requested(
    state: &PublicState,
    app: &App,
    phone: &PhoneNumber,
    resumed: Answer,
    result: Result<Requested, RequestError>,
) -> Outcome {
    match result {
        Ok(Requested { start, sent, verification, uses }) => {
            // In the world of test keys, nothing is sent.
            if let Some(sent) = sent.filter(|_| !app.name.is_test()) {
                state.meters.send(Outcome::Sent(sent));
            }
            let answer = if start == Start::Created { Answer::Created } else { resumed };
            Outcome::Verification(answer, Box::new(Shown { uses, ..of(app, phone, *verification) }))
        }
        Err(error) => {
            if let RequestError::Store(_) | RequestError::Entropy = &error {
                tracing::warn!(%error, "a code could not be issued");
            }
            refused(state, app, error.into())
        }
    }
}

/// Counts the refusal of a call that would have sent a message.
pub(super) fn refused(state: &PublicState, app: &App, outcome: Outcome) -> Outcome {
    if app.name.is_test() { outcome } else { state.meters.send(outcome) }
}
