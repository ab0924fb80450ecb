//! Descriptions of single settings, for people.

use super::declared::{Kind, SECTIONS, Setting, Unset};
use super::keys;

/// The description of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its key, such as `otp.code_length`, or `apps.shop.otp.code_length` for that of an app.
    pub key: String,
    /// The key of all apps, if this is an app's.
    pub shared: Option<String>,
    /// The key that names the file of a secret.
    pub file_key: Option<String>,
    /// Its environment variable.
    pub variable: String,
    /// Its meaning, in sentences.
    pub meaning: String,
    /// The values that it accepts.
    pub takes: String,
    /// The value that it has if it is not set, or an example if it then has none.
    pub default: Result<&'static str, &'static str>,
    /// `true` if an app may have its own.
    pub per_app: bool,
}

/// No setting has the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no setting {name}{}", meant.as_ref().map(|key| format!("; did you mean {key}?")).unwrap_or_default())]
pub struct UnknownSetting {
    /// The name.
    pub name: String,
    /// The key that was probably meant.
    pub meant: Option<String>,
}

/// Describes the setting with this key or environment variable.
///
/// # Errors
///
/// [`UnknownSetting`], with the key that was probably meant.
pub fn describe(name: &str) -> Result<Description, UnknownSetting> {
    let name = name.trim();
    let key = keys::of_variable(name).unwrap_or_else(|| name.to_owned());
    // A secret's file is described with the secret.
    let key = key.strip_suffix("_file").filter(|secret| keys::kind(secret) == Some(Kind::Secret)).unwrap_or(&key);
    let Some(setting) = keys::setting(key) else {
        let meant = keys::of_misspelled_variable(name).or_else(|| keys::closest(&name.to_lowercase()));
        return Err(UnknownSetting { name: name.to_owned(), meant });
    };
    Ok(Description {
        key: key.to_owned(),
        shared: (!keys::of_app(key).is_empty()).then(|| keys::of_app(key).to_owned()),
        file_key: (setting.kind == Kind::Secret).then(|| keys::file_of(key)),
        variable: keys::variable(key),
        meaning: joined(setting.meaning),
        takes: setting.takes.to_string(),
        default: match setting.unset {
            Unset::Default(value) => Ok(value),
            Unset::Nothing(example) => Err(example),
        },
        per_app: setting.per_app,
    })
}

/// Returns the settings of the section with this name, each with its key and the first sentence of its meaning; none if
/// there is no such section.
#[must_use]
pub fn section(name: &str) -> Vec<(&'static str, String)> {
    let found = SECTIONS.iter().find(|section| section.name == name);
    let brief = |setting: &Setting| (setting.key, first_sentence(&joined(setting.meaning)));
    found.map(|section| section.settings.iter().map(brief).collect()).unwrap_or_default()
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn first_sentence(text: &str) -> String {
    match text.find(". ") {
        Some(end) => text[..=end].to_owned(),
        None => text.to_owned(),
    }
}
