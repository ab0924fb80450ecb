//! Locales: the language of a message, and the available one that serves a person best.

use std::fmt;
use std::iter;
use std::str::FromStr;
use std::sync::Arc;

/// A language, with or without a country, in WhatsApp's spelling: `de`, `fil`, `pt_BR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locale(Arc<str>);

/// The text is not a locale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language with or without a country, such as de, fil, pt_BR or pt-BR")]
pub struct LocaleError;

/// The longest accepted text, as RFC 5646 recommends.
const MAX_LENGTH: usize = 35;

/// Languages that programs still name by a withdrawn code.
const RENAMED: &[(&str, &str)] = &[("in", "id"), ("iw", "he"), ("no", "nb"), ("tl", "fil")];

/// Chains of locales to try after the wanted one: for a language and some of its countries, for all others if the list is
/// empty. `""` is the language without a country. The first row that fits applies.
const CHAINS: &[(&str, &[&str], &[&str])] = &[
    ("en", &[""], &["en_US", "en_GB"]),
    ("en", &["AS", "GU", "MP", "PH", "PR", "UM", "US", "VI"], &["en_US", "en", "en_GB"]),
    ("en", &[], &["en_GB", "en", "en_US"]),
    ("es", &["", "AD", "EA", "ES", "GQ", "IC"], &["es_ES", "es", "es_MX", "es_AR"]),
    ("es", &["AR", "PY", "UY"], &["es_AR", "es", "es_MX", "es_ES"]),
    ("es", &[], &["es_MX", "es", "es_AR", "es_ES"]),
    ("pt", &["", "BR"], &["pt_BR", "pt_PT"]),
    ("pt", &[], &["pt_PT", "pt_BR"]),
    ("zh", &["HK", "MO"], &["zh_HK", "zh_TW", "zh_CN"]),
    ("zh", &["TW"], &["zh_TW", "zh_HK", "zh_CN"]),
    ("zh", &[], &["zh_CN", "zh_TW", "zh_HK"]),
];

impl Locale {
    /// Parses WhatsApp's spelling or a language tag (BCP 47), in any letter case. Of a tag, a script decides between the
    /// Chinese locales; other scripts, variants and extensions are dropped.
    ///
    /// # Errors
    ///
    /// [`LocaleError`] if the text is neither.
    pub fn parse(text: &str) -> Result<Self, LocaleError> {
        if text.len() > MAX_LENGTH {
            return Err(LocaleError);
        }
        let mut parts = text.split(['-', '_']).peekable();
        let language = parts.next().filter(|part| is(part, 2..=3, u8::is_ascii_alphabetic)).ok_or(LocaleError)?;
        let script = parts.next_if(|part| is(part, 4..=4, u8::is_ascii_alphabetic)).map(str::to_ascii_lowercase);
        let is_region = |part: &&str| is(part, 2..=2, u8::is_ascii_alphabetic) || is(part, 3..=3, u8::is_ascii_digit);
        let region = parts.next_if(is_region).map(str::to_ascii_uppercase);
        if !parts.all(|part| is(part, 1..=8, u8::is_ascii_alphanumeric)) {
            return Err(LocaleError);
        }
        let language = language.to_ascii_lowercase();
        let renamed = RENAMED.iter().find(|(former, _)| *former == language);
        let language = renamed.map_or(language.as_str(), |(_, current)| current);
        Ok(match country(language, script.as_deref(), region.as_deref()) {
            Some(country) => Self(format!("{language}_{country}").into()),
            None => Self(language.into()),
        })
    }

