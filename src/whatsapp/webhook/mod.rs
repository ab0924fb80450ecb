//! What WhatsApp tells us of its own accord: webhooks.

mod account;

pub use account::{
    AccountEvent, AccountNotice, AccountNotices, AlertSeverity, BanState, CategoryStage, Effect, Quality,
    ReviewDecision, SecurityEvent, TemplateEvent, TemplateName, Tier,
};
