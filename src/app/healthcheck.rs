//! Asks a running instance whether it is ready.

use std::time::Duration;

use serde_json::Value;

use super::addresses::reachable;
use super::advised::Advised;
use crate::config::Settings;

const PATIENCE: Duration = Duration::from_secs(5);

/// Succeeds if a GET of this URL does.
///
/// # Errors
///
/// If there is no answer, or its status is not a success, with the next step.
pub async fn healthcheck(url: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let Ok(response) = client.get(url).send().await else {
        let fix = "Start it with `whatsapp-otp serve`, or name its address with --url or server.ops_listen.";
        return Err(Advised::new(format!("no instance answers at {url}"), fix).into());
    };
    let (status, body) = (response.status(), response.text().await.unwrap_or_default());
    if status.is_success() {
        return Ok(());
    }
    let reasons = reasons(&body);
    let reasons = if reasons.is_empty() { format!("{url} answered {}", status.as_u16()) } else { reasons.join("; ") };
    let problem = format!("the instance is not ready: {reasons}");
    Err(Advised::new(problem, "Run `whatsapp-otp check` with the same settings.").into())
}

/// Returns the reasons in the body of `/health/ready`.
fn reasons(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    if body["draining"] == true {
        return vec!["it is stopping".to_owned()];
    }
    let failed =
        body["dependencies"].as_object().into_iter().flatten().filter(|(_, state)| state["status"] == "failed");
    failed.map(|(name, state)| format!("{name}: {}", state["reason"].as_str().unwrap_or("failed"))).collect()
}

/// Returns the URL of this machine's readiness.
///
/// # Errors
///
/// If the instance has no operators' listener.
pub fn readiness_url(settings: &Settings) -> anyhow::Result<String> {
    let Some(address) = settings.server.ops_listen.map(reachable) else {
        let problem = "server.ops_listen is empty, so no listener says whether the instance is ready";
        return Err(Advised::new(problem, "Set server.ops_listen, or name a URL with --url.").into());
    };
    Ok(format!("http://{address}/health/ready"))
}
