//! `telemetry.*`: the destination of traces.

use url::Url;

use crate::config::reader::{Reader, Reported};
use crate::telemetry::TraceSettings;

pub(in crate::config) fn read(reader: &mut Reader) -> Result<Option<TraceSettings>, Reported> {
    let endpoint = read_endpoint(reader);
    let sample_ratio =
        reader.declared("telemetry.sample_ratio", |text| text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)));
    let (endpoint, sample_ratio) = (endpoint?, sample_ratio?);
    Ok(endpoint.map(|endpoint| TraceSettings { endpoint, sample_ratio }))
}

fn read_endpoint(reader: &mut Reader) -> Result<Option<Url>, Reported> {
    let endpoint = reader.if_given("telemetry.otlp_endpoint", |reader, key| reader.declared(key, endpoint))?;
    if let Some(endpoint) = &endpoint {
        reader.show_as("telemetry.otlp_endpoint", endpoint.to_string());
    }
    Ok(endpoint)
}

fn endpoint(text: &str) -> Option<Url> {
    let bare = |url: &Url| matches!(url.scheme(), "http" | "https") && !text.contains(['@', '?', '#']);
    Url::parse(text).ok().filter(bare).filter(|url| !url.path().trim_end_matches('/').ends_with("/v1/traces"))
}
