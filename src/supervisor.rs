//! Supervises long-lived tasks. If one panics, the process stops with exit code 1, to be started again from outside:
//! otherwise an instance would go on serving without, for example, the task that reconnects to Redis.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::thread;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Starts tasks and remembers the first one that failed. Clones share this memory.
#[derive(Debug, Clone)]
pub struct Supervisor {
    failed: watch::Sender<Option<&'static str>>,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self { failed: watch::Sender::new(None) }
    }
}

/// Returns the supervisor of this process.
#[must_use]
pub fn of_process() -> &'static Supervisor {
    static PROCESS: LazyLock<Supervisor> = LazyLock::new(Supervisor::default);
    &PROCESS
}

/// Starts a task of this process; the name appears in the log if it panics. A task that must never return has the
/// output [`Infallible`](std::convert::Infallible). Others may return, and all may be aborted.
///
/// Must be called within a Tokio runtime.
pub fn spawn<F>(name: &'static str, task: F) -> JoinHandle<()>
where
    F: Future<Output: Send> + Send + 'static,
{
    of_process().spawn(name, task)
}

/// Starts a thread of this process, under the same supervision.
///
/// # Errors
///
/// If the system cannot start it.
pub fn spawn_thread<T>(name: &'static str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<()> {
    let supervisor = of_process().clone();
    let supervised = move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            supervisor.report(name, "panicked");
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(supervised).map(drop)
}

impl Supervisor {
    /// The same as the function [`spawn`], for this supervisor.
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let supervisor = self.clone();
        tokio::spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                supervisor.report(name, "panicked");
            }
        })
    }

    /// Reports the failure of a task, such as one that ended without being told to.
    pub fn report(&self, task: &'static str, how: &str) {
        tracing::error!(task, "a background task {how}; the process stops and expects to be started again");
        self.failed.send_if_modified(|failed| failed.is_none() && failed.insert(task) == &task);
    }

    /// Waits until a task fails, and returns its name.
    pub async fn failure(&self) -> &'static str {
        let mut failed = self.failed.subscribe();
        loop {
            if let Some(task) = *failed.borrow_and_update() {
                return task;
            }
            // `self` keeps the sender alive.
            let _ = failed.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_a_failure_and_the_first_counts() {
        let supervisor = Supervisor::default();
        supervisor.spawn("first", async { panic!("on purpose") }).await.unwrap();
        supervisor.spawn("second", async { panic!("on purpose") }).await.unwrap();
        assert_eq!(supervisor.failure().await, "first");
    }

    #[tokio::test]
    async fn a_failure_wakes_whoever_waits_for_one() {
        let supervisor = Supervisor::default();
        let waiting = tokio::spawn({
            let supervisor = supervisor.clone();
            async move { supervisor.failure().await }
        });
        tokio::task::yield_now().await;
        supervisor.spawn("task", async { panic!("on purpose") });
        assert_eq!(waiting.await.unwrap(), "task");
    }

    #[tokio::test]
    async fn a_task_that_returns_or_is_aborted_is_no_failure() {
        let supervisor = Supervisor::default();
        supervisor.spawn("returns", async {}).await.unwrap();
        let aborted = supervisor.spawn("aborted", std::future::pending::<()>());
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        assert_eq!(supervisor.failure().now_or_never(), None);
    }
}
