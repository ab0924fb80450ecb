//! Delivers the events of one app: takes those that are due, posts several at once, and records each result.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use metrics::{counter, gauge, histogram};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::body::{Renderer, body};
use super::client::{Client, Failure, Post};
use super::{EventSecrets, Schedule};
use crate::otp::{AppName, Attempt, EventQueue, StoreError, TakenEvent, World};
use crate::supervisor;
use crate::telemetry::metrics::{
    EVENT_DELIVERY_SECONDS, EVENT_ENDPOINT_DISABLED, EVENT_OLDEST_SECONDS, EVENTS_TOTAL, EVENTS_WAITING,
};

/// The maximum number of events that one instance has under way to one endpoint. Each endpoint has its own, so that a
/// slow one takes nothing from others.
const MOST_AT_ONCE: usize = 16;
/// The time between two looks at the queue while nothing rings.
const LOOK: Duration = Duration::from_secs(1);
/// The time for which events are gathered once there is one, so that a busy service looks less often.
const GATHER: Duration = Duration::from_millis(10);
/// The time that is left to record a result, before another instance takes the event.
const SPARE: Duration = Duration::from_secs(5);
/// The pause if the endpoint has too much to do, unless it asks for another, and the longest one.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// The time between two measurements of the queue.
const MEASURE: Duration = Duration::from_secs(5);

/// The delivery of one app's events. Those of test keys go to the same endpoint.
pub struct Deliverer {
    /// The app.
    pub app: AppName,
    /// The queue.
    pub queue: Arc<dyn EventQueue>,
    /// The client for the endpoint.
    pub client: Client,
    /// The maximum time of an attempt.
    pub timeout: Duration,
    /// The times of further attempts.
    pub schedule: Schedule,
    /// The newest secrets of all apps.
    pub secrets: watch::Receiver<EventSecrets>,
    /// The description of what events are about.
    pub renderer: Renderer,
}

/// The deliveries of an instance.
#[derive(Default)]
pub struct Deliverers {
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Deliverers {
    /// Starts a task for each endpoint. Must be called within a Tokio runtime.
    #[must_use]
    pub fn start(deliverers: Vec<Deliverer>) -> Self {
        let stop = CancellationToken::new();
        let Some(bell) = deliverers.first().map(|first| first.queue.bell()) else { return Self::default() };
        // The queue's bell wakes one; each endpoint has a bell of its own.
        let bells: Vec<_> = deliverers.iter().map(|_| Arc::new(Notify::new())).collect();
        let start = |(deliverer, bell): (Deliverer, &Arc<Notify>)| {
            supervisor::spawn("events", deliverer.run(Arc::clone(bell), stop.clone()))
        };
        let tasks = deliverers.into_iter().zip(&bells).map(start).collect();
        let ringing = stop.clone();
        supervisor::spawn("the bell of events", async move {
            while ringing.run_until_cancelled(bell.notified()).await.is_some() {
                for bell in &bells {
                    bell.notify_one();
                }
            }
        });
        Self { tasks, stop }
    }

    /// Takes no more events, and waits for those that are under way, at most until `deadline`. Another instance delivers
    /// the others.
    pub async fn stop(self, deadline: Instant) {
        self.stop.cancel();
        for task in self.tasks {
            if tokio::time::timeout_at(deadline, task).await.is_err() {
                tracing::warn!("events were still under way at the end of the shutdown time-out; they are sent again");
            }
        }
    }
}

impl Deliverer {
    /// Delivers events until it is told to stop.
    async fn run(self, bell: Arc<Notify>, stop: CancellationToken) {
        for outcome in ["delivered", "retried", "given_up", "dropped"] {
            self.count(outcome, 0);
        }
        // Set while the endpoint does not take events.
        let is_failing = AtomicBool::new(false);
        let mut under_way = FuturesUnordered::new();
        let mut paused_until = Instant::now();
        let mut measured = Measured::default();
        let mut is_store_lost = false;
        while !stop.is_cancelled() {
            let mut found = false;
            if Instant::now() >= paused_until {
                let taken = self.take(MOST_AT_ONCE - under_way.len()).await;
                // An outage is one line in the log: each endpoint asks every second.
                if let Err(error) = &taken
                    && !is_store_lost
                {
                    unavailable(&self.app, error);
                }
                is_store_lost = taken.is_err();
                for taken in taken.into_iter().flatten() {
                    found = true;
                    under_way.push(self.deliver(taken, &is_failing));
                }
            }
            if !is_store_lost && let Err(error) = self.measure(&mut measured).await {
                tracing::debug!(app = %self.app, %error, "the queue of events could not be measured");
            }
            let look = Instant::now() + LOOK.mul_f64(rand::random_range(0.8..=1.2));
            tokio::select! {
                () = stop.cancelled() => break,
                Some(pause) = under_way.next() => paused_until = paused_until.max(Instant::now() + pause),
                // There may be more than could be taken.
                () = sleep(GATHER), if found && under_way.len() < MOST_AT_ONCE => {}
                () = bell.notified(), if under_way.len() < MOST_AT_ONCE => sleep(GATHER).await,
                () = sleep_until(look), if under_way.len() < MOST_AT_ONCE => {}
            }
        }
        while under_way.next().await.is_some() {}
    }

