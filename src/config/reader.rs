//! Reads values into typed settings and collects every fault.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::declared::{Kind, Takes};
use super::fault::{Fault, Origin, SettingsError};
use super::keys;
use super::shown::ShownSetting;
use crate::otp::AppName;

/// The longest value that a fault repeats.
const LONGEST_SHOWN: usize = 100;

/// A value as it was given, kept as a secret, as any may be one.
#[derive(Clone)]
pub(super) enum Input {
    One(SecretString),
    Many(Vec<SecretString>),
    /// Something else; this is what was expected.
    Unusable(&'static str),
}

#[derive(Clone)]
struct Given {
    input: Input,
    origin: Origin,
    /// The form of a guarded value that may be shown.
    guarded_form: Option<String>,
}

/// A sign that a fault was reported. Only [`Reader`] makes one, so no value can be missing without its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported(());

/// The value of each key, and the faults found so far.
#[derive(Clone, Default)]
pub(super) struct Reader {
    values: BTreeMap<String, Given>,
    /// Sections without a value, such as `apps.shop`.
    empty_sections: BTreeMap<String, Origin>,
    /// The app whose own values come before those of all apps.
    app: Option<AppName>,
    faults: Vec<Fault>,
}

impl Reader {
    /// Sets the value of `key`.
    pub(super) fn put(&mut self, key: String, input: Input, origin: Origin) {
        let given = Given { input, origin, guarded_form: None };
        self.values.insert(key, given);
    }

    /// Records a section without a value.
    pub(super) fn add_section(&mut self, section: String, origin: Origin) {
        self.empty_sections.insert(section, origin);
    }

    /// Returns the names that follow `section` in keys, such as those of apps in `apps`, each with its origin.
    pub(super) fn names_in(&self, section: &str) -> BTreeMap<String, Origin> {
        let sections = self.empty_sections.iter();
        let values = self.values.iter().map(|(key, given)| (key, &given.origin));
        let named = sections.chain(values).filter_map(|(key, origin)| {
            let rest = key.strip_prefix(section)?.strip_prefix('.')?;
            Some((rest.split('.').next()?.to_owned(), origin.clone()))
        });
        named.collect()
    }

    /// Reads the settings of an app: its own, and those of all apps for the others.
    pub(super) fn for_app<T>(&mut self, app: &AppName, read: impl FnOnce(&mut Self) -> T) -> T {
        self.app = Some(app.clone());
        let settings = read(self);
        self.app = None;
        settings
    }

    /// Returns the key under which the app has its own value for `key`, or `key`.
    pub(super) fn own(&self, key: &str) -> String {
        let own = self.app.as_ref().map(|app| format!("apps.{app}.{key}"));
        own.filter(|own| self.values.contains_key(own)).unwrap_or_else(|| key.to_owned())
    }

    /// Returns the key under which the app has its own value or file for the secret `key`, or `key`.
    pub(super) fn own_secret(&self, key: &str) -> String {
        let own = self.app.as_ref().map(|app| format!("apps.{app}.{key}"));
        own.filter(|own| self.has_or_names(own)).unwrap_or_else(|| key.to_owned())
    }

    fn given(&self, key: &str) -> Option<&Given> {
        self.values.get(&self.own(key))
    }

    /// Returns `true` if `key` was given a value. An empty one counts only for secrets.
    pub(super) fn has(&self, key: &str) -> bool {
        self.given(key).is_some_and(|given| match &given.input {
            Input::One(text) => keys::kind(key) == Some(Kind::Secret) || !text.expose_secret().is_empty(),
            Input::Many(_) | Input::Unusable(_) => true,
        })
    }

    /// Returns the origin of the value of `key`.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.given(key).map_or(Origin::Unset, |given| given.origin.clone())
    }

    /// Records a fault, once if several apps share it.
    pub(super) fn report(&mut self, fault: Fault) -> Reported {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
        Reported(())
    }

    /// Records that the value of `key` is not what was expected.
    pub(super) fn fault(&mut self, key: &str, expected: impl Display) -> Reported {
        let given = self.given(key).and_then(|given| open_form(key, &given.input));
        self.fault_about(key, given, expected)
    }

    fn fault_about(&mut self, key: &str, given: Option<String>, expected: impl Display) -> Reported {
        let (key, origin) = (self.own(key), self.origin(key));
        self.report(Fault { key, expected: expected.to_string(), given: given.map(shortened), origin })
    }

    /// Sets the form in which the value of a guarded key may be shown.
    pub(super) fn show_as(&mut self, key: &str, form: String) {
        if let Some(given) = self.values.get_mut(key) {
            given.guarded_form = Some(form);
        }
    }

