//! The business's own number, for checking a set-up.

use serde::Deserialize;
use serde_json::Value;

use super::client::{CallError, GraphClient};
use super::paging;

const FIELDS: (&str, &str) = ("fields", "id,display_phone_number,verified_name,quality_rating,status");

/// The number that sends the codes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BusinessNumber {
    /// Its ID, as used in the path of a send.
    pub id: String,
    /// The number as WhatsApp displays it, `+1 631-555-5555`.
    pub display_phone_number: String,
    /// The name that recipients see.
    #[serde(default)]
    pub verified_name: String,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`.
    #[serde(default)]
    pub quality_rating: String,
    /// `CONNECTED`, or the reason why it cannot send.
    #[serde(default)]
    pub status: String,
}

impl BusinessNumber {
    /// Reads the number's details from WhatsApp.
    ///
    /// # Errors
    ///
    /// [`CallError`], with code 100/33 if the number does not exist or the token may not see it.
    pub async fn read(client: &GraphClient, phone_number_id: &str) -> Result<Self, CallError> {
        client.get(phone_number_id, &[FIELDS]).await
    }

    /// Lists all numbers of the account.
    ///
    /// # Errors
    ///
    /// [`CallError`], with code 200 if the token may not see the account.
    pub async fn list(client: &GraphClient, waba_id: &str) -> Result<Vec<Self>, CallError> {
        paging::all(client, &format!("{waba_id}/phone_numbers"), &[FIELDS]).await
    }

    /// Reads the tier of the number's messaging limit, such as `TIER_2K`, if WhatsApp says it.
    ///
    /// # Errors
    ///
    /// [`CallError`], with code 100 if this version of the API does not have it.
    pub async fn messaging_tier(client: &GraphClient, phone_number_id: &str) -> Result<Option<String>, CallError> {
        let fields = ("fields", "whatsapp_business_manager_messaging_limit,messaging_limit_tier");
        let node: Value = client.get(phone_number_id, &[fields]).await?;
        let tiers = ["whatsapp_business_manager_messaging_limit", "messaging_limit_tier"];
        Ok(tiers.iter().find_map(|name| node[name].as_str()).map(str::to_owned))
    }

    /// Returns the number in international format, however WhatsApp displays it.
    #[must_use]
    pub fn international(&self) -> String {
        let number = &self.display_phone_number;
        if number.starts_with('+') { number.clone() } else { format!("+{number}") }
    }

    /// Returns `true` unless the status says that the number cannot send.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        // Graph omits the status for some tokens.
        self.status.is_empty() || self.status == "CONNECTED"
    }
}
