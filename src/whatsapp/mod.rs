//! The WhatsApp Cloud API, seen from a business that sends authentication templates.
//!
//! [`GraphClient`] makes calls, [`template`] finds what can be sent, [`WhatsAppSender`] sends it.
//! [`error`] is the one table of WhatsApp's error codes, [`version`] that of the Graph API's versions.

mod breaker;
pub mod client;
pub mod error;
mod measure;
mod number;
mod sender;
mod settings;
pub mod template;
pub mod version;
mod wire;

pub use client::GraphClient;
pub use number::BusinessNumber;
pub use sender::WhatsAppSender;
pub use settings::{ApiVersion, ApiVersionError, WhatsAppAccount, WhatsAppSettings};
