//! A bounded queue of log lines in front of standard output, so that no request ever waits for whoever reads the log, and
//! no log line that cannot be written does any harm: it is dropped and counted.
//!
//! By hand and not with `tracing-appender`: that one's guard, with a full queue, ends by printing to the same standard
//! output, which blocks for ever when nobody reads it and panics when it is closed, and it does not count lines that
//! cannot be written.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use crate::supervisor;

/// Lines that wait at most: half a second of a busy instance, some megabytes.
const CAPACITY: usize = 8_192;
/// How much is written at once.
const BATCH_BYTES: usize = 64 * 1024;
/// How long lines are collected after a batch. Whoever puts a line into the queue of a writer that waits for one has to
/// wake it, which costs more than the line; one that pauses is left alone.
const COLLECT: Duration = Duration::from_millis(5);
/// How long to wait for room.
const RETRY_AFTER: Duration = Duration::from_millis(5);
/// How often the log says that lines were lost, at most.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How long lines that were lost are remembered as lost lately.
const LATELY: Duration = Duration::from_mins(5);

/// Where lines go in. Clones feed the same queue.
#[derive(Clone, Debug)]
pub(super) struct LineQueue {
    sender: SyncSender<Entry>,
    losses: Arc<Losses>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Answered once everything before it is written, or lost.
    Flush(SyncSender<()>),
}

/// Lines that were lost.
#[derive(Debug)]
struct Losses {
    lines: AtomicU64,
    /// When the last was lost, in milliseconds since `start`, and one more.
    last: AtomicU64,
    start: Instant,
}

impl Losses {
    fn add(&self, lines: u64) {
        if lines > 0 {
            self.lines.fetch_add(lines, Ordering::Relaxed);
            let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.last.store(now.saturating_add(1), Ordering::Relaxed);
        }
    }
}

impl LineQueue {
    /// Writes what comes in to `output`, from a thread of its own.
    ///
    /// # Errors
    ///
    /// If the system cannot start a thread.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with_capacity(CAPACITY, output)
    }

    fn with_capacity(capacity: usize, output: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, entries) = sync_channel(capacity);
        let losses = Arc::new(Losses { lines: AtomicU64::new(0), last: AtomicU64::new(0), start: Instant::now() });
        let writer =
            LineWriter { output, batch: Vec::new(), torn: false, losses: Arc::clone(&losses), told: (0, None) };
        supervisor::spawn_thread("log", move || writer.run(&entries))?;
        Ok(Self { sender, losses })
    }

    /// Takes a line, or several, with the line break at the end; never waits.
    pub(super) fn push(&self, line: Vec<u8>) {
        if self.sender.try_send(Entry::Line(line)).is_err() {
            self.losses.add(1);
        }
    }

    /// Waits until what is in the queue is written, for no longer than `patience`.
    pub(super) fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let (written, wait) = sync_channel(1);
        let mut entry = Entry::Flush(written);
        while let Err(TrySendError::Full(refused)) = self.sender.try_send(entry) {
            if Instant::now() >= until {
                return;
            }
            entry = refused;
            thread::sleep(RETRY_AFTER);
        }
        // An error is the time that is up, or a writer that is gone: nothing more can be done.
        let _ = wait.recv_timeout(until.saturating_duration_since(Instant::now()));
    }

    /// How many lines were lost since the start.
    pub(super) fn lost(&self) -> u64 {
        self.losses.lines.load(Ordering::Relaxed)
    }

    /// Whether a line was lost in the last five minutes.
    pub(super) fn loses_lines(&self) -> bool {
        let last = self.losses.last.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_millis);
        last.is_some_and(|last| self.losses.start.elapsed().saturating_sub(last) < LATELY)
    }
}

/// For tracing-subscriber: each `write` of its is one line.
impl Write for &LineQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LineQueue {
    type Writer = &'a LineQueue;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// Writes lines in batches: one system call for as many as have come in.
struct LineWriter<W> {
    output: W,
    batch: Vec<u8>,
    /// Whether the output ends in the middle of a line, as a full disk leaves it.
    torn: bool,
    losses: Arc<Losses>,
    /// How many lost lines the log has told of, and when.
    told: (u64, Option<Instant>),
}

impl<W: Write> LineWriter<W> {
    fn run(mut self, entries: &Receiver<Entry>) {
        // Every sender gone: nobody logs any more.
        while let Ok(entry) = entries.recv() {
            self.take(entry);
            while let Ok(entry) = entries.try_recv() {
                self.take(entry);
            }
            self.write_batch();
            thread::sleep(COLLECT);
        }
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Line(line) => {
                self.batch.extend_from_slice(&line);
                if self.batch.len() >= BATCH_BYTES {
                    self.write_batch();
                }
            }
            Entry::Flush(written) => {
                self.write_batch();
                // Nobody may be waiting any more.
                let _ = written.try_send(());
            }
        }
    }

