//! What the keys of each section mean, in the types of the part that they are for.

pub(super) mod auth;
pub(super) mod limits;
pub(super) mod log;
pub(super) mod otp;
pub(super) mod redis;
pub(super) mod sample;
pub(super) mod server;
pub(super) mod telemetry;
pub(super) mod whatsapp;
