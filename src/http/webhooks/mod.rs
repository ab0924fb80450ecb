//! `/webhooks`: reports that channels send of their own accord. They come with a signature in place of a key, and may be
//! larger than other requests, so they have bounds of their own.

mod body;
mod handshake;
mod presenter;
mod receive;

use axum::http::Method;

use super::edge::route::{Route, Surface};

static SURFACE: Surface = Surface {
    present: presenter::present,
    is_enabled: |state| state.whatsapp_webhook.as_ref().is_some_and(|webhook| webhook.is_enabled()),
};

/// WhatsApp's webhooks.
pub(super) const WHATSAPP: Route = Route {
    pattern: "/webhooks/whatsapp",
    surface: &SURFACE,
    endpoints: &[
        (Method::GET, |call| Box::pin(std::future::ready(handshake::handshake(&call)))),
        (Method::POST, |call| Box::pin(receive::receive(call))),
    ],
};
