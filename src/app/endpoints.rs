//! The endpoints that an instance tells of events.

use std::sync::Arc;

use tokio::sync::watch;

#[cfg(feature = "simulator")]
use super::page_endpoint::PageEndpoint;
use crate::config::{AppSettings, Replaceable};
use crate::events::{Client, ClientError, Deliverer, EndpointSettings, EventSecrets};
use crate::http::event_data;
use crate::otp::{AppName, Apps, Event, EventQueue, KeyRing};
use crate::reread;

/// The endpoints of apps, with their secrets, and the queue of their events. None by default.
#[derive(Default)]
pub struct Endpoints(Option<Known>);

struct Known {
    queue: Arc<dyn EventQueue>,
    of_apps: Vec<(AppName, EndpointSettings, watch::Receiver<EventSecrets>)>,
}

impl Endpoints {
    /// Returns the endpoints of these apps, with secrets that are read again when their files change.
    ///
    /// # Errors
    ///
    /// If the secrets cannot be read.
    pub(super) async fn of(
        apps: &[AppSettings],
        queue: Arc<dyn EventQueue>,
        secrets: Replaceable<EventSecrets>,
    ) -> anyhow::Result<Self> {
        let secrets = reread::follow("events.secret", secrets.files(), move || secrets.read()).await?;
        let endpoint = |app: &AppSettings| Some((app.name.clone(), app.endpoint.clone()?, secrets.clone()));
        let of_apps = apps.iter().filter_map(endpoint).collect();
        Ok(Self(Some(Known { queue, of_apps })))
    }

    /// Adds the page as the endpoint of its apps.
    #[cfg(feature = "simulator")]
    pub(super) fn with_page(mut self, page: &PageEndpoint) -> anyhow::Result<Self> {
        if let Some(known) = &mut self.0 {
            let secrets = watch::channel(page.secrets()?).1;
            let endpoint = |app: &AppName| (app.clone(), page.settings.clone(), secrets.clone());
            known.of_apps.extend(page.apps.iter().map(endpoint));
        }
        Ok(self)
    }

    /// Returns a deliverer for each endpoint.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if a client cannot be built.
    pub(super) fn deliverers(self, apps: &Apps, keys: &KeyRing) -> Result<Vec<Deliverer>, ClientError> {
        let Some(Known { queue, of_apps }) = self.0 else { return Ok(Vec::new()) };
        let (apps, keys) = (apps.clone(), keys.clone());
        let renderer = Arc::new(move |event: &Event| event_data(&apps, &keys, event));
        let deliverer = |(app, settings, secrets): (AppName, EndpointSettings, _)| {
            Ok(Deliverer {
                app,
                queue: Arc::clone(&queue),
                client: Client::new(&settings)?,
                timeout: settings.timeout,
                schedule: settings.schedule,
                secrets,
                renderer: renderer.clone(),
            })
        };
        of_apps.into_iter().map(deliverer).collect()
    }
}
