//! The answers to checks.

use super::shown;
use crate::http::edge::funnel;
use crate::http::edge::outcome::{Answer, Outcome, Shown};
use crate::http::state::PublicState;
use crate::otp::{App, Checked, PhoneNumber, Status, StoreError, Verdict};

/// Returns the outcome of a check, and counts it.
pub(super) fn outcome(
    state: &PublicState,
    app: &App,
    phone: &PhoneNumber,
    result: Result<Checked, StoreError>,
) -> Outcome {
    if let Ok(checked) = &result {
        funnel::checked(app, checked);
    }
    let outcome = match result {
        Ok(Checked { verification: Some(verification), proof, is_replay, .. }) => {
            let shown = Shown { proof, is_replay, ..shown::of(app, phone, *verification) };
            Outcome::Verification(Answer::Approved, shown.into())
        }
        Ok(Checked { verdict, .. }) => of_verdict(verdict),
        Err(error) => {
            tracing::warn!(%error, "a guess could not be settled");
            error.into()
        }
    };
    if app.name.is_test() { outcome } else { state.meters.verification(outcome) }
}

/// Tells a verification that has ended from one that never was.
fn of_verdict(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Used => Outcome::NotPending(Status::Approved),
        Verdict::Canceled => Outcome::NotPending(Status::Canceled),
        Verdict::Locked => Outcome::NotPending(Status::Failed),
        // An approved one comes with its verification; an answer without it would not say what was approved.
        Verdict::Approved(_) => Outcome::Internal,
        verdict => verdict.into(),
    }
}
