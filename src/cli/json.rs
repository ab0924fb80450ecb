//! Settings and their faults for programs.

use serde_json::{Value, json};

use crate::config::{Fault, ShownSetting};

pub(super) fn setting(ShownSetting { key, value, origin }: &ShownSetting) -> Value {
    json!({ "key": key, "value": value, "source": origin.to_string() })
}

pub(super) fn fault(fault: &Fault) -> Value {
    let Fault { key, expected, given, origin } = fault;
    json!({ "key": key, "expected": expected, "given": given, "source": origin.to_string(), "fix": fault.remedy() })
}
