//! The treatment of an existing template of that name.

use whatsapp_otp::otp::Locale;
use whatsapp_otp::whatsapp::template::Template;

use crate::advice::{Advice, Concern};
use crate::answers::Existing;
use crate::authentication::TemplateName;
use crate::failure::Failure;
use crate::ui::Ui;

/// Shows the existing translations, and asks what to do with them. `None` means to choose another name.
pub(crate) async fn decide(
    ui: Ui,
    name: &TemplateName,
    translations: &[Template],
    given: Option<Existing>,
) -> Result<Option<Existing>, Failure> {
    ui.introduce("An existing template", &format!("The account has a template \"{name}\":"));
    for translation in translations {
        ui.say(format!("  {}", described(translation)));
    }
    let reusable = translations.iter().any(is_of_use);
    let replaceable = translations.iter().all(can_be_changed);
    match given {
        Some(Existing::Reuse) if !reusable => Err(unusable(name)),
        Some(Existing::Replace) if !replaceable => Err(fixed(name)),
        Some(given) => Ok(Some(given)),
        None if !ui.asks() => Err(Advice::new(
            format!("the account already has a template \"{name}\""),
            "Use it with --existing reuse, change it with --existing replace, or choose another --template-name.",
            Concern::TemplateName,
        )
        .into()),
        None => {
            let mut items = Vec::new();
            if reusable {
                items.push((Some(Existing::Reuse), "Use it unchanged"));
            }
            if replaceable {
                items.push((Some(Existing::Replace), "Change it, or add languages: WhatsApp reviews it again"));
            }
            items.push((None, "Choose another name"));
            let names: Vec<_> = items.iter().map(|(_, name)| (*name).to_owned()).collect();
            let chosen = ui.choose("What do you want to do?", &names, 0).await?;
            Ok(items[chosen].0)
        }
    }
}

/// Returns the translations that the service can send, its default first: the first of `languages` that exists, or the
/// chosen one.
pub(crate) async fn choose_translations(
    ui: Ui,
    name: &TemplateName,
    translations: &[Template],
    languages: &[Locale],
) -> Result<Vec<Template>, Failure> {
    let mut usable: Vec<_> = translations.iter().filter(|translation| is_of_use(translation)).cloned().collect();
    let position = |language: &str| usable.iter().position(|translation| translation.language == language);
    let default = languages.iter().find_map(|language| position(language.as_str())).or_else(|| position("en_US"));
    let chosen = match usable.as_slice() {
        [] => return Err(unusable(name)),
        [_] => 0,
        _ if ui.asks() => {
            let items: Vec<_> = usable.iter().map(described).collect();
            ui.choose("Language for people whose own is not among them", &items, default.unwrap_or(0)).await?
        }
        _ => default.unwrap_or(0),
    };
    usable[..=chosen].rotate_right(1);
    Ok(usable)
}

/// The line that describes a template.
pub(crate) fn described(template: &Template) -> String {
    let kind = match template.otp_type().as_deref() {
        Some("COPY_CODE") => "copy code".to_owned(),
        Some("ONE_TAP") => "one-tap".to_owned(),
        Some("ZERO_TAP") => "zero-tap".to_owned(),
        Some(other) => other.to_owned(),
        None => format!("not for codes ({})", template.category),
    };
    let lifetime = match template.code_lifetime() {
        Some(lifetime) => format!(", codes valid for {} min", lifetime.as_secs() / 60),
        None => String::new(),
    };
    let rejection = template.rejection().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{:<6} {}{rejection}, {kind}{lifetime}", template.language, template.status)
}

/// Returns `true` if codes can be sent with it, now or once it is approved.
fn is_of_use(template: &Template) -> bool {
    template.is_for_codes() && matches!(template.status.as_str(), "APPROVED" | "PENDING" | "IN_APPEAL" | "PAUSED")
}

fn can_be_changed(template: &Template) -> bool {
    template.is_for_codes() && matches!(template.status.as_str(), "APPROVED" | "REJECTED" | "PAUSED")
}

fn unusable(name: &TemplateName) -> Failure {
    Advice::new(
        format!("no code can be sent with the template \"{name}\""),
        "It has no button for a code, or WhatsApp rejected or disabled it. Choose another name.",
        Concern::TemplateName,
    )
    .into()
}

fn fixed(name: &TemplateName) -> Failure {
    Advice::new(
        format!("the template \"{name}\" cannot be changed"),
        "Only approved, rejected and paused authentication templates can be. Choose another name.",
        Concern::TemplateName,
    )
    .into()
}
