//! What there is: the servers as they describe themselves, for `check` and for the start of `serve`.

use super::findings::{self, Finding, advice, broken};
use crate::otp::StoreError;
use crate::store::redis::RedisStore;
use crate::store::redis::client::info::Info;
use crate::store::redis::client::primary::Primary;
use crate::store::redis::client::route::Route;
use crate::store::redis::client::slots::SLOTS;
use crate::store::redis::decisions::probe;
use crate::store::redis::settings::{AfterFailover, RedisSettings};

/// What a look at the servers came to.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// What there is, a line each.
    pub sights: Vec<String>,
    /// What an operator should know about it, gravest first.
    pub findings: Vec<Finding>,
}

/// Fewer primaries, or sentinels, cannot tell which part of a network that fell apart is the larger one.
const MAJORITY_OF: usize = 3;

pub(crate) async fn survey(store: &RedisStore) -> Result<Survey, StoreError> {
    let RedisStore { route, settings, .. } = store;
    let mut survey = Survey::default();
    for primary in route.primaries(store.deadline()).await? {
        survey.look_at(&primary, store).await?;
    }
    match route {
        Route::One(_, None) => {}
        Route::One(_, Some(sentinels)) => {
            let (sights, usable, quorum) = sentinels.survey().await;
            survey.sights.extend(sights);
            if let Err(problem) = quorum {
                survey.find(broken(
                    format!("The sentinels could not agree on another primary: {problem}."),
                    "start the sentinels that are away, and let them reach each other.",
                ));
            } else if usable < MAJORITY_OF {
                survey.find(advice(
                    format!("{usable} sentinel(s) are usable: if one is lost, no failover happens."),
                    "at least three sentinels, on machines of their own, all in redis.sentinels.",
                ));
            }
        }
        Route::Cluster(cluster) => {
            let (covered, primaries) = (cluster.covered(), cluster.primaries().len());
            survey.sights.push(format!("{primaries} primaries have {covered} of {SLOTS} slots"));
            if covered < usize::from(SLOTS) {
                survey.find(broken(
                    format!("{} slots have no server: phones in them are answered 503.", usize::from(SLOTS) - covered),
                    "redis-cli --cluster fix.",
                ));
            }
            if primaries < MAJORITY_OF {
                survey.find(advice(
                    format!("The cluster has {primaries} primaries: if one is lost, no failover happens."),
                    "at least three primaries.",
                ));
            }
        }
    }
    survey.sights.push(promises(settings));
    survey.findings.sort_by_key(|finding| finding.gravity);
    Ok(survey)
}

impl Survey {
    async fn look_at(&mut self, primary: &Primary, store: &RedisStore) -> Result<(), StoreError> {
        let info = primary.run::<String>(&redis::cmd("INFO"), store.deadline()).await.map_err(StoreError::from);
        let name = primary.whereabouts().map(|server| server.name().to_owned()).unwrap_or_default();
        match info {
            Ok(info) => self.look_into(&name, &Info::parse(&info), &store.settings),
            Err(StoreError::Faulty(error)) => self.find(advice(
                format!("{name} refuses INFO ({error}), so it is unknown whether it is safe."),
                "let the user of redis.username use INFO.",
            )),
            Err(error) => return Err(error),
        }
        if let Err(error) = probe::probe(primary, store.settings.after_failover, &store.keys, store.deadline()).await {
            self.find(broken(
                format!("A script that does what requests do fails on {name}: {error}. Every request is answered 503."),
                "docs/operations.md, OtpRedisErrors, has the causes; a user of redis.username needs the commands in docs/redis.md, Keys.",
            ));
        }
        Ok(())
    }

    fn look_into(&mut self, name: &str, info: &Info, settings: &RedisSettings) {
        let replicas: Vec<_> = info.replicas().iter().map(ToString::to_string).collect();
        let replicas =
            if replicas.is_empty() { "no replicas".to_owned() } else { format!("replicas {}", replicas.join(", ")) };
        self.sights.push(format!("{} answers: Redis {}, {replicas}", name, info.get("redis_version")));
        for finding in findings::findings(info, settings) {
            self.find(finding);
        }
    }

    /// Several servers are often the same in this.
    fn find(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// What happens if a server is lost, by the settings.
fn promises(settings: &RedisSettings) -> String {
    let acknowledged = match settings.min_replicas_ack {
        0 => "decisions wait for no replica".to_owned(),
        count => format!("decisions wait for {count} replica(s)"),
    };
    let fenced = match settings.after_failover {
        AfterFailover::Reject => "codes from before a failover are refused",
        AfterFailover::Accept => "codes from before a failover stay good",
    };
    format!("{acknowledged}; {fenced}")
}
