//! `/problems`: a page for each problem code, for the developer who meets it. The pages are compiled in and need neither a
//! key nor the store.

mod list;
mod markdown;
mod page;
mod presenter;
mod show;

use std::future::ready;

use axum::http::Method;

use super::edge::route::{Route, Surface};

static SURFACE: Surface = Surface { present: presenter::present, is_enabled: |_| true };

/// The list of all codes.
pub(super) const LIST: Route = Route {
    pattern: "/problems",
    surface: &SURFACE,
    endpoints: &[
        (Method::GET, |call| Box::pin(ready(list::list(&call)))),
        (Method::HEAD, |call| Box::pin(ready(list::list(&call)))),
    ],
};

/// The page of one code.
pub(super) const PAGE: Route = Route {
    pattern: "/problems/{code}",
    surface: &SURFACE,
    endpoints: &[
        (Method::GET, |call| Box::pin(ready(show::show(&call)))),
        (Method::HEAD, |call| Box::pin(ready(show::show(&call)))),
    ],
};
