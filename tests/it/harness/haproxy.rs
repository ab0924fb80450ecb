//! The shipped HAProxy configuration, except for the addresses.

use std::net::SocketAddr;

/// The shipped configuration.
pub const SHIPPED: &str = include_str!("../../../config/haproxy/haproxy.cfg");

/// Returns the shipped configuration with another public address, with listed instances (their public and operators'
/// listeners) instead of those from Docker's name server, and with this address as the upstream proxy.
pub fn configuration(public: SocketAddr, instances: &[(SocketAddr, SocketAddr)], upstream: &str) -> String {
    let mut lines = Vec::new();
    let mut skipping = false;
    for line in SHIPPED.lines() {
        if !line.starts_with(' ') && !line.is_empty() {
            skipping = line.starts_with("resolvers ");
        }
        let line = line.split(" resolvers ").next().unwrap_or_default();
        match line.trim_start() {
            _ if skipping => {}
            text if text.starts_with("bind ") => lines.push(format!("    bind {public}")),
            text if text.starts_with("acl upstream ") => lines.push(format!("    acl upstream src {upstream}")),
            text if text.starts_with("server-template ") => {
                for (number, (address, ops)) in instances.iter().enumerate() {
                    lines.push(format!("    server otp-{number} {address} port {}", ops.port()));
                }
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}
