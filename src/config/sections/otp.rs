//! `otp.*`: codes and the secrets of their digests.

use std::time::Duration;

use data_encoding::HEXLOWER;
use rand::TryRng;
use rand::rngs::SysRng;

use super::limits;
use crate::config::fault::Origin;
use crate::config::reader::{Input, Reader, Reported};
use crate::otp::{CodeLength, KeyRing, OtpSecret, Policy, Reviewer, Reviewers};

/// The default of `server.request_timeout`, for commands that send nothing.
const SEND_TIME: Duration = Duration::from_secs(15);

/// Reads the policy: `otp.*` and `limits.*`.
pub(in crate::config) fn read_policy(reader: &mut Reader) -> Result<Policy, Reported> {
    let code_length = reader.declared("otp.code_length", |text| CodeLength::new(text.parse().ok()?));
    let code_lifetime = reader.duration("otp.code_lifetime");
    let max_attempts = reader.whole_number("otp.max_verification_attempts");
    let linger = reader.duration("otp.linger");
    let max_sends = reader.whole_number("otp.max_sends");
    let resend_cooldown = limits::read_resend_cooldown(reader);
    let limits = limits::read(reader);
    Ok(Policy {
        code_length: code_length?,
        code_lifetime: code_lifetime?,
        linger: linger?,
        max_attempts: max_attempts?,
        max_sends: max_sends?,
        resend_cooldown: resend_cooldown?,
        limits: limits?,
        send_time: SEND_TIME,
        events: crate::otp::EventTypes::default(),
    })
}

/// Reads the reviewers of an app whose codes have this length.
pub(in crate::config) fn read_reviewers(reader: &mut Reader, length: CodeLength) -> Result<Reviewers, Reported> {
    reader.secret_list("otp.reviewers", |text| Reviewer::parse(text, length)).map(Reviewers::new)
}

/// Returns the secret of new codes and those of existing ones.
pub(in crate::config) fn read_keys(reader: &mut Reader) -> Result<KeyRing, Reported> {
    let current = read_secret(reader);
    let previous = reader.secret_list("otp.previous_secrets", digest_key);
    Ok(KeyRing::new(current?, previous?))
}

/// The same for commands that read an id. The fault says what they need it for.
pub(in crate::config) fn read_keys_of_ids(reader: &mut Reader) -> Result<KeyRing, Reported> {
    if !reader.has_or_names("otp.secret") {
        return Err(reader.fault("otp.secret", "the service's secret, needed to read an ID (or otp.secret_file)"));
    }
    read_keys(reader)
}

/// `otp.secret` alone.
pub(in crate::config) fn read_secret(reader: &mut Reader) -> Result<OtpSecret, Reported> {
    reader.required_secret("otp.secret", digest_key)
}

/// Gives `otp.secret` a random value if it has none, valid while the sandbox runs.
pub(in crate::config) fn draw_secret(reader: &mut Reader) -> Result<(), Reported> {
    if reader.has_or_names("otp.secret") {
        return Ok(());
    }
    let mut bytes = [0; OtpSecret::MIN_BYTES];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| reader.fault("otp.secret", format!("a random one from the operating system ({error})")))?;
    let secret = Input::One(HEXLOWER.encode(&bytes).into());
    reader.put("otp.secret".to_owned(), secret, Origin::Generated);
    Ok(())
}

/// Uses the bytes of the text as the key: hexadecimal is not decoded.
pub(in crate::config) fn digest_key(text: &str) -> Result<OtpSecret, String> {
    OtpSecret::new(text.as_bytes().to_vec()).map_err(|too_short| format!("a secret of {too_short}"))
}
