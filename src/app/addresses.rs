//! Binds listeners, and says how others reach them.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::advised::Advised;
use crate::http::{ConnectionBounds, ListenError, Listener, TlsFiles};

/// Binds a listener. If its address cannot be used, the error says so with the means of choosing another, such as
/// `server.listen`.
pub(super) async fn bind(
    address: SocketAddr,
    tls: Option<TlsFiles>,
    bounds: ConnectionBounds,
    chosen_with: &str,
) -> anyhow::Result<Listener> {
    Listener::bind(address, tls, bounds).await.map_err(|error| match &error {
        ListenError::Address { source, .. } => match explain(address, source.kind(), chosen_with) {
            Some(advised) => advised.into(),
            None => error.into(),
        },
        ListenError::Certificate { .. } => error.into(),
    })
}

fn explain(address: SocketAddr, kind: ErrorKind, chosen_with: &str) -> Option<Advised> {
    let (ip, port) = (address.ip(), address.port());
    Some(match kind {
        ErrorKind::AddrInUse => Advised::new(
            format!("port {port} of {ip} is already in use"),
            format!("Stop the program that uses it, or choose another port with {chosen_with}."),
        ),
        ErrorKind::AddrNotAvailable => Advised::new(
            format!("{ip} is not an address of this machine"),
            format!("Choose one of its addresses, or 0.0.0.0 for all, with {chosen_with}."),
        ),
        ErrorKind::PermissionDenied => Advised::new(
            format!("this user may not listen on port {port}"),
            format!("Choose a port above 1023 with {chosen_with}."),
        ),
        _ => return None,
    })
}

/// Returns the address to connect to from this machine: all addresses are reached through loopback.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Returns the host and port by which a browser on this machine reaches an address. Outside a container that publishes the
/// port, only the name `localhost` is right for all addresses.
pub(super) fn for_browsers(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_reached_through_loopback() {
        for (bound, connected, browsed) in [
            ("0.0.0.0:9464", "127.0.0.1:9464", "localhost:9464"),
            ("[::]:9464", "[::1]:9464", "localhost:9464"),
            ("10.1.2.3:9464", "10.1.2.3:9464", "10.1.2.3:9464"),
        ] {
            let bound = bound.parse().unwrap();
            assert_eq!((reachable(bound).to_string(), for_browsers(bound)), (connected.to_owned(), browsed.to_owned()));
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_with_the_next_step() {
        let explain = |kind| explain("127.0.0.1:3000".parse().unwrap(), kind, "--listen");
        let used = explain(ErrorKind::AddrInUse).unwrap();
        assert_eq!(used.problem, "port 3000 of 127.0.0.1 is already in use");
        assert_eq!(used.fix, "Stop the program that uses it, or choose another port with --listen.");
        for kind in [ErrorKind::AddrNotAvailable, ErrorKind::PermissionDenied] {
            assert!(explain(kind).unwrap().fix.ends_with(" with --listen."));
        }
        assert_eq!(explain(ErrorKind::OutOfMemory), None);
    }
}
