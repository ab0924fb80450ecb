//! The page at `/`: a sign-in form that calls the service, the phone that receives the messages, and orders for
//! failures. It is for people who want to see the service work, and for developers.
//!
//! It is plain HTML, CSS and JavaScript modules in `web`, embedded unchanged ([`files`]). The page is static: it fetches
//! what it has to know ([`settings`], [`record`]), so that no outside data becomes part of its source.

mod files;
mod limits;
mod origin;
mod readiness;
mod record;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get},
};
use secrecy::SecretString;

pub use limits::{LimitInForce, ResetLimits};
pub use origin::{ServiceOrigin, ServiceOriginError};
pub use readiness::ReadinessView;
pub use record::{CodeRecord, LimitUse, PhoneRecord, RecordError, RecordView};

use super::Simulator;

/// The page's settings, which the simulator itself does not know.
#[derive(Clone, Default)]
pub struct Page {
    /// The service that its form calls; without one it has no form.
    pub service: Option<PageService>,
    /// The service's records, if they can be read.
    pub records: Option<Arc<dyn RecordView>>,
    /// The service's readiness, if it can be read.
    pub readiness: Option<Arc<dyn ReadinessView>>,
    /// The counters of the service's limits, if they can be reset.
    pub limits: Option<Arc<dyn ResetLimits>>,
    /// The service's limits, if they are known.
    pub limits_in_force: Vec<LimitInForce>,
}

/// The service that the page's form calls.
#[derive(Debug, Clone)]
pub struct PageService {
    /// Its origin for browsers.
    pub origin: ServiceOrigin,
    /// The number of digits of its codes, if known.
    pub code_length: Option<u8>,
    /// It is known to require an API key.
    pub needs_api_key: bool,
    /// A key that the form calls the verification API with. Everybody who can open the page receives it, so it is one
    /// for trying things out.
    pub api_key: Option<SecretString>,
    /// It is known to send through this simulator. If not, the form is open only while some service calls.
    pub sends_here: bool,
}

impl PageService {
    /// A service of which only the address is known.
    #[must_use]
    pub fn at(origin: ServiceOrigin) -> Self {
        Self { origin, code_length: None, needs_api_key: false, api_key: None, sends_here: false }
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
        .route("/page/readiness.json", get(readiness::show))
        .route("/page/limits", delete(limits::reset_all))
        .route("/page/limits/{phone}", delete(limits::reset_one))
        .route("/page/{*file}", get(files::file))
        .with_state(PageState { simulator: simulator.clone(), page })
}
