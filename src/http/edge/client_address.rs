//! The client's address, behind proxies and backends.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::outcome::Outcome;
use crate::otp::{Caller, ClientAddress};

const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// Names the address of the user that a backend calls for.
const X_CLIENT_IP: &str = "x-client-ip";

/// Returns the client that limits by address apply to. A backend stands for many users: it names the user's address in
/// `X-Client-IP`, and without it no limit by address applies.
///
/// # Errors
///
/// [`Outcome::InvalidClientAddress`] if a backend names anything but one address.
pub(crate) fn client_of(
    caller: &Caller,
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Result<Option<ClientAddress>, Outcome> {
    if !is_backend(caller) {
        return Ok(Some(client(peer, headers, trusted).into()));
    }
    let mut named = headers.get_all(X_CLIENT_IP).iter();
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(address), None) => {
            let address = address.to_str().ok().and_then(|text| text.trim().parse::<IpAddr>().ok());
            address.map(|address| Some(address.into())).ok_or(Outcome::InvalidClientAddress)
        }
        (Some(_), Some(_)) => Err(Outcome::InvalidClientAddress),
    }
}

/// Returns the address whose share of the places a request takes. Backends and trusted proxies have no share.
pub(crate) fn holder(
    caller: &Caller,
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Option<ClientAddress> {
    let client = client(peer, headers, trusted);
    (!is_backend(caller) && !is_trusted(client, trusted)).then(|| client.into())
}

/// Returns `true` for the callers that know their users.
fn is_backend(caller: &Caller) -> bool {
    matches!(caller, Caller::Key(key) if key.kind.is_backend())
}

/// Returns `true` for the address of a trusted proxy.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Returns the client's address: the peer's, or behind a trusted proxy the right-most address in `X-Forwarded-For` that
/// is not a trusted proxy's. Anyone may have written what is left of that.
pub(crate) fn client(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.ip().to_canonical();
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    // As bytes: text that does not decode must not hide what a proxy appended to the same line.
    let mut hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(client, trusted) {
        // A hop that is not an address hides everything left of it, and the proxy that passed it on is the client.
        match hops.next().and_then(hop_address) {
            Some(hop) => client = hop,
            None => break,
        }
    }
    client
}

/// `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::HeaderValue;

    use super::*;
    use crate::otp::{AppName, Key, KeyKind, KeyName};

    fn resolve(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        let headers = forwarded.iter().map(|value| ("x-forwarded-for".parse().unwrap(), value.parse().unwrap()));
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        ClientAddress::from(client(peer, &headers.take(1).collect(), &trusted)).to_string()
    }

    const PROXIES: &[&str] = &["10.0.0.0/8", "fd00::/8"];

    #[test]
    fn only_a_backend_names_its_client_and_has_no_share() {
        let headers = HeaderMap::from_iter([(X_CLIENT_IP.parse().unwrap(), "198.51.100.1".parse().unwrap())]);
        let peer = "203.0.113.7:4711".parse().unwrap();
        let own = Some(ClientAddress::from(IpAddr::from([203, 0, 113, 7])));
        let named = Some(ClientAddress::from(IpAddr::from([198, 51, 100, 1])));
        let key = |kind| {
            let (name, apps) = (KeyName::parse("key").unwrap(), vec![AppName::default()]);
            Caller::Key(Arc::new(Key { name, kind, apps }))
        };
        for (caller, client, share) in [
            (Caller::Anyone, own, own),
            (key(KeyKind::Client), own, own),
            (key(KeyKind::Server), named, None),
            (key(KeyKind::Test), named, None),
        ] {
            assert_eq!(client_of(&caller, peer, &headers, &[]), Ok(client), "{caller:?}");
            assert_eq!(holder(&caller, peer, &headers, &[]), share, "{caller:?}");
        }
    }

    #[test]
    fn a_stranger_is_not_trusted() {
        assert_eq!(resolve("203.0.113.7", &["198.51.100.1"], PROXIES), "203.0.113.7");
        assert_eq!(resolve("10.0.0.1", &["198.51.100.1"], &[]), "10.0.0.1");
    }

    #[test]
    fn behind_trusted_proxies_the_right_most_untrusted_address_counts() {
        assert_eq!(resolve("10.0.0.1", &["198.51.100.1"], PROXIES), "198.51.100.1");
        assert_eq!(resolve("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"], PROXIES), "198.51.100.1");
        assert_eq!(resolve("10.0.0.1", &[], PROXIES), "10.0.0.1");
        assert_eq!(resolve("10.0.0.1", &["10.0.0.3"], PROXIES), "10.0.0.3");
    }

    #[test]
    fn several_header_lines_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6".parse().unwrap());
        headers.append("x-forwarded-for", "198.51.100.1".parse().unwrap());
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let client = client("10.0.0.1:80".parse().unwrap(), &headers, &trusted);
        assert_eq!(client.to_string(), "198.51.100.1");
    }

    #[test]
    fn a_hop_that_is_not_an_address_hides_everything_left_of_it() {
        assert_eq!(resolve("10.0.0.1", &["198.51.100.1, unknown"], PROXIES), "10.0.0.1");
        assert_eq!(resolve("10.0.0.1", &["198.51.100.1, , 10.0.0.9"], PROXIES), "10.0.0.9");
    }

    #[test]
    fn a_line_that_is_not_text_does_not_hide_what_a_proxy_appended() {
        let resolve = |lines: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
            }
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            client("10.0.0.1:80".parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(resolve(&[b"6.6.6.6", b"\xff, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(resolve(&[b"6.6.6.6", b"\xff"]), "10.0.0.1");
        assert_eq!(resolve(&[b"6.6.6.6", b"\xff, 10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn every_spelling_of_an_address_is_the_same_address() {
        for hop in ["198.51.100.1:4711", "::ffff:198.51.100.1", "[::ffff:198.51.100.1]", " 198.51.100.1 "] {
            assert_eq!(resolve("::ffff:10.0.0.1", &[hop], PROXIES), "198.51.100.1", "{hop}");
        }
        assert_eq!(resolve("fd00::1", &["[2001:DB8:1:2::5]:99"], PROXIES), "2001:db8:1:2::/64");
    }
}
