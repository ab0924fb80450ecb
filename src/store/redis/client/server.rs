//! A server, and the connections to it.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::{Connection, Manager, Pool, PoolConfig, PoolError, Runtime, Timeouts};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, ErrorKind, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisError};
use secrecy::ExposeSecret;

use super::address::{Endpoint, RedisUrl};
use super::bell::Bell;
use super::error::Redacted;
use super::info::Info;
use crate::otp::{Cause, StoreError};
use crate::store::redis::settings::Credentials;

/// Makes the connections to all servers of one kind. Clones share `news`.
#[derive(Clone)]
pub(crate) struct Dial {
    /// The user and password, unless the URL has them.
    pub(crate) credentials: Credentials,
    /// The time that connecting may take: as long as a decision, since a network that is fast enough for decisions is
    /// fast enough for connecting.
    pub(crate) timeout: Duration,
    /// The most connections that are being made, or borrowed, at the same time.
    pub(crate) connections: usize,
    /// Rung when a connection turns out to be closed or brings a message that it is subscribed to.
    pub(crate) news: Bell,
}

/// A server that connections can be made to.
pub(crate) struct Server {
    name: String,
    /// Speaks RESP3, the newer protocol, which is needed to hear of lost connections and of messages.
    newer: Pool,
    /// Speaks RESP2, for the many proxies that speak nothing else.
    older: Pool,
}

impl Dial {
    /// Returns the server of a URL.
    ///
    /// # Errors
    ///
    /// [`StoreError::Faulty`] if there is no way to connect, such as TLS without trusted certificates.
    pub(crate) fn url(&self, url: &RedisUrl) -> Result<Arc<Server>, StoreError> {
        self.server(url.endpoint().map(|endpoint| endpoint.name()).unwrap_or_default(), url.expose())
    }

    /// Returns the server at an endpoint.
    ///
    /// # Errors
    ///
    /// As [`Dial::url`].
    pub(crate) fn endpoint(&self, endpoint: &Endpoint) -> Result<Arc<Server>, StoreError> {
        self.server(endpoint.name(), &endpoint.url())
    }

    fn server(&self, name: String, url: &str) -> Result<Arc<Server>, StoreError> {
        let pool = |protocol| self.pool(url, protocol).map_err(StoreError::Faulty);
        Ok(Arc::new(Server { name, newer: pool(ProtocolVersion::RESP3)?, older: pool(ProtocolVersion::RESP2)? }))
    }

    fn pool(&self, url: &str, protocol: ProtocolVersion) -> Result<Pool, Cause> {
        let info = url.into_connection_info()?;
        let mut redis = info.redis_settings().clone().set_protocol(protocol);
        if let Some(username) = &self.credentials.username {
            redis = redis.set_username(username);
        }
        if let Some(password) = &self.credentials.password {
            redis = redis.set_password(password.expose_secret());
        }
        // Nagle's algorithm would delay each round trip.
        let info = info.set_redis_settings(redis).set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let (connect, news) = (self.timeout, self.news.clone());
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            // Callers have deadlines of their own; this would set a second timer for each request.
            .set_response_timeout(None);
        if protocol == ProtocolVersion::RESP3 {
            config = config.set_push_sender(move |push: PushInfo| {
                if matches!(push.kind, PushKind::Disconnection | PushKind::Message) {
                    news.ring();
                }
                Ok::<(), redis::aio::SendError>(())
            });
        }
        let timeouts = Timeouts { wait: Some(connect), create: Some(connect), recycle: Some(connect) };
        let pool = Pool::builder(Manager::new_with_config(info, config)?)
            .config(PoolConfig { max_size: self.connections, timeouts, ..PoolConfig::default() })
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(pool)
    }
}

impl Server {
    /// `host:port`
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A new connection, to keep.
    ///
    /// # Errors
    ///
    /// The reason why there is none.
    pub(crate) async fn connect(&self) -> Result<MultiplexedConnection, Cause> {
        self.borrow().await.map(Connection::take)
    }

    /// A connection to use alone for a while.
    ///
    /// # Errors
    ///
    /// As [`Server::connect`].
    pub(crate) async fn borrow(&self) -> Result<Connection, Cause> {
        match self.newer.get().await {
            Err(PoolError::Backend(error)) if lacks_resp3(&error) => self.older.get().await,
            connection => connection,
        }
        .map_err(|error| match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => "there was no connection in time".into(),
            error => error.into(),
        })
    }
}

/// Returns `true` if a server that does not know `HELLO` may answer, or hang up, like this. Other commands sent on
/// connecting that it could refuse in this way are refused over RESP2 as well.
fn lacks_resp3(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported
        || matches!(error.code(), Some("ERR" | "NOPROTO"))
        || error.is_connection_dropped()
}

/// The process that answers on a connection, and the replication history that it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    run_id: String,
    history: String,
}

impl Identity {
    /// Asks a primary for its identity.
    ///
    /// # Errors
    ///
    /// The text tells what went wrong: there was no answer, or the server is not a primary.
    pub(crate) async fn of_primary(connection: &mut MultiplexedConnection) -> Result<Self, String> {
        let sections = redis::pipe().cmd("INFO").arg("server").cmd("INFO").arg("replication").clone();
        let (server, replication): (String, String) =
            sections.query_async(connection).await.map_err(|error| Redacted(error).to_string())?;
        let (server, replication) = (Info::parse(&server), Info::parse(&replication));
        if replication.get("role") != "master" {
            return Err("it is a replica".to_owned());
        }
        Ok(Self { run_id: server.get("run_id").to_owned(), history: replication.get("master_replid").to_owned() })
    }

    /// Returns `true` for the same process, which may have begun another history.
    pub(crate) fn is_process_of(&self, other: &Self) -> bool {
        self.run_id == other.run_id
    }

    pub(crate) fn history(&self) -> &str {
        &self.history
    }
}
