//! Logs, and the spans behind them. Logs go to standard error, and `RUST_LOG` chooses what; spans go to the operator's collector where
//! one is configured, and otherwise cost nothing: those below a request are not even made.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::model::error::Result;
use crate::model::settings::{LogFormat, Settings};
use crate::outbound::telemetry;

/// What is logged where `RUST_LOG` does not say.
pub const DEFAULT: &str = "info,sqlx=warn,tower_sessions=warn";

/// The target of the spans below a request; no line of the log has it.
const PARTS: &str = "countersign_parts=debug";

/// What has to be ended with the process.
#[derive(Debug)]
pub(crate) struct Log(Option<SdkTracerProvider>);

/// Begins to log.
///
/// # Errors
/// Spans are to be exported, and cannot be.
pub(crate) fn start(settings: &Settings) -> Result<Log> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match settings.log_format {
        // Each line says once what it belongs to: in `spans`, the request first.
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        LogFormat::Text => lines.compact().boxed(),
    };
    let provider = telemetry::provider(settings)?;
    let filter = match (&provider, PARTS.parse()) {
        (Some(_), Ok(parts)) => filter.add_directive(parts),
        _ => filter,
    };
    let spans = provider.as_ref().map(|provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("countersign"));
        layer.with_location(false).with_threads(false).with_tracked_inactivity(false)
    });
    // One filter for both: filters of single layers lose the first span of a thread now and then.
    drop(tracing_subscriber::registry().with(filter).with(lines).with(spans).try_init());
    Ok(Log(provider))
}

impl Log {
    /// Hands over what is left.
    pub(crate) async fn end(self) {
        if let Some(provider) = self.0 {
            drop(tokio::task::spawn_blocking(move || provider.shutdown()).await);
        }
    }
}
