//! Records the progress of a message.

use std::time::Duration;

use super::scripts::{Lua, lua};
use super::unknown;
use crate::otp::{DeliveryReport, DeliveryStatus, Policy, Progress, StoreError};
use crate::store::redis::{RedisStore, count, milliseconds};

pub(super) static DELIVERY: Lua = lua!("delivery", "clock", "verifications");

pub(crate) async fn record(
    store: &RedisStore,
    report: &DeliveryReport,
    policy: &Policy,
) -> Result<Progress, StoreError> {
    let deadline = store.deadline();
    let key = store.keys.verification(&report.app, &report.phone);
    let mut call = DELIVERY.call();
    call.key(&key).arg(report.id.to_string()).arg(report.delivery).arg(report.channel.as_str());
    call.arg(report.status.as_str()).arg(report.reason.map_or("", |reason| reason.as_str()));
    call.arg(milliseconds(policy.send_time));
    for status in DeliveryStatus::ALL {
        call.arg(status.as_str());
    }
    let (answer, ticket) = store.decide(DELIVERY.name, &key, &call, deadline).await?;
    let progress = reply(answer).inspect_err(count)?;
    store.acknowledged(ticket, deadline).await?;
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
