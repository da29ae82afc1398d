//! PgBouncer in transaction mode between the nodes and PostgreSQL.

use crate::harness::cluster::{Cluster, Stop};
use crate::harness::load::{Actors, Load};
use crate::harness::pooler::Pooler;
use crate::harness::{Provider, database};

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_enough_and_rides_out_a_restart() {
    let mut cluster = Cluster::start(&[]).await;
    let direct = cluster.database();
    let pooler = Pooler::start(&direct.app_url).await;
    let pooled = database::Fresh { app_url: pooler.url(&direct.app_url), ..direct.clone() };
    let one = Provider::start_on(pooled, &[]).await;
    let load = Load::start(&one, &Actors::of(&one).await).await;
    load.goes_on().await;
    let mut superuser = direct.superuser().await;
    let limit: String = sqlx::query_scalar(
        "select unnest(setconfig) from pg_db_role_setting where setrole = 'countersign_app'::regrole",
    )
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    assert_eq!(limit, "statement_timeout=5s");
    drop(superuser);
    cluster.halt(Stop::Immediate);
    cluster.run().await;
    load.goes_on().await;
    load.end(&direct).await;
}
