//! When the next request is due: at once (closed loop), or at its instant of an even rate (open loop). An instant that could not be
//! kept counts from when it was due, so that a server that stalls cannot hide behind requests that were never sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// The pace of one run.
#[derive(Debug, Clone)]
pub enum Pace {
    Closed { until: Instant },
    Open(Arc<Schedule>),
}

/// Instants at an even distance.
#[derive(Debug)]
pub struct Schedule {
    start: Instant,
    distance: Duration,
    taken: AtomicU64,
    due: Semaphore,
}

impl Pace {
    /// Starts now. The runtime's timers are too coarse for an open loop (a millisecond), so a thread of its own says when.
    pub fn start(rate: Option<f64>, until: Instant) -> Self {
        let start = Instant::now();
        let Some(rate) = rate.filter(|rate| *rate > 0.0) else { return Self::Closed { until } };
        let distance = Duration::from_secs_f64(1.0 / rate);
        let schedule = Arc::new(Schedule { start, distance, taken: AtomicU64::new(0), due: Semaphore::new(0) });
        let ticking = Arc::clone(&schedule);
        std::thread::spawn(move || ticking.tick(until));
        Self::Open(schedule)
    }

    /// Waits for the next one; answers when it is due, and `None` at the end.
    pub async fn next(&self) -> Option<Instant> {
        match self {
            Self::Closed { until } => Some(Instant::now()).filter(|now| now < until),
            Self::Open(schedule) => {
                schedule.due.acquire().await.ok()?.forget();
                let turn = schedule.taken.fetch_add(1, Ordering::Relaxed);
                Some(schedule.at(turn))
            }
        }
    }
}

impl Schedule {
    fn at(&self, turn: u64) -> Instant {
        let nanos = u128::from(turn) * self.distance.as_nanos();
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn tick(&self, until: Instant) {
        let mut turn = 0;
        while self.at(turn) < until {
            std::thread::sleep(self.at(turn).saturating_duration_since(Instant::now()));
            let (now, first) = (Instant::now(), turn);
            while self.at(turn) <= now && self.at(turn) < until {
                turn += 1;
            }
            self.due.add_permits(usize::try_from(turn - first).unwrap_or_default());
        }
        self.due.close();
    }
}
