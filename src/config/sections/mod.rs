//! Readers of the sections, into the types of the parts that they configure.

pub(super) mod apps;
pub(super) mod events;
pub(super) mod keys;
pub(super) mod limits;
pub(super) mod log;
pub(super) mod otp;
pub(super) mod proof;
pub(super) mod redis;
pub(super) mod server;
pub(super) mod telemetry;
pub(super) mod whatsapp;
