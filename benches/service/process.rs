//! Other programs on this machine: started, measured and ended.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that anything may take to get ready.
const LONGEST: Duration = Duration::from_secs(20);

/// A running program. It is killed when dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it, with its output in a file of that name.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let log = scratch(&format!("{name}.log"));
        // Appending, so that the file can be emptied under it.
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        file.set_len(0).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{name}: {error}")), log }
    }

    /// Waits until somebody listens on the address.
    pub fn listening_on(mut self, address: SocketAddr) -> Self {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            self.check(began);
            std::thread::sleep(Duration::from_millis(1));
        }
        self
    }

    /// Panics if it has ended, or has taken too long since `began`.
    pub fn check(&mut self, began: Instant) {
        let ended = self.child.try_wait().unwrap();
        let text = || fs::read_to_string(&self.log).unwrap_or_default();
        assert!(ended.is_none(), "it ended: {}", text());
        assert!(began.elapsed() < LONGEST, "it does not get ready: {}", text());
    }

    /// Empties the log, which would otherwise fill the disk.
    pub fn forget_log(&self) {
        File::options().append(true).open(&self.log).unwrap().set_len(0).unwrap();
    }

    /// How long its threads have been on a processor, without those that have ended.
    pub fn cpu(&self) -> Duration {
        cpu(&format!("/proc/{}/task", self.child.id()))
    }

    /// Resident memory, MiB.
    pub fn resident(&self) -> f64 {
        resident(&format!("/proc/{}/status", self.child.id()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first figure of each thread's schedstat is the nanoseconds it ran.
fn cpu(tasks: &str) -> Duration {
    let ran = |task: PathBuf| fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok();
    Duration::from_nanos(fs::read_dir(tasks).unwrap().filter_map(|task| ran(task.unwrap().path())).sum())
}

/// How long the calling thread has been on a processor.
pub fn own_cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

pub fn resident(status: &str) -> f64 {
    let status = fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// An address that nobody listens on at the moment.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// A file of that name for this run.
pub fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    fs::create_dir_all(&directory).unwrap();
    directory.join(name)
}
