//! `sample.*`: the sample server's two calls.

use crate::config::reader::{Reader, Reported};

/// Whether the two calls are answered.
pub(in crate::config) fn read(reader: &mut Reader) -> Result<bool, Reported> {
    reader.switch("sample.enabled")
}
