//! What a run says at its end: a table for people, or one JSON object for programs.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::arguments::Arguments;
use crate::measure::Tally;
use crate::process::{Usage, Used};

/// Of one run.
#[derive(Debug, Serialize)]
pub struct Report {
    scenario: String,
    connections: usize,
    rate: Option<f64>,
    seconds: f64,
    answered: u64,
    per_second: f64,
    latency_ms: Latency,
    errors: BTreeMap<String, u64>,
    cpu_us_per_request: Option<f64>,
    #[serde(flatten)]
    usage: Usage,
}

/// In milliseconds.
#[derive(Debug, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Latency {
    /// Of a histogram of nanoseconds.
    pub fn of(latency: &Histogram<u64>) -> Self {
        let ms = |nanos| Duration::from_nanos(nanos).as_secs_f64() * 1000.0;
        let at = |quantile| ms(latency.value_at_quantile(quantile));
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: ms(latency.max()) }
    }

    pub fn line(&self) -> String {
        format!(
            "p50 {:.3}   p90 {:.3}   p99 {:.3}   p99.9 {:.3}   max {:.3}   ms",
            self.p50, self.p90, self.p99, self.p999, self.max
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub fn amount(count: u64) -> f64 {
    count as f64
}

impl Report {
    pub fn new(arguments: &Arguments, tally: &Tally, (lasted, usage): (Duration, Usage)) -> Self {
        let (answered, seconds) = (amount(tally.answered), lasted.as_secs_f64());
        Self {
            scenario: arguments.scenario.name(),
            connections: arguments.connections,
            rate: arguments.rate,
            seconds,
            answered: tally.answered,
            per_second: answered / seconds,
            latency_ms: Latency::of(&tally.latency),
            errors: tally.errors.clone(),
            cpu_us_per_request: usage
                .server
                .filter(|_| tally.answered > 0)
                .map(|used| used.cpu_seconds * 1e6 / answered),
            usage,
        }
    }

    /// Prints it. A run in which anything went wrong, or nothing was answered, has failed.
    pub fn show(&self, as_json: impl Into<Option<bool>>) -> ExitCode {
        if as_json.into().unwrap_or_default() {
            println!("{}", serde_json::to_string(self).unwrap_or_default());
        } else {
            self.table();
        }
        if self.errors.is_empty() && self.answered > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn table(&self) {
        let loop_kind = self.rate.map_or_else(|| "closed loop".to_owned(), |rate| format!("{rate} a second asked for"));
        println!("{}   {} connections, {loop_kind}, {:.1} s", self.scenario, self.connections, self.seconds);
        println!("  answered    {} ({:.0} a second)", self.answered, self.per_second);
        println!("  latency     {}", self.latency_ms.line());
        if let (Some(used), Some(each)) = (self.usage.server, self.cpu_us_per_request) {
            println!("  server      {}, {each:.0} µs of processor time a request", told(&used));
        }
        if let Some(used) = self.usage.database {
            println!("  PostgreSQL  {}", told(&used));
        }
        if self.errors.is_empty() {
            println!("  errors      none");
        }
        for (kind, count) in &self.errors {
            println!("  errors      {count} × {kind}");
        }
    }
}

/// Processor and memory in words.
pub fn told(used: &Used) -> String {
    format!(
        "{:.2} cores, {:.1} MiB before, {:.1} MiB at most",
        used.cores, used.resident_mib_before, used.resident_mib_most
    )
}
