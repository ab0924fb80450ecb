//! `GET /docs`: a page to browse and try the API, with Swagger UI. It needs no other network, and only the sandbox has it.

use std::future::ready;

use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::response::Response;

use crate::http::edge::document::{Document, Encoding};
use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::edge::route::{Call, Route, Surface};
use crate::http::state::PublicState;
use crate::http::well_known;

/// Swagger UI sets styles of elements, and its style sheet has images of its own.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const HTML: &str = "text/html; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// The files of the page.
const FILES: [(&str, &str, Encoding, &[u8]); 4] = [
    ("", HTML, Encoding::Identity, include_bytes!("page.html")),
    ("start.js", JS, Encoding::Identity, include_bytes!("start.js")),
    ("swagger-ui-bundle.js", JS, Encoding::Gzip, include_bytes!("swagger-ui/swagger-ui-bundle.js.gz")),
    ("swagger-ui.css", CSS, Encoding::Gzip, include_bytes!("swagger-ui/swagger-ui.css.gz")),
];

static SURFACE: Surface = Surface { present, is_enabled: |state| state.has_api_page };

/// The page.
pub(super) const PAGE: Route = route("/docs");

/// A file that the page loads.
pub(super) const FILE: Route = route("/docs/{file}");

const fn route(pattern: &'static str) -> Route {
    Route { pattern, surface: &SURFACE, endpoints: &[(Method::GET, |call| Box::pin(ready(file(&call))))] }
}

fn file(call: &Call) -> Ended {
    let name = call.parameter.as_deref().unwrap_or_default();
    let file = FILES.iter().find(|(listed, ..)| *listed == name);
    let document = |&(_, content_type, encoding, body): &(_, _, _, &'static [u8])| {
        Outcome::Document(Document::of_file(&call.request, content_type, encoding, body))
    };
    file.map_or(Outcome::NotFound, document).into()
}

fn present(state: &PublicState, ended: &Ended) -> Response {
    let mut response = well_known::present(state, ended);
    let fields =
        [(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer")];
    response.headers_mut().extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
