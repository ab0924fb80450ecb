//! `redis.*`: where the state is.

use url::Url;

use super::otp;
use crate::config::reader::{MILLISECOND, Reader, Reported, SECOND};
use crate::otp::DigestKey;
use crate::store::redis::{KeyPrefix, RedisSettings, RedisUrl, Subject};

#[derive(Clone, Copy)]
enum SubjectKind {
    Phone,
    Hashed,
}

/// Reads the section. `otp_secret` is asked only if it is what hashes the subjects.
pub(in crate::config) fn read(
    reader: &mut Reader,
    otp_secret: impl FnOnce(&mut Reader) -> Result<DigestKey, Reported>,
) -> Result<RedisSettings, Reported> {
    let url = read_url(reader);
    let password = reader.secret("redis.password", |text| match text {
        "" => Err("a password that is not empty"),
        text => Ok(text.into()),
    });
    let mode = reader.required("redis.mode", single);
    let key_prefix = reader.required("redis.key_prefix", KeyPrefix::parse);
    let subject = read_subject(reader, otp_secret);
    let timeout = reader.duration("redis.timeout", 50 * MILLISECOND..=30 * SECOND);
    let allow_unsafe = reader.word("redis.allow_unsafe", &[("false", false), ("true", true)]);
    let pool_size = reader.whole_number("redis.pool_size", 1..=64);

    let (url, password) = (url?, password?);
    if password.is_some() && has_password(&url) {
        return Err(reader.fault("redis.password", "no password, as redis.url has one already"));
    }
    mode?;
    Ok(RedisSettings {
        url,
        password,
        key_prefix: key_prefix?,
        subject: subject?,
        timeout: timeout?,
        pool_size: pool_size?,
        allow_unsafe: allow_unsafe?,
    })
}

fn read_url(reader: &mut Reader) -> Result<RedisUrl, Reported> {
    let url = reader.required("redis.url", RedisUrl::parse)?;
    reader.show_as("redis.url", url.to_string());
    Ok(url)
}

fn has_password(url: &RedisUrl) -> bool {
    Url::parse(url.expose()).is_ok_and(|url| url.password().is_some())
}

fn single(text: &str) -> Result<(), &'static str> {
    match text {
        "single" => Ok(()),
        "sentinel" | "cluster" => Err("single, as this version supports neither sentinel nor cluster"),
        _ => Err("single"),
    }
}

fn read_subject(
    reader: &mut Reader,
    otp_secret: impl FnOnce(&mut Reader) -> Result<DigestKey, Reported>,
) -> Result<Subject, Reported> {
    let kinds = [("phone", SubjectKind::Phone), ("hashed", SubjectKind::Hashed)];
    match reader.word("redis.subject", &kinds)? {
        SubjectKind::Phone => Ok(Subject::Phone),
        SubjectKind::Hashed => match reader.secret("redis.subject_secret", otp::digest_key)? {
            Some(key) => Ok(Subject::Hashed(key)),
            None => otp_secret(reader).map(Subject::Hashed),
        },
    }
}
