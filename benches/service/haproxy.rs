//! HAProxy with the project's own configuration, but for where things are.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use crate::process::{Process, free_address, scratch};
use crate::stage::Service;

const CONFIGURATION: &str = include_str!("../../config/haproxy/haproxy.cfg");

/// HAProxy in front of these instances.
pub fn start(name: &str, instances: &[&Service]) -> (Process, SocketAddr) {
    let address = free_address();
    let path = scratch(&format!("{name}.cfg"));
    fs::write(&path, configuration(CONFIGURATION, address, instances)).unwrap();
    let process = Process::start(name, Command::new("haproxy").arg("-db").arg("-f").arg(&path));
    (process.listening_on(address), address)
}

/// Instances are named one by one instead of by Docker's name server, and the public port is another.
fn configuration(original: &str, address: SocketAddr, instances: &[&Service]) -> String {
    let mut lines = Vec::new();
    let mut skipping = false;
    for line in original.lines() {
        if !line.starts_with(' ') && !line.is_empty() {
            skipping = line.starts_with("resolvers ");
        }
        let line = line.split(" resolvers ").next().unwrap_or_default();
        match line.trim_start() {
            _ if skipping => {}
            text if text.starts_with("bind ") => lines.push(format!("    bind {address}")),
            text if text.starts_with("server-template ") => {
                for (number, instance) in instances.iter().enumerate() {
                    let (address, ops) = (instance.address, instance.ops.port());
                    lines.push(format!("    server otp-{number} {address} port {ops}"));
                }
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}
