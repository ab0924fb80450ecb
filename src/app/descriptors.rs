//! File descriptors: every connection takes one, and some must remain, whatever clients do.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::{MAX_OPS_CONNECTIONS, ServerSettings};

/// The descriptors that Redis, the log, the runtime and a certificate being read take.
const OTHERS: usize = 192;

/// Returns the most connections that the public listener may have: those of the settings, unless the limit on
/// descriptors allows fewer. This first raises that limit as far as the process may.
pub(super) fn connections(settings: &ServerSettings) -> usize {
    let limit = raised_limit();
    let most = within(limit, settings.max_connections, settings.max_concurrent_sends);
    if most < settings.max_connections {
        tracing::warn!(
            most,
            descriptors = limit,
            "server.max_connections is {}, but the limit on file descriptors (ulimit -n) allows fewer",
            settings.max_connections
        );
    }
    most
}

/// Returns the share of `limit` that public connections may take. The rest is for the operators' listener, for calls to
/// WhatsApp and for [`OTHERS`], but it is never more than half.
fn within(limit: usize, wanted: usize, sends: usize) -> usize {
    let kept = (MAX_OPS_CONNECTIONS + sends + OTHERS).min(limit / 2);
    wanted.min(limit - kept)
}

/// Raises the soft limit on descriptors to the hard one and returns the limit in force.
fn raised_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    // `None` means that there is no limit.
    let in_force = if setrlimit(Resource::Nofile, raised).is_ok() { maximum } else { current };
    in_force.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_for_all_else() {
        assert_eq!(within(1_048_576, 10_000, 256), 10_000, "there are enough for both");
        assert_eq!(within(usize::MAX, 10_000, 256), 10_000);
        assert_eq!(within(4_096, 10_000, 256), 4_096 - 576);
        assert_eq!(within(1_024, 10_000, 256), 512);
        assert_eq!(within(64, 10_000, 256), 32);
        assert_eq!(within(1_024, 100, 256), 100, "the setting holds where it is less");
    }
}
