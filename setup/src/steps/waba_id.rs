//! The WhatsApp Business account.

use whatsapp_otp::whatsapp::graph_id;

use crate::answers::Question;
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) async fn ask(ui: Ui, question: &mut Question<String>) -> Result<String, Failure> {
    let ask = async |suggested| {
        ui.introduce(
            "WhatsApp Business account (WABA)",
            "Its ID is in WhatsApp Manager, Account tools, and in App Dashboard, WhatsApp, API Setup.",
        );
        ui.text("WABA ID", suggested, graph_id).await
    };
    question.settle(ui, None, ask).await
}
