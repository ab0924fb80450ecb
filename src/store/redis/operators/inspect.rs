//! Lists what is in the store, for operators; never part of a decision.

use std::collections::BTreeMap;
use std::time::Duration;

use deadpool_redis::Connection;
use tokio::time::Instant;

use crate::otp::{AppName, Status, StoreError, UnixMillis, Verification};
use crate::store::redis::client::error::Redacted;
use crate::store::redis::client::route::Route;
use crate::store::redis::decisions::keys::Keys;
use crate::store::redis::decisions::status::{FIELDS, verification};

/// The keys that one step of a scan looks at, and the most records that one round trip reads.
const STEP: usize = 500;

/// The most steps of a scan that a glance takes.
pub(crate) const GLANCE_STEPS: usize = 4;

/// Walks the keys of every server with `SCAN`, never `KEYS`, on connections of its own, each step within `timeout`,
/// until it has found `most` verifications or taken `steps`. Also returns whether it saw everything.
pub(crate) async fn active(
    route: &Route,
    keys: &Keys,
    timeout: Duration,
    most: usize,
    mut steps: usize,
) -> Result<(Vec<Verification>, bool), StoreError> {
    // A scan may return a key twice, and while slots move two servers may have it.
    let mut found = BTreeMap::new();
    let mut complete = true;
    for primary in route.primaries(Instant::now() + timeout).await? {
        let server = primary.server().await?;
        let mut connection = server.borrow().await.map_err(StoreError::Unreachable)?;
        complete &= scan(&mut connection, keys, timeout, most, &mut steps, &mut found).await?;
    }
    Ok((found.into_values().collect(), complete))
}

/// Scans one server, and returns whether it saw everything.
async fn scan(
    connection: &mut Connection,
    keys: &Keys,
    timeout: Duration,
    most: usize,
    steps: &mut usize,
    found: &mut BTreeMap<(String, AppName), Verification>,
) -> Result<bool, StoreError> {
    let pattern = keys.verification_pattern();
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
                read.cmd("HMGET").arg(key).arg(&FIELDS);
            }
            let answers: Vec<Vec<Option<String>>> = in_time(timeout, read.query_async(connection)).await?;
            found.extend(records(keys, &batch, answers).map(|one| ((one.subject.clone(), one.app.clone()), one)));
        }
        if next == 0 {
            return Ok(!cut);
        }
        cursor = next;
    }
    Ok(false)
}

/// Returns the active verifications of a batch: those that were neither approved nor canceled.
fn records(keys: &Keys, batch: &[String], answers: Vec<Vec<Option<String>>>) -> impl Iterator<Item = Verification> {
    let mut answers = answers.into_iter();
    // TIME returns seconds and microseconds.
    let time = answers.next().unwrap_or_default();
    let part = |at: usize| time.get(at)?.as_ref()?.parse::<i64>().ok();
    let now = UnixMillis(part(0).zip(part(1)).map_or(0, |(seconds, micros)| seconds * 1_000 + micros / 1_000));
    batch.iter().zip(answers).filter_map(move |(key, fields)| {
        let (subject, app) = keys.subject_of(key)?;
        let words: Vec<_> = fields.into_iter().map(Option::unwrap_or_default).collect();
        let verification = verification(&AppName::parse(app).ok()?, subject, &words, now)?;
        (!matches!(verification.status, Status::Approved | Status::Canceled)).then_some(verification)
    })
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
