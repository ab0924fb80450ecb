//! HAProxy with the project's configuration, apart from addresses.

#[path = "../../tests/it/harness/haproxy.rs"]
mod shipped;

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use crate::process::{Process, free_address, scratch};
use crate::stage::Service;

/// HAProxy in front of these instances. The load comes from one address, which is exempt from limits.
pub fn start(name: &str, instances: &[&Service]) -> (Process, SocketAddr) {
    let address = free_address();
    let path = scratch(&format!("{name}.cfg"));
    let instances: Vec<_> = instances.iter().map(|instance| (instance.address, instance.ops)).collect();
    fs::write(&path, shipped::configuration(address, &instances, "127.0.0.1")).unwrap();
    let process = Process::start(name, Command::new("haproxy").arg("-db").arg("-f").arg(&path));
    (process.listening_on(address), address)
}
