//! The state of a dependency in readiness.

use serde_json::{Map, Value, json};

/// Returns the status of a dependency: `ok`, or `faulty` with the reason.
pub(super) fn state(faulty: &str, fault: Option<String>) -> Map<String, Value> {
    let Some(reason) = fault else { return Map::from_iter([("status".to_owned(), json!("ok"))]) };
    Map::from_iter([("status".to_owned(), json!(faulty)), ("reason".to_owned(), json!(reason))])
}
