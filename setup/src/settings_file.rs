//! The settings file for the service: what it needs, with a comment on each setting.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use data_encoding::HEXLOWER;
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};

use crate::connection::Connection;
use crate::failure::Failure;
use crate::private_file::PrivateFile;

const SECRET_BYTES: usize = 32;

/// Returns an error if the file cannot be written there, or if it exists and must not be replaced.
pub(crate) fn try_out(path: &Path, replaces: bool) -> Result<(), Failure> {
    if !replaces && path.exists() {
        return Err(Failure::Usage(format!(
            "{} exists already\n\nhint: choose another --settings-file, or add --replace-settings, which keeps only its \
             otp.secret",
            path.display()
        )));
    }
    PrivateFile::begin(path).map(drop)?;
    Ok(())
}

/// Writes the file, readable only by its owner. If it replaces another one, that one's secret stays, so that existing
/// codes stay valid.
pub(crate) fn write(
    path: &Path,
    replaces: bool,
    connection: &Connection,
    template: &str,
    code_lifetime: Option<Duration>,
) -> anyhow::Result<()> {
    let secret = match fs::read_to_string(path) {
        Ok(text) if replaces => secret_in(&text),
        _ => None,
    };
    let secret = secret.map_or_else(generate, Ok)?;
    let text = text(path, connection, template, code_lifetime, &secret)?;
    PrivateFile::begin(path)?.finish(text.expose_secret().as_bytes(), replaces)
}

fn generate() -> anyhow::Result<SecretString> {
    let mut bytes = [0; SECRET_BYTES];
    SysRng.try_fill_bytes(&mut bytes).context("the operating system provides no randomness")?;
    Ok(HEXLOWER.encode(&bytes).into())
}

/// Returns the value of `otp.secret` in a file in the form that [`text`] writes.
fn secret_in(toml: &str) -> Option<SecretString> {
    let mut section = "";
    for line in toml.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[otp]"
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "secret"
        {
            return serde_json::from_str::<String>(value.trim()).ok().map(Into::into);
        }
    }
    None
}

fn text(
    path: &Path,
    connection: &Connection,
    template: &str,
    code_lifetime: Option<Duration>,
    secret: &SecretString,
) -> anyhow::Result<SecretString> {
    let shown = path.display();
    let info_file = std::path::absolute(connection.info_file.path()).context("the current directory is unknown")?;
    let info_file = info_file.to_str().with_context(|| format!("{} is not Unicode", info_file.display()))?;
    let code_lifetime = code_lifetime.unwrap_or(connection.policy.code_lifetime);
    let mut api = String::new();
    if !connection.is_usual_base_url {
        let url = quoted(connection.base_url.as_str().trim_end_matches('/'))?;
        let _ = write!(api, "\n# The address of WhatsApp's Graph API, or of a simulator.\nbase_url = {url}\n");
    }
    if !connection.is_usual_api_version {
        let version = quoted(connection.api_version.as_str())?;
        let _ = write!(api, "\n# The version of the Graph API.\napi_version = {version}\n");
    }
    Ok(format!(
        r#"# Settings of whatsapp-otp for the template "{template}", written by whatsapp-otp-setup.
# Keep this file private: it holds a secret. Every instance of the service needs the same one.
#
#     whatsapp-otp check --config {shown}
#     whatsapp-otp serve --config {shown}
#
# docs/settings.md explains all settings, and `whatsapp-otp config explain KEY` explains one.

[otp]
# The secret from which codes, their digests and IDs are derived.
secret = {secret}

# The time for which a code is valid. The footer of the template states the same time.
code_lifetime = {lifetime}

[whatsapp]
# The account, its access token, the number and the template. whatsapp-otp-setup wrote this file too.
info_file = {info_file}
{api}
[redis]
# The Redis server that keeps the codes.
url = "redis://127.0.0.1:6379/0"

# Your backend's key for the API under /v1. `whatsapp-otp api-key backend` generates one and prints these settings.
#[keys.backend]
#kind = "server"
#sha256 = ""

# The two calls of WhatsApp's sample server, GET and POST /otp/PHONE, which need no key. Turn them off unless your app
# calls them: anyone who can reach them can have messages sent at your cost, up to the limits.
#[sample]
#enabled = false
"#,
        secret = quoted(secret.expose_secret())?,
        lifetime = quoted(&humantime::format_duration(code_lifetime).to_string())?,
        info_file = quoted(info_file)?,
    )
    .into())
}

/// The text as a basic string of TOML, whose escapes are those of JSON.
fn quoted(text: &str) -> anyhow::Result<String> {
    // TOML forbids this one unescaped, and JSON does not.
    if text.contains('\u{7f}') {
        return Err(anyhow!("{text:?} cannot be written into a settings file"));
    }
    Ok(serde_json::to_string(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_an_earlier_file_is_found_in_its_section_only() {
        let find = |toml| secret_in(toml).map(|secret| secret.expose_secret().to_owned());
        assert_eq!(find("[otp]\n# The secret\nsecret = \"abc\"\n").as_deref(), Some("abc"));
        assert_eq!(
            find("[events]\nsecret = \"no\"\n[otp]\ncode_lifetime = \"5m\"\nsecret=\"yes\"").as_deref(),
            Some("yes")
        );
        for toml in [
            "",
            "secret = \"abc\"",
            "[otp]\n#secret = \"abc\"",
            "[otp]\nsecret_file = \"abc\"",
            "[otp]\nsecret = 'abc'",
        ] {
            assert_eq!(find(toml), None, "{toml}");
        }
    }

    #[test]
    fn texts_are_quoted_as_toml_reads_them() {
        assert_eq!(quoted("a\\b \"c\"\n").unwrap(), r#""a\\b \"c\"\n""#);
        assert!(quoted("\u{7f}").is_err());
    }

    #[test]
    fn a_generated_secret_is_never_the_same() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_eq!(one.expose_secret().len(), 2 * SECRET_BYTES);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }
}
