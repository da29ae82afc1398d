//! What is asked for on the command line.

use clap::Parser;

use crate::scenario::Scenario;

/// Drives an OpenID provider by its discovery document, and measures it.
///
/// Ends with an error where any request went wrong.
#[derive(Debug, Clone, Parser)]
#[command(name = "load", args_override_self = true)]
pub struct Arguments {
    /// What each connection does, over and over.
    pub scenario: Scenario,
    /// The provider; http, on this machine.
    #[arg(long)]
    pub issuer: String,
    #[arg(long, default_value = "")]
    pub client_id: String,
    /// Sent with `client_secret_basic`; without it the client is public.
    #[arg(long)]
    pub client_secret: Option<String>,
    /// Never fetched.
    #[arg(long, default_value = "http://localhost:9090/callback")]
    pub redirect_uri: String,
    /// Default: `openid`, and `offline_access` where tokens are refreshed.
    #[arg(long)]
    pub scope: Option<String>,
    /// More parameters of authorization requests, as `name=value`.
    #[arg(long = "authorize-parameter")]
    pub authorize_parameters: Vec<String>,
    /// More parameters of token requests, as `name=value`.
    #[arg(long = "token-parameter")]
    pub token_parameters: Vec<String>,
    /// Who signs in; `{n}` becomes a number.
    #[arg(long, default_value = "person{n}@load.example")]
    pub email: String,
    /// How many people there are: `{n}` counts from 0 and starts again.
    #[arg(long, default_value_t = 1)]
    pub accounts: usize,
    /// Everybody's.
    #[arg(long, default_value = "")]
    pub password: String,
    /// Each sign-in says in `X-Forwarded-For` that it comes from an address of its own, for a provider that trusts this machine as a proxy.
    #[arg(long)]
    pub spread_addresses: bool,
    /// How many connections; in `storm`, how many sign-ins at once.
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Requests a second (open loop); latency counts from the instant at which a request was due. Without it each connection asks again
    /// as soon as it was answered (closed loop).
    #[arg(long)]
    pub rate: Option<f64>,
    /// How long it is measured.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Each connection does it so often instead, and nothing is left out at the beginning.
    #[arg(long)]
    pub times: Option<u64>,
    /// How long it runs before that.
    #[arg(long, default_value_t = 0.5)]
    pub warm_up: f64,
    /// Threads of this tool. One is nearly always best beside the server on the same machine.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// The server's process: its processor time and memory are told, with those of its children.
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// PostgreSQL's first process, told apart.
    #[arg(long)]
    pub database_pid: Option<u32>,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}
