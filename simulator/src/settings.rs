//! The initial state: one business account with one sender and one approved authentication template, and its limits.

use serde::{Deserialize, Serialize};

use super::{WebhookSettings, WebhookTimes};

/// The access token of the default settings.
///
/// Only the simulator accepts it: Meta never issued it.
pub const DEFAULT_ACCESS_TOKEN: &str = "EAASIMULATOR0SYSTEM0USER0TOKEN";

/// Settings of a simulated WhatsApp Business account.
///
/// The [`Default`] is ready to send: its number is registered and connected, and its template approved.
#[derive(Debug, Clone)]
pub struct SimulatorSettings {
    /// The token of a system user with both WhatsApp scopes and access to the account.
    pub access_token: String,
    /// Id of the WhatsApp Business account.
    pub waba_id: String,
    /// Id of the app that the token belongs to.
    pub app_id: String,
    /// Id of the sender, as in the path of a send.
    pub phone_number_id: String,
    /// The sender's number as people write it, in international form with `+`.
    pub display_phone_number: String,
    /// Further numbers of the account: id, and the number as people write it. Their ownership is not verified, so they
    /// cannot be registered, and nothing can be sent from them. They are listed first, as numbers added later are.
    pub unregistered_numbers: Vec<(String, String)>,
    /// The sender's name as recipients see it.
    pub verified_name: String,
    /// Id of the authentication template in the first of its languages.
    pub template_id: String,
    /// Name of the authentication template.
    pub template_name: String,
    /// The languages the template exists in.
    pub languages: Vec<String>,
    /// The lifetime in the template's footer, 1 to 90 minutes.
    pub code_expiration_minutes: u8,
    /// The kind of button under the code.
    pub button: OtpButton,
    /// Sends per second before error 130429; `0` removes the limit, for load tests.
    pub messages_per_second: u32,
    /// HTTP status of throttling errors.
    pub throttle_status: ThrottleStatus,
    /// Limits the messages to one recipient (error 131056).
    pub pair_limit: bool,
    /// The app that receives webhooks; none if its address is not known yet.
    pub webhooks: Option<WebhookSettings>,
    /// The times of webhooks.
    pub webhook_times: WebhookTimes,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            access_token: DEFAULT_ACCESS_TOKEN.to_owned(),
            waba_id: "100000000000001".to_owned(),
            app_id: "400000000000001".to_owned(),
            phone_number_id: "200000000000001".to_owned(),
            display_phone_number: "+1 555-789-0100".to_owned(),
            unregistered_numbers: Vec::new(),
            verified_name: "Simulated Business".to_owned(),
            template_id: "300000000000001".to_owned(),
            template_name: "otp_login".to_owned(),
            languages: vec!["en_US".to_owned()],
            code_expiration_minutes: 5,
            button: OtpButton::CopyCode,
            messages_per_second: 80,
            throttle_status: ThrottleStatus::BadRequest,
            pair_limit: true,
            webhooks: None,
            webhook_times: WebhookTimes::default(),
        }
    }
}

impl SimulatorSettings {
    /// Returns the id of the template in each of its languages: the configured one, and then that with 2, 3, … behind it.
    pub fn translations(&self) -> impl Iterator<Item = (String, &str)> {
        (1..).zip(&self.languages).map(|(number, language)| {
            let id = &self.template_id;
            (if number == 1 { id.clone() } else { format!("{id}{number}") }, language.as_str())
        })
    }
}

/// The action of the button under a code on the recipient's phone.
///
/// Written `COPY_CODE` in the Graph API and `copy_code` in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtpButton {
    /// The person copies the code and pastes it.
    CopyCode,
    /// One tap hands the code to the app.
    OneTap,
    /// The app receives the code without a tap.
    ZeroTap,
}

impl OtpButton {
    /// Every kind, in Meta's order.
    pub(crate) const ALL: [Self; 3] = [Self::CopyCode, Self::OneTap, Self::ZeroTap];

    /// The value of `otp_type` in the Graph API.
    #[must_use]
    pub fn otp_type(self) -> &'static str {
        match self {
            Self::CopyCode => "COPY_CODE",
            Self::OneTap => "ONE_TAP",
            Self::ZeroTap => "ZERO_TAP",
        }
    }
}

/// The HTTP status of throttling errors.
///
/// Meta's table says 400; its `OpenAPI` file and some partners report 429. A client must handle both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottleStatus {
    /// 400, as in Meta's table of error codes.
    BadRequest,
    /// 429, as in Meta's `OpenAPI` file.
    TooManyRequests,
}
