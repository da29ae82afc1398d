//! Many people press *Sign in* at one moment, while one connection asks userinfo at an even rate: who is answered, how fast the others are
//! told to come back, and what everybody else feels of it.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::LocalSet;

use crate::arguments::Arguments;
use crate::browser::{Browser, Landing, Page, STEPS};
use crate::connection::{Connection, Failure, Result};
use crate::measure::{Tally, runtime};
use crate::pace::Pace;
use crate::plan::Plan;
use crate::process::{Usage, Watch};
use crate::provider::Provider;
use crate::report::{Latency, told};
use crate::scenario::Scenario;
use crate::worker::Worker;

/// Userinfo a second beside the storm.
const BESIDE: f64 = 200.0;
/// How long that goes on before the storm, at least.
const CALM: Duration = Duration::from_millis(500);

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    sign_ins: usize,
    /// With a code.
    answered: u64,
    answered_ms: Latency,
    /// With 503 and `Retry-After`.
    refused: u64,
    refused_ms: Latency,
    userinfo: u64,
    userinfo_ms: Latency,
    errors: std::collections::BTreeMap<String, u64>,
    #[serde(flatten)]
    usage: Usage,
}

/// What one sign-in came to.
enum Outcome {
    Answered(Duration),
    Refused(Duration),
    Failed(Failure),
}

/// Prepares everybody up to the login page, then lets them go at once.
pub fn run(arguments: Arguments) -> Result<Report> {
    let provider = runtime()?.block_on(Provider::discover(&arguments.issuer))?;
    let crowd = Arc::new(Plan::new(arguments.clone(), provider.clone()));
    let beside = Arguments { scenario: Scenario::Userinfo, ..arguments };
    let beside = Arc::new(Plan::new(beside, provider));
    let over = Arc::new(AtomicBool::new(false));
    let asking = {
        let over = Arc::clone(&over);
        std::thread::spawn(move || runtime()?.block_on(ask_userinfo(&beside, &over)))
    };
    let runtime = runtime()?;
    let local = LocalSet::new();
    let ready = runtime.block_on(local.run_until(to_the_login_page(&crowd)))?;
    std::thread::sleep(CALM);
    let watch = Watch::start(&crowd.arguments);
    let outcomes = runtime.block_on(local.run_until(press(&crowd, ready)));
    let usage = watch.stop();
    over.store(true, Ordering::Relaxed);
    let userinfo = asking.join().map_err(|_| Failure::from("a thread ended early"))??;
    report(&crowd.arguments, outcomes, &userinfo, usage)
}

async fn ask_userinfo(plan: &Arc<Plan>, over: &AtomicBool) -> Result<Tally> {
    let mut worker = Worker::prepare(Arc::clone(plan), 0).await?;
    let mut tally = Tally::new()?;
    let pace = Pace::start(Some(BESIDE), Instant::now() + Duration::from_mins(2));
    while let Some(due) = pace.next().await {
        match worker.work().await {
            Ok(()) => tally.took(due.elapsed()),
            Err(failure) => tally.failed(&failure),
        }
        if over.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(tally)
}

/// A few at a time: the pages before are not the storm.
async fn to_the_login_page(plan: &Arc<Plan>) -> Result<Vec<(Browser, Page)>> {
    let mut ready = Vec::new();
    for _ in 0..plan.arguments.connections {
        let mut browser = Browser::new(Connection::new(plan.provider.address), plan.next_person());
        match browser.open(plan).await? {
            Landing::Page(page) => ready.push((browser, page)),
            Landing::Back(_) => return Err("nobody asked who it is".into()),
        }
    }
    Ok(ready)
}

async fn press(plan: &Arc<Plan>, ready: Vec<(Browser, Page)>) -> Vec<Outcome> {
    let tasks: Vec<_> = ready
        .into_iter()
        .map(|(browser, page)| tokio::task::spawn_local(sign_in(Arc::clone(plan), browser, page)))
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap_or_else(|_| Outcome::Failed("a task ended early".into())));
    }
    outcomes
}

/// From the button to the code.
async fn sign_in(plan: Arc<Plan>, mut browser: Browser, mut page: Page) -> Outcome {
    let since = Instant::now();
    for _ in 0..STEPS {
        match browser.fill_in(&plan, &page).await {
            Ok(Landing::Back(_)) => return Outcome::Answered(since.elapsed()),
            Ok(Landing::Page(next)) if next.status == 503 && next.has_retry_after => {
                return Outcome::Refused(next.took);
            }
            Ok(Landing::Page(next)) => page = next,
            Err(failure) => return Outcome::Failed(failure),
        }
    }
    Outcome::Failed("the pages lead nowhere".into())
}

fn report(arguments: &Arguments, outcomes: Vec<Outcome>, userinfo: &Tally, usage: Usage) -> Result<Report> {
    let (mut answered, mut refused) = (Tally::new()?, Tally::new()?);
    for outcome in outcomes {
        match outcome {
            Outcome::Answered(took) => answered.took(took),
            Outcome::Refused(took) => refused.took(took),
            Outcome::Failed(failure) => answered.failed(&failure),
        }
    }
    let mut errors = userinfo.errors.clone();
    errors.extend(answered.errors.clone());
    Ok(Report {
        sign_ins: arguments.connections,
        answered: answered.latency.len(),
        answered_ms: Latency::of(&answered.latency),
        refused: refused.latency.len(),
        refused_ms: Latency::of(&refused.latency),
        userinfo: userinfo.latency.len(),
        userinfo_ms: Latency::of(&userinfo.latency),
        errors,
        usage,
    })
}

impl Report {
    /// Prints it. Anything but a code or an orderly refusal is a failure.
    pub fn show(&self, as_json: impl Into<Option<bool>>) -> ExitCode {
        if as_json.into().unwrap_or_default() {
            println!("{}", serde_json::to_string(self).unwrap_or_default());
        } else {
            println!("storm   {} sign-ins at once, {BESIDE} userinfo a second beside them", self.sign_ins);
            println!("  signed in    {}   {}", self.answered, self.answered_ms.line());
            println!("  refused      {}   {}   (503 with Retry-After)", self.refused, self.refused_ms.line());
            println!("  userinfo     {}   {}", self.userinfo, self.userinfo_ms.line());
            for (whose, used) in [("server", self.usage.server), ("PostgreSQL", self.usage.database)] {
                if let Some(used) = used {
                    println!("  {whose:12} {}", told(&used));
                }
            }
            for (kind, count) in &self.errors {
                println!("  errors       {count} × {kind}");
            }
        }
        if self.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
