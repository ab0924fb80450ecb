//! A bounded queue of log lines in front of standard output. No request ever waits for the reader of the log, and a line
//! that cannot be written is dropped and counted.
//!
//! Our own and not `tracing-appender` (0.2.5): that drops lines whose write fails without counting them, ends with
//! `println!` to the same output if the queue is full, which blocks if nobody reads it and panics if it is closed, panics
//! if the thread cannot be started, and wakes its thread for each line, which costs more than writing the line.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use crate::supervisor;

/// The most lines in the queue: half a second of a busy instance, some megabytes.
const CAPACITY: usize = 8_192;
/// The size from which a batch is written.
const BATCH_BYTES: usize = 64 * 1024;
/// The time that the writer pauses after a batch. While it pauses, no request has to wake it, which would cost more
/// than the line itself.
const COLLECT: Duration = Duration::from_millis(5);
/// The pause before another attempt if the output has no room.
const RETRY_AFTER: Duration = Duration::from_millis(5);
/// The shortest time between two lines that report lost ones.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// The time for which a lost line counts as recent.
const RECENT: Duration = Duration::from_mins(5);

/// The entrance of the queue. Clones feed the same queue.
#[derive(Clone, Debug)]
pub(super) struct LineQueue {
    sender: SyncSender<Entry>,
    losses: Arc<Losses>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// A request for an answer once everything before it is written or lost.
    Flush(SyncSender<()>),
}

/// A count of lost lines.
#[derive(Debug)]
struct Losses {
    lines: AtomicU64,
    /// Time of the last loss, in milliseconds since `start` plus one; 0 for never.
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
    /// Starts a thread that writes the lines to `output`.
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
            LineWriter { output, batch: Vec::new(), torn: false, losses: Arc::clone(&losses), reported: (0, None) };
        supervisor::spawn_thread("log", move || writer.run(&entries))?;
        Ok(Self { sender, losses })
    }

    /// Queues one or more lines, each with its line break; never waits.
    pub(super) fn push(&self, line: Vec<u8>) {
        if self.sender.try_send(Entry::Line(line)).is_err() {
            self.losses.add(1);
        }
    }

    /// Waits until everything in the queue is written, for at most `patience`.
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
        // On an error the time is up, or the writer is gone: nothing more can be done.
        let _ = wait.recv_timeout(until.saturating_duration_since(Instant::now()));
    }

    /// Returns the number of lines lost since the start.
    pub(super) fn lost(&self) -> u64 {
        self.losses.lines.load(Ordering::Relaxed)
    }

    /// Returns `true` if a line was lost in the last five minutes.
    pub(super) fn loses_lines(&self) -> bool {
        let last = self.losses.last.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_millis);
        last.is_some_and(|last| self.losses.start.elapsed().saturating_sub(last) < RECENT)
    }
}

/// For tracing-subscriber, which writes each line with one call.
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

/// Writes lines in batches: one system call for all that are queued.
struct LineWriter<W> {
    output: W,
    batch: Vec<u8>,
    /// Set if the output ends in the middle of a line, as after a full disk.
    torn: bool,
    losses: Arc<Losses>,
    /// The number of lost lines last reported, and when.
    reported: (u64, Option<Instant>),
}

impl<W: Write> LineWriter<W> {
    fn run(mut self, entries: &Receiver<Entry>) {
        // Ends when every sender is gone.
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
                // The waiter may have given up.
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
                // Another process made this pipe non-blocking; waiting is fine here.
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
            self.report_losses();
        }
    }

    /// Logs the gap now that the log can be written again.
    fn report_losses(&mut self) {
        let lost = self.losses.lines.load(Ordering::Relaxed);
        let (reported, when) = self.reported;
        if lost > reported && when.is_none_or(|when| when.elapsed() >= REPORT_EVERY) {
            self.reported = (lost, Some(Instant::now()));
            tracing::warn!(
                lines = lost - reported,
                "log lines were lost: standard output could not be written fast enough, or not at all"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// An output that accepts a number of bytes and then none, and keeps what it accepted.
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
    fn lines_lost_to_a_full_disk_are_counted_and_the_next_one_starts_on_a_new_line() {
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

    /// An output that neither accepts nor refuses anything.
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
    fn a_blocked_output_blocks_nobody() {
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
