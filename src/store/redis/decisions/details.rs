//! The details of a verification as one word in its record: JSON without spaces.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::otp::{Audience, Channel, Details, Locale, Metadata, Nonce, Reference};

/// Names are short, as every record has them.
#[derive(Serialize, Deserialize)]
struct Written<'d> {
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    locale: Option<&'d str>,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    channel: Option<&'d str>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    reference: Option<std::borrow::Cow<'d, str>>,
    #[serde(rename = "m", default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    audience: Option<std::borrow::Cow<'d, str>>,
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    nonce: Option<std::borrow::Cow<'d, str>>,
}

/// Returns the word; `""` if there are no details.
pub(super) fn write(details: &Details) -> String {
    if details.is_empty() {
        return String::new();
    }
    let written = Written {
        locale: details.locale.as_ref().map(Locale::as_str),
        channel: details.channel.as_ref().map(Channel::as_str),
        reference: details.reference.as_ref().map(|reference| reference.as_str().into()),
        metadata: details.metadata.pairs().clone(),
        audience: details.audience.as_ref().map(|audience| audience.as_str().into()),
        nonce: details.nonce.as_ref().map(|nonce| nonce.as_str().into()),
    };
    // Spaces occur only in strings, where JSON can write them in another way.
    serde_json::to_string(&written).map(|json| json.replace(' ', "\\u0020")).unwrap_or_default()
}

/// Reads a word. A part that this version does not know is left out.
pub(super) fn read(word: &str) -> Details {
    let Ok(written) = serde_json::from_str::<Written<'_>>(word) else { return Details::default() };
    Details {
        locale: written.locale.and_then(|text| Locale::parse(text).ok()),
        channel: written.channel.and_then(|text| Channel::parse(text).ok()),
        reference: written.reference.and_then(|text| Reference::parse(&text).ok()),
        metadata: Metadata::parse(written.metadata).unwrap_or_default(),
        audience: written.audience.and_then(|text| Audience::parse(&text).ok()),
        nonce: written.nonce.and_then(|text| Nonce::parse(&text).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_one_word_and_are_read_as_they_are_written() {
        let pairs = [("cart", "7 7\n"), ("a b", "\u{2028}\t\"é\"")].map(|(key, value)| (key.into(), value.into()));
        let details = Details {
            locale: Locale::parse("pt-BR").ok(),
            channel: Some(Channel::whatsapp()),
            reference: Reference::parse("order 42,\u{b}-").ok(),
            metadata: Metadata::parse(pairs.into()).unwrap(),
            audience: Audience::parse("https://shop.example.com").ok(),
            nonce: Nonce::parse("n-0S6_WzA2Mj").ok(),
        };
        let word = write(&details);
        assert!(!word.bytes().any(|byte| byte.is_ascii_whitespace() || byte == 0x0b), "{word}");
        assert_eq!(read(&word), details);
        let some = Details { locale: details.locale.clone(), ..Details::default() };
        assert_eq!(write(&some), r#"{"l":"pt_BR"}"#);
        assert_eq!(read(&write(&some)), some);
        assert_eq!((write(&Details::default()), read("")), (String::new(), Details::default()));
    }
}
