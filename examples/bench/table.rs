//! Prints what was measured, as Markdown.

use crate::arguments::Wishes;
use crate::driver::Ran;
use crate::measure::Measured;
use crate::storm::Storm;

/// What is measured once.
#[derive(Debug)]
pub struct Facts {
    pub machine: String,
    pub peer_version: String,
    /// In milliseconds.
    pub starts: Vec<f64>,
    /// In MiB.
    pub idle: Option<f64>,
    pub peer_idle: Option<f64>,
    /// In bytes.
    pub binary: u64,
    pub connections: i64,
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

fn of(runs: &[Ran], what: impl Fn(&Ran) -> Option<f64>) -> Option<f64> {
    median(runs.iter().filter_map(what).collect())
}

fn most(runs: impl Iterator<Item = f64>) -> Option<f64> {
    runs.reduce(f64::max)
}

/// A figure, or a dash.
fn told(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value else { return "–".to_owned() };
    if decimals > 0 {
        return format!("{value:.decimals$}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn errors(runs: &[Ran]) -> u64 {
    runs.iter().flat_map(|ran| ran.errors.values()).sum()
}

fn row(one: &Measured) -> String {
    let per_second = of(&one.ours, |ran| Some(ran.per_second));
    let peer = of(&one.peer, |ran| Some(ran.per_second));
    let limit = median(one.limit.clone());
    let share = per_second.zip(limit).map(|(ours, limit)| ours / limit * 100.0);
    let ratio = per_second.zip(peer).map(|(ours, peer)| ours / peer);
    let p99 = |runs: &[Ran]| told(of(runs, |ran| Some(ran.latency_ms.p99)), 2);
    let cpu = |runs: &[Ran]| told(of(runs, |ran| ran.cpu_us_per_request), 0);
    format!(
        "| {} | {} | {} | {} % | {} | {} | {} | {} / {} | {} / {} | {} | {} / {} |",
        one.line.name,
        told(per_second, 0),
        told(limit, 0),
        told(share, 0),
        told(peer, 0),
        told(ratio, 2),
        told(one.line.target, 1),
        p99(&one.ours),
        p99(&one.peer),
        cpu(&one.ours),
        cpu(&one.peer),
        told(of(&one.ours, |ran| ran.database.as_ref().map(|used| used.cores / ran.per_second * 1e6)), 0),
        errors(&one.ours),
        errors(&one.peer),
    )
}

/// Prints all of it.
pub fn print(wishes: &Wishes, measured: &[Measured], storms: &[Storm], facts: &Facts) {
    let (connections, rounds, seconds) = (wishes.connections, wishes.rounds, wishes.seconds);
    println!(
        "Countersign, PostgreSQL and the load tool on {}; {connections} connections; medians of {rounds} rounds of {seconds} s.\n",
        facts.machine
    );
    println!(
        "| scenario | per second | limit | of limit | peer | ratio | target | p99 ms, ours / peer | server µs a request | PostgreSQL µs | errors |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for one in measured {
        println!("{}", row(one));
    }
    println!();
    notes(facts);
    let loaded = |runs: fn(&Measured) -> &Vec<Ran>| {
        most(measured.iter().flat_map(runs).filter_map(|ran| ran.server.as_ref()).map(|used| used.resident_mib_most))
    };
    println!("| | ours | peer | target |\n|---|---:|---:|---:|");
    println!("| memory idle, MiB | {} | {} | ≤ 40 |", told(facts.idle, 1), told(facts.peer_idle, 1));
    println!("| memory loaded, MiB | {} | {} | |", told(loaded(|one| &one.ours), 1), told(loaded(|one| &one.peer), 1));
    println!("| ready after start, ms | {} | | ≤ 300 |", told(median(facts.starts.clone()), 0));
    let mib = u32::try_from(facts.binary / 1024).map_or(0.0, f64::from) / 1024.0;
    println!("| stripped binary, MiB | {mib:.1} | | ≤ 40 |");
    println!("| database connections, at most | {} | | ≤ 10 |", facts.connections);
    for storm in storms {
        tell(storm);
    }
}

fn notes(facts: &Facts) {
    println!(
        "The peer is oidc-provider {} in memory; Countersign writes durably, with row-level security, audit events and throttles on.",
        facts.peer_version
    );
    println!(
        "Each sign-in says an address of its own in X-Forwarded-For, through TRUSTED_PROXIES: throttles count by address and stay on."
    );
    println!(
        "Refresh with rotation asks for no `openid`, so that one signature is made on both sides; with it there are two, on both sides."
    );
    println!("The code's line makes two signatures on both sides too: an access token and an ID token.\n");
}

fn tell(storm: &Storm) {
    println!("\n500 sign-ins at once, userinfo 200 times a second beside them:\n");
    println!("| | count | p50 ms | p99 ms | max ms | target |\n|---|---:|---:|---:|---:|---|");
    let rows = [
        ("signed in", storm.answered.to_string(), &storm.answered_ms, ""),
        ("refused with 503 and Retry-After", storm.refused.to_string(), &storm.refused_ms, "< 50 ms"),
        ("userinfo", String::new(), &storm.userinfo_ms, "p99 < 10 ms"),
    ];
    for (name, count, latency, target) in rows {
        println!("| {name} | {count} | {:.1} | {:.1} | {:.1} | {target} |", latency.p50, latency.p99, latency.max);
    }
    let memory = storm.server.as_ref().map(|used| used.resident_mib_most);
    println!("| memory at most, MiB | {} | | | | < 120 |", told(memory, 1));
    for (kind, count) in &storm.errors {
        println!("| error: {kind} | {count} | | | | 0 |");
    }
}
