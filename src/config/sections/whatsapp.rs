//! `whatsapp.*`: the Cloud API and our account there.

use std::num::NonZeroU32;

use secrecy::SecretString;
use url::Url;

use crate::config::info_file;
use crate::config::reader::{Reader, Reported};
use crate::otp::Locale;
use crate::whatsapp::{ApiVersion, WhatsAppAccount, WhatsAppApi, access_token, base_url, graph_id};

pub(in crate::config) fn read_api(reader: &mut Reader) -> Result<WhatsAppApi, Reported> {
    let base_url = read_base_url(reader);
    let api_version = reader.required("whatsapp.api_version", ApiVersion::parse);
    let languages = read_languages(reader, "whatsapp.languages");
    let timeout = reader.duration("whatsapp.timeout");
    let max_retries = reader.whole_number("whatsapp.max_retries");
    let messages_per_second = reader.whole_number("whatsapp.messages_per_second");
    Ok(WhatsAppApi {
        base_url: base_url?,
        api_version: api_version?,
        languages: languages?,
        timeout: timeout?,
        max_retries: max_retries?,
        messages_per_second: NonZeroU32::new(messages_per_second?),
    })
}

/// Reads the languages of a template, at least one.
pub(super) fn read_languages(reader: &mut Reader, key: &str) -> Result<Vec<Locale>, Reported> {
    let mut languages: Vec<Locale> = Vec::new();
    for language in reader.list(key, Locale::parse)? {
        if !languages.contains(&language) {
            languages.push(language);
        }
    }
    if languages.is_empty() { Err(reader.fault(key, "at least one language, such as en_US")) } else { Ok(languages) }
}

/// Reads the account from its own keys, and from the info file what they leave out.
pub(in crate::config) fn read_account(reader: &mut Reader) -> Result<WhatsAppAccount, Reported> {
    let filled = info_file::fill_in(reader);
    // Values that are given are read even if others are missing, so that all faults are reported.
    let mut read_id = |key| present(reader, key, filled).and_then(|()| reader.required(key, graph_id));
    let waba_id = read_id("whatsapp.waba_id");
    let phone_number_id = read_id("whatsapp.phone_number_id");
    let template_id = read_id("whatsapp.template_id");
    let key = "whatsapp.access_token";
    let access_token = present(reader, key, filled).and_then(|()| reader.required_secret(key, access_token));
    Ok(WhatsAppAccount {
        waba_id: waba_id?,
        access_token: access_token?,
        phone_number_id: phone_number_id?,
        template_id: template_id?,
    })
}

/// Reads the secrets that sign webhooks.
pub(in crate::config) fn read_app_secrets(reader: &mut Reader) -> Result<Vec<SecretString>, Reported> {
    reader.secret_list("whatsapp.app_secret", visible)
}

/// Reads the tokens of the webhook's handshake.
pub(in crate::config) fn read_verify_tokens(reader: &mut Reader) -> Result<Vec<SecretString>, Reported> {
    reader.secret_list("whatsapp.webhook_verify_token", visible)
}

fn visible(text: &str) -> Result<SecretString, &'static str> {
    access_token(text).map_err(|_| "visible ASCII characters without spaces")
}

/// Checks that `key` has a value; if it has none, `filled` has reported that.
fn present(reader: &Reader, key: &str, filled: Result<(), Reported>) -> Result<(), Reported> {
    if reader.has_or_names(key) { Ok(()) } else { filled }
}

fn read_base_url(reader: &mut Reader) -> Result<Url, Reported> {
    let url = reader.required("whatsapp.base_url", base_url)?;
    reader.show_as("whatsapp.base_url", url.to_string());
    Ok(url)
}