    /// Returns the locale in WhatsApp's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the entry of `available` in which to write to a person who wants `wanted`: that locale, the next along its
    /// chain, another of the same language, or the first.
    #[must_use]
    pub fn nearest<'l>(wanted: Option<&Self>, available: &'l [Self]) -> Option<&'l Self> {
        let of_person = wanted.and_then(|wanted| {
            let find = |name: &str| available.iter().find(|locale| locale.as_str() == name);
            let by_name = iter::once(wanted.as_str()).chain(wanted.chain()).find_map(find);
            by_name.or_else(|| available.iter().find(|locale| locale.language() == wanted.language()))
        });
        of_person.or_else(|| available.first())
    }

    /// Returns the locales to try after this one.
    fn chain(&self) -> impl Iterator<Item = &str> {
        let (language, country) = (self.language(), self.country());
        let fits = |(of, countries, _): &&(&str, &[&str], &[&str])| {
            *of == language && (countries.is_empty() || countries.contains(&country))
        };
        let known = CHAINS.iter().find(fits).map_or(&[][..], |(_, _, chain)| chain);
        known.iter().copied().chain(iter::once(language))
    }

    fn language(&self) -> &str {
        self.0.split_once('_').map_or(&self.0, |(language, _)| language)
    }

    /// Returns the country, or `""`.
    fn country(&self) -> &str {
        self.0.split_once('_').map_or("", |(_, country)| country)
    }
}

/// Returns the country to keep of a tag. Regions of several countries have none, except Latin America's Spanish, which is
/// closest to Mexico's.
fn country<'r>(language: &str, script: Option<&str>, region: Option<&'r str>) -> Option<&'r str> {
    let is_traditional = region.map(|region| ["HK", "MO", "TW"].contains(&region));
    match (language, script, is_traditional) {
        ("zh", Some("hans"), None | Some(true)) => Some("CN"),
        ("zh", Some("hant"), None | Some(false)) => Some("TW"),
        _ if language == "es" && region == Some("419") => Some("MX"),
        _ => region.filter(|region| region.len() == 2),
    }
}

fn is(part: &str, length: std::ops::RangeInclusive<usize>, kind: fn(&u8) -> bool) -> bool {
    length.contains(&part.len()) && part.as_bytes().iter().all(kind)
}

impl FromStr for Locale {
    type Err = LocaleError;

