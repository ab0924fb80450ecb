//! The page at `/`: a sign-in form that calls the service, the phone that gets the messages, and orders for what is to go
//! wrong. For people who want to see it work, and for developers while they build.
//!
//! Plain HTML, CSS and JavaScript modules in `web`, embedded as they are ([`files`]). The page is static: what it has
//! to know it asks for ([`settings`], [`record`]), so that nothing from outside ever becomes part of its source.

mod files;
mod origin;
mod record;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{Router, routing::get};

pub use origin::{ServiceOrigin, ServiceOriginError};
pub use record::{CodeRecord, LimitUse, PhoneRecord, RecordError, RecordView};

use super::Simulator;

/// What the page is told that the simulator itself does not know.
#[derive(Clone, Default)]
pub struct Page {
    /// The service that its form calls; without one it has no form.
    pub service: Option<PageService>,
    /// Where it reads how the service's records stand, if it can.
    pub records: Option<Arc<dyn RecordView>>,
}

/// The service that the page's form calls.
#[derive(Debug, Clone)]
pub struct PageService {
    /// Where browsers reach it.
    pub origin: ServiceOrigin,
    /// Digits of its codes, if that is known.
    pub code_length: Option<u8>,
    /// Whether it wants an API key, as far as is known.
    pub needs_api_key: bool,
    /// Whether it certainly sends through this simulator. If not, the form is only open while some service calls.
    pub sends_here: bool,
}

impl PageService {
    /// A service of which nothing but its address is known.
    #[must_use]
    pub fn at(origin: ServiceOrigin) -> Self {
        Self { origin, code_length: None, needs_api_key: false, sends_here: false }
    }
}

#[derive(Clone)]
struct PageState {
    simulator: Simulator,
    page: Page,
}

pub(crate) fn router(simulator: &Simulator, page: Page) -> Router<Simulator> {
    Router::new()
        .route("/", get(files::index))
        .route("/page/settings.json", get(settings::show))
        .route("/page/record/{phone}", get(record::show))
        .route("/page/{*file}", get(files::file))
        .with_state(PageState { simulator: simulator.clone(), page })
}
