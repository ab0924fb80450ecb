//! The time in which WhatsApp tries to deliver a message.

use crate::answers::{Question, message_ttl};
use crate::authentication::{CodeMinutes, MessageTtl};
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) async fn ask(
    ui: Ui,
    code_lifetime: CodeMinutes,
    question: &mut Question<MessageTtl>,
) -> Result<MessageTtl, Failure> {
    let ask = async |suggested: Option<MessageTtl>| {
        ui.introduce(
            "Time to deliver",
            "If a phone is off for longer than this, WhatsApp drops the message: 30s to 15m, and no longer than the code \
             is valid.",
        );
        let default = suggested.map(|ttl| humantime::format_duration(ttl.duration()).to_string());
        ui.text("Time to deliver", default, message_ttl).await
    };
    let ttl = question.settle(ui, Some(MessageTtl::advised(code_lifetime)), ask).await?;
    if ttl.duration() > code_lifetime.duration() {
        ui.say("note: messages may arrive after their code has expired.");
    }
    Ok(ttl)
}
