//! The access token.

use secrecy::SecretString;
use whatsapp_otp::whatsapp::access_token;

use crate::answers::Question;
use crate::failure::Failure;
use crate::links;
use crate::ui::Ui;

/// Offers an earlier token without showing it.
pub(crate) async fn ask(ui: Ui, question: &mut Question<SecretString>) -> Result<SecretString, Failure> {
    let ask = async |stored: Option<SecretString>| {
        let text = format!(
            "Generate it for a system user who is assigned to the account, with an expiry of Never and both \
             whatsapp_business_management and whatsapp_business_messaging: {}",
            links::SYSTEM_USERS
        );
        ui.begin_step(2, "Access token", &text);
        if let Some(stored) = stored
            && ui.confirm("Keep the earlier token?", Some(true)).await?
        {
            return Ok(stored);
        }
        ui.secret("Access token (hidden)", access_token).await
    };
    question.settle(ui, None, ask).await
}
