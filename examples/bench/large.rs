//! `bench large`: whether latency grows with data. Two databases in one PostgreSQL, one with hardly anything in it and one that `fill`
//! filled, a server on each, driven in turn; the table has the medians of both and their ratio.

use std::path::Path;
use std::process::{Command, ExitCode};

use countersign::command::embedded::Purpose;

use crate::Result;
use crate::arguments::{Programs, Wishes};
use crate::driver::{self, Ran, Target};
use crate::house::Ground;
use crate::lines;

const FOLDER: &str = "target/bench-large";
/// What the filled one's median may be of the empty one's.
const TARGET: f64 = 1.2;

/// Fills, measures and prints; fails where a request went wrong.
pub async fn run(accounts: u64, wishes: &Wishes) -> Result<ExitCode> {
    let (programs, folder) = (Programs::find()?, Path::new(FOLDER));
    std::fs::create_dir_all(folder)?;
    let embedded = Ground::postgres(folder, Purpose::Large).await?;
    let empty = Ground::lay_in(&embedded, "bench_empty", (&programs.countersign, folder)).await?;
    let filled = Ground::lay_in(&embedded, "bench_filled", (&programs.countersign, folder)).await?;
    eprintln!("Filling a database with {accounts} accounts…");
    let fill = programs.load.with_file_name("fill");
    let done = Command::new(&fill).arg(filled.superuser_url()).arg(format!("--accounts={accounts}")).status()?;
    if !done.success() {
        return Err("fill failed".into());
    }
    let ((one, _), (other, _)) = (empty.serve().await?, filled.serve().await?);
    let targets = [empty.target(&one), filled.target(&other)];
    for (ground, target) in [&empty, &filled].into_iter().zip(&targets) {
        driver::warm_up(&programs.load, target, lines::all().iter().map(lines::Line::for_ours))?;
        ground.analyze().await?;
    }
    println!(
        "\n| scenario | median, empty | median, filled | ratio (≤ {TARGET}) | p99, empty / filled | a second, empty / filled |"
    );
    println!("|---|---|---|---|---|---|");
    let mut errors = 0;
    for line in lines::all().into_iter().filter(|line| line.scenario.starts_with(&wishes.scenario)) {
        let mut runs: [Vec<Ran>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..wishes.rounds.max(1) {
            for (target, runs) in targets.iter().zip(&mut runs) {
                runs.push(drive(&programs, wishes, (target, line.for_ours()))?);
            }
        }
        errors += runs.iter().flatten().flat_map(|ran| ran.errors.values()).sum::<u64>();
        let middle = |what: fn(&Ran) -> f64| [middle(&runs[0], what), middle(&runs[1], what)];
        let ([p50, p50_filled], [p99, p99_filled]) =
            (middle(|ran| ran.latency_ms.p50), middle(|ran| ran.latency_ms.p99));
        let [rate, rate_filled] = middle(|ran| ran.per_second);
        println!(
            "| {} | {p50:.2} ms | {p50_filled:.2} ms | {:.2} | {p99:.1} / {p99_filled:.1} ms | {rate:.0} / {rate_filled:.0} |",
            line.name,
            p50_filled / p50
        );
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn drive(programs: &Programs, wishes: &Wishes, (target, mut arguments): (&Target, Vec<String>)) -> Result<Ran> {
    arguments.push(format!("--connections={}", wishes.connections));
    arguments.push(format!("--seconds={}", wishes.seconds));
    let ran: Ran = driver::drive(&programs.load, target, &arguments)?;
    if !ran.errors.is_empty() {
        eprintln!("  errors at {}: {:?}", target.issuer, ran.errors);
    }
    Ok(ran)
}

fn middle(runs: &[Ran], what: fn(&Ran) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(what).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