    /// Takes up to `most` events of both worlds.
    async fn take(&self, most: usize) -> Result<Vec<(AppName, TakenEvent)>, StoreError> {
        let mut all = Vec::new();
        for world in World::ALL {
            let app = self.app.in_world(world);
            let most = most - all.len();
            if most == 0 {
                break;
            }
            match self.queue.take(&app, most, self.timeout + SPARE).await {
                Ok(taken) => all.extend(taken.into_iter().map(|taken| (app.clone(), taken))),
                // Those that were taken before are delivered.
                Err(error) if all.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(all)
    }

    /// Makes one attempt to deliver an event. Returns the pause that the endpoint needs.
    async fn deliver(&self, (app, taken): (AppName, TakenEvent), is_failing: &AtomicBool) -> Duration {
        let TakenEvent { event, place, attempts } = taken;
        let body = body(&event, (self.renderer)(&event));
        let secrets = self.secrets.borrow().get(&self.app).cloned().unwrap_or_default();
        let timestamp = Timestamp::now().as_second();
        let began = Instant::now();
        let result = self.client.post(&Post { id: &event.id, timestamp, body: &body }, &secrets).await;
        let duration = began.elapsed();
        histogram!(EVENT_DELIVERY_SECONDS).record(duration);
        let mut pause = Duration::ZERO;
        let (outcome, attempt) = match &result {
            Ok(_) => ("delivered", Attempt::Delivered),
            Err(failure) => {
                let mut asked = None;
                if let Failure::Busy { retry_after, .. } = failure {
                    asked = *retry_after;
                    pause = retry_after.unwrap_or(PAUSE).min(LONGEST_PAUSE);
                }
                let error = failure.to_string();
                match (failure, self.schedule.wait(attempts.saturating_add(1), asked)) {
                    (Failure::Gone, _) => ("given_up", Attempt::Gone { error }),
                    (_, Some(after)) => ("retried", Attempt::Retry { after, error }),
                    (_, None) => ("given_up", Attempt::GivenUp { error }),
                }
            }
        };
        let (event, event_type, attempt_number) = (&event.id, event.event_type.as_str(), attempts.saturating_add(1));
        match &result {
            Ok(status) => {
                tracing::info!(event, event_type, %app, attempt = attempt_number, status, ?duration, "an event was delivered");
            }
            // One line for an endpoint that fails, and not one for each of its events.
            Err(error) if outcome == "given_up" || !is_failing.load(Ordering::Relaxed) => {
                tracing::warn!(event, event_type, %app, attempt = attempt_number, %error, ?duration, outcome, "an event was not delivered");
            }
            Err(error) => {
                tracing::debug!(event, event_type, %app, attempt = attempt_number, %error, ?duration, outcome, "an event was not delivered");
            }
        }
        if is_failing.swap(result.is_err(), Ordering::Relaxed) && result.is_ok() {
            tracing::info!(%app, "the app's endpoint accepts events again");
        }
        self.count(outcome, 1);
        match self.queue.settle(&app, &place, &attempt).await {
            Ok(true) => tracing::error!(
                %app,
                "the app's endpoint for events is disabled, as it takes none; `whatsapp-otp events replay` enables it"
            ),
            Ok(false) => {}
            // It is due again once its lease is over.
            Err(error) => unavailable(&self.app, &error),
        }
        pause
    }

    fn count(&self, outcome: &'static str, events: u64) {
        counter!(EVENTS_TOTAL, "app" => self.app.to_string(), "outcome" => outcome).increment(events);
    }

    /// Sets the gauges, if it is time.
    async fn measure(&self, measured: &mut Measured) -> Result<(), StoreError> {
        if measured.at.is_some_and(|at| at.elapsed() < MEASURE) {
            return Ok(());
        }
        measured.at = Some(Instant::now());
        let (mut waiting, mut oldest, mut disabled, mut dropped) = (0, Duration::ZERO, false, 0);
        for world in World::ALL {
            let state = self.queue.endpoint(&self.app.in_world(world)).await?;
            waiting += state.waiting;
            oldest = oldest.max(state.oldest);
            disabled |= state.disabled_at.is_some();
            dropped += state.dropped;
        }
        let app = || self.app.to_string();
        #[expect(clippy::cast_precision_loss, reason = "there are about ten thousand at most")]
        gauge!(EVENTS_WAITING, "app" => app()).set(waiting as f64);
        gauge!(EVENT_OLDEST_SECONDS, "app" => app()).set(oldest.as_secs_f64());
        gauge!(EVENT_ENDPOINT_DISABLED, "app" => app()).set(f64::from(u8::from(disabled)));
        if let Some(before) = measured.dropped.replace(dropped) {
            self.count("dropped", dropped.saturating_sub(before));
        }
        Ok(())
    }
}

/// The last measurement of a queue.
#[derive(Default)]
struct Measured {
    at: Option<Instant>,
    dropped: Option<u64>,
}

fn unavailable(app: &AppName, error: &StoreError) {
    tracing::warn!(%app, %error, "the store did not take or give events; they are delivered later");
}
