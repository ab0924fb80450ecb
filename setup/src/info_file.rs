//! The file that the service reads. It contains the token, so only its owner may read it, and the answers, so that a
//! later run can suggest them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use whatsapp_otp::whatsapp::{WhatsAppAccount, access_token, graph_id};

use crate::answers::{Delivery, Platform};
use crate::private_file::{PrivateFile, without_links};

/// The usable answers of an earlier run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Earlier {
    pub(crate) waba_id: Option<String>,
    pub(crate) access_token: Option<SecretString>,
    pub(crate) phone_number_id: Option<String>,
    pub(crate) template_id: Option<String>,
    pub(crate) choices: Choices,
}

/// The answers that the service does not need. Unreadable ones are asked for again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Choices {
    pub(crate) platform: Option<Platform>,
    pub(crate) delivery: Option<Delivery>,
    pub(crate) apps: Vec<App>,
    pub(crate) template_name: Option<String>,
    pub(crate) languages: Vec<String>,
    /// A duration such as `5m`, as in settings.
    pub(crate) code_lifetime: Option<String>,
    pub(crate) security_recommendation: Option<bool>,
    pub(crate) message_ttl: Option<String>,
    /// The settings file that was written, so that a later run does not offer another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settings_file: Option<PathBuf>,
}

/// The keys of [`Written`] itself, and one of an earlier form, for a single language.
const OURS: [&str; 7] = ["waba_id", "access_token", "phone_number_id", "template_id", "languages", "language", "setup"];

/// The file's content, in the order for readers.
#[derive(Serialize)]
struct Written<'a> {
    waba_id: &'a str,
    access_token: &'a str,
    phone_number_id: &'a str,
    template_id: &'a str,
    languages: &'a [String],
    setup: &'a Choices,
    /// Other programs' keys.
    #[serde(flatten)]
    others: BTreeMap<&'a String, &'a Value>,
}

/// An app in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct App {
    pub(crate) package_name: String,
    pub(crate) signature_hash: String,
}

/// The file, opened and parsed.
#[derive(Debug)]
pub(crate) struct InfoFile {
    path: PathBuf,
    /// Its current content.
    kept: Map<String, Value>,
    earlier: Earlier,
}

impl InfoFile {
    /// Reads the file, if it exists.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let kept = match fs::read_to_string(without_links(path)) {
            Ok(text) => {
                let text = SecretString::from(text);
                serde_json::from_str(text.expose_secret()).map_err(|error| not_ours(path, &error))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(anyhow!(error).context(format!("{} cannot be read", path.display()))),
        };
        let earlier = Earlier::of(&kept);
        Ok(Self { path: path.to_owned(), kept, earlier })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The answers of an earlier run.
    pub(crate) fn earlier(&self) -> &Earlier {
        &self.earlier
    }

    /// Returns `true` if the file exists.
    pub(crate) fn exists(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Checks that the file can be written, before questions are asked in vain.
    pub(crate) fn try_out(&self) -> anyhow::Result<()> {
        PrivateFile::begin(&self.path).map(drop)
    }

    /// Writes the file atomically, readable only by its owner. Other programs' keys stay.
    pub(crate) fn write(
        &self,
        account: &WhatsAppAccount,
        languages: &[String],
        choices: &Choices,
    ) -> anyhow::Result<()> {
        let others = self.kept.iter().filter(|(key, _)| !OURS.contains(&key.as_str()));
        let all = Written {
            waba_id: &account.waba_id,
            access_token: account.access_token.expose_secret(),
            phone_number_id: &account.phone_number_id,
            template_id: &account.template_id,
            languages,
            setup: choices,
            others: others.collect(),
        };
        let mut text = serde_json::to_vec_pretty(&all).context("the account cannot be written as JSON")?;
        text.push(b'\n');
        let file = PrivateFile::begin(&self.path)?;
        file.finish(&text, true)
    }
}

/// An error that repeats none of the file's content.
fn not_ours(path: &Path, error: &serde_json::Error) -> anyhow::Error {
    let (line, column) = (error.line(), error.column());
    anyhow!(
        "{} is not JSON as whatsapp-otp-setup writes it: line {line}, column {column}\n\nhint: move it away, or name \
         another file with --info-file",
        path.display()
    )
}

impl Earlier {
    fn of(kept: &Map<String, Value>) -> Self {
        let text = |key: &str| match kept.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let id = |key: &str| text(key).and_then(|text| graph_id(&text).ok());
        let choices = kept.get("setup").and_then(|choices| serde_json::from_value(choices.clone()).ok());
        Self {
            waba_id: id("waba_id"),
            access_token: text("access_token").and_then(|text| access_token(&text).ok()),
            phone_number_id: id("phone_number_id"),
            template_id: id("template_id"),
            choices: choices.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn account() -> WhatsAppAccount {
        WhatsAppAccount {
            waba_id: "1".to_owned(),
            access_token: "EAA-secret".into(),
            phone_number_id: "2".to_owned(),
            template_id: "3".to_owned(),
        }
    }

    fn choices() -> Choices {
        Choices { platform: Some(Platform::Both), code_lifetime: Some("5m".to_owned()), ..Choices::default() }
    }

    #[test]
    fn the_file_is_read_back_and_readable_only_by_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/whatsapp-info.json");
        InfoFile::open(&path).unwrap().write(&account(), &["de".to_owned()], &choices()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let earlier = InfoFile::open(&path).unwrap().earlier;
        assert_eq!(earlier.waba_id.as_deref(), Some("1"));
        assert_eq!(earlier.access_token.unwrap().expose_secret(), "EAA-secret");
        assert_eq!(earlier.choices.platform, Some(Platform::Both));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no other file is left there");
    }

    #[test]
    fn other_programs_keys_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("whatsapp-info.json");
        fs::write(&path, r#"{"app_id": 7, "waba_id": 9, "setup": {"platform": "windows"}}"#).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let file = InfoFile::open(&path).unwrap();
        assert_eq!((file.earlier.waba_id.as_deref(), file.earlier.choices.platform), (Some("9"), None));
        file.write(&account(), &["de".to_owned()], &choices()).unwrap();
        let written: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!((&written["app_id"], &written["waba_id"]), (&Value::from(7), &Value::from("1")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "{}").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        InfoFile::open(&link).unwrap().write(&account(), &["de".to_owned()], &choices()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&file).unwrap().contains("EAA-secret"));
    }

    #[test]
    fn invalid_json_is_neither_overwritten_nor_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("whatsapp-info.json");
        for text in ["EAA-secret", "[\"EAA-secret\"]", "{\"access_token\": EAA-secret}"] {
            fs::write(&path, text).unwrap();
            let error = format!("{:?}", InfoFile::open(&path).unwrap_err());
            assert!(error.contains("line 1") && !error.contains("EAA-secret"), "{error}");
        }
    }
}
