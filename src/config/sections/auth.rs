//! `auth.*`: the callers of the sample server's calls.

use crate::config::reader::{Reader, Reported};
use crate::http::AuthMode;

pub(in crate::config) fn read(reader: &mut Reader) -> Result<AuthMode, Reported> {
    reader.word("auth.mode", &[("open", AuthMode::Open), ("api_key", AuthMode::ApiKey)])
}
