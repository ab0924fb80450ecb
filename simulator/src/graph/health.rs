//! `health_status`: the parts that a send involves, and the ones that stand in its way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::catalog;
use crate::{AccountState, Simulator, SimulatorSettings, TemplateStatus, templates::Template, world::World};

/// The ability to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CanSend {
    /// Nothing stands in the way.
    Available,
    /// It sends, but less than it could.
    Limited,
    /// It cannot send.
    Blocked,
}

/// Health that was set, by the id of a number, a template or the account.
pub(crate) type SetHealth = BTreeMap<String, CanSend>;

/// The most ids whose health can be set.
const MOST_SET: usize = 1_000;

/// The health of a number, an account or a template, before what was set.
struct Part<'a> {
    kind: &'static str,
    id: &'a str,
    error: Option<u32>,
}

impl Simulator {
    /// Sets what `health_status` says about a number, a template or the account with this id, whatever its state; `None`
    /// makes it follow the state again. It changes nothing else.
    pub fn set_health(&self, id: &str, health: Option<CanSend>) {
        let mut world = self.world();
        match health {
            Some(health) if world.health.len() < MOST_SET || world.health.contains_key(id) => {
                world.health.insert(id.to_owned(), health);
            }
            Some(_) => {}
            None => {
                world.health.remove(id);
            }
        }
    }
}

/// The health of the account's number.
pub(crate) fn of_number(settings: &SimulatorSettings, world: &World, id: &str) -> Value {
    let registered = id == settings.phone_number_id && world.switches.sender_registered;
    let number = Part { kind: "PHONE_NUMBER", id, error: (!registered).then_some(133_010) };
    with_account(settings, world, Some(number))
}

/// The health of a template.
pub(crate) fn of_template(settings: &SimulatorSettings, world: &World, template: &Template) -> Value {
    let error = match template.status {
        TemplateStatus::Approved => None,
        TemplateStatus::Paused => Some(132_015),
        TemplateStatus::Disabled => Some(132_016),
        _ => Some(132_001),
    };
    with_account(settings, world, Some(Part { kind: "MESSAGE_TEMPLATE", id: &template.id, error }))
}

/// The health of the account.
pub(crate) fn of_account(settings: &SimulatorSettings, world: &World) -> Value {
    with_account(settings, world, None)
}

fn with_account(settings: &SimulatorSettings, world: &World, part: Option<Part<'_>>) -> Value {
    let error = match world.switches.account {
        AccountState::Locked => Some(131_031),
        AccountState::Blocked => Some(368),
        AccountState::Unpaid => Some(131_042),
        _ => None,
    };
    let shared = [
        Part { kind: "WABA", id: &settings.waba_id, error },
        Part { kind: "BUSINESS", id: "600000000000001", error: None },
        Part { kind: "APP", id: &settings.app_id, error: None },
    ];
    let parts: Vec<_> = part.into_iter().chain(shared).map(|part| judged(&world.health, &part)).collect();
    let worst = parts.iter().map(|(health, _)| *health).max();
    let entities: Vec<_> = parts.into_iter().map(|(_, entity)| entity).collect();
    json!({ "can_send_message": worst, "entities": entities })
}

fn judged(set: &SetHealth, part: &Part<'_>) -> (CanSend, Value) {
    let own = if part.error.is_some() { CanSend::Blocked } else { CanSend::Available };
    let health = set.get(part.id).copied().unwrap_or(own);
    let mut entity = json!({ "entity_type": part.kind, "id": part.id, "can_send_message": health });
    if health != CanSend::Available {
        let code = part.error.unwrap_or(131_031);
        entity["errors"] = json!([{
            "error_code": code,
            "error_description": catalog::entry(code).title,
            "possible_solution": "Look at this account in WhatsApp Manager.",
        }]);
    }
    (health, entity)
}
