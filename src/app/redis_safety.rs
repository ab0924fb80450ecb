//! A safe Redis, or none: what `serve` asks of the server before it trusts it with codes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::sync::watch;

use crate::http::Fault;
use crate::otp::StoreError;
use crate::store::redis::{Finding, Gravity, RedisStore};
use crate::supervisor;

/// How often a server that was away at the start is asked.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Looks at the server. One that is away is looked at when it comes; until then the instance is not ready, nor is it if
/// the server turns out to be unsafe.
///
/// # Errors
///
/// If the server is unsafe and that is not allowed: each reason, and what mends it.
pub(super) async fn require_safety(store: Arc<RedisStore>, allow_unsafe: bool) -> anyhow::Result<Fault> {
    let (fault, watch) = watch::channel(None);
    match store.survey().await {
        Ok(survey) => {
            if let Some(reasons) = judge(&survey.findings, allow_unsafe) {
                bail!("this Redis is not safe: {reasons} Or accept it with redis.allow_unsafe = true");
            }
        }
        Err(StoreError::Faulty(error)) => {
            tracing::warn!(%error, "Redis does not let itself be looked at; whether it is safe is unknown");
        }
        Err(error) => {
            tracing::warn!(%error, "Redis is away; it will be looked at when it comes");
            fault.send_replace(Some(format!("not looked at yet: {error}")));
            supervisor::spawn("redis survey", look_when_it_comes(store, allow_unsafe, fault));
        }
    }
    Ok(watch)
}

async fn look_when_it_comes(store: Arc<RedisStore>, allow_unsafe: bool, fault: watch::Sender<Option<String>>) {
    loop {
        tokio::time::sleep(ASK_AGAIN).await;
        match store.survey().await {
            Ok(survey) => {
                let reasons = judge(&survey.findings, allow_unsafe);
                if let Some(reasons) = &reasons {
                    tracing::error!(reasons, "this Redis is not safe; the instance stays not ready");
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

/// Logs what there is to say, and returns why the server must not be used, if it must not.
fn judge(findings: &[Finding], allow_unsafe: bool) -> Option<String> {
    for finding in findings.iter().filter(|finding| allow_unsafe || finding.gravity != Gravity::Unsafe) {
        tracing::warn!("{finding}");
    }
    let reasons: Vec<_> =
        findings.iter().filter(|finding| finding.gravity == Gravity::Unsafe).map(ToString::to_string).collect();
    (!allow_unsafe && !reasons.is_empty()).then(|| reasons.join(" "))
}
