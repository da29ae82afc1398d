//! What happens when PostgreSQL, or the way to it, fails. The answers are 503 with `Retry-After`, nothing that was acknowledged is lost,
//! and recovery needs no restart.

mod connection;
mod disk;
mod pool;
mod restart;

use crate::harness::cluster::Cluster;
use crate::harness::{Provider, Wire};

/// A provider on a PostgreSQL of its own, over a wire.
async fn stage(cluster: &Cluster) -> (Wire, Provider) {
    let wire = Wire::to(&cluster.database()).await;
    let provider = Provider::start_on(wire.database(), &[]).await;
    (wire, provider)
}
