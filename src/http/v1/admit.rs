//! The first checks of every call: the key, the app, and the verification.

use std::sync::Arc;

use crate::http::edge::fields::IDEMPOTENCY_KEY;
use crate::http::edge::outcome::{InvalidMember, Outcome, Subject};
use crate::http::edge::route::Call;
use crate::http::edge::{auth, client_address};
use crate::http::settings::AuthMode;
use crate::http::state::PublicState;
use crate::otp::{App, AppName, Audience, Caller, ClientAddress, IdempotencyKey, Key, PhoneNumber, VerificationId};

/// A call with an accepted key.
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) key: Arc<Key>,
    /// The address of the connection, if limits by address apply to it.
    address: Option<ClientAddress>,
    /// The address that takes a share of the server's places.
    pub(super) holder: Option<ClientAddress>,
}

/// A stored verification, as far as its id tells.
pub(super) struct Located {
    pub(super) app: Arc<App>,
    pub(super) phone: PhoneNumber,
    pub(super) id: VerificationId,
}

/// Admits a call of anyone with a key.
///
/// # Errors
///
/// [`Outcome::Unauthorized`] without an accepted key.
pub(super) fn any(call: &Call, subject: &mut Subject) -> Result<Admitted, Outcome> {
    let Call { state, peer, request, .. } = call;
    let headers = request.headers();
    let caller = auth::caller(AuthMode::ApiKey, &state.keys.borrow(), headers)?;
    let Caller::Key(key) = &caller else { return Err(Outcome::Unauthorized) };
    let (key, caller) = (Arc::clone(key), subject.caller.insert(caller).clone());
    subject.app = key.apps.first().map(|app| app.in_world(caller.world()));
    let client = client_address::client(*peer, headers, &state.trusted_proxies);
    let address = (!key.kind.is_backend()).then(|| client.into());
    let holder = client_address::holder(&caller, *peer, headers, &state.trusted_proxies);
    Ok(Admitted { caller, key, address, holder })
}

/// Admits a call of a backend.
///
/// # Errors
///
/// [`Outcome::Forbidden`] with a client key, besides those of [`any`].
pub(super) fn backend(call: &Call, subject: &mut Subject) -> Result<Admitted, Outcome> {
    let admitted = any(call, subject)?;
    if admitted.key.kind.is_backend() { Ok(admitted) } else { Err(Outcome::Forbidden) }
}

impl Admitted {
    /// Returns the requested app, or the key's first.
    ///
    /// # Errors
    ///
    /// [`Outcome::Forbidden`] if the key is not for that app.
    pub(super) fn app(
        &self,
        state: &PublicState,
        requested: Option<&AppName>,
        subject: &mut Subject,
    ) -> Result<Arc<App>, Outcome> {
        let name = requested.or(self.key.apps.first()).ok_or(Outcome::Forbidden)?;
        let app = state.service.apps().of(&self.caller, name).ok_or(Outcome::Forbidden)?;
        subject.app = Some(app.name.clone());
        Ok(Arc::clone(app))
    }

    /// Returns the client that limits by address apply to: the one that a backend states, or the connection's.
    ///
    /// # Errors
    ///
    /// [`Outcome::InvalidRequest`] if a client states one.
    pub(super) fn client(&self, stated: Option<ClientAddress>) -> Result<Option<ClientAddress>, Outcome> {
        match (self.address, stated) {
            (None, stated) => Ok(stated),
            (address @ Some(_), None) => Ok(address),
            (Some(_), Some(_)) => Err(Outcome::InvalidRequest(vec![InvalidMember {
                pointer: "#/client/ip".to_owned(),
                detail: "Leave it out: with a client key, the address is the connection's.".to_owned(),
            }])),
        }
    }

    /// Finds the app and the number of the verification in the path.
    ///
    /// # Errors
    ///
    /// [`Outcome::Absent`] if the path has no id of a verification that the key may see.
    pub(super) fn locate(&self, call: &Call, subject: &mut Subject) -> Result<Located, Outcome> {
        let id = call.parameter.as_deref().and_then(|id| id.parse().ok()).ok_or(Outcome::Absent)?;
        subject.verification = Some(id);
        let (app, phone) = call.state.service.locate(&id).ok_or(Outcome::Absent)?;
        if app.name.world() != self.caller.world() || !self.caller.may_use(&app.name.in_world(crate::otp::World::Live))
        {
            return Err(Outcome::Absent);
        }
        subject.app = Some(app.name.clone());
        subject.phone = Some(phone.clone());
        Ok(Located { app: Arc::clone(app), phone, id })
    }
}

/// Checks that the app allows the audience of a proof.
///
/// # Errors
///
/// [`Outcome::InvalidRequest`] if it does not.
pub(super) fn audience(app: &App, audience: Option<&Audience>) -> Result<(), Outcome> {
    app.proofs.audience(&app.name, audience).map(drop).map_err(|_| {
        let detail = "An audience that the app's settings allow (proof.audiences).".to_owned();
        Outcome::InvalidRequest(vec![InvalidMember { pointer: "#/proof/audience".to_owned(), detail }])
    })
}

/// Returns the idempotency key of a call, if it has one.
///
/// # Errors
///
/// [`Outcome::IdempotencyKeyInvalid`] if the header is malformed, or there are several.
pub(super) fn idempotency_key(call: &Call) -> Result<Option<IdempotencyKey>, Outcome> {
    let mut lines = call.request.headers().get_all(IDEMPOTENCY_KEY).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => {
            let key = line.to_str().ok().and_then(|text| IdempotencyKey::parse(text).ok());
            key.map(Some).ok_or(Outcome::IdempotencyKeyInvalid)
        }
        (Some(_), Some(_)) => Err(Outcome::IdempotencyKeyInvalid),
    }
}
