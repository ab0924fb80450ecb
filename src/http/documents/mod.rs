//! The description of the API: `/openapi.json`, and in the sandbox a page to browse it.

#[cfg(feature = "simulator")]
mod browser;
mod openapi;

use std::future::ready;

use axum::http::Method;

use super::edge::route::{Route, Surface};
use super::well_known;

pub use openapi::text as openapi;

static SURFACE: Surface = Surface { present: well_known::present, is_enabled: |_| true };

pub(super) const ROUTES: &[Route] = &[
    OPENAPI,
    #[cfg(feature = "simulator")]
    browser::PAGE,
    #[cfg(feature = "simulator")]
    browser::FILE,
];

/// The description in OpenAPI.
const OPENAPI: Route = Route {
    pattern: "/openapi.json",
    surface: &SURFACE,
    endpoints: &[
        (Method::GET, |call| Box::pin(ready(openapi::openapi(&call)))),
        (Method::HEAD, |call| Box::pin(ready(openapi::openapi(&call)))),
    ],
};
