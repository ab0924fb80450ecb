//! The settings file for the service.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::settings_file;
use crate::ui::Ui;

const USUAL: &str = "whatsapp-otp.toml";
/// The answer for no file.
const NONE: &str = "-";

/// The file of the command line.
pub(crate) struct Given {
    pub(crate) path: Option<PathBuf>,
    pub(crate) replaces: bool,
}

/// Writes the file if that is wanted, and returns the settings file that the service can use, if there is one.
pub(crate) async fn offer(
    ui: Ui,
    connection: &Connection,
    given: &Given,
    earlier: Option<PathBuf>,
    template: &str,
    code_lifetime: Option<Duration>,
) -> Result<Option<PathBuf>, Failure> {
    let write = |path: &Path, replaces| {
        settings_file::write(path, replaces, connection, template, code_lifetime)?;
        ui.say(format!("Saved, readable only by you: {}", path.display()));
        Ok::<_, Failure>(())
    };
    if !ui.asks() {
        let Some(path) = &given.path else { return Ok(earlier.or_else(|| connection.config.clone())) };
        write(path, given.replaces)?;
        return Ok(Some(path.clone()));
    }
    ui.begin_step(5, "Settings file", "");
    if let (None, Some(path)) = (&given.path, earlier.or_else(|| connection.config.clone())) {
        ui.say(format!("There is one already: {}. --settings-file FILE writes another.", path.display()));
        return Ok(Some(path));
    }
    ui.say(
        "The service reads its settings from a file. This writes one that is ready: with a new secret for the codes, the \
         code lifetime of the template, and the path of the account's file. It expects Redis on this machine.",
    );
    loop {
        let path = match &given.path {
            Some(path) => path.clone(),
            None => match ask(ui).await? {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let exists = path.exists();
        if exists && !given.replaces {
            let shown = path.display();
            if !ui.confirm(&format!("{shown} exists. Replace it, keeping only its otp.secret?"), Some(false)).await? {
                ui.say(format!("{shown} is unchanged."));
                return Ok(None);
            }
        }
        match write(&path, exists) {
            Ok(()) => return Ok(Some(path)),
            Err(failure) if given.path.is_none() => ui.complain(&failure.text()),
            Err(failure) => return Err(failure),
        }
    }
}

async fn ask(ui: Ui) -> Result<Option<PathBuf>, Failure> {
    let parse = |text: &str| if text.is_empty() { Err("the name of a file") } else { Ok(text.to_owned()) };
    let answer = ui.text("Settings file (- for none)", Some(USUAL.to_owned()), parse).await?;
    Ok((answer != NONE).then(|| PathBuf::from(answer)))
}
