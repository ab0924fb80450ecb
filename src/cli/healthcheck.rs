//! `whatsapp-otp healthcheck`: for a container's HEALTHCHECK, which may have no other program to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use url::Url;

use crate::config::{Settings, Sources};

const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Ask this instead of the instance on this machine: the simulator's is <http://127.0.0.1:3001/healthz>
    #[arg(long)]
    url: Option<Url>,
}

pub(super) async fn run(sources: &Sources, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let url = match arguments.url {
        Some(url) => url.into(),
        None => readiness(sources)?,
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let response = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
    let (status, body) = (response.status(), response.text().await.unwrap_or_default());
    if !status.is_success() {
        bail!("not ready: {body}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the instance on this machine says whether it is ready.
fn readiness(sources: &Sources) -> anyhow::Result<String> {
    let settings = Settings::load(sources)?;
    let Some(address) = settings.server.ops_listen.map(reachable) else {
        bail!("server.ops_listen is empty, so there is nobody to ask");
    };
    Ok(format!("http://{address}/health/ready"))
}

/// An address to connect to for one that is listened on: "any" is reached through loopback.
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
