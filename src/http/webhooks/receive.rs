//! `POST /webhooks/whatsapp`: WhatsApp reports on messages and on the account.

use std::sync::Arc;

use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, HeaderValue};

use super::body::{self, Body};
use crate::http::edge::client_address;
use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::edge::route::Call;
use crate::otp::{Caller, Receipt};

const SIGNATURE: &str = "x-hub-signature-256";

/// Applies the parts of a webhook that the service knows. WhatsApp repeats a webhook that is not answered 200, so only what
/// a repetition can change is answered otherwise.
pub(super) async fn receive(call: Call) -> Ended {
    let meters = Arc::clone(&call.state.meters);
    let (Ok(outcome) | Err(outcome)) = received(call).await;
    meters.webhook(outcome).into()
}

async fn received(call: Call) -> Result<Outcome, Outcome> {
    let Call { state, peer, request, .. } = call;
    let Some(webhook) = &state.whatsapp_webhook else { return Err(Outcome::TurnedOff) };
    if is_encoded(request.headers()) {
        return Err(Outcome::UnsupportedMediaType);
    }
    let signatures: Vec<_> = request.headers().get_all(SIGNATURE).iter().cloned().collect();
    let signatures: Vec<_> = signatures.iter().map(HeaderValue::as_bytes).collect();
    // Strangers send none, and need not be read.
    if signatures.is_empty() {
        return Err(Outcome::Webhook(Receipt::BadSignature));
    }
    let holder = client_address::holder(&Caller::Anyone, peer, request.headers(), &state.trusted_proxies);
    let Body { bytes, place: _place } = body::read(&state, holder, request).await?;
    let receipt = webhook.receive(&state.service, &signatures, bytes).await;
    Ok(Outcome::Webhook(receipt))
}

/// Returns `true` for bodies that are compressed: WhatsApp's are not, and a small one could become very large.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
