//! Sending traces to a collector, in the background: whatever becomes of it, requests and the end of the process wait
//! for nothing.

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

/// The longest that a collector may take over a batch, trying again included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a span waits for others to go out with.
const EXPORT_EVERY: Duration = Duration::from_secs(2);
/// Spans that wait at most; more are dropped. A full queue has some megabytes.
const QUEUE: usize = 4096;
/// Spans that go out at once.
const BATCH: usize = 512;
/// How long stopping waits for the last spans to go out.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);
/// The longest answer of a collector that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// There is no HTTP client to be had.
    #[error("no client for telemetry.otlp_endpoint: {0}")]
    Client(#[from] reqwest::Error),
    /// The exporter cannot be built.
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// There are traces already.
    #[error("traces are set up twice")]
    Twice,
}

/// Spans on their way out, if there are any.
#[must_use = "the last spans only go out if it is stopped"]
pub struct Traces(Option<SdkTracerProvider>);

/// Traces the requests of this process from now on, if there are settings for it. Must be called within a Tokio
/// runtime and after a TLS provider was installed.
///
/// # Errors
///
/// [`TraceError`]; a collector that is away is none.
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

/// Who we are. Not by the builder that looks into the environment.
fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name(env!("CARGO_PKG_NAME"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", Uuid::now_v7().to_string()))
        .build()
}

impl Traces {
    /// Sends what is left and stops, for no longer than two seconds.
    pub async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // It blocks, and sending needs the runtime.
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_WITHIN)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!("the last traces may not have gone out");
        }
    }
}

/// The collector, through the same kind of client as WhatsApp: one HTTP client and one TLS stack in the program.
#[derive(Debug)]
struct Collector {
    http: reqwest::Client,
    /// Spans are sent from a thread of its own, and the client needs a runtime.
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

    /// Tells the log of the first failures in a row, then of fewer and fewer, and of their end.
    fn tell(&self, fault: Option<&str>) {
        let Some(reason) = fault else {
            if self.failures.swap(0, Ordering::Relaxed) > 0 {
                tracing::info!("traces are taken again");
            }
            return;
        };
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures.is_power_of_two() {
            tracing::warn!(reason, failures, "the collector does not take traces; requests go on without");
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
            Ok(response) if response.status().is_success() => self.tell(None),
            Ok(response) => self.tell(Some(&format!("HTTP {}", response.status()))),
            Err(error) => self.tell(Some(&innermost(error.as_ref()))),
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

/// The cause of all: what is around it names the address and says no more.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().map_or_else(String::new, ToString::to_string)
}
