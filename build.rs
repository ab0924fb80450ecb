//! Finds the commit that a release is built from.

#![expect(clippy::disallowed_methods, reason = "cargo speaks to a build script that way")]

use std::env;
use std::path::Path;
use std::process::Command;

/// The commit, if it is known otherwise, as in the build of an image.
const COMMIT: &str = "WHATSAPP_OTP_COMMIT";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={COMMIT}");
    // Other builds would have to compile everything again after each commit.
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let is_known = env::var(COMMIT).is_ok_and(|commit| !commit.is_empty());
    if is_release
        && !is_known
        && let Some((commit, log)) = from_git()
    {
        println!("cargo::rustc-env={COMMIT}={commit}");
        println!("cargo::rerun-if-changed={log}");
    }
}

/// Returns the commit of the checkout, and the file that changes with it. There is none without git, or in an archive of the
/// source, even if that lies in some other checkout.
fn from_git() -> Option<(String, String)> {
    let source = env::var("CARGO_MANIFEST_DIR").ok()?;
    let mut git = Command::new("git");
    git.args(["rev-parse", "--show-toplevel", "--git-path", "logs/HEAD", "--short=12", "HEAD"]).current_dir(&source);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let output = String::from_utf8(output.stdout).ok()?;
    let lines: Vec<_> = output.lines().collect();
    match lines[..] {
        [top, log, commit] if Path::new(top) == Path::new(&source) => Some((commit.to_owned(), log.to_owned())),
        _ => None,
    }
}
