//! The file in which the set-up saves the account: JSON with at least `waba_id`, `access_token`, `phone_number_id` and
//! `template_id`, each a string or a number, and the `languages` of that template, or its only `language`. The service ignores everything else in
//! it, such as the earlier answers that the set-up keeps there.

use std::fs;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::fault::{Fault, Origin};
use super::reader::{Input, Reader, Reported};

/// The keys to which the file can give values, in the order of [`InfoFile::into_texts`].
const ACCOUNT: [&str; 4] =
    ["whatsapp.waba_id", "whatsapp.access_token", "whatsapp.phone_number_id", "whatsapp.template_id"];

#[derive(Deserialize)]
struct InfoFile {
    waba_id: Option<Text>,
    access_token: Option<Text>,
    phone_number_id: Option<Text>,
    template_id: Option<Text>,
    language: Option<String>,
    languages: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Number(u64),
}

impl InfoFile {
    /// Reads the file. Errors quote none of it, as it contains the token.
    fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("a readable text file ({error})"))?;
        let text = SecretString::from(text);
        serde_json::from_str(text.expose_secret()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("JSON as the set-up writes it, but there is an error at line {line}, column {column}")
        })
    }

    fn languages(&self) -> Vec<SecretString> {
        let languages = self.languages.as_deref().or(self.language.as_ref().map(std::slice::from_ref));
        languages.unwrap_or_default().iter().map(|language| language.as_str().into()).collect()
    }

    fn into_texts(self) -> [Option<SecretString>; ACCOUNT.len()] {
        let texts = [self.waba_id, self.access_token, self.phone_number_id, self.template_id];
        texts.map(|text| {
            text.map(|text| match text {
                Text::Text(text) => text.into(),
                Text::Number(number) => number.to_string().into(),
            })
        })
    }
}

/// Gives values to the account's keys that have none. If all have one, the file is not read.
pub(super) fn fill_in(reader: &mut Reader) -> Result<(), Reported> {
    let missing: Vec<_> = ACCOUNT.into_iter().filter(|key| !reader.has_or_names(key)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let Some(path) = reader.path("whatsapp.info_file")? else {
        return Err(reader.fault("whatsapp.info_file", format!("a file: {}", remedy(&missing))));
    };
    let info = InfoFile::read(&path)
        .map_err(|expected| reader.fault("whatsapp.info_file", format!("{expected}: {}", remedy(&missing))))?;
    let origin = Origin::InfoFile(path);
    // The languages belong to the file's template, and any that are set override them.
    let languages = info.languages();
    if missing.contains(&"whatsapp.template_id")
        && reader.origin("whatsapp.languages") == Origin::Default
        && !languages.is_empty()
    {
        reader.put("whatsapp.languages".to_owned(), Input::Many(languages), origin.clone());
    }
    let mut absent = Vec::new();
    for (key, text) in ACCOUNT.into_iter().zip(info.into_texts()) {
        match text {
            _ if !missing.contains(&key) => {}
            Some(text) => reader.put(key.to_owned(), Input::One(text), origin.clone()),
            None => absent.push(key),
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    Err(reader.report(Fault {
        key: "whatsapp.info_file".to_owned(),
        expected: format!("the whole account: {}", remedy(&absent)),
        given: None,
        origin,
    }))
}

fn remedy(missing: &[&str]) -> String {
    format!("run whatsapp-otp-setup, or set {}", missing.join(", "))
}
