//! Traces: from a request through the engine to the steps, and to the database, Redis and the mail server.
//!
//! A span is traced when its target is [`SPANS`]; it is written at the level of an error, so that the lines within it
//! have its fields whatever is logged. Spans carry ids and names of ours only: no names of people, no texts, no tokens.
//! Without an address of a collector nothing of this costs more than a look at a flag.

use opentelemetry::{
    Context, KeyValue, global,
    propagation::TextMapPropagator,
    trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// The target of the spans that are traced.
pub const SPANS: &str = "aroti_trace";
/// How long a collector may take; nobody waits for it but the thread that sends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether anything is traced at all.
static ON: AtomicBool = AtomicBool::new(false);

/// Where traces go, and how many; `OTEL_…` of the environment.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceOptions {
    /// The collector, below which `v1/traces` takes OTLP over HTTP; nothing is traced without one.
    pub endpoint: Option<String>,
    /// Which share of the traces that begin here is sent; one that began elsewhere is sent if it was sent there.
    pub share: f64,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            share: 1.0,
        }
    }
}

/// What sends the traces of this process, if anything does.
///
/// A thread of its own sends them in batches: a collector that is away, or slow, costs traces and nothing else.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    pub(crate) fn new(service: &'static str, options: &TraceOptions) -> Self {
        let Some(endpoint) = &options.endpoint else {
            return Self(None);
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build();
        let exporter = match exporter {
            Ok(exporter) => exporter,
            Err(error) => {
                eprintln!("{service}: nothing is traced: {error}");
                return Self(None);
            }
        };
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", format!("aroti-{service}")),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                options.share,
            ))))
            .with_resource(resource)
            .build();
        global::set_tracer_provider(provider.clone());
        ON.store(true, Ordering::Relaxed);
        Self(Some(provider))
    }

    /// The layer that turns spans into traces.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let provider = self.0.as_ref()?;
        let tracer: SdkTracer = provider.tracer("aroti");
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false);
        // Lines of the log stay in the log.
        Some(layer.with_filter(filter_fn(|of| of.is_span() && of.target() == SPANS)))
    }

    /// Send what is left, for a few seconds at most.
    pub fn end(self) {
        if let Some(provider) = self.0 {
            // A collector that is away at the end has missed the end.
            let _sent = provider.shutdown_with_timeout(PATIENCE);
        }
    }
}

/// The current span as W3C writes it, where it is traced.
#[must_use]
pub fn traceparent() -> Option<String> {
    if !ON.load(Ordering::Relaxed) {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove("traceparent")
}

/// Make `span` part of the trace that somebody else has begun; nothing when that is none.
pub fn follow(span: &Span, traceparent: &str) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    // It is refused for a span that nobody traces.
    let _untraced = span.set_parent(parent);
}

/// A statement of the database, called `name`, that has just ended after `took`.
pub fn statement(name: &str, took: Duration, failed: bool) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    let parent = Span::current().context();
    if !parent.span().span_context().is_sampled() {
        return;
    }
    let end = SystemTime::now();
    let tracer = global::tracer("aroti");
    let builder = tracer
        .span_builder(name.to_owned())
        .with_kind(SpanKind::Client)
        .with_start_time(end - took);
    let mut span = builder.start_with_context(&tracer, &parent);
    if failed {
        span.set_status(Status::error("failed"));
    }
    span.end_with_timestamp(end);
}
