//! The load generator: one thread that keeps a number of connections busy, or keeps a rate.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use crate::wire::Wire;

/// The default number of connections.
pub const CONNECTIONS: usize = 64;
/// The longest wait for answers after the end.
const PATIENCE: Duration = Duration::from_millis(500);
/// The interval at which due units are released, if a rate is kept.
const TICK: Duration = Duration::from_micros(50);

/// The requests to make, the same for every server.
pub trait Work: 'static {
    /// The number of units.
    fn units(&self) -> u64;

    /// Performs a unit, and panics on an unexpected answer.
    async fn unit(&self, number: u64, wire: &mut Wire) -> io::Result<()>;
}

/// The result of a run.
pub struct Outcome {
    /// The units performed.
    pub done: u64,
    /// The time it took.
    pub elapsed: Duration,
    /// The latency of each unit in microseconds, from its due time if a rate was kept.
    pub latencies: Histogram<u64>,
}

impl Outcome {
    /// Units per second.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64()
    }

    /// A quantile of the latency in milliseconds.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1_000.0
    }
}

/// The schedule of units.
#[derive(Clone, Copy)]
pub enum Pace {
    /// As soon as one of this many connections is free.
    Closed { connections: usize },
    /// At this rate per second, whether or not earlier ones are done. The wait for a free connection counts.
    Open { per_second: f64 },
}

/// Runs `work` until the time is up or all units are done.
pub fn run<W: Work>(address: SocketAddr, pace: Pace, time: Duration, work: W) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, generate(address, pace, time, work))
}

/// The state that the connections share.
struct Shared<W> {
    work: W,
    units: u64,
    began: Instant,
    /// No unit starts after this.
    until: Instant,
    schedule: Option<Schedule>,
    next: Cell<u64>,
    done: Cell<u64>,
    last: Cell<Instant>,
    latencies: RefCell<Histogram<u64>>,
}

/// Keeps a rate: unit `n` is due `n` times `every` after the beginning, when it gets a ticket.
struct Schedule {
    every: Duration,
    tickets: Arc<Semaphore>,
}

async fn generate<W: Work>(address: SocketAddr, pace: Pace, time: Duration, work: W) -> Outcome {
    let (connections, every) = match pace {
        Pace::Closed { connections } => (connections, None),
        Pace::Open { per_second } => (CONNECTIONS, Some(Duration::from_secs_f64(1.0 / per_second))),
    };
    let units = every.map_or(u64::MAX, |every| time.div_duration_f64(every) as u64).min(work.units());
    let mut wires = Vec::with_capacity(connections);
    for _ in 0..connections {
        wires.push(Wire::connect(address).await.expect("a connection"));
    }
    let began = Instant::now();
    let schedule = every.map(|every| Schedule { every, tickets: Arc::new(Semaphore::new(0)) });
    if let Some(Schedule { every, tickets }) = &schedule {
        let (every, tickets) = (*every, Arc::clone(tickets));
        std::thread::spawn(move || let_go(&tickets, began, every, units, connections));
    }
    let shared = Rc::new(Shared {
        work,
        units,
        began,
        until: began + time + if schedule.is_some() { PATIENCE } else { Duration::ZERO },
        schedule,
        next: Cell::new(0),
        done: Cell::new(0),
        last: Cell::new(began),
        latencies: RefCell::new(Histogram::new_with_max(60_000_000, 3).unwrap()),
    });
    let busy = |wire| tokio::task::spawn_local(Rc::clone(&shared).keep_busy(wire));
    for task in wires.into_iter().map(busy).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    // Units that were due and did not start have waited until now at least.
    let now = Instant::now();
    if shared.schedule.is_some() {
        (shared.next.get()..units).for_each(|number| shared.record(now - shared.due(number, now)));
    }
    let latencies = shared.latencies.borrow().clone();
    Outcome { done: shared.done.get(), elapsed: shared.last.get() - began, latencies }
}

impl<W: Work> Shared<W> {
    async fn keep_busy(self: Rc<Self>, mut wire: Wire) {
        loop {
            if let Some(schedule) = &self.schedule {
                schedule.tickets.acquire().await.unwrap().forget();
            }
            let number = self.next.get();
            let start = Instant::now();
            if number >= self.units || start > self.until {
                return;
            }
            self.next.set(number + 1);
            self.work.unit(number, &mut wire).await.expect("an answer");
            let end = Instant::now();
            self.record(end - self.due(number, start));
            self.done.set(self.done.get() + 1);
            self.last.set(end);
        }
    }

    /// The time at which the unit was due, or without a rate, at which it started.
    fn due(&self, number: u64, started: Instant) -> Instant {
        self.schedule.as_ref().map_or(started, |schedule| self.began + schedule.every.mul_f64(number as f64))
    }

    fn record(&self, latency: Duration) {
        self.latencies.borrow_mut().saturating_record(latency.as_micros() as u64);
    }
}

/// Issues a ticket for each due unit, and at the end one for each connection, to make it notice the end.
fn let_go(tickets: &Semaphore, began: Instant, every: Duration, units: u64, connections: usize) {
    let mut given = 0;
    while given < units {
        let due = (began.elapsed().div_duration_f64(every) as u64).min(units);
        tickets.add_permits((due - given) as usize);
        given = due;
        std::thread::sleep(TICK);
    }
    tickets.add_permits(connections);
}
