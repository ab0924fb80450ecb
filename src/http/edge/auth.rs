//! Authentication by API key: `Authorization: Bearer KEY`, compared by SHA-256 and in constant time.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::outcome::Outcome;
use crate::http::settings::{AcceptedKey, AuthMode};
use crate::otp::Caller;

/// Identifies the caller.
///
/// # Errors
///
/// [`Outcome::Unauthorized`] without exactly one of the accepted keys.
pub(crate) fn caller(mode: AuthMode, keys: &[AcceptedKey], headers: &HeaderMap) -> Result<Caller, Outcome> {
    match mode {
        AuthMode::Open => Ok(Caller::Anyone),
        AuthMode::ApiKey => {
            let accepted = bearer(headers).and_then(|presented| accepted(keys, presented));
            accepted.map(|accepted| Caller::Key(Arc::clone(&accepted.key))).ok_or(Outcome::Unauthorized)
        }
    }
}

/// Returns the key in the only `Authorization` line. With several, a proxy on the way may have checked any of them.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (scheme, key) = lines.next()?.to_str().ok()?.split_once(' ')?;
    (lines.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| key.trim_matches(' '))
}

/// Returns the accepted key that was presented. Compares with every key, so that the time reveals neither which one
/// matched nor how nearly.
fn accepted<'k>(keys: &'k [AcceptedKey], presented: &str) -> Option<&'k AcceptedKey> {
    let presented: [u8; 32] = Sha256::digest(presented).into();
    let none = (Choice::from(0), 0_u64);
    let (found, index) = (0_u64..).zip(keys).fold(none, |(found, index), (this, key)| {
        let matches = key.sha256.ct_eq(&presented);
        (found | matches, u64::conditional_select(&index, &this, matches))
    });
    keys.get(usize::try_from(index).ok()?).filter(|_| found.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otp::{AppName, Key, KeyKind, KeyName};

    fn keys(keys: &[&str]) -> Vec<AcceptedKey> {
        let accepted = |key: &&str| {
            let name = KeyName::parse(&format!("name-of-{key}")).unwrap();
            let about = Key { name, kind: KeyKind::Server, apps: vec![AppName::default()] };
            AcceptedKey { key: Arc::new(about), sha256: Sha256::digest(key).into() }
        };
        keys.iter().map(accepted).collect()
    }

    fn caller_of(keys: &[AcceptedKey], headers: &HeaderMap) -> Result<Caller, Outcome> {
        caller(AuthMode::ApiKey, keys, headers)
    }

    fn name(keys: &[AcceptedKey], header: &str) -> Option<String> {
        caller_of(keys, &with(header)).unwrap().name().map(str::to_owned)
    }

    fn with(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
    }

    #[test]
    fn every_accepted_key_identifies_its_caller() {
        let keys = keys(&["first", "second"]);
        for header in ["Bearer first", "bearer first", "BEARER  first "] {
            assert_eq!(name(&keys, header).as_deref(), Some("name-of-first"), "{header}");
        }
        assert_eq!(name(&keys, "Bearer second").as_deref(), Some("name-of-second"));
    }

    #[test]
    fn anything_else_is_unauthorized() {
        let keys = keys(&["first", "second"]);
        for header in ["Bearer third", "Bearer ", "Bearer", "Basic first", "first", "Bearer first second"] {
            assert_eq!(caller_of(&keys, &with(header)), Err(Outcome::Unauthorized), "{header}");
        }
        assert_eq!(caller_of(&keys, &HeaderMap::new()), Err(Outcome::Unauthorized));
        assert_eq!(caller_of(&[], &with("Bearer first")), Err(Outcome::Unauthorized));
    }

    #[test]
    fn two_lines_are_unauthorized() {
        for second in ["Bearer first", "Bearer third", "Basic x"] {
            let mut headers = with("Bearer first");
            headers.append(AUTHORIZATION, second.parse().unwrap());
            assert_eq!(caller_of(&keys(&["first"]), &headers), Err(Outcome::Unauthorized), "{second}");
        }
    }

    #[test]
    fn open_needs_no_key() {
        assert_eq!(caller(AuthMode::Open, &[], &HeaderMap::new()), Ok(Caller::Anyone));
    }
}
