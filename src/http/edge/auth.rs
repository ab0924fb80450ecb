//! API keys: `Authorization: Bearer KEY`, compared by SHA-256 and in constant time.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::http::sample::answer::Answer;
use crate::http::settings::{ApiKeyHash, AuthMode};

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Caller<'m> {
    /// Anyone, as nobody is asked for a key.
    Anyone,
    /// Whoever holds the key of that name: a backend, which knows its own users.
    Key(&'m str),
}

/// Says who calls.
///
/// # Errors
///
/// [`Answer::Unauthorized`] without exactly one of the accepted keys.
pub(in crate::http) fn caller<'m>(mode: &'m AuthMode, headers: &HeaderMap) -> Result<Caller<'m>, Answer> {
    match mode {
        AuthMode::Open => Ok(Caller::Anyone),
        AuthMode::ApiKeys(keys) => {
            let name = bearer(headers).and_then(|presented| accepted(keys, presented));
            name.map(Caller::Key).ok_or(Answer::Unauthorized)
        }
    }
}

/// The key in the one `Authorization` line. Of several nobody can say which one a proxy on the way has checked.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (scheme, key) = lines.next()?.to_str().ok()?.split_once(' ')?;
    (lines.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| key.trim_matches(' '))
}

/// The name of the key, if it is accepted. Compares with every key, whichever matches, so that the time tells neither which
/// did nor how nearly.
fn accepted<'k>(keys: &'k [ApiKeyHash], presented: &str) -> Option<&'k str> {
    let presented: [u8; 32] = Sha256::digest(presented).into();
    let matches = keys.iter().map(|key| (key, key.sha256.ct_eq(&presented)));
    let (found, index) = matches.enumerate().fold((Choice::from(0), 0_u64), |(any, at), (index, (_, this))| {
        (any | this, u64::conditional_select(&at, &(index as u64), this))
    });
    let key = keys.get(usize::try_from(index).ok()?)?;
    bool::from(found).then_some(key.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(keys: &[&str]) -> AuthMode {
        let hash = |key: &&str| ApiKeyHash { name: format!("name-of-{key}"), sha256: Sha256::digest(key).into() };
        AuthMode::ApiKeys(keys.iter().map(hash).collect())
    }

    fn with(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
    }

    #[test]
    fn any_of_the_accepted_keys_opens() {
        let mode = mode(&["first", "second"]);
        for header in ["Bearer first", "bearer first", "BEARER  first "] {
            assert_eq!(caller(&mode, &with(header)), Ok(Caller::Key("name-of-first")), "{header}");
        }
        assert_eq!(caller(&mode, &with("Bearer second")), Ok(Caller::Key("name-of-second")));
    }

    #[test]
    fn nothing_else_does() {
        let mode = mode(&["first", "second"]);
        for header in ["Bearer third", "Bearer ", "Bearer", "Basic first", "first", "Bearer first second"] {
            assert_eq!(caller(&mode, &with(header)), Err(Answer::Unauthorized), "{header}");
        }
        assert_eq!(caller(&mode, &HeaderMap::new()), Err(Answer::Unauthorized));
        assert_eq!(caller(&AuthMode::ApiKeys(Vec::new()), &with("Bearer first")), Err(Answer::Unauthorized));
    }

    #[test]
    fn of_two_lines_neither_counts() {
        for second in ["Bearer first", "Bearer third", "Basic x"] {
            let mut headers = with("Bearer first");
            headers.append(AUTHORIZATION, second.parse().unwrap());
            assert_eq!(caller(&mode(&["first"]), &headers), Err(Answer::Unauthorized), "{second}");
        }
    }

    #[test]
    fn open_asks_for_none() {
        assert_eq!(caller(&AuthMode::Open, &HeaderMap::new()), Ok(Caller::Anyone));
    }
}
