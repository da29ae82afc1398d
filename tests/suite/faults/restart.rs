//! PostgreSQL restarts or is killed under load, and a replica takes over.

use std::time::Duration;

use crate::harness::cluster::{Cluster, Stop};
use crate::harness::load::{Actors, Load};

use super::stage;

/// Long enough that connections rest, requests fail, and others wait.
const AWAY: Duration = Duration::from_millis(700);

#[tokio::test]
async fn a_restart_is_answered_with_503_and_loses_nothing() {
    let mut cluster = Cluster::start(&[]).await;
    let (_wire, provider) = stage(&cluster).await;
    let load = Load::start(&provider, &Actors::of(&provider).await).await;
    load.goes_on().await;
    for how in [Stop::Fast, Stop::Killed, Stop::Immediate] {
        cluster.halt(how);
        tokio::time::sleep(AWAY).await;
        cluster.run().await;
        load.goes_on().await;
    }
    let outcome = load.end(&cluster.database()).await;
    assert_eq!(outcome.broken, 0, "{outcome:?}");
}

#[tokio::test]
async fn after_a_restart_in_a_quiet_hour_one_caller_at_most_must_ask_again() {
    let mut cluster = Cluster::start(&[]).await;
    let (_wire, provider) = stage(&cluster).await;
    let actors = Actors::of(&provider).await;
    let tokens = actors.app.tokens_with(&actors.browser, &[]).await;
    let token = crate::harness::app::text(&tokens, "access_token");
    let calls = || futures_util::future::join_all((0..5).map(|_| actors.app.userinfo(token)));
    assert!(calls().await.iter().all(|answer| answer.status() == 200));
    cluster.halt(Stop::Fast);
    cluster.run().await;
    let statuses: Vec<u16> = calls().await.iter().map(|answer| answer.status().as_u16()).collect();
    assert!(statuses.iter().filter(|status| **status != 200).count() <= 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn a_replica_takes_over_and_nothing_acknowledged_is_lost() {
    let mut primary = Cluster::start(&[]).await;
    let replica = primary.replica().await;
    let (wire, provider) = stage(&primary).await;
    let load = Load::start(&provider, &Actors::of(&provider).await).await;
    load.goes_on().await;
    // The primary dies. The address leads to the replica before that takes writes: new connections must wait for it.
    primary.halt(Stop::Killed);
    wire.lead_to(&replica.database().app_url);
    tokio::time::sleep(AWAY).await;
    replica.promote().await;
    load.goes_on().await;
    let outcome = load.end(&replica.database()).await;
    assert_eq!(outcome.broken, 0, "{outcome:?}");
}

#[tokio::test]
async fn a_server_that_takes_no_writes_any_more_is_left() {
    let first = Cluster::start(&[]).await;
    let second = first.replica().await;
    let (wire, provider) = stage(&first).await;
    let load = Load::start(&provider, &Actors::of(&provider).await).await;
    load.goes_on().await;
    // The old primary lives on, and its connections too; but it refuses to write.
    let mut superuser = first.database().superuser().await;
    for statement in ["alter system set default_transaction_read_only = on", "select pg_reload_conf()"] {
        sqlx::raw_sql(statement).execute(&mut superuser).await.unwrap();
    }
    second.promote().await;
    wire.lead_to(&second.database().app_url);
    load.goes_on().await;
    load.end(&second.database()).await;
}
