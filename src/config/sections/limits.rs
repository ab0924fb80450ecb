//! `limits.*`: how often is too often.

use std::time::Duration;

use crate::config::reader::{HOUR, Reader, Reported};
use crate::otp::{Limit, LimitError, Limits};

pub(in crate::config) fn read(reader: &mut Reader) -> Result<Limits, Reported> {
    let per_phone = reader.required("limits.per_phone", limit);
    let resend_cooldown = reader.duration("limits.resend_cooldown", Duration::ZERO..=24 * HOUR);
    let per_ip = reader.required("limits.per_ip", limit);
    let checks_per_ip = reader.required("limits.checks_per_ip", limit);
    let total = reader.required("limits.total", total_limit);
    let failures_per_phone = reader.required("limits.failures_per_phone", limit);
    Ok(Limits {
        per_phone: per_phone?,
        resend_cooldown: Some(resend_cooldown?).filter(|cooldown| !cooldown.is_zero()),
        per_ip: per_ip?,
        checks_per_ip: checks_per_ip?,
        total: total?,
        failures_per_phone: failures_per_phone?,
    })
}

fn limit(text: &str) -> Result<Option<Limit>, LimitError> {
    up_to(Limit::MAX, text)
}

fn total_limit(text: &str) -> Result<Option<Limit>, LimitError> {
    up_to(Limit::MAX_TOTAL, text)
}

fn up_to(most: u32, text: &str) -> Result<Option<Limit>, LimitError> {
    if text == "off" { Ok(None) } else { Limit::parse(text, most).map(Some) }
}
