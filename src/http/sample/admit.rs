//! The first checks of both calls: the caller, the phone number and the client.

use std::sync::Arc;

use crate::http::edge::outcome::{Outcome, Subject};
use crate::http::edge::route::Call;
use crate::http::edge::{auth, client_address, cross_site};
use crate::otp::{App, Caller, ClientAddress, PhoneNumber};

/// A call that may go on.
pub(super) struct Admitted {
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    pub(super) phone: PhoneNumber,
    /// The client that limits by address apply to.
    pub(super) client: Option<ClientAddress>,
    /// The address that takes a share of the server's places.
    pub(super) holder: Option<ClientAddress>,
}

/// Returns the subject of a call about which nothing else is known yet.
pub(super) fn subject(call: &Call) -> Subject {
    Subject { app: Some(call.state.service.apps().default_app().name.clone()), ..Subject::default() }
}

/// Admits a call, and notes in `subject` what it finds out.
///
/// # Errors
///
/// The outcome of a call that is refused.
pub(super) fn admit(call: &Call, subject: &mut Subject) -> Result<Admitted, Outcome> {
    let Call { state, peer, parameter, request } = call;
    let headers = request.headers();
    cross_site::check(headers, &state.cors_origins)?;
    let caller = auth::caller(state.auth, &state.keys.borrow(), headers)?;
    let caller = subject.caller.insert(caller);
    let app = state.service.apps().of(caller, &state.service.apps().default_app().name).ok_or(Outcome::Unauthorized)?;
    let phone = parameter.as_deref().and_then(|phone| PhoneNumber::parse(phone).ok()).ok_or(Outcome::InvalidPhone)?;
    subject.phone = Some(phone.clone());
    let client = client_address::client_of(caller, *peer, headers, &state.trusted_proxies)?;
    let holder = client_address::holder(caller, *peer, headers, &state.trusted_proxies);
    Ok(Admitted { app: Arc::clone(app), caller: caller.clone(), phone, client, holder })
}
