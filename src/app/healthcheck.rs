//! Asks a running instance whether it is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::config::Settings;

const PATIENCE: Duration = Duration::from_secs(5);

/// Succeeds if a GET of this URL does.
///
/// # Errors
///
/// If there is no answer, or its status is not a success.
pub async fn healthcheck(url: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let response = client.get(url).send().await.with_context(|| format!("{url} does not answer"))?;
    let (status, body) = (response.status(), response.text().await.unwrap_or_default());
    if !status.is_success() {
        bail!("not ready: {body}");
    }
    Ok(())
}

/// Returns the URL of this machine's readiness.
///
/// # Errors
///
/// If the instance has no operators' listener.
pub fn readiness_url(settings: &Settings) -> anyhow::Result<String> {
    let Some(address) = settings.server.ops_listen.map(reachable) else {
        bail!("server.ops_listen is empty, so there is no listener to ask");
    };
    Ok(format!("http://{address}/health/ready"))
}

/// Returns the address to connect to for one that is listened on: "any" is reached through loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_is_asked_through_loopback() {
        let asked = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(asked("[::]:9464"), "[::1]:9464");
        assert_eq!(asked("10.1.2.3:9464"), "10.1.2.3:9464");
    }
}
