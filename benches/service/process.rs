//! Child processes: starting, measuring and ending them.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest time until a program is ready.
const LONGEST: Duration = Duration::from_secs(20);

/// A running program. It is killed when dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program, with its output in a file of that name.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let log = scratch(&format!("{name}.log"));
        // Appending, so that the file can be truncated meanwhile.
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        file.set_len(0).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{name}: {error}")), log }
    }

    /// Waits until the address accepts connections.
    pub fn listening_on(mut self, address: SocketAddr) -> Self {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            self.check(began);
            std::thread::sleep(Duration::from_millis(1));
        }
        self
    }

    /// Panics if the program has ended, or has taken too long since `began`.
    pub fn check(&mut self, began: Instant) {
        let ended = self.child.try_wait().unwrap();
        let text = || fs::read_to_string(&self.log).unwrap_or_default();
        assert!(ended.is_none(), "the program ended: {}", text());
        assert!(began.elapsed() < LONGEST, "the program does not get ready: {}", text());
    }

    /// Truncates the log, which would otherwise fill the disk.
    pub fn forget_log(&self) {
        File::options().append(true).open(&self.log).unwrap().set_len(0).unwrap();
    }

    /// The processor time of its running threads.
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

/// The first figure of a thread's schedstat is its processor time in nanoseconds.
fn cpu(tasks: &str) -> Duration {
    let ran = |task: PathBuf| fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok();
    Duration::from_nanos(fs::read_dir(tasks).unwrap().filter_map(|task| ran(task.unwrap().path())).sum())
}

/// The processor time of the calling thread.
pub fn own_cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

pub fn resident(status: &str) -> f64 {
    let status = fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// An unused address.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// The path of a file of this run.
pub fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    fs::create_dir_all(&directory).unwrap();
    directory.join(name)
}
