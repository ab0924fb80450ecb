//! Counts how far verifications get, as calls bring it about. The reports of channels do the rest.

use crate::otp::{
    App, Channel, Checked, Delivery, DeliveryStatus, RequestError, Requested, Sent, Start, UnixMillis, Verdict,
    Verification,
};
use crate::telemetry::funnel::{self, Step};

/// Counts a request for a new code.
pub(crate) fn requested(app: &App, result: &Result<Requested, RequestError>) {
    if app.name.is_test() {
        return;
    }
    let step = |channel: &Channel, step| funnel::step(app.name.as_str(), channel.as_str(), step);
    match result {
        Ok(Requested { start: Start::Created, sent, verification, .. }) => {
            let channel = channel(app, verification);
            step(channel, Step::Created);
            if matches!(sent, Some(Sent::Accepted | Sent::Unclear { .. })) {
                step(channel, Step::Sent);
            }
        }
        Err(RequestError::Refused(_)) => step(&app.senders.preferred().channel, Step::Created),
        _ => {}
    }
    refused(app, result);
}

/// Counts a message that was refused.
pub(crate) fn refused(app: &App, result: &Result<Requested, RequestError>) {
    if let Err(RequestError::Refused(refusal)) = result
        && !app.name.is_test()
    {
        funnel::undelivered(app.senders.preferred().channel.as_str(), refusal.reason.as_str());
    }
}

/// Counts an approval, which a repeated check is not.
pub(crate) fn checked(app: &App, checked: &Checked) {
    let Checked { verdict: Verdict::Approved(_), verification, is_replay: false, .. } = checked else { return };
    if app.name.is_test() {
        return;
    }
    let channel = verification.as_ref().map_or(&app.senders.preferred().channel, |approved| channel(app, approved));
    funnel::step(app.name.as_str(), channel.as_str(), Step::Approved);
    if let Some(approved) = verification
        && let (Some(arrived_at), Some(ended_at)) = (arrived_at(approved), approved.ended_at)
    {
        funnel::approved_after(ended_at.since(arrived_at));
    }
}

fn channel<'a>(app: &'a App, verification: &'a Verification) -> &'a Channel {
    verification.details.channel.as_ref().unwrap_or(&app.senders.preferred().channel)
}

/// Returns the time at which the first message arrived.
fn arrived_at(verification: &Verification) -> Option<UnixMillis> {
    let statuses = verification.deliveries.iter().flat_map(Delivery::statuses);
    statuses.filter(|(status, _)| *status >= DeliveryStatus::Delivered).map(|(_, at)| at).min()
}
