//! Runs a scenario on its connections, and counts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::LocalSet;

use crate::arguments::Arguments;
use crate::connection::{Failure, Result};
use crate::pace::Pace;
use crate::plan::Plan;
use crate::process::Watch;
use crate::provider::Provider;
use crate::report::Report;
use crate::worker::Worker;

/// What is waited for an answer after the end, before it counts as lost.
const GRACE: Duration = Duration::from_secs(30);

/// How long a run by number may take.
const MOST: Duration = Duration::from_mins(5);
/// How often somebody looks whether everything is done before the time is over.
const LOOK: Duration = Duration::from_millis(20);

/// What was counted.
#[derive(Debug)]
pub struct Tally {
    /// In nanoseconds, up to ten minutes, to three figures.
    pub latency: Histogram<u64>,
    /// Answered within the time that is measured.
    pub answered: u64,
    pub errors: BTreeMap<String, u64>,
}

impl Tally {
    pub fn new() -> Result<Self> {
        let latency =
            Histogram::new_with_bounds(1, 600_000_000_000, 3).map_err(|error| Failure::from(error.to_string()))?;
        Ok(Self { latency, answered: 0, errors: BTreeMap::new() })
    }

    pub fn failed(&mut self, failure: &Failure) {
        *self.errors.entry(failure.to_string()).or_default() += 1;
    }

    pub fn took(&mut self, time: Duration) {
        self.latency.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1));
    }

    pub fn add(&mut self, other: &Self) -> Result<()> {
        self.latency.add(&other.latency).map_err(|error| Failure::from(error.to_string()))?;
        self.answered += other.answered;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        Ok(())
    }
}

/// The part of the run that counts.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Instant,
    until: Instant,
}

impl Window {
    fn of(arguments: &Arguments) -> Self {
        let [warm_up, seconds] = [arguments.warm_up, arguments.seconds].map(Duration::from_secs_f64);
        let now = Instant::now();
        match arguments.times {
            Some(_) => Self { from: now, until: now + MOST },
            None => Self { from: now + warm_up, until: now + warm_up + seconds },
        }
    }
}

/// A runtime on the thread that asks.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::from(error.to_string()))
}

/// Prepares, runs and measures.
pub fn run(arguments: Arguments) -> Result<Report> {
    let provider = runtime()?.block_on(Provider::discover(&arguments.issuer))?;
    let plan = Arc::new(Plan::new(arguments, provider));
    let threads = plan.arguments.threads.clamp(1, plan.arguments.connections.max(1));
    // Twice: when everybody is prepared, and when the clock runs.
    let (ready, pace) = (Arc::new(Barrier::new(threads + 1)), Arc::new(std::sync::OnceLock::new()));
    let parts: Vec<_> = (0..threads)
        .map(|number| {
            let (plan, ready, pace) = (Arc::clone(&plan), Arc::clone(&ready), Arc::clone(&pace));
            std::thread::spawn(move || part(&plan, (number, threads), &ready, &pace))
        })
        .collect();
    ready.wait();
    let window = Window::of(&plan.arguments);
    drop(pace.set((window, Pace::start(plan.arguments.rate, window.until))));
    ready.wait();
    std::thread::sleep(window.from.saturating_duration_since(Instant::now()));
    let watch = Watch::start(&plan.arguments);
    while Instant::now() < window.until && parts.iter().any(|part| !part.is_finished()) {
        std::thread::sleep(window.until.saturating_duration_since(Instant::now()).min(LOOK));
    }
    let (lasted, usage) = (window.from.elapsed(), watch.stop());
    let mut tally = Tally::new()?;
    for part in parts {
        tally.add(&part.join().map_err(|_| Failure::from("a thread ended early"))??)?;
    }
    Ok(Report::new(&plan.arguments, &tally, (lasted, usage)))
}

type Start = std::sync::OnceLock<(Window, Pace)>;

/// One thread's connections: every `of`-th.
fn part(plan: &Arc<Plan>, (number, of): (usize, usize), ready: &Barrier, pace: &Start) -> Result<Tally> {
    let runtime = runtime()?;
    let numbers = (number..plan.arguments.connections.max(1)).step_by(of);
    let prepared = runtime.block_on(LocalSet::new().run_until(prepare(plan, numbers)));
    ready.wait();
    ready.wait();
    let workers = prepared?;
    let Some((window, pace)) = pace.get() else { return Err("the clock was never started".into()) };
    let tally = Rc::new(RefCell::new(Tally::new()?));
    runtime.block_on(LocalSet::new().run_until(async {
        let tasks: Vec<_> = workers
            .into_iter()
            .map(|worker| tokio::task::spawn_local(drive(worker, pace.clone(), *window, Rc::clone(&tally))))
            .collect();
        for task in tasks {
            let last = tokio::time::Instant::from_std(window.until + GRACE);
            if !matches!(tokio::time::timeout_at(last, task).await, Ok(Ok(()))) {
                tally.borrow_mut().failed(&Failure::from("no answer in 30 s"));
            }
        }
    }));
    Ok(tally.replace(Tally::new()?))
}

async fn prepare(plan: &Arc<Plan>, numbers: impl Iterator<Item = usize>) -> Result<Vec<Worker>> {
    let tasks: Vec<_> =
        numbers.map(|number| tokio::task::spawn_local(Worker::prepare(Arc::clone(plan), number))).collect();
    let mut workers = Vec::new();
    for task in tasks {
        let worker = task.await.map_err(|_| Failure::from("a task ended early"))?;
        workers.push(worker.map_err(|failure| Failure::from(format!("while preparing: {failure}")))?);
    }
    Ok(workers)
}

async fn drive(mut worker: Worker, pace: Pace, window: Window, tally: Rc<RefCell<Tally>>) {
    if let Err(failure) = worker.renew().await {
        tally.borrow_mut().failed(&failure);
    }
    let mut left = worker.times().unwrap_or(u64::MAX);
    while left > 0
        && let Some(due) = pace.next().await
    {
        left -= 1;
        let done = worker.work().await;
        let (now, went_wrong) = (Instant::now(), done.is_err());
        count(&mut tally.borrow_mut(), window, (due, now), done);
        if went_wrong {
            // What is down answers at once; there is no use in asking it a million times.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn count(tally: &mut Tally, window: Window, (due, now): (Instant, Instant), done: Result<()>) {
    if let Err(failure) = done {
        return tally.failed(&failure);
    }
    if due >= window.from {
        tally.took(now - due);
    }
    if now >= window.from && now < window.until {
        tally.answered += 1;
    }
}
