//! The addresses that an endpoint may have. Whoever can set a URL must not reach what only this machine can.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Networks that are not public: private, local, shared, reserved, for documentation, for multicast, or that lead to
/// another address. IPv4 addresses inside IPv6 ones are judged by themselves.
const CLOSED: [&str; 29] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

static CLOSED_NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| CLOSED.iter().filter_map(|text| text.parse().ok()).collect());

/// The rules for an endpoint's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// `true` to allow http://.
    pub allow_http: bool,
    /// Networks that are allowed although they are not public. With any, the URL may also have a port, and a host
    /// without a dot.
    pub allow_networks: Vec<IpNet>,
}

/// The address is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The scheme is not.
    #[error("https:// (http:// with events.allow_http)")]
    Scheme,
    /// There is a user name, a password or a fragment.
    #[error("a URL without user name, password and #")]
    Extras,
    /// There is no host.
    #[error("a URL with a host")]
    NoHost,
    /// The port is not the scheme's own.
    #[error("the default port (others with events.allow_networks)")]
    Port,
    /// The host is an address in no allowed network.
    #[error("a host name, or an address in one of events.allow_networks")]
    Literal,
    /// The host is not one on the Internet.
    #[error("a host name with a dot (others with events.allow_networks)")]
    SingleLabel,
}

/// A name that leads to an address that is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("the host has an address that is not public and not in events.allow_networks")]
pub(super) struct ClosedAddress;

impl AddressRules {
    /// Checks everything about a URL that can be checked without the network.
    ///
    /// # Errors
    ///
    /// [`AddressError`] with what is not allowed.
    pub fn check(&self, url: &Url) -> Result<(), AddressError> {
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(AddressError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(AddressError::Extras);
        }
        let allows_others = !self.allow_networks.is_empty();
        if url.port().is_some() && !allows_others {
            return Err(AddressError::Port);
        }
        let literal = match url.host() {
            None | Some(Host::Domain("")) => return Err(AddressError::NoHost),
            Some(Host::Domain(name)) => {
                let has_dot = name.trim_end_matches('.').contains('.');
                return if has_dot || allows_others { Ok(()) } else { Err(AddressError::SingleLabel) };
            }
            Some(Host::Ipv4(address)) => IpAddr::from(address),
            Some(Host::Ipv6(address)) => IpAddr::from(address),
        };
        // Literals never reach the resolver.
        if self.allow(literal) { Ok(()) } else { Err(AddressError::Literal) }
    }

    /// Returns `true` if the address is in an allowed network.
    fn allow(&self, address: IpAddr) -> bool {
        self.allow_networks.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// Returns `true` if a connection to the address is refused.
    #[must_use]
    pub fn refuse(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        CLOSED_NETWORKS.iter().any(|network| network.contains(&address)) && !self.allow(address)
    }
}

/// Resolves names to addresses that the rules allow. It is asked for each connection, so that a name that changes its
/// addresses meanwhile is judged again.
#[derive(Debug, Clone)]
pub(super) struct Resolver(pub(super) AddressRules);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if addresses.iter().any(|address| rules.refuse(address.ip())) {
                return Err(ClosedAddress.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Returns `true` if the rules for addresses are the cause of an error.
pub(super) fn is_closed(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<ClosedAddress>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow_http: bool, allow_networks: &[&str]) -> AddressRules {
        let allow_networks = allow_networks.iter().map(|text| text.parse().unwrap()).collect();
        AddressRules { allow_http, allow_networks }
    }

    fn check(rules: &AddressRules, url: &str) -> Result<(), AddressError> {
        rules.check(&url.parse().unwrap())
    }

    #[test]
    fn every_closed_network_is_one() {
        assert_eq!(CLOSED_NETWORKS.len(), CLOSED.len());
    }

    #[test]
    fn an_endpoint_is_a_plain_address_on_the_internet() {
        let rules = rules(false, &[]);
        for url in ["https://hooks.example.com/otp?key=1", "https://hooks.example.com:443/", "https://bücher.example/"]
        {
            assert_eq!(check(&rules, url), Ok(()), "{url}");
        }
        for (url, error) in [
            ("http://hooks.example.com/", AddressError::Scheme),
            ("ftp://hooks.example.com/", AddressError::Scheme),
            ("file:///etc/passwd", AddressError::Scheme),
            ("https://user@hooks.example.com/", AddressError::Extras),
            ("https://:pass@hooks.example.com/", AddressError::Extras),
            ("https://hooks.example.com/#top", AddressError::Extras),
            ("https://hooks.example.com:8443/", AddressError::Port),
            ("https://localhost/", AddressError::SingleLabel),
            ("https://redis./", AddressError::SingleLabel),
            ("https://127.0.0.1/", AddressError::Literal),
            ("https://2130706433/", AddressError::Literal),
            ("https://0x7f.1/", AddressError::Literal),
            ("https://8.8.8.8/", AddressError::Literal),
            ("https://[::1]/", AddressError::Literal),
            ("https://[::ffff:169.254.169.254]/", AddressError::Literal),
        ] {
            assert_eq!(check(&rules, url), Err(error), "{url}");
        }
    }

    #[test]
    fn an_operator_can_allow_networks_and_http() {
        let rules = rules(true, &["10.1.0.0/16", "fd00::/8"]);
        for url in ["http://10.1.2.3:8080/otp", "https://[fd00::7]/", "http://shop/", "http://hooks.example.com:8080/"]
        {
            assert_eq!(check(&rules, url), Ok(()), "{url}");
        }
        assert_eq!(check(&rules, "http://10.2.2.3/"), Err(AddressError::Literal));
        for (address, refused) in
            [("10.1.2.3", false), ("::ffff:10.1.2.3", false), ("10.2.2.3", true), ("fd00::7", false)]
        {
            assert_eq!(rules.refuse(address.parse().unwrap()), refused, "{address}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_are_refused() {
        let rules = rules(false, &[]);
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.19.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
            "5f00::1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(rules.refuse(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(!rules.refuse(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_resolved() {
        let name = || "localhost".parse().unwrap();
        let error = Resolver(rules(false, &[])).resolve(name()).await.err().unwrap();
        assert!(is_closed(&*error), "{error}");
        let open = Resolver(rules(false, &["127.0.0.0/8", "::1/128"])).resolve(name()).await;
        assert!(open.unwrap().count() > 0);
    }
}
