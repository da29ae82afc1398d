//! What the operating system says of this process, under the names that every Prometheus client uses. Read from `/proc` when asked;
//! where there is none, nothing is told.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Memory, processor time, open files, threads, start.
#[derive(Debug)]
pub struct Process;

#[cfg(target_os = "linux")]
struct Reading {
    cpu_seconds: f64,
    /// Name, help, value.
    gauges: [(&'static str, &'static str, f64); 6],
}

#[cfg(target_os = "linux")]
fn read() -> Option<Reading> {
    use super::instruments::real;
    use rustix::param::{clock_ticks_per_second, page_size};
    use rustix::process::{Resource, getrlimit};
    use std::fs;

    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything. What follows is numbered from 3 in proc(5).
    let (_, after) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = after.split(' ').collect();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.trim().parse::<u64>().ok()).map(real);
    let ticks = real(clock_ticks_per_second());
    let booted = fs::read_to_string("/proc/stat").ok()?;
    let booted = booted.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<u64>().ok())?;
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    Some(Reading {
        cpu_seconds: (field(14)? + field(15)?) / ticks,
        gauges: [
            ("process_start_time_seconds", "When it started, in Unix time", real(booted) + field(22)? / ticks),
            ("process_resident_memory_bytes", "Memory in use", field(24)? * real(page_size() as u64)),
            ("process_virtual_memory_bytes", "Address space in use", field(23)?),
            ("process_open_fds", "Open files and connections", real(files as u64)),
            ("process_max_fds", "How many it may open", real(most)),
            ("process_threads", "Threads", field(20)?),
        ],
    })
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        #[cfg(target_os = "linux")]
        if let Some(reading) = read() {
            let mut metric =
                encoder.encode_descriptor("process_cpu_seconds", "Processor time spent", None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, f64>(&reading.cpu_seconds, None)?;
            for (name, help, value) in reading.gauges {
                encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }
}
