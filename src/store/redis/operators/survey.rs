//! A survey of the servers as they describe themselves, for `check` and for the start of `serve`.

use super::findings::{self, Finding, advice, broken};
use crate::otp::StoreError;
use crate::store::redis::client::info::Info;
use crate::store::redis::client::primary::Primary;
use crate::store::redis::client::route::Route;
use crate::store::redis::client::slots::SLOTS;
use crate::store::redis::decisions::probe;
use crate::store::redis::settings::{AfterFailover, RedisSettings};
use crate::store::redis::{RedisStore, count};

/// The result of a survey.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Observations about the servers, a line each.
    pub observations: Vec<String>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
}

/// The fewest primaries, or sentinels, that have a majority after one is lost.
const MAJORITY_OF: usize = 3;

impl RedisStore {
    /// Surveys the servers, for operators.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a server that makes decisions does not answer.
    pub async fn survey(&self) -> Result<Survey, StoreError> {
        survey(self).await.inspect_err(count)
    }
}

async fn survey(store: &RedisStore) -> Result<Survey, StoreError> {
    let RedisStore { route, settings, .. } = store;
    let mut survey = Survey::default();
    for primary in route.primaries(store.deadline()).await? {
        survey.examine(&primary, store).await?;
    }
    match &**route {
        Route::One(_, None) => {}
        Route::One(_, Some(sentinels)) => {
            let (reports, usable, quorum) = sentinels.survey().await;
            survey.observations.extend(reports);
            if let Err(problem) = quorum {
                survey.add(broken(
                    format!("The sentinels could not agree on a new primary: {problem}."),
                    "start the sentinels that are down, and make sure that they can reach each other.",
                ));
            } else if usable < MAJORITY_OF {
                survey.add(advice(
                    format!("{usable} sentinel(s) are usable: if one is lost, there is no failover."),
                    "run at least three sentinels on separate machines, and list all of them in redis.sentinels.",
                ));
            }
        }
        Route::Cluster(cluster) => {
            let (covered, primaries) = (cluster.covered(), cluster.primaries().len());
            survey.observations.push(format!("{primaries} primaries own {covered} of {SLOTS} slots"));
            if covered < usize::from(SLOTS) {
                survey.add(broken(
                    format!(
                        "{} slots have no owner: requests for phones in them are answered with 503.",
                        usize::from(SLOTS) - covered
                    ),
                    "run `redis-cli --cluster fix`.",
                ));
            }
            if primaries < MAJORITY_OF {
                survey.add(advice(
                    format!("The cluster has {primaries} primaries: if one is lost, there is no failover."),
                    "run at least three primaries.",
                ));
            }
        }
    }
    survey.observations.push(promises(settings));
    survey.findings.sort_by_key(|finding| finding.gravity);
    Ok(survey)
}

impl Survey {
    async fn examine(&mut self, primary: &Primary, store: &RedisStore) -> Result<(), StoreError> {
        let info = primary.run::<String>(&redis::cmd("INFO"), store.deadline()).await.map_err(StoreError::from);
        let name = primary.whereabouts().map(|server| server.name().to_owned()).unwrap_or_default();
        match info {
            Ok(info) => self.describe(&name, &Info::parse(&info), &store.settings),
            Err(StoreError::Faulty(error)) => self.add(advice(
                format!("{name} refuses INFO ({error}), so nothing is known about its safety."),
                "allow the user of redis.username to use INFO.",
            )),
            Err(error) => return Err(error),
        }
        if let Err(error) = probe::probe(primary, store.settings.after_failover, &store.keys, store.deadline()).await {
            self.add(broken(
                format!("A script that does what requests do fails on {name}: {error}. Every request is answered with 503."),
                "see OtpRedisErrors in docs/operations.md for the causes; the user of redis.username needs the commands listed under Commands in docs/redis.md.",
            ));
        }
        Ok(())
    }

    fn describe(&mut self, name: &str, info: &Info, settings: &RedisSettings) {
        let replicas: Vec<_> = info.replicas().iter().map(ToString::to_string).collect();
        let replicas =
            if replicas.is_empty() { "no replicas".to_owned() } else { format!("replicas {}", replicas.join(", ")) };
        self.observations.push(format!("{} answers: Redis {}, {replicas}", name, info.get("redis_version")));
        for finding in findings::findings(info, settings) {
            self.add(finding);
        }
    }

    /// Adds a finding, unless another server led to the same one.
    fn add(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// Returns the consequences of losing a server under these settings.
fn promises(settings: &RedisSettings) -> String {
    let acknowledged = match settings.min_replicas_ack {
        0 => "decisions wait for no replica".to_owned(),
        count => format!("decisions wait for {count} replica(s)"),
    };
    let fenced = match settings.after_failover {
        AfterFailover::Reject => "codes from before a failover are refused",
        AfterFailover::Accept => "codes from before a failover stay valid",
    };
    format!("{acknowledged}; {fenced}")
}
