//! Records the progress of a message.

use std::time::Duration;

use super::scripts::{self, Lua, lua};
use super::{message, unknown};
use crate::otp::{DeliveryReport, DeliveryStatus, Policy, Progress, StoreError};
use crate::store::redis::{RedisStore, count, milliseconds};

pub(super) static DELIVERY: Lua = lua!("delivery", "arguments", "clock", "tell", "verifications", "deliveries");

pub(crate) async fn record(
    store: &RedisStore,
    report: &DeliveryReport,
    policy: &Policy,
) -> Result<Progress, StoreError> {
    let deadline = store.deadline();
    let DeliveryReport { id, app, phone, .. } = report;
    let key = store.keys.verification(app, phone);
    let mut call = DELIVERY.call();
    call.key(&key).arg(id.to_string()).arg(report.delivery).arg(report.channel.as_str());
    call.arg(report.status.as_str()).arg(report.reason.map_or("", |reason| reason.as_str()));
    call.arg(milliseconds(policy.send_time)).arg(milliseconds(policy.linger));
    match report.message.as_ref().filter(|_| store.route.is_one_server()) {
        None => call.arg(""),
        Some(message) => call.arg(1).key(store.keys.message(message)),
    };
    call.arg(DeliveryStatus::ALL.len());
    for status in DeliveryStatus::ALL {
        call.arg(status.as_str());
    }
    scripts::events(&mut call, &store.events_key(app, phone), app, policy.events);
    let (answer, ticket) = store.decide(DELIVERY.name, &key, &call, deadline).await?;
    let progress = reply(answer).inspect_err(count)?;
    store.wrote_events(app, phone, policy);
    store.acknowledged(ticket, deadline).await?;
    if let (Some(message), Progress::Recorded { .. }, false) = (&report.message, progress, store.route.is_one_server())
    {
        message::set(store, message, id, policy).await?;
    }
    Ok(progress)
}

fn reply((tag, status, since_sent): (String, String, u64)) -> Result<Progress, StoreError> {
    let before = DeliveryStatus::from_name(&status);
    match (tag.as_str(), before) {
        ("recorded", before) => Ok(Progress::Recorded { before, since_sent: Duration::from_millis(since_sent) }),
        ("stale", Some(status)) => Ok(Progress::Stale(status)),
        ("absent", _) => Ok(Progress::Absent),
        _ => Err(unknown(&tag)),
    }
}
