//! Exports traces to a collector, in the background: neither requests nor the end of the process wait for it, whatever
//! the collector does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::settings::TraceSettings;
use super::spans::TRACER;

/// The maximum time for a collector to take a batch, including retries.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for which spans are collected into a batch.
const EXPORT_EVERY: Duration = Duration::from_secs(2);
/// The capacity of the queue; spans that do not fit are dropped. A full queue takes some megabytes.
const QUEUE: usize = 4096;
/// The most spans in a batch.
const BATCH: usize = 512;
/// The maximum time that stopping waits for the last spans to be exported.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);
/// The maximum length of a collector's answer.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The HTTP client cannot be built.
    #[error("no client for telemetry.otlp_endpoint: {0}")]
    Client(#[from] reqwest::Error),
    /// The exporter cannot be built.
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// Traces were set up before.
    #[error("traces are set up twice")]
    Twice,
}

/// The export of traces, if it is configured.
#[must_use = "the last spans are only exported if it is stopped"]
pub struct Traces(Option<SdkTracerProvider>);

/// Traces the requests of this process from now on, if that is configured. Must be called within a Tokio runtime and
/// after a TLS provider was installed.
///
/// # Errors
///
/// [`TraceError`]; an unreachable collector is not an error.
pub fn init(settings: Option<&TraceSettings>) -> Result<Traces, TraceError> {
    let Some(TraceSettings { endpoint, sample_ratio }) = settings else { return Ok(Traces(None)) };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new()?)
        .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(EXPORT_EVERY)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource())
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(*sample_ratio))))
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
        .build();
    TRACER.set(provider.tracer(env!("CARGO_PKG_NAME"))).map_err(|_| TraceError::Twice)?;
    tracing::info!(%endpoint, sample_ratio, "requests are traced");
    Ok(Traces(Some(provider)))
}

/// Attributes of this process. Not from the builder that reads the environment.
fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name(env!("CARGO_PKG_NAME"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", Uuid::now_v7().to_string()))
        .build()
}

impl Traces {
    /// Exports the remaining spans and stops, within two seconds.
    pub async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // The call blocks, and exporting needs the runtime.
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_WITHIN)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!("the last traces may not have been exported");
        }
    }
}

/// The collector, called with the same HTTP client and TLS stack as WhatsApp.
#[derive(Debug)]
struct Collector {
    http: reqwest::Client,
    /// The exporter runs on a thread of its own, and the client needs a runtime.
    runtime: Handle,
    failures: AtomicU64,
}

impl Collector {
    fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(EXPORT_TIMEOUT / 2)
            .timeout(EXPORT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .build()?;
        Ok(Self { http, runtime: Handle::current(), failures: AtomicU64::new(0) })
    }

    /// Logs the first failures in a row, then fewer and fewer of them, and the recovery.
    fn report(&self, fault: Option<&str>) {
        let Some(reason) = fault else {
            if self.failures.swap(0, Ordering::Relaxed) > 0 {
                tracing::info!("the collector accepts traces again");
            }
            return;
        };
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures.is_power_of_two() {
            tracing::warn!(
                reason,
                failures,
                "the collector does not accept traces; requests are served without tracing"
            );
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let outcome = self.runtime.spawn(async move { exchange(&http, request).await }).await;
        let outcome = outcome.unwrap_or_else(|_| Err("the process is stopping".into()));
        match &outcome {
            Ok(response) if response.status().is_success() => self.report(None),
            Ok(response) => self.report(Some(&format!("HTTP {}", response.status()))),
            Err(error) => self.report(Some(&innermost(error.as_ref()))),
        }
        outcome
    }
}

async fn exchange(http: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut response = http.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(format!("an answer of more than {MAX_ANSWER_BYTES} bytes").into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}

/// Returns the root cause: the errors around it only add the address.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().map_or_else(String::new, ToString::to_string)
}
