//! 500 sign-ins at once.

use std::path::Path;

use serde::Deserialize;

use crate::Result;
use crate::driver::{self, Latency, Target, Used};
use crate::house::{CLIENT, CLIENT_SECRET};

const SIGN_INS: usize = 500;

/// What came of one.
#[derive(Debug, Deserialize)]
pub struct Storm {
    pub answered: u64,
    pub answered_ms: Latency,
    pub refused: u64,
    pub refused_ms: Latency,
    pub userinfo_ms: Latency,
    pub errors: std::collections::BTreeMap<String, u64>,
    pub server: Option<Used>,
}

pub fn run(load: &Path, target: &Target) -> Result<Storm> {
    let arguments = [
        "storm".to_owned(),
        format!("--connections={SIGN_INS}"),
        format!("--client-id={CLIENT}"),
        format!("--client-secret={CLIENT_SECRET}"),
    ];
    driver::drive(load, target, &arguments)
}
