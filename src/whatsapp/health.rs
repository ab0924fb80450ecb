//! WhatsApp's own view of whether a number, an account or a template can send.

use serde::Deserialize;
use serde_json::Value;

use super::client::{CallError, GraphClient};

/// The health of a template, and its quality.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateHealth {
    /// The nodes on the way of its messages.
    pub health: Health,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`; empty if WhatsApp does not say.
    pub quality: String,
}

/// The answer of WhatsApp about a node and everything that its messages need.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// The nodes on the way of a message, the asked one among them.
    #[serde(default)]
    pub entities: Vec<EntityHealth>,
}

/// A node on the way of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntityHealth {
    /// `PHONE_NUMBER`, `WABA`, `BUSINESS`, `APP` or `MESSAGE_TEMPLATE`.
    #[serde(default)]
    pub entity_type: String,
    /// Its ID.
    #[serde(default)]
    pub id: String,
    /// `AVAILABLE`, `LIMITED` or `BLOCKED`.
    #[serde(default)]
    pub can_send_message: String,
    /// Its errors.
    #[serde(default)]
    pub errors: Vec<HealthError>,
}

/// Something that is wrong with a node, in WhatsApp's words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HealthError {
    /// The code, of a table of its own.
    #[serde(default)]
    pub error_code: i64,
    /// The description.
    #[serde(default)]
    pub error_description: String,
    /// The way to repair it.
    #[serde(default)]
    pub possible_solution: String,
}

#[derive(Deserialize)]
struct Node {
    health_status: Option<Health>,
    status: Option<String>,
    quality_score: Option<Value>,
}

impl Health {
    /// Reads the health of a number, an account or a template.
    ///
    /// # Errors
    ///
    /// [`CallError`], with code 100/33 if the node does not exist or the token may not see it.
    pub async fn read(client: &GraphClient, id: &str) -> Result<Self, CallError> {
        let node: Node = client.get(id, &[("fields", "health_status")]).await?;
        Ok(node.health_status.unwrap_or_default())
    }

    /// Reads the health of a template. One that is not approved is blocked, whatever its health status says.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn read_template(client: &GraphClient, id: &str) -> Result<TemplateHealth, CallError> {
        let node: Node = client.get(id, &[("fields", "health_status,status,quality_score")]).await?;
        let mut health = node.health_status.unwrap_or_default();
        if node.status.is_some_and(|status| status != "APPROVED") {
            health.entities.retain(|entity| entity.entity_type != TEMPLATE);
            health.entities.push(EntityHealth {
                entity_type: TEMPLATE.to_owned(),
                id: id.to_owned(),
                can_send_message: BLOCKED.to_owned(),
                errors: Vec::new(),
            });
        }
        let quality = node.quality_score.as_ref().and_then(|quality| quality["score"].as_str());
        Ok(TemplateHealth { health, quality: quality.unwrap_or_default().to_owned() })
    }

    /// Returns `true` if one of the nodes of these types cannot send, `false` if none of those named is blocked, and
    /// `None` if none is named.
    #[must_use]
    pub fn is_blocked(&self, types: &[&str]) -> Option<bool> {
        let mut meant = self.entities.iter().filter(|entity| types.contains(&entity.entity_type.as_str())).peekable();
        meant.peek()?;
        Some(meant.any(|entity| entity.can_send_message == BLOCKED))
    }
}

/// The types of the nodes that make up the account.
pub const ACCOUNT: &[&str] = &["WABA", "BUSINESS", "APP"];
/// The type of a number.
pub const NUMBER: &str = "PHONE_NUMBER";
/// The type of a template.
pub const TEMPLATE: &str = "MESSAGE_TEMPLATE";
const BLOCKED: &str = "BLOCKED";

#[cfg(test)]
mod tests {
    use super::*;

    fn health(entities: &str) -> Health {
        serde_json::from_str(&format!(r#"{{"can_send_message":"BLOCKED","entities":[{entities}]}}"#)).unwrap()
    }

    #[test]
    fn a_part_is_blocked_if_one_of_its_nodes_is() {
        let health = health(
            r#"{"entity_type":"PHONE_NUMBER","id":"1","can_send_message":"AVAILABLE"},
            {"entity_type":"WABA","id":"2","can_send_message":"LIMITED","errors":[{"error_code":141006,
             "error_description":"There is an error with the payment method.","possible_solution":"Add one."}]},
            {"entity_type":"BUSINESS","id":"3","can_send_message":"BLOCKED"},
            {"entity_type":"APP","id":"4","can_send_message":"AVAILABLE"}"#,
        );
        assert_eq!(health.is_blocked(&[NUMBER]), Some(false));
        assert_eq!(health.is_blocked(&["WABA"]), Some(false), "limited is not blocked");
        assert_eq!(health.is_blocked(ACCOUNT), Some(true));
        assert_eq!(health.is_blocked(&[TEMPLATE]), None);
    }

    #[test]
    fn an_answer_without_a_health_status_says_nothing() {
        let node: Node = serde_json::from_str(r#"{"id":"1"}"#).unwrap();
        assert_eq!(node.health_status.unwrap_or_default().is_blocked(ACCOUNT), None);
        assert_eq!(health("{}").is_blocked(ACCOUNT), None);
    }
}
