//! `telemetry.*`: where traces go.

use url::Url;

use crate::config::reader::{Reader, Reported};
use crate::telemetry::TraceSettings;

pub(in crate::config) fn read(reader: &mut Reader) -> Result<Option<TraceSettings>, Reported> {
    let endpoint = read_endpoint(reader);
    let sample_ratio = reader.required("telemetry.sample_ratio", sample_ratio);
    let (endpoint, sample_ratio) = (endpoint?, sample_ratio?);
    Ok(endpoint.map(|endpoint| TraceSettings { endpoint, sample_ratio }))
}

fn read_endpoint(reader: &mut Reader) -> Result<Option<Url>, Reported> {
    let endpoint = reader.optional("telemetry.otlp_endpoint", |text| {
        let bare = |url: &Url| matches!(url.scheme(), "http" | "https") && !text.contains(['@', '?', '#']);
        let url =
            Url::parse(text).ok().filter(bare).filter(|url| !url.path().trim_end_matches('/').ends_with("/v1/traces"));
        url.ok_or("http:// or https://, a host and, if need be, a path; no user name, ? or #, and without /v1/traces")
    })?;
    if let Some(endpoint) = &endpoint {
        reader.show_as("telemetry.otlp_endpoint", endpoint.to_string());
    }
    Ok(endpoint)
}

fn sample_ratio(text: &str) -> Result<f64, &'static str> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or("a number from 0 to 1, such as 0.1")
}
