//! Traces, as a collector receives them from the real program. In-process tests share one process, which sets up traces
//! only once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use prost::Message;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use whatsapp_otp_simulator::{RecordedRequest, Simulator, SimulatorSettings};

use crate::harness::app::{SECRET, serve_simulator};
use crate::harness::process::{Program, Running, serve_settings};
use crate::harness::redis::RedisServer;
use crate::harness::reply::{Client, says, send, wrong};
use crate::harness::stores::RedisKeys;
use crate::harness::{free_port, unique_prefix};

const PHONE: &str = "15551234567";
/// The trace and span of a caller, and the header that names them.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A collector of traces.
#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, url)
    }

    fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().unwrap().clone()
    }

    fn batches(&self) -> Vec<ExportTraceServiceRequest> {
        self.bodies().into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.batches().into_iter().flat_map(|batch| batch.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// Returns the only span with this name in the request with this id.
    fn request(&self, id: &str) -> Span {
        self.spans().into_iter().find(|span| text(span, "whatsapp_otp.request_id") == id).expect("a span")
    }

    /// Returns the spans within that one, in order.
    fn within(&self, parent: &Span) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.parent_span_id == parent.span_id);
        spans.sort_by_key(|span| span.start_time_unix_nano);
        assert!(spans.iter().all(|span| span.trace_id == parent.trace_id && span.kind == SpanKind::Client as i32));
        spans
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) {
    assert_eq!([&headers["content-type"], &headers["x-key"]], ["application/x-protobuf", "sesame"]);
    collector.bodies.lock().unwrap().push(body);
}

/// Returns an attribute as text; empty if there is none.
fn text(span: &Span, key: &str) -> String {
    of(&span.attributes, key)
}

fn of(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == key).and_then(|attribute| attribute.value.clone());
    match value {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text,
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => number.to_string(),
        Some(other) => panic!("{key} is {other:?}"),
        None => String::new(),
    }
}

fn failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32)
}

fn hex(id: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(id)
}

/// The running program, with a simulated WhatsApp in this process.
struct Service {
    program: Running,
    client: Client,
    simulator: Simulator,
    keys: RedisKeys,
}

impl Service {
    async fn start(endpoint: &str) -> Self {
        let simulator = Simulator::new(SimulatorSettings { messages_per_second: 0, ..SimulatorSettings::default() });
        let whatsapp = serve_simulator(&simulator).await;
        let server = RedisServer::shared();
        let keys = RedisKeys::new(Arc::clone(&server), unique_prefix());
        let mut program = Program::new(&["serve"])
            .settings(&serve_settings(&simulator, whatsapp, server.url(), keys.prefix()))
            .set("server.trusted_proxies", "127.0.0.1")
            .set("limits.per_ip", "off")
            .set("limits.checks_per_ip", "off")
            .set("telemetry.otlp_endpoint", endpoint)
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=sesame")
            .start();
        let address = program.printed("\"public\":\"http://").await;
        let client = Client::new(address.parse().unwrap());
        Self { program, client, simulator, keys }
    }

    /// Requests a code with this id and these headers.
    async fn request(&self, phone: &str, id: &str, headers: &[(&str, &str)]) -> u16 {
        let call = self.client.call(Method::GET, &format!("/otp/{phone}")).header("x-request-id", id);
        let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        send(call).await.status
    }

    /// Returns the last message, as WhatsApp received it.
    fn sent(&self) -> RecordedRequest {
        self.simulator.requests().into_iter().find(RecordedRequest::is_send).expect("a message was sent")
    }

    /// Asks it to stop, and returns its log.
    async fn stop(self) -> Vec<Json> {
        let ended = self.program.stop().await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let json = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        ended.stdout.lines().map(json).collect()
    }
}

/// Returns the line about the request with this id.
fn access<'a>(lines: &'a [Json], id: &str) -> &'a Json {
    let about = |line: &&Json| line["request_id"] == id && line["duration_ms"].is_number();
    lines.iter().find(about).unwrap_or_else(|| panic!("{lines:#?}"))
}

