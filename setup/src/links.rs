//! Meta's pages for what only a person can do.
//!
//! Meta's documentation links to all of them (editions of 2025 and 2026) except those of templates and system users, which
//! integrators link to. Each opens the portfolio that was used last.

/// WhatsApp Manager.
pub(crate) const MANAGER: &str = "https://business.facebook.com/latest/whatsapp_manager/overview/";
/// The account's numbers in WhatsApp Manager.
pub(crate) const PHONE_NUMBERS: &str = "https://business.facebook.com/latest/whatsapp_manager/phone_numbers/";
/// The account's templates in WhatsApp Manager.
pub(crate) const TEMPLATES: &str = "https://business.facebook.com/latest/whatsapp_manager/message_templates";
/// The system users, who own long-lived tokens.
pub(crate) const SYSTEM_USERS: &str = "https://business.facebook.com/latest/settings/system_users";
/// The apps at Meta; each has a dashboard.
pub(crate) const APPS: &str = "https://developers.facebook.com/apps";
