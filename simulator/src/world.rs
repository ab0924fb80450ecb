//! The state behind the API: one WhatsApp Business account and its usage.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    OtpButton, SimulatorSettings, TemplateStatus,
    graph::health::SetHealth,
    switches::Switches,
    templates::{Category, Template, content::AuthenticationContent, store::TemplateStore},
    throttle::{HourlyBudget, PairLimit, Registrations, Throughput},
};

/// The account's mutable state.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) switches: Switches,
    pub(crate) templates: TemplateStore,
    pub(crate) throughput: Throughput,
    pub(crate) pairs: PairLimit,
    pub(crate) management_calls: HourlyBudget,
    pub(crate) template_creations: HourlyBudget,
    pub(crate) registrations: Registrations,
    pub(crate) health: SetHealth,
    pub(crate) created_at: Timestamp,
}

impl World {
    /// Creates the account of these settings. Besides the configured template it holds a few that every real account
    /// accumulates. They are newer and therefore listed first, which exposes a client that reads only the start of the list.
    pub(crate) fn new(settings: &SimulatorSettings, now: Timestamp) -> Self {
        let content = AuthenticationContent {
            security_recommendation: true,
            expiration_minutes: Some(settings.code_expiration_minutes),
            button: settings.button,
            copy_code_text: None,
        };
        let configured = settings
            .translations()
            .map(|(id, language)| authentication(&id, &settings.template_name, language, &content, now));
        let mut retired = authentication(
            "310000000000001",
            "retired_login",
            "en_US",
            &AuthenticationContent {
                security_recommendation: false,
                expiration_minutes: None,
                button: OtpButton::CopyCode,
                copy_code_text: None,
            },
            now,
        );
        retired.status = TemplateStatus::Disabled;
        let usual = [
            retired,
            utility(
                "310000000000002",
                "hello_world",
                "Welcome and congratulations! This message demonstrates your ability to send.",
                now,
            ),
            utility("310000000000003", "order_shipped", "Your order {{1}} is on its way and arrives on {{2}}.", now),
        ];
        let templates = configured.chain(usual).collect();
        Self {
            switches: Switches::default(),
            templates: TemplateStore::new(templates, 310_000_000_000_100),
            throughput: Throughput::default(),
            pairs: PairLimit::default(),
            management_calls: HourlyBudget::default(),
            template_creations: HourlyBudget::default(),
            registrations: Registrations::default(),
            health: SetHealth::default(),
            created_at: now,
        }
    }
}

fn authentication(id: &str, name: &str, language: &str, content: &AuthenticationContent, now: Timestamp) -> Template {
    Template {
        category: Category::Authentication,
        components: content.components(language),
        otp_button: Some(content.button),
        ttl_seconds: Some(600),
        language: language.to_owned(),
        ..utility(id, name, "", now)
    }
}

fn utility(id: &str, name: &str, body: &str, now: Timestamp) -> Template {
    let body: Value = json!({ "type": "BODY", "text": body });
    Template {
        id: id.to_owned(),
        name: name.to_owned(),
        language: "en_US".to_owned(),
        category: Category::Utility,
        status: TemplateStatus::Approved,
        components: vec![body],
        otp_button: None,
        ttl_seconds: None,
        rejected_reason: "NONE",
        updated_at: now,
        edits: Vec::new(),
        reads_until_approval: None,
    }
}
