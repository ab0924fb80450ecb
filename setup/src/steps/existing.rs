//! The templates that the account has already.

use std::collections::BTreeMap;

use whatsapp_otp::otp::Locale;
use whatsapp_otp::whatsapp::template::Template;

use crate::advice::{Advice, Concern};
use crate::answers::Existing;
use crate::authentication::TemplateName;
use crate::failure::Failure;
use crate::links;
use crate::status;
use crate::ui::Ui;

/// The decision about the templates of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// Use or change the one with this name.
    Existing(TemplateName, Existing),
    /// Create another.
    New,
}

/// Offers the account's templates before any question about a new one. `earlier` is the name of the last run's.
pub(crate) async fn choose(
    ui: Ui,
    templates: Vec<Template>,
    earlier: Option<&TemplateName>,
) -> Result<Chosen, Failure> {
    let mut by_name: BTreeMap<String, Vec<Template>> = BTreeMap::new();
    for template in templates.into_iter().filter(Template::is_for_codes) {
        by_name.entry(template.name.clone()).or_default().push(template);
    }
    let named = |fits: fn(&[Template]) -> bool| {
        let fitting = by_name.iter().filter(move |(_, translations)| fits(translations));
        fitting.filter_map(|(name, translations)| Some((TemplateName::parse(name).ok()?, translations)))
    };
    let usable: Vec<_> = named(|translations| translations.iter().any(is_of_use)).collect();
    let changeable: Vec<_> = named(|translations| translations.iter().all(can_be_changed)).collect();
    ui.begin_step(4, "Template", "The message that carries the code. WhatsApp writes and translates its text.");
    if usable.is_empty() && changeable.is_empty() {
        ui.say("The account has no template for codes yet, so this creates one.");
        return Ok(Chosen::New);
    }
    let mut items: Vec<_> =
        usable.iter().map(|(name, translations)| format!("Use \"{name}\": {}", summary(translations))).collect();
    match changeable.as_slice() {
        [] => {}
        [(name, translations)] => items.push(format!("Change \"{name}\": {}", summary(translations))),
        _ => items.push("Change one of the templates".to_owned()),
    }
    items.push("Create a new one".to_owned());
    let is_earlier = |(name, _): &(TemplateName, _)| Some(name) == earlier;
    let default = usable.iter().position(is_earlier);
    let default = default.or_else(|| changeable.iter().any(is_earlier).then_some(usable.len())).unwrap_or(0);
    let chosen = ui.choose("Template", &items, default).await?;
    if let Some((name, _)) = usable.get(chosen) {
        return Ok(Chosen::Existing(name.clone(), Existing::Reuse));
    }
    if chosen == items.len() - 1 {
        return Ok(Chosen::New);
    }
    let change = |name: &TemplateName| Ok(Chosen::Existing(name.clone(), Existing::Replace));
    if let [(name, _)] = changeable.as_slice() {
        return change(name);
    }
    let items: Vec<_> =
        changeable.iter().map(|(name, translations)| format!("\"{name}\": {}", summary(translations))).collect();
    let default = changeable.iter().position(is_earlier).unwrap_or(0);
    let chosen = ui.choose("Template to change", &items, default).await?;
    change(&changeable[chosen].0)
}

