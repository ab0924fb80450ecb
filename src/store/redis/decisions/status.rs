//! Looks up the records of one number for one app, for operators and for queries about a verification.

use std::time::Duration;

use tokio::time::Instant;

use super::details;
use super::scripts::{self, Lua, lua};
use crate::otp::{
    AppName, Delivery, DeliveryStatus, PhoneNumber, PhoneStatus, Policy, Scope, Status, StoreError, UnixMillis,
    Verification,
};
use crate::store::redis::client::acknowledgement::Ticket;
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static STATUS: Lua = lua!("status", "arguments", "clock", "history", "moments", "tell", "verifications");

/// The fields of a verification that callers may see, in the order of `verifications.lua`.
pub(crate) const FIELDS: [&str; 14] = [
    "id",
    "status",
    "digest",
    "secret_id",
    "attempts",
    "max_attempts",
    "sends",
    "created_at",
    "expires_at",
    "ended_at",
    "history",
    "deliveries",
    "sent_at",
    "details",
];

/// The time, the words of each verification, and the count and wait of each limit.
type StatusReply = (i64, Vec<Vec<String>>, Vec<(u32, u64)>);

pub(crate) async fn status(
    store: &RedisStore,
    phone: &PhoneNumber,
    app: &AppName,
    policy: &Policy,
) -> Result<PhoneStatus, StoreError> {
    let deadline = store.deadline();
    let (status, ticket) = look(store, phone, app, policy, deadline).await?;
    // Callers may act on an approval, so replicas must have it first; otherwise its code could be used once more after a
    // failover.
    let is_approved = status.verifications.iter().any(|verification| verification.status == Status::Approved);
    store.acknowledged(ticket.filter(|_| is_approved), deadline).await?;
    Ok(status)
}

/// Returns the status, with a ticket for the decisions that led to it.
pub(super) async fn look(
    store: &RedisStore,
    phone: &PhoneNumber,
    app: &AppName,
    policy: &Policy,
    deadline: Instant,
) -> Result<(PhoneStatus, Option<Ticket>), StoreError> {
    let key = store.keys.verification(app, phone);
    let subject = phone.digits();
    let rules: Vec<_> = policy.limits.rules().iter().filter(|rule| rule.kind.scope == Scope::Number).collect();
    let mut call = STATUS.call();
    call.key(&key)
        .arg(milliseconds(policy.send_time))
        .arg(scripts::fence(store.settings.after_failover))
        .arg(rules.len());
    for rule in &rules {
        call.arg(rule.limit.max).arg(milliseconds(rule.limit.window));
        call.key(store.keys.of_number(app, phone, rule.kind.event));
    }
    let (answer, ticket) = store.decide(STATUS.name, &key, &call, deadline).await?;
    let (now, words, used): StatusReply = answer;
    let verifications = words.iter().filter_map(|words| verification(app, subject, words, UnixMillis(now))).collect();
    let limits = rules.iter().zip(used).map(|(rule, (count, wait))| (rule.kind, count, Duration::from_millis(wait)));
    Ok((PhoneStatus { verifications, limits: limits.collect() }, ticket))
}

/// Parses a verification from its [`FIELDS`], with empty text for missing ones; `None` if it is malformed.
pub(crate) fn verification(app: &AppName, subject: &str, words: &[String], now: UnixMillis) -> Option<Verification> {
    let [
        id,
        status,
        digest,
        _,
        attempts,
        max_attempts,
        sends,
        created_at,
        expires_at,
        ended_at,
        _,
        deliveries,
        sent_at,
        about,
    ] = words
    else {
        return None;
    };
    let expires_at = UnixMillis(expires_at.parse().ok()?);
    let (attempts, max_attempts): (u32, u32) = (attempts.parse().ok()?, max_attempts.parse().ok()?);
    let status = match Status::from_name(status)? {
        Status::Pending if attempts >= max_attempts => Status::Failed,
        Status::Pending if now >= expires_at => Status::Expired,
        status => status,
    };
    let created_at = UnixMillis(created_at.parse().ok()?);
    Some(Verification {
        id: id.parse().ok()?,
        app: app.clone(),
        subject: subject.to_owned(),
        status,
        digest: digest.get(..8).unwrap_or_default().to_owned(),
        attempts,
        max_attempts,
        sends: if sends.is_empty() { 1 } else { sends.parse().ok()? },
        created_at,
        sent_at: if sent_at.is_empty() { created_at } else { UnixMillis(sent_at.parse().ok()?) },
        details: details::read(about),
        expires_at,
        expires_in: expires_at.since(now),
        ended_at: ended_at.parse().ok().map(UnixMillis),
        deliveries: deliveries.split(',').filter_map(|text| delivery(text, created_at)).collect(),
    })
}

/// `1:whatsapp:delivered:1795000000000::a12s350`, where the last part is relative to the creation of the verification.
fn delivery(text: &str, created_at: UnixMillis) -> Option<Delivery> {
    let mut words = text.split(':');
    let delivery = Delivery {
        number: words.next()?.parse().ok()?,
        channel: words.next()?.to_owned(),
        status: DeliveryStatus::from_name(words.next()?)?,
        at: UnixMillis(words.next()?.parse().ok()?),
        reason: words.next().filter(|reason| !reason.is_empty()).map(str::to_owned),
        earlier: earlier(words.next().unwrap_or_default(), created_at),
    };
    Some(delivery)
}

/// Returns earlier statuses, each written as its first letter and ms since the creation.
fn earlier(text: &str, created_at: UnixMillis) -> Vec<(DeliveryStatus, UnixMillis)> {
    let starts = text.char_indices().filter(|(_, character)| character.is_ascii_lowercase());
    let read = |(start, letter): (usize, char)| {
        let status = DeliveryStatus::ALL.into_iter().find(|status| status.as_str().starts_with(letter))?;
        let digits = text.get(start + 1..)?.split(|character: char| !character.is_ascii_digit()).next()?;
        Some((status, created_at.plus(Duration::from_millis(digits.parse().ok()?))))
    };
    starts.filter_map(read).collect()
}
