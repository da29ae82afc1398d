//! The span of a request: what log lines say of it, and what goes to the operator's collector where there is one. A caller's trace
//! is continued (W3C Trace Context).

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing::field::{Empty, display};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::model::settings::{Settings, Traces};

/// Opens it. `route` is the pattern that matched.
pub fn begin(settings: &Settings, request_id: &str, route: Option<&str>, request: &Request) -> Span {
    // Never the path itself: whoever makes one up can write an address or a secret into it.
    let (method, route) = (request.method().as_str(), route.unwrap_or("none"));
    if settings.traces == Traces::Kept {
        let span = tracing::info_span!("request", request_id, trace_id = Empty, method, route);
        if let Some(caller) = caller(request.headers()) {
            span.record("trace_id", display(caller.trace_id()));
        }
        return span;
    }
    // The names are those of OpenTelemetry's semantic conventions.
    let span = tracing::info_span!(
        "request",
        request_id,
        trace_id = Empty,
        method,
        route,
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    if let Some(caller) = caller(request.headers()) {
        drop(span.set_parent(opentelemetry::Context::new().with_remote_span_context(caller)));
    }
    span.record("trace_id", display(span.context().span().span_context().trace_id()));
    span
}

/// It was answered. What is our fault is told; of the rest a line is written only for who asks for `debug`, so that a good answer
/// costs none.
pub fn end(span: &Span, status: StatusCode) {
    let _within = span.enter();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        tracing::warn!(status = status.as_u16(), "answered with an error of ours");
    } else {
        tracing::debug!(status = status.as_u16(), "answered");
    }
}

/// Whose span this request comes from.
fn caller(headers: &HeaderMap) -> Option<SpanContext> {
    headers.get("traceparent")?;
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    Some(context.span().span_context().clone()).filter(SpanContext::is_valid)
}