    fn write_batch(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let prefix = usize::from(self.torn);
        if self.torn {
            self.batch.insert(0, b'\n');
        }
        let mut rest = self.batch.as_slice();
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(0) => break,
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Somebody else made this a pipe that does not block; here, waiting is fine.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY_AFTER),
                Err(_) => break,
            }
        }
        let written = self.batch.len() - rest.len();
        if written > 0 {
            self.torn = self.batch[written - 1] != b'\n';
        }
        let is_written = rest.is_empty();
        // Each line has its line break at its end.
        let rest = &rest[prefix.saturating_sub(written)..];
        let lost = rest.split(|&byte| byte == b'\n').count() - 1;
        self.losses.add(lost as u64);
        self.batch.clear();
        if is_written {
            self.tell_of_losses();
        }
    }

    /// Says in the log, which is being written again, that it has a gap.
    fn tell_of_losses(&mut self) {
        let lost = self.losses.lines.load(Ordering::Relaxed);
        let (told, when) = self.told;
        if lost > told && when.is_none_or(|when| when.elapsed() >= TELL_EVERY) {
            self.told = (lost, Some(Instant::now()));
            tracing::warn!(
                lines = lost - told,
                "log lines were lost: standard output could not be written fast enough, or not at all"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// An output that takes so many bytes, and then none; what it took.
    #[derive(Clone, Default)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        room: Arc<AtomicU64>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = usize::try_from(self.room.load(Ordering::SeqCst)).unwrap();
            let taken = bytes.len().min(room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room.fetch_sub(taken as u64, Ordering::SeqCst);
            self.written.lock().unwrap().extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn lines_are_written_in_order() {
        let disk = Disk::default();
        disk.room.store(u64::MAX, Ordering::SeqCst);
        let queue = LineQueue::start(disk.clone()).unwrap();
        let lines: Vec<String> = (0..1_000).map(|n| format!("line {n}\n")).collect();
        for line in &lines {
            queue.push(line.as_str().into());
        }
        queue.flush(PATIENCE);
        assert_eq!(String::from_utf8(disk.written.lock().unwrap().clone()).unwrap(), lines.concat());
        assert_eq!((queue.lost(), queue.loses_lines()), (0, false));
    }

    #[test]
    fn lines_that_a_full_disk_does_not_take_are_counted_and_the_next_starts_anew() {
        let disk = Disk::default();
        disk.room.store(9, Ordering::SeqCst);
        let queue = LineQueue::start(disk.clone()).unwrap();
        for line in ["first\n", "second\n", "third\n"] {
            queue.push(line.into());
            queue.flush(PATIENCE);
        }
        assert_eq!((queue.lost(), queue.loses_lines()), (2, true));
        disk.room.store(u64::MAX, Ordering::SeqCst);
        queue.push("fourth\n".into());
        queue.flush(PATIENCE);
        assert_eq!(*disk.written.lock().unwrap(), b"first\nsec\nfourth\n");
        assert_eq!(queue.lost(), 2);
    }

    /// An output that never takes anything nor refuses it.
    struct Stuck {
        entered: SyncSender<()>,
        released: Receiver<()>,
    }

    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.entered.send(()).unwrap();
            let _ = self.released.recv();
            Ok(0)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_output_that_is_stuck_holds_nobody_up() {
        let ((entered, is_stuck), (release, released)) = (sync_channel(1), sync_channel(0));
        let queue = LineQueue::with_capacity(4, Stuck { entered, released }).unwrap();
        queue.push("line\n".into());
        is_stuck.recv_timeout(PATIENCE).unwrap();
        for _ in 0..100 {
            queue.push("line\n".into());
        }
        assert_eq!(queue.lost(), 96);
        let began = Instant::now();
        queue.flush(Duration::from_millis(50));
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        drop(release);
    }
}
