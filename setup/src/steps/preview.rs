//! How will the message look?

use console::{measure_text_width, style};
use whatsapp_otp::whatsapp::authentication::{AuthenticationTemplate, CodeDelivery};
use whatsapp_otp::whatsapp::manage::{self, Preview};
use whatsapp_otp::whatsapp::{GraphClient, LanguageCode};

use crate::advice::{Advice, Doing};
use crate::failure::Failure;
use crate::ui::Ui;

/// A code for people to look at.
const EXAMPLE: &str = "123456";
const BUBBLE: usize = 44;
/// The most languages that are shown.
const MOST_SHOWN: usize = 3;

/// Shows the message as WhatsApp says that it will look.
pub(crate) async fn show(
    ui: Ui,
    client: &GraphClient,
    waba_id: &str,
    template: &AuthenticationTemplate,
    languages: &[LanguageCode],
) -> Result<(), Failure> {
    let recommendation = template.security_recommendation;
    let previews = manage::previews(client, waba_id, languages, recommendation, template.code_lifetime).await;
    let previews = previews.map_err(|error| Advice::of(&error, Doing::Template))?;
    ui.introduce("Preview", "");
    for preview in previews.iter().take(MOST_SHOWN) {
        ui.say(format!("{}:\n{}", preview.language, bubble(preview, &template.delivery)));
    }
    if let Some(more) = previews.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        ui.say(format!("and {more} more"));
    }
    Ok(())
}

fn bubble(preview: &Preview, delivery: &CodeDelivery) -> String {
    let body = preview.body.replace("{{1}}", EXAMPLE).replace('*', "");
    let mut lines: Vec<(String, bool)> =
        textwrap::wrap(&body, BUBBLE).into_iter().map(|line| (line.into(), false)).collect();
    if let Some(footer) = &preview.footer {
        lines.extend(textwrap::wrap(footer, BUBBLE).into_iter().map(|line| (line.into(), true)));
    }
    let mut text = format!("  ┌{}┐\n", "─".repeat(BUBBLE + 2));
    for (line, quiet) in lines {
        let padding = " ".repeat(BUBBLE.saturating_sub(measure_text_width(&line)));
        let line = if quiet { style(line).dim().for_stderr().to_string() } else { line };
        text += &format!("  │ {line}{padding} │\n");
    }
    if let Some(label) = label(preview, delivery) {
        text += &format!("  ├{}┤\n", "─".repeat(BUBBLE + 2));
        let spare = BUBBLE.saturating_sub(measure_text_width(label));
        text += &format!("  │ {}{label}{} │\n", " ".repeat(spare / 2), " ".repeat(spare - spare / 2));
    }
    text + &format!("  └{}┘", "─".repeat(BUBBLE + 2))
}

/// What the button says; zero-tap shows none.
fn label<'a>(preview: &'a Preview, delivery: &CodeDelivery) -> Option<&'a str> {
    let button = preview.buttons.first()?;
    match delivery {
        CodeDelivery::CopyCode => Some(&button.text),
        CodeDelivery::OneTap(_) => Some(button.autofill_text.as_deref().unwrap_or(&button.text)),
        CodeDelivery::ZeroTap(_) => None,
    }
}
