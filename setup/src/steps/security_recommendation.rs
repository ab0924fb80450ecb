//! The message's request not to share the code.

use crate::answers::Question;
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) async fn ask(ui: Ui, question: &mut Question<bool>) -> Result<bool, Failure> {
    let ask = async |suggested| {
        ui.introduce("Security recommendation", "\"For your security, do not share this code.\"");
        ui.confirm("Add it to the message?", suggested).await
    };
    question.settle(ui, Some(true), ask).await
}
