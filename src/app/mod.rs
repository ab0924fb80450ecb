//! The composition root: settings in, a running service out. Only commands and tests import it.

mod descriptors;
#[cfg(feature = "simulator")]
mod page_records;
mod redis_memory;
mod redis_safety;
mod running;
#[cfg(feature = "simulator")]
mod sandbox;
mod serve;
mod template_watch;

pub use running::{App, Parts};
#[cfg(feature = "simulator")]
pub use sandbox::{Sandbox, SandboxStore, sandbox};
pub use serve::{WhatsAppAtStart, serve};
