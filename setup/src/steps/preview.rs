//! A preview of the message.

use console::{measure_text_width, style};
use whatsapp_otp::otp::Locale;
use whatsapp_otp::whatsapp::GraphClient;

use crate::advice::{Advice, Doing};
use crate::authentication::{AuthenticationTemplate, CodeDelivery};
use crate::failure::Failure;
use crate::manage::{self, Preview};
use crate::ui::Ui;

/// The code in the preview.
const EXAMPLE: &str = "123456";
const BUBBLE: usize = 44;
/// The most languages shown.
const MOST_SHOWN: usize = 3;

/// Shows the message as WhatsApp previews it.
pub(crate) async fn show(
    ui: Ui,
    client: &GraphClient,
    waba_id: &str,
    template: &AuthenticationTemplate,
    languages: &[Locale],
) -> Result<(), Failure> {
    let recommendation = template.security_recommendation;
    let previews = manage::previews(client, waba_id, languages, recommendation, template.code_lifetime).await;
    let previews = previews.map_err(|error| Advice::of(&error, Doing::Template))?;
    ui.introduce("Preview", "");
    for preview in previews.iter().take(MOST_SHOWN) {
        ui.say(format!("{}:\n{}", preview.language, bubble(preview, &template.delivery)));
    }
    if let Some(more) = previews.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        ui.say(format!("and in {more} more languages"));
    }
    Ok(())
}

fn bubble(preview: &Preview, delivery: &CodeDelivery) -> String {
    let rule = "─".repeat(BUBBLE + 2);
    let row = |text: &str| {
        let padding = " ".repeat(BUBBLE.saturating_sub(measure_text_width(text)));
        format!("  │ {text}{padding} │")
    };
    let body = preview.body.replace("{{1}}", EXAMPLE).replace('*', "");
    let mut rows = vec![format!("  ┌{rule}┐")];
    rows.extend(textwrap::wrap(&body, BUBBLE).iter().map(|line| row(line)));
    for line in preview.footer.iter().flat_map(|footer| textwrap::wrap(footer, BUBBLE)) {
        rows.push(row(&style(line).dim().for_stderr().to_string()));
    }
    if let Some(label) = label(preview, delivery) {
        let before = " ".repeat(BUBBLE.saturating_sub(measure_text_width(label)) / 2);
        rows.extend([format!("  ├{rule}┤"), row(&format!("{before}{label}"))]);
    }
    rows.push(format!("  └{rule}┘"));
    rows.join("\n")
}

/// The button's label; zero-tap shows no button.
fn label<'a>(preview: &'a Preview, delivery: &CodeDelivery) -> Option<&'a str> {
    let button = preview.buttons.first()?;
    match delivery {
        CodeDelivery::CopyCode => Some(&button.text),
        CodeDelivery::OneTap(_) => Some(button.autofill_text.as_deref().unwrap_or(&button.text)),
        CodeDelivery::ZeroTap(_) => None,
    }
}
