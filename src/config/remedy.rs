//! The ways to a valid value, for settings that are made or found with a command.

use super::fault::{Fault, Origin};
use super::keys;

const SECRET: &str = "`openssl rand -hex 32` generates one. Give the same to every instance.";
const ACCOUNT: &str = "To try the service without an account, run `whatsapp-otp sandbox`.";
const ID: &str = "`whatsapp-otp-setup` finds the IDs of your account.";
const API_KEY: &str = "`whatsapp-otp api-key NAME` generates a key and prints its settings.";

impl Fault {
    /// Returns the way to a valid value, a sentence, if there is one that is worth naming.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        let is_missing = matches!(self.origin, Origin::Unset | Origin::Default);
        Some(match keys::shared(&self.key).as_str() {
            "otp.secret" | "redis.subject_secret" => SECRET,
            "whatsapp.info_file" if is_missing => ACCOUNT,
            "whatsapp.waba_id" | "whatsapp.phone_number_id" | "whatsapp.template_id" => ID,
            "whatsapp.access_token" => "Generate a token for a system user in Meta Business Suite.",
            "whatsapp.app_secret" => "Copy it from the app's dashboard: App settings, Basic.",
            "whatsapp.webhook_verify_token" => {
                "`openssl rand -hex 16` generates one. Enter the same in the app's dashboard."
            }
            "keys.NAME.sha256" | "auth.mode" => API_KEY,
            "proof.signing_key_files" => "`whatsapp-otp proof-key` generates a key and prints its settings.",
            "events.secret" => "`echo whsec_$(openssl rand -base64 32)` generates one.",
            _ => return None,
        })
    }
}
