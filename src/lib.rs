//! One-time passcodes over WhatsApp.

pub mod http;
pub mod otp;
pub mod store;
pub mod telemetry;
pub mod whatsapp;