#[tokio::test]
async fn a_request_is_part_of_its_callers_trace_and_so_is_the_message() {
    let (collector, url) = Collector::start().await;
    let service = Service::start(&url).await;
    let headers = [("traceparent", TRACEPARENT), ("tracestate", "rojo=00f067aa0ba902b7")];
    assert_eq!(service.request(PHONE, "the-caller", &headers).await, 200);
    let sent = service.sent();
    let lines = service.stop().await;
    assert_eq!(access(&lines, "the-caller")["trace_id"], TRACE);

    let request = collector.request("the-caller");
    assert_eq!(request.name, "GET /otp/{phone}");
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), SPAN.to_owned()));
    assert_eq!(request.trace_state, "rojo=00f067aa0ba902b7");
    assert_eq!(request.kind, SpanKind::Server as i32);
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/otp/{phone}"),
        ("http.response.status_code", "200"),
        ("whatsapp_otp.outcome", "sent"),
        ("whatsapp_otp.app", "default"),
    ] {
        assert_eq!(text(&request, key), value, "{key}");
    }
    assert!(!failed(&request));

    let within = collector.within(&request);
    let [script, message] = within.as_slice() else { panic!("{within:#?}") };
    assert_eq!((script.name.as_str(), text(script, "db.system").as_str()), ("create", "redis"));
    assert_eq!(text(script, "db.operation.name"), "create");
    assert_eq!((message.name.as_str(), text(message, "server.address").as_str()), ("POST WhatsApp", "127.0.0.1"));
    assert_eq!(text(message, "http.response.status_code"), "200");
    assert_eq!(sent.headers["traceparent"], format!("00-{TRACE}-{}-01", hex(&message.span_id)).as_str());
    assert!(!sent.headers.contains_key("tracestate"), "what other systems noted is not WhatsApp's business");

    for batch in collector.batches() {
        for resource in batch.resource_spans {
            let resource = resource.resource.unwrap().attributes;
            assert_eq!(of(&resource, "service.name"), "whatsapp-otp");
            assert_eq!(of(&resource, "service.version"), env!("CARGO_PKG_VERSION"));
            assert_eq!(of(&resource, "service.instance.id").len(), 36);
        }
    }
}

#[tokio::test]
async fn a_caller_without_a_trace_gets_a_new_one_and_one_that_samples_nothing_is_heeded() {
    let (collector, url) = Collector::start().await;
    let service = Service::start(&url).await;
    let zero = format!("00-{}-{SPAN}-01", "0".repeat(32));
    for (id, traceparent) in [("none", None), ("invalid", Some("00-0-0-01")), ("zero", Some(&*zero))] {
        let headers: Vec<_> = traceparent.map(|value| ("traceparent", value)).into_iter().collect();
        assert_eq!(service.request("15551234501", id, &headers).await, 200);
    }
    let unsampled = format!("00-{TRACE}-{SPAN}-00");
    assert_eq!(service.request(PHONE, "unsampled", &[("traceparent", &unsampled)]).await, 200);
    let sent = service.sent().headers["traceparent"].to_str().unwrap().to_owned();
    assert!(sent.starts_with(&format!("00-{TRACE}-")) && sent.ends_with("-00"), "{sent}");
    service.stop().await;

    let requests = ["none", "invalid", "zero"].map(|id| collector.request(id));
    assert!(requests.iter().all(|request| request.parent_span_id.is_empty()), "{requests:#?}");
    let traces: HashSet<_> = requests.iter().map(|request| &request.trace_id).collect();
    assert_eq!(traces.len(), requests.len());
    assert!(collector.spans().iter().all(|span| hex(&span.trace_id) != TRACE));
}

#[tokio::test]
async fn what_fails_says_so() {
    let (collector, url) = Collector::start().await;
    let service = Service::start(&url).await;
    assert_eq!(service.request("15550131026", "refused", &[]).await, 500);
    assert_eq!(service.request("123", "invalid", &[]).await, 400);
    service.stop().await;

    let refused = collector.request("refused");
    assert!(failed(&refused));
    assert_eq!(text(&refused, "whatsapp_otp.outcome"), "send_failed");
    assert_eq!(text(&refused, "whatsapp_otp.reason"), "recipient");
    let within = collector.within(&refused);
    let names: Vec<_> = within.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["create", "POST WhatsApp", "take_back"]);
    assert_eq!(within.iter().map(failed).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(text(&within[1], "http.response.status_code"), "400");
    assert_eq!(text(&within[1], "whatsapp.error_code"), "131026");

    let invalid = collector.request("invalid");
    assert!(!failed(&invalid), "that is the caller's fault");
    assert_eq!(text(&invalid, "http.response.status_code"), "400");
}

