//! Webhooks: the news that WhatsApp sends of its own accord.
//!
//! [`WebhookReceiver`] receives them, [`notices`] reads the parts of a body, and `account` lists the notices about the
//! account.

mod account;
mod lenient;
mod management;
mod notice;
mod part;
mod receiver;
mod signature;

pub use account::{
    AccountEvent, AccountNotice, AccountNotices, AlertSeverity, BanState, CategoryStage, Effect, Quality,
    ReviewDecision, SecurityEvent, TemplateEvent, TemplateName, Tier,
};
pub use notice::{Notice, Ours, StatusNotice, notices};
pub use part::{Ignored, Kind};
pub use receiver::{Secrets, WebhookReceiver};
