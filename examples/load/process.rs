//! What processes use, from `/proc`: processor time and resident memory of one and all that came from it. Elsewhere than on Linux
//! nothing is known, and nothing is told.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::arguments::Arguments;

/// Linux tells processor time in hundredths of a second on every architecture (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// What one process and its children used while it was watched.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Used {
    pub cpu_seconds: f64,
    /// Of one core: 2.0 is two cores kept busy.
    pub cores: f64,
    pub resident_mib_before: f64,
    pub resident_mib_most: f64,
}

/// Of the server and of PostgreSQL, where their processes were named.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Usage {
    pub server: Option<Used>,
    pub database: Option<Used>,
}

/// Looks at a process every 50 ms. Dividing what several share is dear (`smaps_rollup` walks all of it), so of those the memory is
/// only looked at before and after: the look must not take the cores from what is measured.
#[derive(Debug)]
pub struct Watch {
    over: Arc<AtomicBool>,
    watching: Option<JoinHandle<Usage>>,
}

impl Watch {
    pub fn start(arguments: &Arguments) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let pids = [arguments.server_pid, arguments.database_pid];
        let seen = Arc::clone(&over);
        let watching = pids.iter().any(Option::is_some).then(|| std::thread::spawn(move || watch(pids, &seen)));
        Self { over, watching }
    }

    pub fn stop(self) -> Usage {
        self.over.store(true, Ordering::Relaxed);
        self.watching.and_then(|watching| watching.join().ok()).unwrap_or_default()
    }
}

fn watch(pids: [Option<u32>; 2], over: &AtomicBool) -> Usage {
    let since = Instant::now();
    // Who is whose child is looked up once: a whole `/proc` is much to read twenty times a second.
    let families = pids.map(|pid| pid.map(|pid| (family(pid), Memory::of(&family(pid)))));
    let before = families.clone().map(|known| known.map(|(family, _)| cpu(&family)).unwrap_or_default());
    let mut most = [0_f64; 2];
    while !over.load(Ordering::Relaxed) {
        for (most, known) in most.iter_mut().zip(&families) {
            if let Some((family, _)) = known.as_ref().filter(|(family, _)| family.len() == 1) {
                *most = most.max(Memory::of(family).0);
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let lasted = since.elapsed().as_secs_f64();
    let mut used = families.into_iter().zip(before).zip(most).map(|((known, before), most)| {
        let (family, first) = known?;
        let cpu_seconds = cpu(&family).saturating_sub(before).as_secs_f64();
        let resident_mib_most = most.max(first.0).max(Memory::of(&family).0);
        Some(Used { cpu_seconds, cores: cpu_seconds / lasted, resident_mib_before: first.0, resident_mib_most })
    });
    Usage { server: used.next().flatten(), database: used.next().flatten() }
}

/// A process and all that came from it.
fn family(pid: u32) -> Vec<u32> {
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, stat(pid)?.first()?.parse().ok()?)))
        .collect();
    let mut family = vec![pid];
    let mut looked = 0;
    while let Some(parent) = family.get(looked).copied() {
        family.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        looked += 1;
    }
    family
}

/// The fields of `/proc/<pid>/stat` from the fourth (the parent) on: the second may hold anything, so they are counted from its end.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').skip(1).map(str::to_owned).collect())
}

fn cpu(family: &[u32]) -> Duration {
    let ticks = |pid: &u32| -> Option<u32> {
        let fields = stat(*pid)?;
        // Fields 14 and 15: user and system time.
        Some(fields.get(10)?.parse::<u32>().ok()? + fields.get(11)?.parse::<u32>().ok()?)
    };
    TICK * family.iter().filter_map(ticks).sum()
}

/// In MiB; what processes share is divided among them.
#[derive(Debug, Clone, Copy)]
struct Memory(f64);

impl Memory {
    fn of(family: &[u32]) -> Self {
        Self(family.iter().filter_map(|pid| Self::of_one(*pid, family.len() > 1)).sum())
    }

    fn of_one(pid: u32, shares: impl Into<Option<bool>>) -> Option<f64> {
        let line = |file: &str, name: &str| -> Option<f64> {
            let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
            let kib = text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.to_owned();
            Some(kib.parse::<f64>().ok()? / 1024.0)
        };
        let shared = shares.into().unwrap_or_default().then(|| line("smaps_rollup", "Pss:")).flatten();
        shared.or_else(|| line("status", "VmRSS:"))
    }
}