/// Asks what to do with the template whose name was given for a new one. `None` means to choose another name.
pub(crate) async fn decide(
    ui: Ui,
    name: &TemplateName,
    translations: &[Template],
    given: Option<Existing>,
) -> Result<Option<Existing>, Failure> {
    let reusable = translations.iter().any(is_of_use);
    let replaceable = translations.iter().all(can_be_changed);
    match given {
        Some(Existing::Reuse) if !reusable => Err(unusable(name, translations)),
        Some(Existing::Replace) if !replaceable => Err(fixed(name)),
        Some(given) => Ok(Some(given)),
        None if !ui.asks() => Err(Advice::new(
            format!("the account already has a template \"{name}\""),
            "Use it with --existing reuse, change it with --existing replace, or choose another --template-name.",
            Concern::TemplateName,
        )
        .into()),
        None => {
            ui.say(format!("\nThe account already has a template \"{name}\":"));
            for translation in translations {
                ui.say(format!("  {}", described(translation)));
            }
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
        [] => return Err(unusable(name, translations)),
        [_] => 0,
        _ if ui.asks() => {
            let items: Vec<_> = usable.iter().map(described).collect();
            ui.say("\nPeople whose language is not among the template's get the default one.");
            ui.choose("Default language", &items, default.unwrap_or(0)).await?
        }
        _ => default.unwrap_or(0),
    };
    if ui.asks() {
        ui.confirm_fine(format!("using \"{name}\": {}", summary(&usable)));
    }
    usable[..=chosen].rotate_right(1);
    Ok(usable)
}

/// The line that describes a template in one language.
pub(crate) fn described(template: &Template) -> String {
    let rejection = template.rejection().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let status = status::in_words(&template.status);
    format!("{:<6} {status}{rejection}, {}", template.language, kind(template))
}

/// The line that describes a template in all its languages.
fn summary(translations: &[Template]) -> String {
    let mut by_status: Vec<(&str, Vec<&str>)> = Vec::new();
    for Template { status, language, .. } in translations {
        match by_status.iter_mut().find(|(listed, _)| listed == status) {
            Some((_, languages)) => languages.push(language),
            None => by_status.push((status, vec![language])),
        }
    }
    let by_status = by_status.iter().map(|(status, all)| format!("{} in {}", status::in_words(status), all.join(", ")));
    let kind = translations.first().map(kind).unwrap_or_default();
    format!("{}; {kind}", by_status.collect::<Vec<_>>().join(", "))
}

/// The way of the code into the app, and its lifetime.
fn kind(template: &Template) -> String {
    let kind = match template.otp_type().as_deref() {
        Some("COPY_CODE") => "copy code".to_owned(),
        Some("ONE_TAP") => "one-tap".to_owned(),
        Some("ZERO_TAP") => "zero-tap".to_owned(),
        Some(other) => other.to_owned(),
        None => format!("not for codes ({})", template.category.to_lowercase()),
    };
    let lifetime = match template.code_lifetime() {
        Some(lifetime) => format!(", codes valid for {} min", lifetime.as_secs() / 60),
        None => String::new(),
    };
    format!("{kind}{lifetime}")
}

/// Returns `true` if codes can be sent with it, now or once it is approved.
fn is_of_use(template: &Template) -> bool {
    template.is_for_codes() && matches!(template.status.as_str(), "APPROVED" | "PENDING" | "IN_APPEAL" | "PAUSED")
}

fn can_be_changed(template: &Template) -> bool {
    template.is_for_codes() && matches!(template.status.as_str(), "APPROVED" | "REJECTED" | "PAUSED")
}

fn unusable(name: &TemplateName, translations: &[Template]) -> Failure {
    let unusable = |why: &str| format!("no code can be sent with the template \"{name}\": {why}");
    let (text, hint) = match translations.iter().find(|template| template.is_for_codes()) {
        _ if translations.is_empty() => {
            (format!("the account has no template \"{name}\" any more"), "Choose or create another.".to_owned())
        }
        Some(template) => (
            unusable(&status::sentence("it", &template.status, template.rejection())),
            format!("Change it if it was rejected, or create another. {} shows all of them.", links::TEMPLATES),
        ),
        None => (unusable("it has no button for a code"), "Choose or create another.".to_owned()),
    };
    Advice::new(text, hint, Concern::TemplateName).into()
}

fn fixed(name: &TemplateName) -> Failure {
    Advice::new(
        format!("the template \"{name}\" cannot be changed"),
        "Only approved, rejected and paused authentication templates can be. Choose another name.",
        Concern::TemplateName,
    )
    .into()
}
