//! The version of this program.

use std::sync::LazyLock;

/// The commit that the program was built from, or `unknown`. `build.rs` finds it for releases.
pub const COMMIT: &str = match option_env!("WHATSAPP_OTP_COMMIT") {
    Some(commit) if !commit.is_empty() => commit,
    _ => "unknown",
};

/// Returns the version with the commit, if that is known: `0.1.0 (4bc515639a10)`.
#[must_use]
pub fn with_commit() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| match COMMIT {
        "unknown" => env!("CARGO_PKG_VERSION").to_owned(),
        commit => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
    });
    &TEXT
}
