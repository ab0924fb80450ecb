//! The business's own number, for those who check a set-up.

use serde::Deserialize;

use super::client::{CallError, GraphClient};

/// The number that codes come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BusinessNumber {
    /// The number as WhatsApp shows it, `+1 631-555-5555`.
    pub display_phone_number: String,
    /// The name that recipients see.
    #[serde(default)]
    pub verified_name: String,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`.
    #[serde(default)]
    pub quality_rating: String,
    /// `CONNECTED`, or why it cannot send.
    #[serde(default)]
    pub status: String,
}

impl BusinessNumber {
    /// Reads what WhatsApp knows of the number.
    ///
    /// # Errors
    ///
    /// [`CallError`], with code 100/33 if the number does not exist or the token may not see it.
    pub async fn read(client: &GraphClient, phone_number_id: &str) -> Result<Self, CallError> {
        let fields = [("fields", "display_phone_number,verified_name,quality_rating,status")];
        client.get(phone_number_id, &fields).await
    }
}
