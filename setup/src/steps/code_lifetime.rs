//! The code's lifetime in the message.

use std::time::Duration;

use crate::answers::{Question, code_lifetime};
use crate::authentication::CodeMinutes;
use crate::failure::Failure;
use crate::ui::Ui;

/// Suggests the service's setting.
pub(crate) async fn ask(
    ui: Ui,
    configured: Duration,
    question: &mut Question<CodeMinutes>,
) -> Result<CodeMinutes, Failure> {
    let in_force = humantime::format_duration(configured);
    // The footer states whole minutes.
    let usual = CodeMinutes::new(configured.as_secs().div_ceil(60));
    let ask = async |suggested: Option<CodeMinutes>| {
        ui.introduce(
            "Code lifetime",
            &format!(
                "The message's footer states it in whole minutes, 1 to 90. The service must have the same lifetime in \
                 otp.code_lifetime, which is {in_force} now."
            ),
        );
        let default = suggested.map(|minutes| format!("{}m", minutes.get()));
        ui.text("Code lifetime", default, code_lifetime).await
    };
    question.settle(ui, usual, ask).await
}
