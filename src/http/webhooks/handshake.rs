//! `GET /webhooks/whatsapp`: WhatsApp makes sure that the URL is ours.

use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::edge::route::Call;

/// Answers a challenge that comes with one of our tokens. The store is not needed.
pub(super) fn handshake(call: &Call) -> Ended {
    let query = call.request.uri().query().unwrap_or_default();
    let webhook = call.state.whatsapp_webhook.as_ref();
    webhook.and_then(|webhook| webhook.handshake(query)).map_or(Outcome::Forbidden, Outcome::Handshake).into()
}
