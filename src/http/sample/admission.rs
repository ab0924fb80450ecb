//! What comes first for both calls.

use std::net::SocketAddr;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderMap;

use super::answer::Answer;
use crate::http::edge::auth::{self, Caller};
use crate::http::edge::client_address::client_of;
use crate::http::edge::cross_site;
use crate::http::state::PublicState;
use crate::otp::{ClientAddress, PhoneNumber};

/// A request that may go on.
pub(super) struct Admitted<'s> {
    pub(super) caller: Caller<'s>,
    pub(super) phone: PhoneNumber,
    /// Whom limits by address apply to.
    pub(super) client: Option<ClientAddress>,
}

/// A request that may not.
pub(super) struct Refused<'s> {
    pub(super) caller: Caller<'s>,
    pub(super) answer: Answer,
}

/// What comes first for both calls: the API key, then the phone number and the client.
pub(super) fn admit<'s>(
    state: &'s PublicState,
    peer: SocketAddr,
    headers: &HeaderMap,
    phone: Result<Path<String>, PathRejection>,
) -> Result<Admitted<'s>, Refused<'s>> {
    let nobody = |answer| Refused { caller: Caller::Anyone, answer };
    cross_site::check(headers, &state.cors_origins).map_err(nobody)?;
    let caller = auth::caller(&state.auth, headers).map_err(nobody)?;
    let refused = |answer| Refused { caller, answer };
    let Path(phone) = phone.map_err(|_| refused(Answer::InvalidPhone))?;
    let phone = PhoneNumber::parse(&phone).map_err(|_| refused(Answer::InvalidPhone))?;
    let client = client_of(caller, peer, headers, &state.trusted_proxies).map_err(refused)?;
    Ok(Admitted { caller, phone, client })
}