#[tokio::test]
async fn no_span_names_a_number_a_code_a_token_or_an_address() {
    let (collector, url) = Collector::start().await;
    let service = Service::start(&url).await;
    let token = service.simulator.settings().access_token.clone();
    let headers = [
        ("traceparent", TRACEPARENT),
        ("tracestate", "user=15551234567"),
        ("baggage", "user=15551234567"),
        ("x-forwarded-for", "203.0.113.7"),
        ("user-agent", "agent-15551234567"),
        ("authorization", "Bearer the-callers-key"),
    ];
    assert_eq!(service.request("+1 (555) 123-4567?the=query", "number", &headers).await, 200);
    let code = service.simulator.latest(PHONE).unwrap().code.unwrap();
    let digest = service.keys.of_verification(PHONE, "digest").await.unwrap();
    let record = service.keys.of_verification(PHONE, "id").await.unwrap();
    let guess = wrong(&code);
    service.client.verify(PHONE, &guess).await.is(401, &says::incorrect(2));
    service.client.verify(PHONE, &code).await.is(200, "OK");
    service.client.verify(PHONE, &code).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(service.client.get("/15551234567/other").await.status, 404);
    assert_eq!(service.request("15550131026", "15551234567", &[]).await, 500);
    assert_eq!(service.request("15551234567x", "invalid", &[]).await, 400);
    // Methods are chosen by callers, and so are paths without a route.
    let made_up = Method::from_bytes(b"15551234567").unwrap();
    assert_eq!(send(service.client.call(made_up, "/otp/15551234567")).await.status, 405);
    service.stop().await;

    let spans = collector.spans();
    let requests = spans.iter().filter(|span| span.kind == SpanKind::Server as i32);
    assert_eq!(requests.count(), 8, "{spans:#?}");
    let all: Vec<u8> = collector.bodies().concat();
    // The process's id is as long as any text, and has digits.
    let all = String::from_utf8_lossy(&all);
    let numbers = [PHONE, "5551234567", "123-4567", "15550131026", "203.0.113.7"];
    let secrets =
        [&*code, &*guess, &*digest, &*record, &*token, SECRET, "the-callers-key", "query", "/other", "agent-"];
    for forbidden in numbers.into_iter().chain(secrets) {
        assert!(!all.contains(forbidden), "{forbidden} in {spans:#?}");
    }
    // Only values that are known to be harmless.
    for attribute in spans.iter().flat_map(|span| &span.attributes) {
        let known = [
            "http.request.method",
            "http.route",
            "http.response.status_code",
            "error.type",
            "server.address",
            "server.port",
            "db.system",
            "db.system.name",
            "db.operation.name",
            "whatsapp.error_code",
            "whatsapp_otp.request_id",
            "whatsapp_otp.outcome",
            "whatsapp_otp.reason",
            "whatsapp_otp.app",
        ];
        assert!(known.contains(&attribute.key.as_str()), "{attribute:?}");
    }
    assert!(spans.iter().all(|span| span.events.is_empty() && span.links.is_empty()));
    assert!(spans.iter().all(|span| span.status.as_ref().is_none_or(|status| status.message.is_empty())));
}

#[tokio::test]
async fn without_a_collector_there_are_no_traces() {
    let service = Service::start("").await;
    assert_eq!(service.request(PHONE, "untraced", &[("traceparent", TRACEPARENT)]).await, 200);
    assert!(!service.sent().headers.contains_key("traceparent"));
    let lines = service.stop().await;
    let line = access(&lines, "untraced");
    assert!(line.get("trace_id").is_none(), "{line}");
}

/// Makes requests and stops, with a useless collector.
async fn goes_on_without(endpoint: &str) -> Vec<Json> {
    let service = Service::start(endpoint).await;
    // Long enough for a batch to have been exported and waited for.
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(3) {
        slowest = slowest.max(service.client.verify(PHONE, "123").await.is(400, "A code has 6 digits.").took);
    }
    println!("{endpoint}: slowest of the requests {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert_eq!(service.request(PHONE, "last", &[]).await, 200);
    let began = Instant::now();
    let lines = service.stop().await;
    let took = began.elapsed();
    println!("{endpoint}: stopped after {took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    lines
}

#[tokio::test]
async fn a_collector_that_is_away_delays_nothing() {
    let lines = goes_on_without(&format!("http://127.0.0.1:{}", free_port())).await;
    let warnings: Vec<_> = lines.iter().filter(|line| line["message"].to_string().contains("the collector")).collect();
    assert!((1..10).contains(&warnings.len()), "said, but not again and again: {warnings:?}");
    assert_eq!(warnings[0]["level"], "WARN");
}

#[tokio::test]
async fn a_collector_that_hangs_delays_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    goes_on_without(&endpoint).await;
}
