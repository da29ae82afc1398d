//! The whole run: start everything, go round, collect.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::{Programs, Wishes};
use crate::connections::Most;
use crate::driver::{self, Ran, Target};
use crate::house::Ground;
use crate::lines::{self, Limit, Line};
use crate::peer::Peer;
use crate::storm::{self, Storm};
use crate::table::{self, Facts};
use crate::{Result, bare, limits};

/// Data of the private PostgreSQL, and what the servers say.
const FOLDER: &str = "target/bench";
/// How often the server is started, to see how long that takes.
const STARTS: usize = 5;
/// So long it has nothing to do before its idle memory is read.
const REST: Duration = Duration::from_secs(2);

/// What was measured of one line, a round each.
#[derive(Debug)]
pub struct Measured {
    pub line: Line,
    pub ours: Vec<Ran>,
    pub peer: Vec<Ran>,
    pub limit: Vec<f64>,
}

/// Measures, prints, and fails where anything went wrong at ours.
pub async fn everything(wishes: &Wishes) -> Result<ExitCode> {
    let (programs, folder) = (Programs::find()?, Path::new(FOLDER));
    std::fs::create_dir_all(folder)?;
    eprintln!("Filling a database…");
    let ground = Ground::lay(&programs.countersign, folder).await?;
    let (first, _) = ground.serve().await?;
    drop(first);
    let mut starts = Vec::new();
    for _ in 1..STARTS {
        starts.push(ground.serve().await?.1);
    }
    let (server, start) = ground.serve().await?;
    starts.push(start);
    tokio::time::sleep(REST).await;
    let idle = server.resident_mib();
    let peer = Peer::start(folder).await?;
    let peer_idle = peer.running.resident_mib();
    let most = Most::watch(&ground.superuser_url()).await?;
    let run = Run { wishes, programs: &programs, folder, ground: &ground, ours: ground.target(&server), peer: &peer };
    driver::warm_up(&programs.load, &run.ours, lines::all().iter().map(Line::for_ours))?;
    ground.analyze().await?;
    let mut measured = Vec::new();
    for line in lines::all().into_iter().filter(|line| line.scenario.starts_with(&wishes.scenario)) {
        eprintln!("{}…", line.name);
        measured.push(run.line(line).await?);
    }
    let storms = if "storm".starts_with(&wishes.scenario) { run.storms()? } else { Vec::new() };
    let facts = Facts {
        machine: machine(),
        peer_version: peer.version.clone(),
        starts,
        idle,
        peer_idle,
        binary: std::fs::metadata(&programs.countersign)?.len(),
        connections: most.seen(),
    };
    table::print(wishes, &measured, &storms, &facts);
    let went_wrong = measured.iter().flat_map(|one| &one.ours).any(|ran| !ran.errors.is_empty())
        || storms.iter().any(|storm| !storm.errors.is_empty());
    Ok(if went_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Run<'a> {
    wishes: &'a Wishes,
    programs: &'a Programs,
    folder: &'a Path,
    ground: &'a Ground,
    ours: Target,
    peer: &'a Peer,
}

impl Run<'_> {
    /// Ours, the peer and the limit in turn, so that whatever else the machine does falls on all of them.
    async fn line(&self, line: Line) -> Result<Measured> {
        let mut measured = Measured { line, ours: vec![], peer: vec![], limit: vec![] };
        for _ in 0..self.wishes.rounds.max(1) {
            let line = &measured.line;
            measured.limit.push(self.limit(line.limit).await?);
            measured.ours.push(self.drive(&self.ours, line.for_ours())?);
            if line.has_peer() {
                measured.peer.push(self.drive(&self.peer.target, line.for_peer())?);
            }
        }
        Ok(measured)
    }

    fn drive(&self, target: &Target, mut arguments: Vec<String>) -> Result<Ran> {
        arguments.push(format!("--connections={}", self.wishes.connections));
        arguments.push(format!("--seconds={}", self.wishes.seconds));
        let ran: Ran = driver::drive(&self.programs.load, target, &arguments)?;
        if !ran.errors.is_empty() {
            eprintln!("  errors at {}: {:?}", target.issuer, ran.errors);
        }
        Ok(ran)
    }

    async fn limit(&self, limit: Limit) -> Result<f64> {
        let lasts = Duration::from_secs_f64(self.wishes.seconds / 2.0).max(Duration::from_secs(1));
        match limit {
            Limit::Signature => limits::signatures(lasts),
            Limit::TwoSignatures => Ok(limits::signatures(lasts)? / 2.0),
            Limit::Password => limits::passwords(lasts),
            Limit::Statement => limits::statements(lasts, self.ground, self.folder),
            Limit::BareDiscovery => self.bare("discovery").await,
            Limit::BareJwks => self.bare("jwks").await,
        }
    }

    async fn bare(&self, scenario: &str) -> Result<f64> {
        let (_running, target) = bare::start(self.programs, &self.ground.issuer, self.folder).await?;
        Ok(self.drive(&target, vec![scenario.to_owned()])?.per_second)
    }

    /// On a server that was there all the time: its memory is what a long life and a storm come to.
    fn storms(&self) -> Result<Vec<Storm>> {
        eprintln!("storm…");
        (0..self.wishes.rounds.clamp(1, 3)).map(|_| storm::run(&self.programs.load, &self.ours)).collect()
    }
}

/// Processor and cores, as far as the system tells.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let fields: BTreeMap<&str, &str> = told.lines().filter_map(|line| line.split_once(':')).collect();
    let model =
        fields.iter().find(|(name, _)| name.trim() == "model name").map_or("an unknown processor", |(_, value)| value);
    format!("{cores} cores of {}", model.trim())
}
