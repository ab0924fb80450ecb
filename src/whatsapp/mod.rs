//! The WhatsApp Cloud API, seen from a business that sends authentication templates.
//!
//! [`GraphClient`] makes calls, [`template`] finds what can be sent, [`WhatsAppSender`] sends it.
//! [`authentication`] is what a template can be, [`manage`] makes and changes them.
//! [`error`] is the one table of WhatsApp's error codes, [`version`] that of the Graph API's versions.

mod account;
pub mod authentication;
mod breaker;
pub mod client;
pub mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod manage;
mod measure;
mod number;
mod paging;
mod sender;
mod settings;
pub mod template;
pub mod version;
mod wire;

pub use account::{BusinessAccount, WhatsAppAccount, access_token, graph_id};
pub use authentication::LanguageCode;
pub use client::GraphClient;
pub use number::BusinessNumber;
pub use sender::WhatsAppSender;
pub use settings::{ApiVersion, ApiVersionError, WhatsAppOverrides, WhatsAppSettings, base_url, plain_text_warning};
