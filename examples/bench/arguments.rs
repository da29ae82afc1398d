//! What is asked for on the command line; `make bench` says it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Measures Countersign beside oidc-provider and beside what arithmetic allows.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
pub struct Line {
    #[command(flatten)]
    pub wishes: Wishes,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Args)]
pub struct Wishes {
    /// Rounds of each scenario; the table has their medians.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// How long each is measured.
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Only scenarios whose name begins so.
    #[arg(long, default_value = "")]
    pub scenario: String,
    /// Connections of the load tool.
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compares a database that `fill` filled with one that is empty.
    Large {
        /// People in the filled one.
        #[arg(long, default_value_t = 1_000_000)]
        accounts: u64,
        #[command(flatten)]
        wishes: Wishes,
    },
    /// Answers each path with a fixed body, and does nothing else: the limit of discovery and JWKS.
    #[command(hide = true)]
    Bare {
        port: u16,
        /// `path=file`
        files: Vec<String>,
    },
}

/// The programs that are measured, beside this one.
#[derive(Debug)]
pub struct Programs {
    pub countersign: PathBuf,
    pub load: PathBuf,
    pub bench: PathBuf,
}

impl Programs {
    /// Where cargo puts them.
    pub fn find() -> crate::Result<Self> {
        let bench = std::env::current_exe()?;
        let examples = bench.parent().ok_or("a program without a folder")?;
        let target = examples.parent().ok_or("a program without a folder")?;
        let found = Self { countersign: target.join("countersign"), load: examples.join("load"), bench: bench.clone() };
        for program in [&found.countersign, &found.load] {
            if !program.exists() {
                return Err(format!("{} was not built: run make bench", program.display()).into());
            }
        }
        Ok(found)
    }
}