    fn from_str(text: &str) -> Result<Self, LocaleError> {
        Self::parse(text)
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn locale(text: &str) -> Locale {
        Locale::parse(text).unwrap()
    }

    #[test]
    fn every_spelling_becomes_whatsapps() {
        for (text, spelled) in [
            ("de", "de"),
            ("fil", "fil"),
            ("en_US", "en_US"),
            ("prs_AF", "prs_AF"),
            ("pt-BR", "pt_BR"),
            ("PT-br", "pt_BR"),
            ("zh-Hant-HK", "zh_HK"),
            ("zh_Hant_MO", "zh_MO"),
            ("zh-Hant", "zh_TW"),
            ("zh-Hant-CN", "zh_TW"),
            ("zh-Hans", "zh_CN"),
            ("zh-Hans-HK", "zh_CN"),
            ("zh-Hans-SG", "zh_SG"),
            ("zh", "zh"),
            ("sr-Latn-RS", "sr_RS"),
            ("uz-Cyrl", "uz"),
            ("es-419", "es_MX"),
            ("en-001", "en"),
            ("de-DE-1996", "de_DE"),
            ("ca-ES-valencia", "ca_ES"),
            ("en-US-u-hc-h23-x-a", "en_US"),
            ("iw", "he"),
            ("in-ID", "id_ID"),
            ("no-NO", "nb_NO"),
            ("tl-PH", "fil_PH"),
        ] {
            assert_eq!(locale(text).as_str(), spelled, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "e",
            "engl",
            "english",
            "12",
            "en_",
            "en-",
            "_US",
            "en__US",
            "en US",
            " en",
            "en\n",
            "en_US!",
            "*",
            "en,de",
            "en-US;q=0.8",
            "dé",
            "en-toolongpart",
            &"en-a".repeat(9),
        ] {
            assert_eq!(Locale::parse(text), Err(LocaleError), "{text:?}");
        }
    }

    /// `wanted`, the available locales, and the one expected.
    const CHOICES: &[(&str, &[&str], &str)] = &[
        // The wanted one, wherever it is.
        ("pt_BR", &["en_US", "pt_PT", "pt_BR"], "pt_BR"),
        ("de", &["en_US", "de_AT", "de"], "de"),
        // Portuguese.
        ("pt_AO", &["en_US", "pt_BR", "pt_PT"], "pt_PT"),
        ("pt_AO", &["en_US", "pt_BR"], "pt_BR"),
        ("pt_PT", &["en_US", "pt_BR"], "pt_BR"),
        ("pt_BR", &["en_US", "pt_PT"], "pt_PT"),
        ("pt", &["en_US", "pt_PT", "pt_BR"], "pt_BR"),
        ("pt_AO", &["en_US", "de"], "en_US"),
        // Spanish.
        ("es_CO", &["en_US", "es_ES", "es_AR", "es", "es_MX"], "es_MX"),
        ("es_CO", &["es_ES", "es_AR", "es"], "es"),
        ("es_CO", &["es_ES", "es_AR"], "es_AR"),
        ("es_UY", &["es_ES", "es_MX", "es_AR"], "es_AR"),
        ("es_ES", &["es_AR", "es_MX"], "es_MX"),
        ("es", &["es_AR", "es_MX", "es_ES"], "es_ES"),
        ("es", &["es_ES", "es"], "es"),
        ("es_CO", &["en_US", "es_PE"], "es_PE"),
        // English.
        ("en_NZ", &["de", "en_US", "en", "en_GB"], "en_GB"),
        ("en_NZ", &["de", "en_US", "en"], "en"),
        ("en_PH", &["en_GB", "en", "en_US"], "en_US"),
        ("en", &["de", "en_GB", "en_US"], "en_US"),
        ("en_GB", &["de", "en_IN"], "en_IN"),
        // Chinese, by script.
        ("zh_MO", &["zh_CN", "zh_TW", "zh_HK"], "zh_HK"),
        ("zh_TW", &["zh_CN", "zh_HK"], "zh_HK"),
        ("zh_SG", &["zh_TW", "zh_CN"], "zh_CN"),
        ("zh", &["zh_TW", "zh_CN"], "zh_CN"),
        ("zh_CN", &["en_US", "zh_HK"], "zh_HK"),
        // Any of the language, in the order of the list; the one without a country first.
        ("fr_SN", &["en_US", "fr_CA", "fr_BE", "fr"], "fr"),
        ("fr_SN", &["en_US", "fr_CA", "fr_BE"], "fr_CA"),
        ("be", &["en_US", "be_BY"], "be_BY"),
        // None of the language.
        ("ja", &["de", "en_US"], "de"),
    ];

    #[test]
    fn the_nearest_locale_is_found() {
        for &(wanted, available, expected) in CHOICES {
            let available: Vec<_> = available.iter().copied().map(locale).collect();
            let found = Locale::nearest(Some(&locale(wanted)), &available);
            assert_eq!(found, Some(&locale(expected)), "{wanted} of {available:?}");
        }
        let available = [locale("de"), locale("en_US")];
        assert_eq!(Locale::nearest(None, &available), Some(&locale("de")));
        assert_eq!(Locale::nearest(Some(&locale("de")), &[]), None);
    }

    #[test]
    fn chains_are_of_locales() {
        for (language, countries, chain) in CHAINS {
            for name in *chain {
                assert_eq!(locale(name).as_str(), *name);
                assert_eq!(locale(name).language(), *language);
            }
            assert!(countries.iter().all(|country| country.is_empty() || country.len() == 2));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_accepted_is_canonical(text in "[a-zA-Z0-9_-]{0,12}|\\PC{0,40}") {
            if let Ok(parsed) = Locale::parse(&text) {
                prop_assert_eq!(&Locale::parse(parsed.as_str()).unwrap(), &parsed);
            }
        }
    }
}
