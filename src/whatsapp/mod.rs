//! The WhatsApp Cloud API, as used by a business that sends authentication templates.
//!
//! [`GraphClient`] makes calls, [`template`] finds the template to send, [`WhatsAppSender`] sends it.
//! [`error`] is the table of WhatsApp's error codes, [`version`] that of the Graph API's versions.

mod account;
mod account_truth;
mod breaker;
pub mod client;
pub mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod health;
mod measure;
mod number;
mod paging;
mod sender;
mod settings;
mod standing;
pub mod subscription;
pub mod template;
pub mod version;
pub mod webhook;
mod wire;

pub use account::{BusinessAccount, access_token, graph_id};
pub use account_truth::{AccountDoubts, AccountTruth, OwnTemplate};
pub use client::GraphClient;
pub use number::BusinessNumber;
pub use sender::WhatsAppSender;
#[cfg(feature = "simulator")]
pub(crate) use sender::reference;
pub use settings::{
    ApiVersion, ApiVersionError, WhatsAppAccount, WhatsAppApi, WhatsAppOverrides, WhatsAppSettings, base_url,
    plain_text_warning,
};
pub use standing::{Announced, ErrorAbout, Reports, Standing, suspension_of};
