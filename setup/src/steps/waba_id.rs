//! The WhatsApp Business account.

use whatsapp_otp::whatsapp::graph_id;

use crate::answers::Question;
use crate::failure::Failure;
use crate::links;
use crate::ui::Ui;

pub(crate) async fn ask(ui: Ui, question: &mut Question<String>) -> Result<String, Failure> {
    let ask = async |suggested| {
        let text =
            format!("Its ID is in WhatsApp Manager under Account tools, beside the account's name: {}", links::MANAGER);
        ui.begin_step(1, "WhatsApp Business account (WABA)", &text);
        ui.text("WABA ID", suggested, graph_id).await
    };
    question.settle(ui, None, ask).await
}
