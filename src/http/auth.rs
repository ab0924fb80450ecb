//! API keys: `Authorization: Bearer KEY`, compared by SHA-256 and in constant time.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::answer::Answer;
use super::settings::{ApiKeyHash, AuthMode};

/// Lets the request pass, or says why not.
///
/// # Errors
///
/// [`Answer::Unauthorized`] without one of the accepted keys.
pub(super) fn check(mode: &AuthMode, headers: &HeaderMap) -> Result<(), Answer> {
    match mode {
        AuthMode::Open => Ok(()),
        AuthMode::ApiKeys(keys) => match bearer(headers) {
            Some(presented) if accepted(keys, presented) => Ok(()),
            _ => Err(Answer::Unauthorized),
        },
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_matches(' '))
}

/// Compares with every key, whichever matches, so that the time tells neither which did nor how nearly.
fn accepted(keys: &[ApiKeyHash], presented: &str) -> bool {
    let presented: [u8; 32] = Sha256::digest(presented).into();
    let matches = keys.iter().map(|key| key.sha256.ct_eq(&presented));
    matches.fold(Choice::from(0), |any, this| any | this).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(keys: &[&str]) -> AuthMode {
        let hash = |key: &&str| ApiKeyHash { name: "test".to_owned(), sha256: Sha256::digest(key).into() };
        AuthMode::ApiKeys(keys.iter().map(hash).collect())
    }

    fn with(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
    }

    #[test]
    fn any_of_the_accepted_keys_opens() {
        let mode = mode(&["first", "second"]);
        for header in ["Bearer first", "Bearer second", "bearer first", "BEARER  first "] {
            assert_eq!(check(&mode, &with(header)), Ok(()), "{header}");
        }
    }

    #[test]
    fn nothing_else_does() {
        let mode = mode(&["first", "second"]);
        for header in ["Bearer third", "Bearer ", "Bearer", "Basic first", "first", "Bearer first second"] {
            assert_eq!(check(&mode, &with(header)), Err(Answer::Unauthorized), "{header}");
        }
        assert_eq!(check(&mode, &HeaderMap::new()), Err(Answer::Unauthorized));
        assert_eq!(check(&AuthMode::ApiKeys(Vec::new()), &with("Bearer first")), Err(Answer::Unauthorized));
    }

    #[test]
    fn open_asks_for_none() {
        assert_eq!(check(&AuthMode::Open, &HeaderMap::new()), Ok(()));
    }
}
