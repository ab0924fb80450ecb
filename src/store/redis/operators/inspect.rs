//! Looking into the store, for operators: never on the path of a request that decides.

use std::collections::BTreeMap;
use std::time::Duration;

use deadpool_redis::Connection;
use tokio::time::Instant;

use crate::otp::{ActiveCode, LimitKind, PhoneNumber, PhoneStatus, Policy, StoreError, UnixMillis};
use crate::store::redis::client::error::Redacted;
use crate::store::redis::client::route::Route;
use crate::store::redis::decisions::keys::Keys;

/// How many keys one step of a scan looks at, and how many records one round trip reads.
const STEP: usize = 500;

/// What `status.lua` answers: the time, the record or nothing, and count and wait of each limit.
pub(crate) type StatusReply = (i64, Vec<String>, (u32, u64), (u32, u64), (u32, u64));

pub(crate) fn phone_status(reply: StatusReply, phone: &PhoneNumber, policy: &Policy) -> PhoneStatus {
    let (now, record, per_phone, cooldown, failures) = reply;
    let limits = [
        (LimitKind::PerPhone, policy.limits.per_phone.is_some(), per_phone),
        (LimitKind::ResendCooldown, policy.limits.resend_cooldown.is_some(), cooldown),
        (LimitKind::FailuresPerPhone, policy.limits.failures_per_phone.is_some(), failures),
    ];
    PhoneStatus {
        code: active_code(phone.digits(), &record, UnixMillis(now)),
        limits: limits
            .into_iter()
            .filter(|(_, on, _)| *on)
            .map(|(kind, _, (count, wait))| (kind, count, Duration::from_millis(wait)))
            .collect(),
    }
}

/// A record from its `digest`, `attempts`, `max_attempts` and `expires_at`; `None` for anything else.
fn active_code(subject: &str, fields: &[String], now: UnixMillis) -> Option<ActiveCode> {
    let [digest, attempts, max_attempts, expires_at] = fields else {
        return None;
    };
    let expires_at = UnixMillis(expires_at.parse().ok()?);
    Some(ActiveCode {
        subject: subject.to_owned(),
        digest: digest.get(..8)?.to_owned(),
        expires_at,
        expires_in: expires_at.since(now),
        attempts: attempts.parse().ok()?,
        max_attempts: max_attempts.parse().ok()?,
    })
}

/// The most steps of a scan that a glance takes.
pub(crate) const GLANCE_STEPS: usize = 4;

/// Walks the keys of every server with `SCAN`, never `KEYS`, on connections of its own, each step within `timeout`, until
/// `most` codes are found or `steps` are taken. Also returns whether that saw everything.
pub(crate) async fn active_codes(
    route: &Route,
    keys: &Keys,
    timeout: Duration,
    most: usize,
    mut steps: usize,
) -> Result<(Vec<ActiveCode>, bool), StoreError> {
    // A scan may show a key twice, and while slots move two servers may have it.
    let mut found = BTreeMap::new();
    let mut complete = true;
    for primary in route.primaries(Instant::now() + timeout).await? {
        let server = primary.server().await?;
        let mut connection = server.borrow().await.map_err(StoreError::Unreachable)?;
        complete &= scan(&mut connection, keys, timeout, most, &mut steps, &mut found).await?;
    }
    Ok((found.into_values().collect(), complete))
}

/// Whether the scan saw everything.
async fn scan(
    connection: &mut Connection,
    keys: &Keys,
    timeout: Duration,
    most: usize,
    steps: &mut usize,
    found: &mut BTreeMap<String, ActiveCode>,
) -> Result<bool, StoreError> {
    let pattern = keys.code_pattern();
    let mut cursor = 0_u64;
    while *steps > 0 && found.len() < most {
        *steps -= 1;
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
        let (next, mut batch): (u64, Vec<String>) = in_time(timeout, scan.query_async(connection)).await?;
        let cut = batch.len() > most - found.len();
        batch.truncate(most - found.len());
        if !batch.is_empty() {
            let mut read = redis::pipe();
            read.cmd("TIME");
            for key in &batch {
                read.cmd("HMGET").arg(key).arg(&["digest", "attempts", "max_attempts", "expires_at"]);
            }
            let answers: Vec<Vec<Option<String>>> = in_time(timeout, read.query_async(connection)).await?;
            found.extend(records(keys, &batch, answers).map(|code| (code.subject.clone(), code)));
        }
        if next == 0 {
            return Ok(!cut);
        }
        cursor = next;
    }
    Ok(false)
}

fn records(keys: &Keys, batch: &[String], answers: Vec<Vec<Option<String>>>) -> impl Iterator<Item = ActiveCode> {
    let mut answers = answers.into_iter().map(|fields| fields.into_iter().collect::<Option<Vec<String>>>());
    // TIME answers seconds and microseconds.
    let now = answers
        .next()
        .flatten()
        .and_then(|time| Some(time.first()?.parse::<i64>().ok()? * 1_000 + time.get(1)?.parse::<i64>().ok()? / 1_000));
    let now = UnixMillis(now.unwrap_or_default());
    batch.iter().zip(answers).filter_map(move |(key, fields)| active_code(keys.subject_of(key)?, &fields?, now))
}

async fn in_time<T>(
    timeout: Duration,
    command: impl Future<Output = Result<T, redis::RedisError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(timeout, command).await {
        Ok(answer) => answer.map_err(|error| StoreError::NoAnswer(Redacted(error).into())),
        Err(_) => Err(StoreError::NoAnswer(format!("nothing within {timeout:?}").into())),
    }
}
