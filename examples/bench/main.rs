//! `bench`: the table of `make bench`. Starts Countersign as in production and `oidc-provider` beside it, lets `load` drive them in turn,
//! measures what arithmetic allows in the same run, and prints everything as Markdown. It must measure the real programs, built for
//! release, and never the code that it is linked with.

mod arguments;
mod bare;
mod connections;
mod driver;
mod house;
mod large;
mod limits;
mod lines;
mod measure;
mod peer;
mod running;
mod storm;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Command, Line};

/// What a person reads of whatever went wrong.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> ExitCode {
    let line = Line::parse();
    let done = match line.command {
        Some(Command::Bare { port, files }) => bare::serve(port, files).await,
        Some(Command::Large { accounts, wishes }) => large::run(accounts, &wishes).await,
        None => measure::everything(&line.wishes).await,
    };
    match done {
        Ok(code) => code,
        Err(why) => {
            eprintln!("bench: {why}");
            let mut cause = why.source();
            while let Some(error) = cause {
                eprintln!("  {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}
