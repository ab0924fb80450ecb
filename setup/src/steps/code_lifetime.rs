//! How long does the message say that a code is good?

use std::time::Duration;

use whatsapp_otp::whatsapp::authentication::CodeMinutes;

use crate::answers::{Question, code_lifetime};
use crate::failure::Failure;
use crate::ui::Ui;

/// Suggests what the service is set to.
pub(crate) async fn ask(
    ui: Ui,
    configured: Duration,
    question: &mut Question<CodeMinutes>,
) -> Result<CodeMinutes, Failure> {
    let in_force = humantime::format_duration(configured);
    // A footer has whole minutes.
    let usual = CodeMinutes::new(configured.as_secs().div_ceil(60));
    let ask = async |suggested: Option<CodeMinutes>| {
        ui.introduce(
            "Code lifetime",
            &format!(
                "The message's footer says it in whole minutes, 1 to 90. The service keeps to otp.code_lifetime, which \
                 is {in_force} now; the two should be the same."
            ),
        );
        let default = suggested.map(|minutes| format!("{}m", minutes.get()));
        ui.text("Code lifetime", default, code_lifetime).await
    };
    question.settle(ui, usual, ask).await
}
