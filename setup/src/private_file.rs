//! Files with secrets: written completely or not at all, and readable only by their owner.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

/// A file that is not yet in its place. Dropping it leaves the place as it was.
#[derive(Debug)]
pub(crate) struct PrivateFile {
    file: NamedTempFile,
    /// The path without links, as renaming onto a link would replace it.
    place: PathBuf,
    /// The path as given, for messages.
    path: PathBuf,
}

impl PrivateFile {
    /// Creates an empty file in the directory of `path`, which is created if necessary.
    pub(crate) fn begin(path: &Path) -> anyhow::Result<Self> {
        let place = without_links(path);
        let directory = place.parent().filter(|directory| !directory.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let context = || cannot_be_written(path);
        fs::create_dir_all(directory).with_context(context)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".whatsapp-otp-setup").permissions(fs::Permissions::from_mode(0o600));
        let file = builder.tempfile_in(directory).with_context(context)?;
        Ok(Self { file, place, path: path.to_owned() })
    }

    /// Writes the content and moves the file into its place. A file that is already there is replaced if `replaces`, and
    /// an error otherwise.
    pub(crate) fn finish(self, content: &[u8], replaces: bool) -> anyhow::Result<()> {
        let Self { mut file, place, path } = self;
        let failed = || cannot_be_written(&path);
        std::io::Write::write_all(&mut file, content).and_then(|()| file.as_file().sync_all()).with_context(failed)?;
        let moved = if replaces { file.persist(&place) } else { file.persist_noclobber(&place) };
        moved.with_context(failed)?;
        // The new name has to be durable as well. File systems that cannot sync directories need no sync.
        if let Some(Ok(directory)) = place.parent().map(File::open) {
            let _ = directory.sync_all();
        }
        Ok(())
    }
}

/// The path of the file itself, if `path` is a link to it.
pub(crate) fn without_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn cannot_be_written(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}
