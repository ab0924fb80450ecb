//! The answers of the verification API: a verification, or a problem.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::problem::{self, Problem};
use super::problem_code::ProblemCode;
use super::rate_limit;
use super::resource::Resource;
use crate::http::edge::fields::IDEMPOTENT_REPLAYED;
use crate::http::edge::outcome::{Answer, Ended, Outcome, Shown, Subject};
use crate::http::settings::PublicUrl;
use crate::http::state::PublicState;
use crate::otp::{App, Caller, KeyKind};
use crate::telemetry;

/// Presents the end of a call.
pub(super) fn present(state: &PublicState, ended: &Ended) -> Response {
    let fields = state.rate_limit_fields && viewer(&ended.subject) != KeyKind::Client;
    let code = match (&ended.outcome, ProblemCode::of(&ended.outcome)) {
        (Outcome::Verification(answer, shown), None) => return verification(*answer, shown, &ended.subject, fields),
        (_, code) => code.unwrap_or(ProblemCode::InternalError),
    };
    let request_id = telemetry::request_id().map(|id| id.as_str().to_owned());
    let mut response = problem(&Problem::of(ended, code, public_url(state), request_id), code);
    if let (true, Outcome::Limited { limit, retry_after }) = (fields, &ended.outcome)
        && let Some(app) = app(state, &ended.subject)
    {
        rate_limit::add_refusal(response.headers_mut(), &app.policy, limit, *retry_after);
    }
    response
}

/// The absolute URL of the service, or `""`.
fn public_url(state: &PublicState) -> &str {
    state.public_url.as_ref().map_or("", PublicUrl::as_str)
}

fn app<'s>(state: &'s PublicState, subject: &Subject) -> Option<&'s App> {
    state.service.apps().named(subject.app.as_ref()?).map(AsRef::as_ref)
}

/// Returns the kind of the caller's key; without a key, the one that sees the least.
fn viewer(subject: &Subject) -> KeyKind {
    match &subject.caller {
        Some(Caller::Key(key)) => key.kind,
        Some(Caller::Anyone) | None => KeyKind::Client,
    }
}

fn verification(answer: Answer, shown: &Shown, subject: &Subject, fields: bool) -> Response {
    let status = if answer == Answer::Created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = json(status, "application/json", &Resource::of(shown, viewer(subject)));
    let headers = response.headers_mut();
    if answer == Answer::Created {
        let location = HeaderValue::try_from(format!("/v1/verifications/{}", shown.verification.id));
        headers.extend(location.ok().map(|location| (LOCATION, location)));
    }
    if shown.is_replay {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    if fields {
        rate_limit::add_uses(headers, &shown.uses);
    }
    response
}

fn problem(problem: &Problem, code: ProblemCode) -> Response {
    let mut response = json(code.status(), problem::MEDIA_TYPE, problem);
    let headers = response.headers_mut();
    headers.extend(problem.retry_after_seconds().map(|seconds| (RETRY_AFTER, seconds.into())));
    if code == ProblemCode::Unauthenticated {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn json(status: StatusCode, media_type: &'static str, body: &impl Serialize) -> Response {
    // Texts with names for members can always be written.
    let mut response = Response::new(Body::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::v1::resource::tests::shown;
    use crate::otp::{AppName, Key, KeyName, LimitKind, Rule, Use};

    fn subject(kind: KeyKind) -> Subject {
        let (name, apps) = (KeyName::parse("key").unwrap(), vec![AppName::default()]);
        Subject { caller: Some(Caller::Key(Key { name, kind, apps }.into())), ..Subject::default() }
    }

    fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn a_new_verification_is_a_201_with_its_location() {
        let mut shown = shown();
        let response = verification(Answer::Created, &shown, &subject(KeyKind::Server), true);
        assert_eq!(response.status(), 201);
        assert_eq!(header(&response, "location"), Some("/v1/verifications/ver_01js7whh8m7m9a9s94qzrj8k0w"));
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(header(&response, "idempotent-replayed"), None);

        shown.is_replay = true;
        let response = verification(Answer::Resumed, &shown, &subject(KeyKind::Server), true);
        assert_eq!((response.status().as_u16(), header(&response, "location")), (200, None));
        assert_eq!(header(&response, "idempotent-replayed"), Some("true"));
    }

    #[test]
    fn the_use_of_limits_is_shown_unless_it_is_turned_off() {
        let mut shown = shown();
        let of = |name, limit: &str, remaining, resets_in| {
            let rule = Rule { kind: LimitKind::named(name).unwrap(), limit: limit.parse().unwrap() };
            Use { rule, remaining, resets_in: Duration::from_millis(resets_in) }
        };
        shown.uses = vec![of("per_phone", "5/1h", 2, 1_799_001), of("per_ip", "60/90s", 59, 0)];
        let response = verification(Answer::Created, &shown, &subject(KeyKind::Server), true);
        let policy = r#""per_phone";q=5;w=3600, "per_ip";q=60;w=90"#;
        assert_eq!(header(&response, "ratelimit-policy"), Some(policy));
        assert_eq!(header(&response, "ratelimit"), Some(r#""per_phone";r=2;t=1800, "per_ip";r=59;t=0"#));

        let response = verification(Answer::Created, &shown, &subject(KeyKind::Server), false);
        assert_eq!((header(&response, "ratelimit-policy"), header(&response, "ratelimit")), (None, None));
        shown.uses.clear();
        let response = verification(Answer::Found, &shown, &subject(KeyKind::Server), true);
        assert_eq!((header(&response, "ratelimit-policy"), header(&response, "ratelimit")), (None, None));
    }

    #[test]
    fn a_problem_says_when_to_try_again_and_how_to_authenticate() {
        let response = |outcome| {
            let ended = Ended::from(outcome);
            let code = ProblemCode::of(&ended.outcome).unwrap();
            problem(&Problem::of(&ended, code, "", None), code)
        };
        let refused = response(Outcome::Limited { limit: "per_ip", retry_after: Duration::from_millis(1_001) });
        assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (429, Some("2")));
        assert_eq!(header(&refused, "content-type"), Some("application/problem+json"));
        let unknown = response(Outcome::Unauthorized);
        assert_eq!((unknown.status().as_u16(), header(&unknown, "www-authenticate")), (401, Some("Bearer")));
        assert_eq!(header(&unknown, "retry-after"), None);
    }
}
