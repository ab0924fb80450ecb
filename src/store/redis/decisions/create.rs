//! Creates a verification, or goes on with the pending one.

use super::charge::{CREATE, Charging, Decided, Step, uses};
use super::scripts;
use super::{details, status, timers};
use crate::otp::{Creation, Manner, NewVerification, Policy, Status, StoreError, Verification};
use crate::store::redis::{RedisStore, milliseconds};

/// Creates a verification, or changes nothing.
///
/// # Errors
///
/// [`StoreError`]: the verification may have been stored.
pub(crate) async fn create(store: &RedisStore, new: &NewVerification, policy: &Policy) -> Result<Creation, StoreError> {
    let message = &new.message;
    let resumes = message.manner == Manner::Resume;
    // In a cluster the number decides last, so a message that is not due would be charged to the others first.
    let pending = if resumes && !store.route.is_one_server() { pending(store, new, policy).await? } else { None };
    if let Some(pending) = pending.as_ref().filter(|pending| !is_due(pending, policy)) {
        return Ok(Creation::Resumed(Box::new(pending.clone())));
    }
    let has_timer = !policy.events.is_empty();
    if has_timer && !store.route.is_one_server() {
        // A timer without a verification does no harm, but the reverse would lose events.
        timers::set(store, &[(message.id, Some(policy.code_lifetime))]).await?;
    }
    let charging = Charging::new(store, message, policy);
    let decided = charging
        .decide(&CREATE, |call, keys| {
            call.arg(uses(message)).arg(1);
            scripts::number(call, keys, policy, message.client.map(|client| store.keys.guesser(&client)).as_deref());
            call.arg(message.id.to_string()).arg(new.sealed.digest.to_hex()).arg(new.sealed.secret_id.as_str());
            call.arg(policy.max_attempts).arg(milliseconds(policy.code_lifetime)).arg(milliseconds(policy.linger));
            call.arg(milliseconds(policy.send_time)).arg(scripts::fence(store.settings.after_failover));
            call.arg(details::write(&new.details)).arg(if resumes { "resume" } else { "" });
            if resumes {
                call.arg(milliseconds(policy.resend_cooldown)).arg(policy.max_sends);
            }
            if has_timer && store.route.is_one_server() {
                call.arg(1).key(store.keys.timers());
            } else {
                call.arg("");
            }
            scripts::events(call, &store.events_key(&message.app, &message.phone), &message.app, policy.events);
        })
        .await?;
    store.wrote_events(&message.app, &message.phone, policy);
    Ok(match (decided, pending) {
        (Decided::Charged(charge, Step::First), _) => Creation::Created(charge),
        (Decided::Charged(charge, Step::Again(verification)), _) => Creation::Resent(charge, verification),
        (Decided::NotDue(verification), _) => Creation::Resumed(verification),
        (Decided::Limited { .. } | Decided::Crowded { .. }, Some(pending)) => Creation::Resumed(Box::new(pending)),
        (Decided::Limited { limit, retry_after }, None) => Creation::Limited { limit, retry_after },
        (Decided::Crowded { retry_after }, None) => Creation::Crowded { retry_after },
        (decided, _) => return Err(decided.unexpected()),
    })
}

/// Returns the pending verification of the number.
async fn pending(
    store: &RedisStore,
    new: &NewVerification,
    policy: &Policy,
) -> Result<Option<Verification>, StoreError> {
    let deadline = store.deadline();
    let (status, ticket) = status::look(store, &new.message.phone, &new.message.app, policy, deadline).await?;
    let pending = status.verifications.into_iter().find(|verification| verification.status == Status::Pending);
    store.acknowledged(ticket.filter(|_| pending.is_some()), deadline).await?;
    Ok(pending)
}

/// Returns `true` if another message may be sent.
fn is_due(pending: &Verification, policy: &Policy) -> bool {
    let age = pending.expires_at.since(pending.sent_at).saturating_sub(pending.expires_in);
    pending.sends < policy.max_sends && age >= policy.resend_cooldown
}
