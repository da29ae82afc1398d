//! `fill`: makes a database of the size that matters out of a migrated one, and says what each row takes. For measuring only, never
//! for a database that serves.
//!
//!     cargo run --release --example fill -- --accounts 1000000 --events 20000000 postgres://superuser@host/database

mod steps;

use std::process::ExitCode;

use clap::Parser;
use sqlx::{Connection as _, PgConnection};

use steps::{Result, Size};

/// Fills a migrated database.
#[derive(Debug, Parser)]
struct Line {
    /// Of a superuser.
    url: String,
    /// People. Companies are a hundredth of that, refresh tokens five times that.
    #[arg(long, default_value_t = 50_000)]
    accounts: u64,
    /// Lines of the audit trail, over a year; by default twenty for each person.
    #[arg(long)]
    events: Option<u64>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match run(Line::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("fill: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(line: Line) -> Result<()> {
    let mut conn = PgConnection::connect(&line.url).await?;
    let at = sqlx::query_scalar("select now()::text").fetch_one(&mut conn).await?;
    conn.close().await?;
    let events = line.events.unwrap_or(line.accounts * 20);
    steps::fill(&line.url, &Size { accounts: line.accounts, events, at }).await?;
    println!("\n| table | rows | MiB | bytes a row | of these in indexes |\n|---|---|---|---|---|");
    for found in steps::measure(&line.url).await?.iter().filter(|found| found.rows > 0) {
        let (rows, each) = (found.rows, |bytes: i64| bytes / found.rows);
        let (mib, name) = (found.bytes / 1_048_576, &found.table);
        println!("| {name} | {rows} | {mib} | {} | {} |", each(found.bytes), each(found.indexes));
    }
    Ok(())
}
