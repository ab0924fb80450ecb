//! The way from a key to the server that decides about it, in each mode.

use std::sync::Arc;

use redis::{FromRedisValue, ScriptInvocation};
use tokio::sync::watch;
use tokio::time::Instant;

use super::acknowledgement::Ticket;
use super::bell::Bell;
use super::cluster::{Cluster, Template};
use super::link::{Keeping, Whereabouts};
use super::primary::{Connecting, Manner, Primary};
use super::schema::Schema;
use super::sentinel::{Following, Sentinels};
use super::server::Dial;
use super::slots::Slots;
use crate::otp::StoreError;
use crate::store::redis::settings::{Credentials, RedisSettings, Topology};

/// Leads to the server that owns a key.
pub(crate) enum Route {
    /// One server owns all keys. Sentinels, if there are any, tell which one it is.
    One(Arc<Primary>, Option<Sentinels>),
    /// Each key belongs to the owner of its slot.
    Cluster(Cluster),
}

impl Route {
    /// Starts to connect.
    ///
    /// # Errors
    ///
    /// [`StoreError::Faulty`] if the settings allow no connection.
    pub(crate) fn start(settings: &RedisSettings, schema: Arc<dyn Schema>) -> Result<Self, StoreError> {
        let patience = settings.timeout;
        let (losses, lost) = (Bell::default(), Bell::default());
        let dial = |credentials: &Credentials, news: &Bell| Dial {
            credentials: credentials.clone(),
            timeout: settings.timeout,
            // One more for operators, and one for acknowledgements.
            connections: settings.pool_size.max(1) + 2,
            news: news.clone(),
        };
        let one = |whereabouts, identify| {
            let keeping = Keeping {
                schema: Arc::clone(&schema),
                mode: settings.topology.mode(),
                whereabouts,
                patience,
                identify,
                losses: losses.clone(),
                lost: lost.clone(),
            };
            let (links, acknowledgements) = (settings.pool_size, settings.min_replicas_ack);
            let connecting = Connecting { keeping, links, acknowledgements };
            Arc::new(Primary::start(connecting, watch::channel(Slots::all()).1))
        };
        let to_servers = dial(&settings.credentials, &losses);
        match &settings.topology {
            Topology::Single(url) => {
                let server: Whereabouts = Ok(to_servers.url(url)?);
                let whereabouts = watch::channel(server).1;
                // Here `INFO` may be forbidden, unless acknowledgements need it.
                Ok(Self::One(one(whereabouts, settings.min_replicas_ack > 0), None))
            }
            Topology::Sentinel { sentinels, master_name, credentials, servers_speak_tls } => {
                let to_sentinels = dial(credentials, &lost);
                let following =
                    Following { to_primary: to_servers, tls: *servers_speak_tls, patience, trouble: lost.clone() };
                let (sentinels, whereabouts) = Sentinels::follow(sentinels, master_name, &to_sentinels, following)?;
                Ok(Self::One(one(whereabouts, true), Some(sentinels)))
            }
            Topology::Cluster { nodes } => {
                let (links, acknowledgements) = (settings.pool_size, settings.min_replicas_ack);
                let template = Template { schema, patience, losses, links, acknowledgements };
                Ok(Self::Cluster(Cluster::start(nodes.clone(), to_servers, template)))
            }
        }
    }

    /// Returns `true` if one script may use keys of several subjects.
    pub(crate) fn is_one_server(&self) -> bool {
        matches!(self, Self::One(..))
    }

    /// Runs a script that uses `key`. Returns a ticket for its acknowledgement, if it must be acknowledged.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; with [`StoreError::NoAnswer`] the script may have been run, once.
    pub(crate) async fn decide<T: FromRedisValue>(
        &self,
        key: &str,
        script: &ScriptInvocation<'_>,
        deadline: Instant,
    ) -> Result<(T, Option<Ticket>), StoreError> {
        match self {
            Self::One(primary, _) => primary.decide(script, Manner::Plain, deadline).await.map_err(StoreError::from),
            Self::Cluster(cluster) => cluster.decide(key, script, deadline).await,
        }
    }

    /// Returns the servers that currently make decisions, `host:port` each, as far as they are known.
    pub(crate) fn primary_names(&self) -> Vec<String> {
        let primaries = match self {
            Self::One(primary, _) => vec![Arc::clone(primary)],
            Self::Cluster(cluster) => cluster.primaries(),
        };
        let servers = primaries.iter().filter_map(|primary| primary.whereabouts().ok());
        servers.map(|server| server.name().to_owned()).collect()
    }

    /// Returns every server that makes decisions.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if they are not known by the deadline.
    pub(crate) async fn primaries(&self, deadline: Instant) -> Result<Vec<Arc<Primary>>, StoreError> {
        match self {
            Self::One(primary, _) => Ok(vec![Arc::clone(primary)]),
            Self::Cluster(cluster) => {
                cluster.known(deadline).await?;
                Ok(cluster.primaries())
            }
        }
    }
}
