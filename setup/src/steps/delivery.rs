//! The way of the code from WhatsApp into the app.

use crate::advice::{Advice, Concern};
use crate::answers::{Delivery, Platform, Question};
use crate::failure::Failure;
use crate::ui::Ui;

const ALL: [(Delivery, &str); 3] = [
    (Delivery::CopyCode, "Copy code: users copy it with a button and paste it"),
    (Delivery::OneTap, "One-tap: a button passes it to your Android app"),
    (Delivery::ZeroTap, "Zero-tap: your Android app receives it without a tap"),
];

/// A summary of WhatsApp's terms, which Meta may change.
const TERMS: &str = "\
With a zero-tap template you accept that your users must expect the code to be filled in automatically, that you are \
responsible for this, and that zero-tap authentication is subject to the WhatsApp Business Terms of Service \
(https://www.whatsapp.com/legal/business-terms). Only send zero-tap codes to people who have asked for one in your app.";

pub(crate) async fn ask(ui: Ui, platform: Platform, question: &mut Question<Delivery>) -> Result<Delivery, Failure> {
    if platform == Platform::Ios && !question.is_settled() {
        question.set(Delivery::CopyCode);
        if ui.asks() {
            ui.say("\nOn iOS there is one way: users copy the code, or take it from the keyboard's suggestion.");
        }
    }
    let ask = async |suggested: Option<Delivery>| {
        ui.introduce(
            "Code delivery",
            "Where one-tap or zero-tap does not work, users get the button that copies the code. iOS suggests the code above \
             its keyboard in any case.",
        );
        let items = ALL.map(|(_, name)| name.to_owned());
        let default = ALL.iter().position(|(delivery, _)| Some(*delivery) == suggested).unwrap_or(0);
        Ok(ALL[ui.choose("Code delivery", &items, default).await?].0)
    };
    let delivery = question.settle(ui, Some(Delivery::CopyCode), ask).await?;
    if platform == Platform::Ios && delivery != Delivery::CopyCode {
        let text = "one-tap and zero-tap exist on Android only";
        return Err(Advice::new(text, "Choose Android or copy code.", Concern::Delivery).into());
    }
    Ok(delivery)
}

/// Asks for acceptance of the terms, without which there is no zero-tap template.
pub(crate) async fn accept_terms(ui: Ui, question: &mut Question<bool>) -> Result<(), Failure> {
    let ask = async |_| {
        ui.introduce("Terms of zero-tap", TERMS);
        ui.confirm("Do you accept?", None).await
    };
    if question.settle(ui, None, ask).await? {
        return Ok(());
    }
    question.forget();
    let text = "WhatsApp creates zero-tap templates only if their terms are accepted";
    Err(Advice::new(text, "Accept them, or choose another delivery.", Concern::Delivery).into())
}
