//! The simulated WhatsApp on its own, for `whatsapp-otp simulator`.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use whatsapp_otp_simulator::{Page, PageService, ServiceOrigin, Simulator, SimulatorSettings};

use super::addresses::{self, for_browsers};
use crate::http::{ConnectionBounds, Handle, Listener};

/// The inbox's event streams never end on their own.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// A simulator whose listener is bound: connections queue up until it runs.
pub struct SimulatedWhatsApp {
    simulator: Simulator,
    listener: Listener,
}

/// Binds a simulator of these settings to an address.
///
/// # Errors
///
/// If the address is taken.
pub async fn simulator(settings: SimulatorSettings, listen: SocketAddr) -> anyhow::Result<SimulatedWhatsApp> {
    let listener = addresses::bind(listen, None, ConnectionBounds::local(), "--listen").await?;
    Ok(SimulatedWhatsApp { simulator: Simulator::new(settings), listener })
}

impl SimulatedWhatsApp {
    /// Returns the account that it simulates.
    #[must_use]
    pub fn account(&self) -> &SimulatorSettings {
        self.simulator.settings()
    }

    /// Returns its URL on this machine, `http://127.0.0.1:3001`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", for_browsers(self.listener.address()))
    }

    /// Serves until the first message of `stop`, or its end. With `service`, the page has a form for signing in there.
    pub async fn run_until(self, mut stop: mpsc::Receiver<()>, service: Option<ServiceOrigin>) {
        let handle = Handle::default();
        let page = Page { service: service.map(PageService::at), ..Page::default() };
        let serving = self.listener.serve(self.simulator.router_with(page), handle.clone());
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => {}
            _ = stop.recv() => {
                handle.graceful_shutdown(STOP_WITHIN);
                serving.await;
            }
        }
    }
}