    /// A value that is required. The error of `parse` is what it expected.
    pub(super) fn required<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Reported> {
        let parsed = match self.given(key).map(|given| &given.input) {
            None => parse("").map_err(|expected| expected.to_string()),
            Some(Input::One(text)) => parse(text.expose_secret()).map_err(|expected| expected.to_string()),
            Some(Input::Many(_)) => Err("one value, not a list".to_owned()),
            Some(Input::Unusable(expected)) => Err((*expected).to_owned()),
        };
        parsed.map_err(|expected| self.fault(key, expected))
    }

    /// A value that may be left out; an empty one counts as left out.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Reported> {
        if self.has(key) { self.required(key, parse).map(Some) } else { Ok(None) }
    }

    /// A list of entries that `parse` reads; every bad entry is a separate fault.
    pub(super) fn list<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Reported> {
        let open = keys::kind(key) == Some(Kind::Open);
        let parse = |entry: &str| parse(entry).map_err(|expected| (open.then(|| entry.to_owned()), expected));
        let parsed: Vec<_> = match self.given(key).map(|given| &given.input) {
            None => Vec::new(),
            Some(Input::One(text)) if text.expose_secret().trim().is_empty() => Vec::new(),
            Some(Input::One(text)) => text.expose_secret().split(',').map(str::trim).map(parse).collect(),
            Some(Input::Many(texts)) => texts.iter().map(|text| parse(text.expose_secret())).collect(),
            Some(&Input::Unusable(expected)) => return Err(self.fault(key, expected)),
        };
        // Report every fault first: collecting into a `Result` stops at one.
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

    /// A list whose entries are those that the declaration of `key` describes.
    pub(super) fn declared_list<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, Reported> {
        self.list(key, |entry| parse(entry).ok_or_else(|| keys::takes(key)))
    }

    /// A value that the declaration of `key` describes.
    pub(super) fn declared<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Reported> {
        self.required(key, |text| parse(text).ok_or_else(|| keys::takes(key)))
    }

    /// A whole number within the declared bounds.
    pub(super) fn whole_number<T: TryFrom<u64>>(&mut self, key: &str) -> Result<T, Reported> {
        self.declared(key, |text| match (keys::takes(key), text.parse()) {
            (Takes::Whole(least, most), Ok(number)) if (least..=most).contains(&number) => number.try_into().ok(),
            _ => None,
        })
    }

    /// A duration within the declared bounds.
    pub(super) fn duration(&mut self, key: &str) -> Result<Duration, Reported> {
        self.declared(key, |text| match (keys::takes(key), humantime::parse_duration(text)) {
            (Takes::Span(least, most), Ok(duration)) if (least..=most).contains(&duration) => {
                duration.subsec_nanos().is_multiple_of(1_000_000).then_some(duration)
            }
            _ => None,
        })
    }

    /// One of the declared words.
    pub(super) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Result<T, Reported> {
        self.declared(key, |text| words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning))
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, key: &str) -> Result<bool, Reported> {
        self.declared(key, |text| text.parse().ok())
    }

    /// The same, for a value that `read` reads.
    pub(super) fn if_given<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<T, Reported>,
    ) -> Result<Option<T>, Reported> {
        self.has(key).then(|| read(self, key)).transpose()
    }

    /// Returns the path of a file, which need not exist yet.
    pub(super) fn path(&mut self, key: &str) -> Result<Option<PathBuf>, Reported> {
        self.optional(key, |text| Ok::<_, String>(PathBuf::from(text)))
    }

    /// Returns the files from which secrets whose keys start with `start`, for all apps or one, were read.
    pub(super) fn files_of(&self, start: &str) -> Vec<PathBuf> {
        let secrets =
            self.values.iter().filter(|(key, _)| key.starts_with(start) || keys::of_app(key).starts_with(start));
        let files = secrets.filter_map(|(_, given)| match &given.origin {
            Origin::KeyFile { path, .. } | Origin::InfoFile(path) => Some(path.clone()),
            _ => None,
        });
        files.collect()
    }

    /// Returns every value in force, secrets masked.
    pub(super) fn shown(&self) -> Vec<ShownSetting> {
        let shown = |(key, given): (&String, &Given)| {
            let value = open_form(key, &given.input).or_else(|| given.guarded_form.clone());
            let value = value.unwrap_or_else(|| "***".to_owned());
            ShownSetting { key: key.clone(), value, origin: given.origin.clone() }
        };
        let mut shown: Vec<_> = self.values.iter().map(shown).collect();
        shown.sort_by_cached_key(|setting| keys::rank(&setting.key));
        shown
    }

    /// Returns the settings, or every fault: those of unknown keys first, the others in declared order.
    pub(super) fn finish<T>(mut self, settings: Result<T, Reported>) -> Result<T, SettingsError> {
        match settings {
            Ok(settings) if self.faults.is_empty() => Ok(settings),
            _ => {
                self.faults.sort_by_cached_key(|fault| keys::rank(&fault.key));
                Err(SettingsError::new(self.faults))
            }
        }
    }
}

/// Returns the value as text, if it is not secret.
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
