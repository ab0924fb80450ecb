//! The composition root: settings in, a running service out. Only commands and tests import it.

mod descriptors;
mod page_records;
mod redis_memory;
mod redis_safety;
mod running;
mod sandbox;
mod serve;
mod template_watch;

pub use running::{App, Parts};
pub use sandbox::{Sandbox, SandboxStore, sandbox};
pub use serve::{WhatsAppAtStart, serve};
