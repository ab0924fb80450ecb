//! Routes of the public listener: the paths it answers, and for each its methods, their endpoints and the presenter of their
//! outcomes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use futures_util::future::BoxFuture;
use percent_encoding::percent_decode_str;

use super::outcome::{Ended, Outcome};
use crate::http::state::PublicState;

/// A path, with what answers there.
pub(crate) struct Route {
    /// The path, with `{parameter}` for a segment that varies. It names the route in logs, metrics and traces.
    pub(crate) pattern: &'static str,
    pub(crate) surface: &'static Surface,
    pub(crate) endpoints: &'static [(Method, Endpoint)],
}

/// Routes that speak one language.
pub(crate) struct Surface {
    /// Makes the response to a call, refusals of the edge included.
    pub(crate) present: fn(&PublicState, &Ended) -> Response,
    /// Returns `false` if the operator has turned the surface off.
    pub(crate) is_enabled: fn(&PublicState) -> bool,
}

/// Handles the requests of one method.
pub(crate) type Endpoint = fn(Call) -> BoxFuture<'static, Ended>;

/// A request that has found its endpoint.
pub(crate) struct Call {
    pub(crate) state: Arc<PublicState>,
    pub(crate) peer: SocketAddr,
    /// The segment that the route leaves open, decoded. `None` if it is not text.
    pub(crate) parameter: Option<String>,
    pub(crate) request: Request,
}

impl Route {
    /// Returns the parameter in `path`, if the path is this route's. As in Express, which the sample server's clients
    /// were written for, letter case does not matter outside the parameter, and a trailing slash is optional.
    pub(crate) fn parameter<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut parameter = "";
        let mut segments = path.strip_suffix('/').unwrap_or(path).split('/');
        for expected in self.pattern.split('/') {
            let segment = segments.next()?;
            if expected.starts_with('{') && !segment.is_empty() {
                parameter = segment;
            } else if !segment.eq_ignore_ascii_case(expected) {
                return None;
            }
        }
        segments.next().is_none().then_some(parameter)
    }

    /// Answers a request on this route.
    pub(crate) async fn answer(&self, state: Arc<PublicState>, request: Request) -> Response {
        if !(self.surface.is_enabled)(&state) {
            return self.surface.answer(&state, Outcome::TurnedOff.into());
        }
        let Some((_, endpoint)) = self.endpoints.iter().find(|(method, _)| method == request.method()) else {
            return self.method_not_allowed(&state);
        };
        let Some(&ConnectInfo(peer)) = request.extensions().get() else {
            return self.surface.answer(&state, Outcome::Internal.into());
        };
        let parameter = self.parameter(request.uri().path()).unwrap_or_default();
        let parameter = percent_decode_str(parameter).decode_utf8().ok().map(String::from);
        self.surface.answer(&Arc::clone(&state), endpoint(Call { state, peer, parameter, request }).await)
    }

    fn method_not_allowed(&self, state: &PublicState) -> Response {
        let mut response = self.surface.answer(state, Outcome::MethodNotAllowed.into());
        let methods: Vec<_> = self.endpoints.iter().map(|(method, _)| method.as_str()).collect();
        response.headers_mut().extend(HeaderValue::try_from(methods.join(", ")).ok().map(|methods| (ALLOW, methods)));
        response
    }
}

impl Surface {
    /// Returns the response to a call, which carries the call for those who report it.
    pub(crate) fn answer(&self, state: &PublicState, ended: Ended) -> Response {
        let mut response = (self.present)(state, &ended);
        response.extensions_mut().insert(ended);
        response
    }
}
