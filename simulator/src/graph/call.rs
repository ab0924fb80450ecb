//! An authenticated call: its version, its caller, and the objects that the caller may access.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, Uri, header, request::Parts},
};
use jiff::Timestamp;

use super::{beyond_first_segment, error::GraphError, phone_numbers, version::ApiVersion};
use crate::{AccountState, Simulator, SimulatorSettings, tokens::Standing, world::World};

/// The limit on an active account's management calls per hour.
const MANAGEMENT_CALLS_PER_HOUR: u32 = 5_000;

/// A call with a known version and a valid token.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) simulator: Simulator,
    pub(crate) version: ApiVersion,
    pub(crate) standing: Standing,
    pub(crate) token: String,
    pub(crate) host: String,
    method: Method,
    uri: Uri,
    query: Vec<(String, String)>,
}

impl FromRequestParts<Simulator> for Call {
    type Rejection = GraphError;

    async fn from_request_parts(parts: &mut Parts, simulator: &Simulator) -> Result<Self, GraphError> {
        let version = parts.uri.path().split('/').nth(1).unwrap_or_default();
        let version =
            ApiVersion::parse(version).ok_or_else(|| GraphError::unknown_path(beyond_first_segment(&parts.uri)))?;
        let query = parts.uri.query().unwrap_or_default();
        let query: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let token = token(&parts.headers, &query)?;
        let revoked = simulator.world().switches.account == AccountState::TokenRevoked;
        let standing = Standing::of(&token, simulator.settings())
            .or_else(|| simulator.is_app_token(&token).then_some(Standing::App))
            .map(|standing| if revoked { Standing::Invalidated } else { standing })
            .ok_or_else(|| GraphError::new(190))
            .and_then(|standing| alive(standing, simulator.shared.clock.timestamp()))?;
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        Ok(Self {
            simulator: simulator.clone(),
            version,
            standing,
            token,
            host: host.to_owned(),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            query,
        })
    }
}

/// The token from the header or, as Graph also accepts, from the query.
fn token(headers: &HeaderMap, query: &[(String, String)]) -> Result<String, GraphError> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let in_query = query.iter().find(|(name, _)| name == "access_token").map(|(_, token)| token.as_str());
    bearer
        .or(in_query)
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| GraphError::new(190).message("An access token is required to request this resource."))
}

fn alive(standing: Standing, now: Timestamp) -> Result<Standing, GraphError> {
    match standing {
        Standing::Expired => Err(GraphError::new(190).subcode(463).message(expired(now))),
        Standing::Invalidated => Err(GraphError::new(190).subcode(460).message(INVALIDATED)),
        standing => Ok(standing),
    }
}

/// Graph's message for a token invalidated by a password change.
pub(crate) const INVALIDATED: &str = "Error validating access token: The session has been \
    invalidated because the user changed their password or Facebook has changed the session for \
    security reasons.";

/// Graph's message for an expired token.
pub(crate) fn expired(now: Timestamp) -> String {
    let date = |at: Timestamp| at.strftime("%A, %d-%b-%y %H:%M:%S UTC").to_string();
    let ended = now - jiff::SignedDuration::from_hours(1);
    format!("Error validating access token: Session has expired on {}. The current time is {}.", date(ended), date(now))
}

impl Call {
    pub(crate) fn settings(&self) -> &SimulatorSettings {
        self.simulator.settings()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.simulator.shared.clock.timestamp()
    }

    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// A parameter of the query; an empty one counts as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, value)| given == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The parameters of the query, in their order.
    pub(crate) fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// Allows a send from this number if the caller may send from it.
    pub(crate) fn authorize_sender(&self, id: &str) -> Result<(), GraphError> {
        if !phone_numbers::exists(self.settings(), id) {
            return Err(self.unknown_object(id));
        }
        if !self.standing.may_message() || !self.standing.is_assigned() {
            return Err(GraphError::new(200));
        }
        if id != self.settings().phone_number_id {
            return Err(GraphError::new(133_010));
        }
        self.within_app_budget(&self.simulator.world())
    }

    /// Allows a management call on this account if the caller may manage it.
    pub(crate) fn authorize_account(&self, id: &str) -> Result<(), GraphError> {
        if id != self.settings().waba_id {
            return Err(self.unknown_object(id));
        }
        self.authorize_management()?;
        if self.standing.is_assigned() {
            Ok(())
        } else {
            Err(GraphError::new(200)
                .message("(#200) You do not have permission to access this WhatsApp Business Account"))
        }
    }

    /// Allows a call on another object of the account; for a caller without access it does not exist.
    pub(crate) fn authorize_object(&self, id: &str) -> Result<(), GraphError> {
        self.authorize_management()?;
        if self.standing.is_assigned() { Ok(()) } else { Err(self.unknown_object(id)) }
    }

    /// The error for an id that names nothing visible to this caller.
    pub(crate) fn unknown_object(&self, id: &str) -> GraphError {
        GraphError::unknown_object(self.method.as_str(), id)
    }

    fn authorize_management(&self) -> Result<(), GraphError> {
        if !self.standing.may_manage() {
            return Err(GraphError::new(200)
                .message("(#200) Requires whatsapp_business_management permission to manage the object"));
        }
        let now = self.simulator.shared.clock.instant();
        let mut world = self.simulator.world();
        self.within_app_budget(&world)?;
        if world.switches.account != AccountState::AccountBudgetSpent
            && world.management_calls.admit(now, MANAGEMENT_CALLS_PER_HOUR)
        {
            Ok(())
        } else {
            Err(self.throttled(80_007))
        }
    }

    fn within_app_budget(&self, world: &World) -> Result<(), GraphError> {
        if world.switches.account == AccountState::AppBudgetSpent {
            Err(self.throttled(4).subcode(2_446_079))
        } else {
            Ok(())
        }
    }

    /// A throttling error with the configured HTTP status.
    pub(crate) fn throttled(&self, code: u32) -> GraphError {
        GraphError::throttled(code, self.settings().throttle_status)
    }
}
