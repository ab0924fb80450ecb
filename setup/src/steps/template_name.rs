//! The template's name.

use crate::answers::Question;
use crate::authentication::TemplateName;
use crate::failure::Failure;
use crate::ui::Ui;

const USUAL: &str = "verification_code";

pub(crate) async fn ask(ui: Ui, question: &mut Question<TemplateName>) -> Result<TemplateName, Failure> {
    let ask = async |suggested: Option<TemplateName>| {
        ui.introduce("Template name", "Only you see it: lowercase letters, digits and underscores.");
        ui.text("Template name", suggested.map(Into::into), TemplateName::parse).await
    };
    question.settle(ui, TemplateName::parse(USUAL).ok(), ask).await
}
