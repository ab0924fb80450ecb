//! The composition root: settings in, a running service or a command's answer out. Only commands and tests import it.

mod account_watch;
mod addresses;
mod advised;
mod check;
mod descriptors;
mod endpoints;
mod event_check;
mod healthcheck;
mod inspect;
#[cfg(feature = "simulator")]
mod page_endpoint;
#[cfg(feature = "simulator")]
mod page_feed;
#[cfg(feature = "simulator")]
mod page_limits;
#[cfg(feature = "simulator")]
mod page_readiness;
#[cfg(feature = "simulator")]
mod page_records;
mod proof_check;
mod redis_memory;
mod redis_safety;
mod redis_trouble;
mod running;
#[cfg(feature = "simulator")]
mod sandbox;
mod serve;
mod signals;
#[cfg(feature = "simulator")]
mod simulator;
mod template_watch;
mod trial;
mod visits;
mod warnings;
mod webhook_check;

pub use crate::http::openapi;
pub use advised::Advised;
pub use check::check;
pub use endpoints::Endpoints;
pub use healthcheck::{healthcheck, readiness_url};
pub use inspect::store;
pub use redis_trouble::about_redis;
pub use running::{App, Parts};
#[cfg(feature = "simulator")]
pub use sandbox::{Sandbox, SandboxStore, sandbox};
pub use serve::{WhatsAppAtStart, serve};
pub use signals::stop_signals;
#[cfg(feature = "simulator")]
pub use simulator::{SimulatedWhatsApp, simulator};
pub use trial::{Outcome, Part, Trial};
pub use warnings::{notes, warnings};
