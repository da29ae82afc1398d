//! What an operator does, with the real program.

mod backup;
mod bounds;
mod command;
mod demo;
mod kubernetes;
mod large;
mod load;
mod metrics;
mod migrate;
mod nodes;
mod pooler;
mod serve;
mod settings;
mod smtp;
mod tls;
mod tracing;
mod twice;

use std::process::{Command, Output};

/// The program with these settings and no others.
fn program(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    // A folder without a .env file.
    command.args(arguments).env_clear().envs(settings.iter().copied()).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs it to its end.
async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = program(arguments, settings);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Good enough for `serve`.
const SECRET: &str = "Zk3vQ0p7mB1xT9wL5rY8uN2cJ6hF4dGs";
