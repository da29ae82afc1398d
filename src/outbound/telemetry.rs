//! Hands spans to the operator's collector (OTLP over HTTP), where one is configured by OpenTelemetry's own variables. It must never
//! slow a request: spans are handed over in batches, and those are lost that the collector does not take.
//!
//! The collector is called by the HTTP client and the TLS library that are here already, so the weight is eight small crates.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;

use crate::model::error::{Error, Result};
use crate::model::settings::{Settings, Traces};

/// Our HTTP client, for a library that calls from a thread of its own.
#[derive(Debug)]
struct Caller {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Caller {
    async fn send_bytes(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        let called = self.runtime.spawn(async move {
            let answer = client.execute(request).await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let outcome = called.await?.map_err(reqwest::Error::without_url);
        if let Err(error) = &outcome {
            tracing::warn!(%error, "spans were not taken");
        }
        let (status, body) = outcome?;
        if !status.is_success() {
            tracing::warn!(%status, "spans were not taken");
        }
        Ok(Response::builder().status(status).body(body)?)
    }
}

/// What hands spans over; `None` where no collector is configured. The variables beyond those of the settings are read by the library.
///
/// # Errors
/// The variables cannot be used, or the extra CA cannot be read.
pub fn provider(settings: &Settings) -> Result<Option<SdkTracerProvider>> {
    let Traces::Exported { service } = &settings.traces else { return Ok(None) };
    let mut client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
    if let Some(path) = &settings.outbound_ca {
        let pem = std::fs::read(path).map_err(|error| Error::fault(format!("OUTBOUND_CA cannot be read: {error}")))?;
        client = client.add_root_certificate(reqwest::Certificate::from_pem(&pem).map_err(Error::fault)?);
    }
    let caller = Caller { client: client.build().map_err(Error::fault)?, runtime: Handle::current() };
    let exporter = SpanExporter::builder().with_http().with_http_client(caller).build().map_err(|error| {
        Error::fault(format!("traces cannot be exported: {error} (see OTEL_EXPORTER_OTLP_ENDPOINT)"))
    })?;
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(service.clone()).with_attribute(version).build();
    Ok(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
}
