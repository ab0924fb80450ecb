//! The sources of settings, each overriding the ones before: compiled-in defaults, a file, the environment.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

use ::config::{FileFormat, Format, Map, Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};

use super::declared::Kind;
use super::fault::{Fault, Origin};
use super::keys;
use super::reader::{Input, Reader};

/// Every setting with its default and its meaning, as TOML.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");
const SANDBOX_DEFAULTS: &str = include_str!("../../config/sandbox.toml");
/// The variable that names the file when `--config` does not.
const FILE_VARIABLE: &str = "WHATSAPP_OTP_CONFIG";

/// The sources that may override the defaults. Printing it shows no values.
#[derive(Clone, Default)]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// Environment variables, those of other programs among them.
    pub environment: HashMap<String, String>,
}

impl Sources {
    /// Returns the file of `--config`, else of `WHATSAPP_OTP_CONFIG`, and the environment of this process.
    #[must_use]
    pub fn from_process(config_flag: Option<PathBuf>) -> Self {
        // Unlike `vars`, `vars_os` does not panic over variables that are not Unicode.
        let environment = env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()))
            .collect();
        Self::new(config_flag, environment)
    }

    pub(super) fn new(config_flag: Option<PathBuf>, environment: HashMap<String, String>) -> Self {
        let variable = environment.get(FILE_VARIABLE).filter(|path| !path.is_empty());
        Self { file: config_flag.or_else(|| variable.map(PathBuf::from)), environment }
    }

    /// Returns every value that is given, by key.
    pub(super) fn read(&self) -> Reader {
        self.over(&[DEFAULTS])
    }

    /// The same, over the sandbox's own defaults.
    pub(super) fn read_for_sandbox(&self) -> Reader {
        self.over(&[DEFAULTS, SANDBOX_DEFAULTS])
    }

    fn over(&self, defaults: &[&str]) -> Reader {
        let mut reader = Reader::default();
        for text in defaults {
            reader.add_toml(text, &Origin::Default);
        }
        if let Some(path) = &self.file {
            reader.add_file(path);
        }
        reader.add_environment(&self.environment);
        reader
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Reader {
    fn add_file(&mut self, path: &Path) {
        let origin = Origin::File(path.to_owned());
        match fs::read_to_string(path) {
            Ok(text) => self.add_toml(&text, &origin),
            Err(error) => self.fault_of_source("configuration", format!("a text file ({error})"), origin),
        }
    }

    fn add_toml(&mut self, text: &str, origin: &Origin) {
        match FileFormat::Toml.parse(None, text) {
            Ok(table) => self.add_table(None, table, origin),
            Err(error) => {
                // The rest of the message quotes the line, which may hold a secret.
                let message = error.to_string();
                let place = message.lines().find_map(|line| line.strip_prefix("TOML parse error at "));
                let expected = match place {
                    Some(place) => format!("valid TOML, but there is an error at {place}"),
                    None => "TOML with numbers of at most 64 bits".to_owned(),
                };
                self.fault_of_source("configuration", expected, origin.clone());
            }
        }
    }

    fn add_table(&mut self, section: Option<&str>, table: Map<String, Value>, origin: &Origin) {
        for (name, value) in BTreeMap::from_iter(table) {
            let key = section.map_or_else(|| name.clone(), |section| format!("{section}.{name}"));
            match value.kind {
                ValueKind::Table(table) if table.is_empty() && keys::is_section(&key) => {
                    self.add_section(key, origin.clone());
                }
                ValueKind::Table(table) if !table.is_empty() => self.add_table(Some(&key), table, origin),
                value => self.add_value(key, value, origin.clone()),
            }
        }
    }

    fn add_environment(&mut self, environment: &HashMap<String, String>) {
        for (name, value) in BTreeMap::from_iter(environment) {
            let origin = Origin::Variable(name.clone());
            if let Some(key) = keys::of_variable(name) {
                self.add_value(key, ValueKind::String(value.clone()), origin);
                continue;
            }
            let meant = keys::of_misspelled_variable(name);
            if meant.is_some() || keys::has_prefix(name) {
                self.fault_of_source(name, known_key(meant.map(|key| keys::variable(&key))), origin);
            }
        }
    }

    fn add_value(&mut self, key: String, value: ValueKind, origin: Origin) {
        let Some(kind) = keys::kind(&key) else {
            return self.fault_of_source(&key, known_key(keys::closest(&key)), origin);
        };
        self.put(key, input(value, kind).unwrap_or_else(Input::Unusable), origin);
    }

    fn fault_of_source(&mut self, key: &str, expected: String, origin: Origin) {
        self.report(Fault { key: key.to_owned(), expected, given: None, origin });
    }
}

fn known_key(meant: Option<String>) -> String {
    match meant {
        Some(key) => format!("a known key, perhaps {key}"),
        None => "a known key; `whatsapp-otp config default` lists them".to_owned(),
    }
}

fn input(value: ValueKind, kind: Kind) -> Result<Input, &'static str> {
    if let ValueKind::Array(values) = value {
        let texts: Result<_, _> = values.into_iter().map(|value| text(value.kind, kind)).collect();
        return texts.map(Input::Many);
    }
    text(value, kind).map(Input::One)
}

/// A value as the environment would give it. Spaces around it are dropped, except around a secret.
fn text(value: ValueKind, kind: Kind) -> Result<SecretString, &'static str> {
    let text = match value {
        ValueKind::String(text) => text,
        ValueKind::Boolean(_) | ValueKind::I64(_) | ValueKind::Float(_) => value.to_string(),
        _ => return Err("a value or a list of values"),
    };
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err("text in UTF-8");
    }
    let text = SecretString::from(text);
    Ok(match kind {
        Kind::Secret => text,
        Kind::Open | Kind::Guarded => text.expose_secret().trim().into(),
    })
}
