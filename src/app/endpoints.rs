//! The endpoints that an instance tells of events.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{AppSettings, Replaceable};
use crate::events::{Client, ClientError, Deliverer, EndpointSettings, EventSecrets};
use crate::http::event_data;
use crate::otp::{AppName, Apps, Event, EventQueue, KeyRing};
use crate::reread;

/// The endpoints of apps, their secrets, and the queue of their events. None by default.
#[derive(Default)]
pub struct Endpoints(Option<Known>);

struct Known {
    queue: Arc<dyn EventQueue>,
    of_apps: Vec<(AppName, EndpointSettings)>,
    secrets: watch::Receiver<EventSecrets>,
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
        let of_apps = apps.iter().filter_map(|app| Some((app.name.clone(), app.endpoint.clone()?))).collect();
        let secrets = reread::follow("events.secret", secrets.files(), move || secrets.read()).await?;
        Ok(Self(Some(Known { queue, of_apps, secrets })))
    }

    /// Returns a deliverer for each endpoint.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if a client cannot be built.
    pub(super) fn deliverers(self, apps: &Apps, keys: &KeyRing) -> Result<Vec<Deliverer>, ClientError> {
        let Some(Known { queue, of_apps, secrets }) = self.0 else { return Ok(Vec::new()) };
        let (apps, keys) = (apps.clone(), keys.clone());
        let renderer = Arc::new(move |event: &Event| event_data(&apps, &keys, event));
        let deliverer = |(app, settings): (AppName, EndpointSettings)| {
            Ok(Deliverer {
                app,
                queue: Arc::clone(&queue),
                client: Client::new(&settings)?,
                timeout: settings.timeout,
                schedule: settings.schedule,
                secrets: secrets.clone(),
                renderer: renderer.clone(),
            })
        };
        of_apps.into_iter().map(deliverer).collect()
    }
}
