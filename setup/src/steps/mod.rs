//! The steps, one file each.

pub(crate) mod account;
pub(crate) mod approval;
pub(crate) mod apps;
pub(crate) mod code_lifetime;
pub(crate) mod create;
pub(crate) mod delivery;
pub(crate) mod existing;
pub(crate) mod languages;
pub(crate) mod message_ttl;
pub(crate) mod phone_number;
pub(crate) mod platform;
pub(crate) mod preview;
pub(crate) mod registration;
pub(crate) mod security_recommendation;
pub(crate) mod settings_file;
pub(crate) mod template_name;
pub(crate) mod token;
pub(crate) mod waba_id;
