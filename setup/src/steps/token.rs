//! The access token.

use secrecy::SecretString;
use whatsapp_otp::whatsapp::access_token;

use crate::answers::Question;
use crate::failure::Failure;
use crate::ui::Ui;

/// Offers an earlier token without showing it.
pub(crate) async fn ask(ui: Ui, question: &mut Question<SecretString>) -> Result<SecretString, Failure> {
    let ask = async |stored: Option<SecretString>| {
        ui.introduce(
            "Access token",
            "The token of a system user that is assigned to the account, with whatsapp_business_management and \
             whatsapp_business_messaging: business.facebook.com, Settings, Users, System users, Generate token.",
        );
        if let Some(stored) = stored
            && ui.confirm("Keep the earlier token?", Some(true)).await?
        {
            return Ok(stored);
        }
        ui.secret("Access token (hidden)", access_token).await
    };
    question.settle(ui, None, ask).await
}
