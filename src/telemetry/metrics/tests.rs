use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use super::*;

const ALERTS: &str = include_str!("../../../config/prometheus/alerts.yml");
const ALERT_TESTS: &str = include_str!("../../../config/prometheus/alerts.test.yml");
const WEEKLY_ALERT_TESTS: &str = include_str!("../../../config/prometheus/alerts.week.test.yml");
const DASHBOARD: &str = include_str!("../../../config/grafana/whatsapp-otp.json");
const MONITORING: &str = include_str!("../../../docs/monitoring.md");
const OPERATIONS: &str = include_str!("../../../docs/operations.md");

/// Returns the metric of a series: histograms have three.
fn metric_of(series: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| match metric.kind {
        Kind::Histogram(_) => {
            ["_bucket", "_sum", "_count"].iter().any(|end| series.strip_suffix(end) == Some(metric.name))
        }
        Kind::Counter | Kind::Gauge => metric.name == series,
    })
}

/// Series and matchers of every selector of ours in `queries`, such as `whatsapp_otp_sends_total` and `outcome="sent"`.
fn selectors(queries: &str) -> Vec<(String, String)> {
    let selector = Regex::new(r"(whatsapp_otp_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let text = |group: Option<regex::Match<'_>>| group.map_or_else(String::new, |group| group.as_str().to_owned());
    selector.captures_iter(queries).map(|found| (text(found.get(1)), text(found.get(2)))).collect()
}

/// Fails unless the series exists and can have these labels.
fn check(series: &str, matchers: &str) {
    let metric = metric_of(series).unwrap_or_else(|| panic!("there is no series {series}"));
    let matcher = Regex::new(r#"([a-z_]+)(=|!=|=~|!~)"([^"]*)""#).unwrap();
    for found in matcher.captures_iter(matchers) {
        // Prometheus adds the first two.
        if ["instance", "job", "le"].contains(&&found[1]) {
            continue;
        }
        let label = metric.labels.iter().find(|label| label.name == &found[1]);
        let label = label.unwrap_or_else(|| panic!("{series} has no label {}", &found[1]));
        for value in found[3].split('|').filter(|_| !label.values.is_empty()) {
            assert!(label.values.contains(&value), "{series} never has {}={value}", label.name);
        }
    }
}

#[test]
fn names_say_what_they_count() {
    let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len(), "a name is used twice");
    for Metric { name, kind, help, .. } in METRICS {
        assert!(name.starts_with("whatsapp_otp_"), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert!(help.ends_with('.') && help.len() > 20, "{name}");
        if let Kind::Histogram(buckets) = kind {
            assert!(name.ends_with("_seconds"), "{name}");
            assert!(buckets.is_sorted_by(|a, b| a < b), "{name}");
        }
    }
}

#[test]
fn alerts_ask_for_series_that_exist() {
    let found = selectors(ALERTS);
    assert!(found.len() > 30, "{found:?}");
    for (series, matchers) in &found {
        check(series, matchers);
    }
    for (series, matchers) in [ALERT_TESTS, WEEKLY_ALERT_TESTS].into_iter().flat_map(selectors) {
        check(&series, &matchers);
    }
}

#[test]
fn every_alert_has_a_severity_a_wait_and_a_runbook() {
    let field = |alert: &str, name: &str| {
        let line = alert.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {alert}")).to_owned()
    };
    let alerts: Vec<_> = ALERTS.split("- alert: ").skip(1).collect();
    for alert in &alerts {
        let name = alert.lines().next().unwrap();
        assert!(["critical", "warning"].contains(&field(alert, "severity").as_str()), "{name}");
        assert_eq!(field(alert, "runbook"), format!("docs/operations.md#{}", name.to_lowercase()));
        assert!(
            OPERATIONS.contains(&format!("\n#### {name}\n")),
            "docs/operations.md does not say what to do about {name}"
        );
        for name in ["expr", "for", "summary", "description"] {
            field(alert, name);
        }
    }
    let names: BTreeSet<_> = alerts.iter().map(|alert| alert.lines().next()).collect();
    assert_eq!(names.len(), alerts.len(), "a name is used twice");
}

#[test]
fn the_dashboard_asks_for_series_that_exist() {
    fn expressions(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if name == "expr" => found.push(text.clone()),
                        value => expressions(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    expressions(&serde_json::from_str(DASHBOARD).unwrap(), &mut found);
    assert!(found.len() > 30, "{found:?}");
    for (series, matchers) in found.iter().flat_map(|query| selectors(query)) {
        check(&series, &matchers);
    }
}

#[test]
fn each_panel_of_the_dashboard_has_an_id_and_a_place_of_its_own() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let place = |panel: &Value, name: &str| panel["gridPos"][name].as_u64().unwrap();
    let along = |one: &Value, other: &Value, from: &str, size: &str| {
        place(one, from) < place(other, from) + place(other, size)
            && place(other, from) < place(one, from) + place(one, size)
    };
    for (index, one) in panels.iter().enumerate() {
        for other in &panels[index + 1..] {
            assert_ne!(one["id"], other["id"], "{} and {}", one["title"], other["title"]);
            let overlap = along(one, other, "x", "w") && along(one, other, "y", "h");
            assert!(!overlap, "{} is over {}", one["title"], other["title"]);
        }
    }
}

#[test]
fn somebody_looks_at_every_metric() {
    for metric in METRICS {
        assert!(DASHBOARD.contains(metric.name), "the dashboard does not show {}", metric.name);
        assert!(
            MONITORING.contains(&format!("| `{}` |", metric.name)),
            "monitoring.md does not explain {}",
            metric.name
        );
    }
}

#[test]
fn series_whose_labels_are_known_exist_from_the_start() {
    // As often as there are services in this process.
    Metrics::install().unwrap();
    let text = Metrics::install().unwrap().render();
    // Their values are other tests' business as well.
    for series in [
        "whatsapp_otp_sends_total{outcome=\"send_failed\"}",
        "whatsapp_otp_redis_reconnects_total",
        "whatsapp_otp_pacing_wait_seconds_count",
        "whatsapp_otp_redis_script_duration_seconds_bucket{script=\"take_back\",le=\"0.0001\"}",
        concat!("whatsapp_otp_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\",commit=\""),
    ] {
        assert!(text.contains(&format!("\n{series}")), "{series} is not in\n{text}");
    }
    #[cfg(target_os = "linux")]
    for name in
        ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"]
    {
        assert!(text.contains(&format!("\n{name} ")), "{name} is not in\n{text}");
    }
}

#[test]
fn durations_land_in_their_buckets() {
    Metrics::install().unwrap();
    metrics::histogram!(REDIS_SCRIPT_DURATION_SECONDS, "script" => "cancel").record(Duration::from_micros(1_700));
    let text = Metrics::install().unwrap().render();
    let bucket = |bound: &str, count: u32| {
        format!("whatsapp_otp_redis_script_duration_seconds_bucket{{script=\"cancel\",le=\"{bound}\"}} {count}")
    };
    for line in [bucket("0.001", 0), bucket("0.0025", 1), bucket("+Inf", 1)] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
