//! `load`: drives any OpenID provider by its discovery document, and says how it fared. One request at a time on each of some
//! connections, kept alive, without pipelining; plain HTTP on this machine only. It must stay light, for it shares the cores with what
//! it measures, and must never follow a redirect URI.
//!
//!     cargo run --release --example load -- userinfo --issuer http://localhost:8000 --client-id … --email … --password …

mod arguments;
mod browser;
mod connection;
mod jar;
mod measure;
mod pace;
mod page;
mod plan;
mod process;
mod provider;
mod report;
mod scenario;
mod storm;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;
use scenario::Scenario;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    let ran = if arguments.scenario == Scenario::Storm {
        storm::run(arguments).map(|report| report.show(json))
    } else {
        measure::run(arguments).map(|report| report.show(json))
    };
    match ran {
        Ok(code) => code,
        Err(why) => {
            eprintln!("load: {why}");
            ExitCode::FAILURE
        }
    }
}
