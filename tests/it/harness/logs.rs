//! The log of the service in this process, from `trace` on.

use std::collections::HashSet;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// The position in the log at which a test began.
pub struct LogMark(usize);

/// Starts capturing, once for all tests, and returns the current position.
pub fn capture() -> LogMark {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let log = tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(Buffer);
        log.with_env_filter(EnvFilter::new("whatsapp_otp=trace,tower_http=trace")).init();
    });
    let mark = LogMark(LOG.lock().unwrap_or_else(PoisonError::into_inner).len());
    tracing::trace!(target: "whatsapp_otp", "a test begins");
    mark
}

impl LogMark {
    /// Returns the later lines with this text, including those of concurrent tests.
    pub fn lines_with(&self, text: &str) -> Vec<String> {
        let log = LOG.lock().unwrap_or_else(PoisonError::into_inner)[self.0..].to_vec();
        let log = String::from_utf8_lossy(&log);
        log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// Asserts that later lines, including those of concurrent tests, contain none of these and no whole phone number.
    pub fn has_no_secrets(&self, codes: &[String], secrets: &[&str]) {
        let log = LOG.lock().unwrap_or_else(PoisonError::into_inner)[self.0..].to_vec();
        let log = String::from_utf8_lossy(&log);
        assert!(log.contains("a test begins"), "there is a log");
        let codes: HashSet<&str> = codes.iter().map(String::as_str).collect();
        for line in log.lines() {
            let text = without_request_id(line);
            for secret in secrets {
                assert!(!text.contains(secret), "a secret in the log: {line}");
            }
            for run in text.split(|c: char| !c.is_ascii_alphanumeric()) {
                assert!(!codes.contains(run), "a code in the log: {line}");
                let number = run.len() >= 11 && run.starts_with("1555") && run.bytes().all(|b| b.is_ascii_digit());
                assert!(!number, "a whole number in the log: {line}");
            }
        }
    }
}

impl LogMark {
    /// Returns `true` if a later line has all of these texts.
    pub fn has_line(&self, texts: &[&str]) -> bool {
        let log = LOG.lock().unwrap_or_else(PoisonError::into_inner)[self.0..].to_vec();
        String::from_utf8_lossy(&log).lines().any(|line| texts.iter().all(|text| line.contains(text)))
    }
}

/// Returns the last warnings and errors of the log, for a failed test.
pub fn last_warnings(lines: usize) -> String {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let log = String::from_utf8_lossy(&log);
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    warnings[warnings.len().saturating_sub(lines)..].join("\n")
}

/// Removes `request_id=…`, which is hexadecimal and may look like anything.
fn without_request_id(line: &str) -> String {
    let Some((before, after)) = line.split_once("request_id=") else { return line.to_owned() };
    let end = after.find(['}', ' ']).unwrap_or(after.len());
    format!("{before}{}", &after[end..])
}

#[derive(Clone, Copy)]
struct Buffer;

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Buffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
