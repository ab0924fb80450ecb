//! Requires a safe Redis: `serve` examines the server before it trusts it with codes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::sync::watch;

use crate::http::Fault;
use crate::otp::StoreError;
use crate::store::redis::{Finding, Gravity, RedisStore};
use crate::supervisor;

/// The interval between attempts to examine a server that was unreachable at the start.
const EXAMINE_AGAIN: Duration = Duration::from_millis(100);

/// Examines the server. If it is unreachable, it is examined as soon as it is back; until then the instance is not
/// ready, and it stays so if the server turns out to be unsafe.
///
/// # Errors
///
/// If the server is unsafe and that is not allowed: each reason and its remedy.
pub(super) async fn require_safety(store: Arc<RedisStore>, allow_unsafe: bool) -> anyhow::Result<Fault> {
    let (fault, watch) = watch::channel(None);
    match store.survey().await {
        Ok(survey) => {
            if let Some(reasons) = judge(&survey.findings, allow_unsafe) {
                bail!("this Redis is unsafe: {reasons} Or accept it with redis.allow_unsafe = true");
            }
        }
        Err(StoreError::Faulty(error)) => {
            tracing::warn!(%error, "Redis refuses to be examined; nothing is known about its safety");
        }
        Err(error) => {
            tracing::warn!(%error, "Redis is unreachable; it will be examined once it is back");
            fault.send_replace(Some(format!("not examined yet: {error}")));
            supervisor::spawn("redis survey", examine_once_reachable(store, allow_unsafe, fault));
        }
    }
    Ok(watch)
}

async fn examine_once_reachable(store: Arc<RedisStore>, allow_unsafe: bool, fault: watch::Sender<Option<String>>) {
    loop {
        tokio::time::sleep(EXAMINE_AGAIN).await;
        match store.survey().await {
            Ok(survey) => {
                let reasons = judge(&survey.findings, allow_unsafe);
                if let Some(reasons) = &reasons {
                    tracing::error!(reasons, "this Redis is unsafe; the instance stays not ready");
                }
                fault.send_replace(reasons);
                return;
            }
            Err(StoreError::Faulty(_)) => {
                fault.send_replace(None);
                return;
            }
            Err(_) => {}
        }
    }
}

/// Logs the findings, and returns the reasons not to use the server, if it must not be used.
fn judge(findings: &[Finding], allow_unsafe: bool) -> Option<String> {
    for finding in findings.iter().filter(|finding| allow_unsafe || finding.gravity != Gravity::Unsafe) {
        tracing::warn!("{finding}");
    }
    let reasons: Vec<_> =
        findings.iter().filter(|finding| finding.gravity == Gravity::Unsafe).map(ToString::to_string).collect();
    (!allow_unsafe && !reasons.is_empty()).then(|| reasons.join(" "))
}
