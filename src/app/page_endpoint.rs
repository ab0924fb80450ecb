//! The simulator's page as the endpoint of apps that have none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use data_encoding::BASE64;
use ipnet::IpNet;
use rand::TryRng as _;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};

use crate::config::AppSettings;
use crate::events::{AddressRules, EndpointSettings, EndpointUrl, EventSecrets, Schedule, SigningSecret};
use crate::otp::{AppName, EventTypes};

const TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the usual waits: the page runs as long as the service, so a failure is a slow machine.
const WAITS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

/// The endpoint of the apps that got it.
pub(super) struct PageEndpoint {
    pub(super) settings: EndpointSettings,
    pub(super) apps: Vec<AppName>,
    /// The secret as people write it, `whsec_…`.
    pub(super) secret: SecretString,
}

impl PageEndpoint {
    /// Tells these apps' events, of every type, to the page at this address, if they have no endpoint. Returns `None` if all
    /// have one.
    pub(super) fn of(apps: &mut [AppSettings], page: SocketAddr) -> anyhow::Result<Option<Self>> {
        let without = apps.iter_mut().filter(|app| app.endpoint.is_none());
        let names: Vec<_> = without
            .map(|app| {
                app.policy.events = EventTypes::all();
                app.name.clone()
            })
            .collect();
        if names.is_empty() {
            return Ok(None);
        }
        let rules = AddressRules { allow_http: true, allow_networks: vec![IpNet::from(page.ip())] };
        let url = EndpointUrl::parse(&format!("http://{page}/events"), &rules)?;
        let schedule = Schedule::new(WAITS.into()).context("the waits are too long")?;
        let mut bytes = [0; 32];
        SysRng.try_fill_bytes(&mut bytes).context("the operating system gave no randomness")?;
        let secret = SecretString::from(format!("whsec_{}", BASE64.encode(&bytes)));
        Ok(Some(Self { settings: EndpointSettings { url, rules, timeout: TIMEOUT, schedule }, apps: names, secret }))
    }

    /// Returns the secret for each of its apps.
    pub(super) fn secrets(&self) -> anyhow::Result<EventSecrets> {
        let secret = SigningSecret::parse(self.secret.expose_secret())?;
        let of_app = |app: &AppName| (app.clone(), [secret.clone()].into());
        Ok(Arc::new(self.apps.iter().map(of_app).collect()))
    }
}
