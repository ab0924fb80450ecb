//! `GET /openapi.json`: the description of the API in OpenAPI 3.1, made from the code.

use std::sync::{Arc, LazyLock};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use utoipa::openapi::{Info, InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder};

use crate::http::edge::document::Document;
use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::edge::route::Call;
use crate::http::{v1, well_known};

const INTRODUCTION: &str = "\
Proves that somebody holds a phone number: creates a verification, sends a code over WhatsApp, and checks it.

- Only an answer of 2xx to a check means that the number is verified.
- Failures are problems (RFC 9457). Programs branch on `code`; the page at `type` says what to do.
- Members of requests that are not listed here are refused. Answers may gain members: ignore those you do not know.
- With a client key, answers contain no number, no `metadata`, and no counts but `attempts_left`.
- Times are in UTC, to the second.";

/// The text, and the tag that tells its versions apart.
static TEXT: LazyLock<(Arc<str>, Arc<str>)> = LazyLock::new(|| {
    let text = text();
    let etag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&text)[..16]));
    (text.into(), etag.into())
});

/// Answers with the description.
pub(super) fn openapi(call: &Call) -> Ended {
    let (text, etag) = &*TEXT;
    Outcome::Document(Document::new(&call.request, "application/json", text, Arc::clone(etag))).into()
}

/// Returns the description of the API as JSON.
#[must_use]
pub fn text() -> String {
    // A description can always be written; the committed copy is compared with it.
    let mut text = description().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

fn description() -> OpenApi {
    // Paths are relative to the place where the document was found.
    let server = ServerBuilder::new().url("/").description(Some("The service that this document is from.")).build();
    // Merging drops the examples of the description that is merged.
    let description = OpenApiBuilder::from(v1::describe()).info(info()).servers(Some([server])).build();
    description.merge_from(well_known::describe())
}

fn info() -> Info {
    InfoBuilder::new().title("whatsapp-otp").version(env!("CARGO_PKG_VERSION")).description(Some(INTRODUCTION)).build()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_committed_description_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, text()).unwrap();
        }
        let current = fs::read_to_string(path).unwrap_or_default();
        assert!(current == text(), "docs/openapi.json is not current: run `UPDATE=1 cargo test --lib openapi`");
    }
}
