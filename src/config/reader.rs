//! Reads values as what they mean, and remembers every fault on the way.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::fault::{Fault, Origin, SettingsError};
use super::keys::{self, Kind};
use super::shown::ShownSetting;

/// The longest value that a fault repeats.
const LONGEST_SHOWN: usize = 100;

/// For bounds, such as `30 * SECOND..=90 * MINUTE`.
pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = SECOND.saturating_mul(60);
pub(super) const HOUR: Duration = MINUTE.saturating_mul(60);

/// A value as it was given. Any may be a secret, so all are kept as one.
pub(super) enum Input {
    One(SecretString),
    Many(Vec<SecretString>),
    /// Neither, nor anything else of use; here is what it should have been.
    Unusable(&'static str),
}

struct Given {
    input: Input,
    origin: Origin,
    /// How a guarded value may be shown.
    guarded_form: Option<String>,
}

/// A fault was reported. Only [`Reader`] makes one, so a missing value without its fault cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported(());

/// The value of each key, and the faults found so far.
#[derive(Default)]
pub(super) struct Reader {
    values: BTreeMap<String, Given>,
    faults: Vec<Fault>,
}

impl Reader {
    /// Gives `key` a value in place of any that it had.
    pub(super) fn put(&mut self, key: String, input: Input, origin: Origin) {
        let given = Given { input, origin, guarded_form: None };
        self.values.insert(key, given);
    }

    /// Whether `key` was given a value; an empty text is one only for secrets.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|given| match &given.input {
            Input::One(text) => keys::kind(key) == Some(Kind::Secret) || !text.expose_secret().is_empty(),
            Input::Many(_) | Input::Unusable(_) => true,
        })
    }

    /// Where the value of `key` came from.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.values.get(key).map_or(Origin::Nowhere, |given| given.origin.clone())
    }

    /// Remembers a fault.
    pub(super) fn report(&mut self, fault: Fault) -> Reported {
        self.faults.push(fault);
        Reported(())
    }

    /// Remembers that the value of `key` is not what was expected.
    pub(super) fn fault(&mut self, key: &str, expected: impl Display) -> Reported {
        let given = self.values.get(key).and_then(|given| open_form(key, &given.input));
        self.fault_about(key, given, expected)
    }

    fn fault_about(&mut self, key: &str, given: Option<String>, expected: impl Display) -> Reported {
        let origin = self.origin(key);
        self.report(Fault { key: key.to_owned(), expected: expected.to_string(), given: given.map(shortened), origin })
    }

    /// Says how the value of a guarded key may be shown.
    pub(super) fn show_as(&mut self, key: &str, form: String) {
        if let Some(given) = self.values.get_mut(key) {
            given.guarded_form = Some(form);
        }
    }

    /// A value that must be there. What `parse` expects is the text of its error.
    pub(super) fn required<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Reported> {
        let parsed = match self.values.get(key).map(|given| &given.input) {
            None => parse("").map_err(|expected| expected.to_string()),
            Some(Input::One(text)) => parse(text.expose_secret()).map_err(|expected| expected.to_string()),
            Some(Input::Many(_)) => Err("one value, not a list".to_owned()),
            Some(Input::Unusable(expected)) => Err((*expected).to_owned()),
        };
        parsed.map_err(|expected| self.fault(key, expected))
    }

    /// A value that may be left out, or be empty, which means the same.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Reported> {
        if self.has(key) { self.required(key, parse).map(Some) } else { Ok(None) }
    }

    /// A list, each entry read by `parse`; every bad entry is a fault of its own.
    pub(super) fn list<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Reported> {
        let open = keys::kind(key) == Some(Kind::Open);
        let parse = |entry: &str| parse(entry).map_err(|expected| (open.then(|| entry.to_owned()), expected));
        let parsed: Vec<_> = match self.values.get(key).map(|given| &given.input) {
            None => Vec::new(),
            Some(Input::One(text)) if text.expose_secret().trim().is_empty() => Vec::new(),
            Some(Input::One(text)) => text.expose_secret().split(',').map(str::trim).map(parse).collect(),
            Some(Input::Many(texts)) => texts.iter().map(|text| parse(text.expose_secret())).collect(),
            Some(&Input::Unusable(expected)) => return Err(self.fault(key, expected)),
        };
        // All faults first: collecting into a `Result` stops at one.
        let entries: Vec<Result<T, Reported>> = (1..)
            .zip(parsed)
            .map(|(number, entry)| {
                entry.map_err(|(given, expected)| {
                    self.fault_about(key, given, format!("entry {number} to be {expected}"))
                })
            })
            .collect();
        entries.into_iter().collect()
    }

    /// A whole number within `range`.
    pub(super) fn whole_number<T: FromStr + PartialOrd + Display>(
        &mut self,
        key: &str,
        range: RangeInclusive<T>,
    ) -> Result<T, Reported> {
        self.required(key, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// A duration within `range`. Redis counts milliseconds, so finer ones would not be kept.
    pub(super) fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Result<Duration, Reported> {
        self.required(key, |text| {
            let duration = humantime::parse_duration(text).ok();
            let fits =
                |duration: &Duration| range.contains(duration) && duration.subsec_nanos().is_multiple_of(1_000_000);
            duration.filter(fits).ok_or_else(|| {
                let [least, most] = [range.start(), range.end()].map(|&bound| humantime::format_duration(bound));
                format!("a duration from {least} to {most} in whole milliseconds, such as 90s, 5m or 1h")
            })
        })
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Result<T, Reported> {
        self.required(key, |text| {
            let meaning = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
            meaning.ok_or_else(|| words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or "))
        })
    }

    /// The path of a file, which need not be there yet.
    pub(super) fn path(&mut self, key: &str) -> Result<Option<PathBuf>, Reported> {
        self.optional(key, |text| Ok::<_, String>(PathBuf::from(text)))
    }

    /// Every value in force, secrets masked.
    pub(super) fn shown(&self) -> Vec<ShownSetting> {
        let shown = |key: String| {
            let given = self.values.get(&key)?;
            let value = open_form(&key, &given.input).or_else(|| given.guarded_form.clone());
            Some(ShownSetting { key, value: value.unwrap_or_else(|| "***".to_owned()), origin: given.origin.clone() })
        };
        keys::all().filter_map(|(key, _)| shown(key)).collect()
    }

    /// The settings, if nothing at all was at fault; else the faults, those of known keys last and in their order.
    pub(super) fn finish<T>(mut self, settings: Result<T, Reported>) -> Result<T, SettingsError> {
        match settings {
            Ok(settings) if self.faults.is_empty() => Ok(settings),
            _ => {
                self.faults.sort_by_key(|fault| keys::all().position(|(key, _)| key == fault.key));
                Err(SettingsError::new(self.faults))
            }
        }
    }
}

/// The value as text, if anybody may see it.
fn open_form(key: &str, input: &Input) -> Option<String> {
    if keys::kind(key) != Some(Kind::Open) {
        return None;
    }
    match input {
        Input::One(text) => Some(text.expose_secret().to_owned()),
        Input::Many(texts) => {
            let texts: Vec<_> = texts.iter().map(ExposeSecret::expose_secret).collect();
            Some(texts.join(", "))
        }
        Input::Unusable(_) => None,
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
