//! `redis.*`: the store.

use url::Url;

use super::otp;
use crate::config::reader::{Reader, Reported};
use crate::otp::OtpSecret;
use crate::store::redis::{
    AfterFailover, Credentials, Endpoint, KeyPrefix, MasterName, MasterNameError, RedisSettings, RedisUrl, Subject,
    Topology,
};

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

#[derive(Clone, Copy)]
enum SubjectKind {
    Phone,
    Hashed,
}

#[derive(Clone, Copy)]
enum Mode {
    Single,
    Sentinel,
    Cluster,
}

/// Reads the section. `otp_secret` is read only if it hashes the subjects.
pub(in crate::config) fn read(
    reader: &mut Reader,
    otp_secret: impl FnOnce(&mut Reader) -> Result<OtpSecret, Reported>,
) -> Result<RedisSettings, Reported> {
    let modes = [("single", Mode::Single), ("sentinel", Mode::Sentinel), ("cluster", Mode::Cluster)];
    let mode = reader.word("redis.mode", &modes);
    let topology = read_topology(reader, mode);
    let credentials = read_credentials(reader, "redis.username", "redis.password");
    let key_prefix = reader.required("redis.key_prefix", KeyPrefix::parse);
    let subject = read_subject(reader, otp_secret);
    let timeout = reader.duration("redis.timeout");
    let allow_unsafe = reader.switch("redis.allow_unsafe");
    let pool_size = reader.whole_number("redis.pool_size");
    let min_replicas_ack = reader.if_given("redis.min_replicas_ack", Reader::whole_number);
    let outcomes = [("reject", AfterFailover::Reject), ("accept", AfterFailover::Accept)];
    let after_failover = reader.if_given("redis.after_failover", |reader, key| reader.word(key, &outcomes));

    let (topology, credentials) = (topology?, credentials?);
    if let Topology::Single(url) = &topology {
        reject_what_the_url_says(reader, url, &credentials)?;
    }
    // A single server would otherwise lose every live code on a restart, and has no replica to wait for.
    let is_single = matches!(topology, Topology::Single(_));
    let default = if is_single { AfterFailover::Accept } else { AfterFailover::Reject };
    Ok(RedisSettings {
        topology,
        credentials,
        key_prefix: key_prefix?,
        subject: subject?,
        timeout: timeout?,
        pool_size: pool_size?,
        allow_unsafe: allow_unsafe?,
        min_replicas_ack: min_replicas_ack?.unwrap_or(u32::from(!is_single)),
        after_failover: after_failover?.unwrap_or(default),
    })
}

fn read_url(reader: &mut Reader) -> Result<RedisUrl, Reported> {
    let url = reader.required("redis.url", RedisUrl::parse)?;
    reader.show_as("redis.url", url.to_string());
    Ok(url)
}

/// Reads what any mode needs, so that a bad value is a fault before the mode is changed to it.
fn read_topology(reader: &mut Reader, mode: Result<Mode, Reported>) -> Result<Topology, Reported> {
    let url = read_url(reader);
    let sentinels = read_endpoints(reader, "redis.sentinels", SENTINEL_PORT);
    let master_name = reader.optional("redis.master_name", MasterName::parse);
    let sentinel_credentials = read_credentials(reader, "redis.sentinel_username", "redis.sentinel_password");
    let nodes = read_endpoints(reader, "redis.nodes", REDIS_PORT);
    let tls = reader.word("redis.tls", &[("auto", None), ("on", Some(true)), ("off", Some(false))]);
    let (sentinels, master_name, credentials) = (sentinels?, master_name?, sentinel_credentials?);
    let (url, nodes, tls) = (url?, nodes?, tls?);
    match mode? {
        Mode::Single => {
            only_for_sentinels(reader, tls, "the scheme of redis.url")?;
            Ok(Topology::Single(url))
        }
        Mode::Sentinel => {
            let written = sentinels.iter().any(Endpoint::is_tls);
            let servers_speak_tls = tls.unwrap_or(written);
            let sentinels = at_least_one(reader, "redis.sentinels", sentinels);
            let master_name = master_name.ok_or_else(|| reader.fault("redis.master_name", MasterNameError));
            Ok(Topology::Sentinel { sentinels: sentinels?, master_name: master_name?, credentials, servers_speak_tls })
        }
        Mode::Cluster => {
            only_for_sentinels(reader, tls, "the schemes of redis.nodes")?;
            Ok(Topology::Cluster { nodes: at_least_one(reader, "redis.nodes", nodes)? })
        }
    }
}

/// In the other modes the addresses say whether there is TLS.
fn only_for_sentinels(reader: &mut Reader, tls: Option<bool>, instead: &str) -> Result<(), Reported> {
    match tls {
        None => Ok(()),
        Some(_) => Err(reader.fault("redis.tls", format!("auto, as {instead} says it unless redis.mode is sentinel"))),
    }
}

/// Reads a list of servers, which must all use TLS or all not.
fn read_endpoints(reader: &mut Reader, key: &str, default_port: u16) -> Result<Vec<Endpoint>, Reported> {
    let endpoints = reader.list(key, |text| Endpoint::parse(text, default_port))?;
    if endpoints.iter().any(|endpoint| endpoint.is_tls() != endpoints[0].is_tls()) {
        return Err(reader.fault(key, "rediss:// for all servers or for none"));
    }
    let names: Vec<_> = endpoints.iter().map(Endpoint::url).collect();
    reader.show_as(key, names.join(", "));
    Ok(endpoints)
}

fn at_least_one(reader: &mut Reader, key: &str, endpoints: Vec<Endpoint>) -> Result<Vec<Endpoint>, Reported> {
    if endpoints.is_empty() { Err(reader.fault(key, "at least one server, HOST:PORT")) } else { Ok(endpoints) }
}

fn read_credentials(reader: &mut Reader, username: &str, password: &str) -> Result<Credentials, Reported> {
    let name = reader.optional(username, |text| Ok::<_, String>(text.to_owned()));
    let secret = reader.secret(password, |text| match text {
        "" => Err("a password that is not empty"),
        text => Ok(text.into()),
    });
    let (name, secret) = (name?, secret?);
    if name.is_some() && secret.is_none() {
        return Err(reader.fault(password, format!("the password of {username}")));
    }
    Ok(Credentials { username: name, password: secret })
}

fn reject_what_the_url_says(reader: &mut Reader, url: &RedisUrl, credentials: &Credentials) -> Result<(), Reported> {
    let Ok(url) = Url::parse(url.expose()) else { return Ok(()) };
    if credentials.password.is_some() && url.password().is_some() {
        return Err(reader.fault("redis.password", "no password, as redis.url has one already"));
    }
    if credentials.username.is_some() && !url.username().is_empty() {
        return Err(reader.fault("redis.username", "no user, as redis.url has one already"));
    }
    Ok(())
}

fn read_subject(
    reader: &mut Reader,
    otp_secret: impl FnOnce(&mut Reader) -> Result<OtpSecret, Reported>,
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
