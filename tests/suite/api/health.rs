//! `/healthz` and `/readyz`: what a supervisor and a load balancer ask.

use std::pin::pin;

use futures_util::future::{Either, select};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::harness::Provider;

#[tokio::test]
async fn a_node_without_its_database_lives_and_is_not_ready() {
    let provider = Provider::start().await;
    let api = provider.api();
    assert_eq!(api.get("/healthz").await.expect(200).body["status"], "ok");
    assert_eq!(api.get("/readyz").await.expect(200).body["status"], "ready");
    provider.house.db.close().await;
    api.get("/healthz").await.expect(200);
    let answer = api.get("/readyz").await.expect(503);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_node_whose_pool_is_stuck_says_so_before_anybody_gave_up_waiting() {
    let provider = Provider::start_with(&[("DATABASE_CONNECTIONS", "1")]).await;
    let api = provider.api();
    let held = provider.house.db.platform().await.unwrap();
    match select(pin!(provider.house.db.platform()), pin!(api.get("/readyz"))).await {
        Either::Left(_) => panic!("the pool gave up first"),
        Either::Right((answer, _)) => answer.expect(503),
    };
    api.get("/healthz").await.expect(200);
    drop(held);
    api.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_node_whose_database_takes_no_writes_is_not_ready() {
    let provider = Provider::start().await;
    let api = provider.api();
    let mut conn = provider.database.superuser().await;
    let name = &provider.database.name;
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let change = format!("alter database {name} set default_transaction_read_only = on");
    conn.execute(AssertSqlSafe(change)).await.unwrap();
    conn.execute(end).await.unwrap();
    for _ in 0..8 {
        api.get("/readyz").await.expect(503);
    }
    conn.execute("set default_transaction_read_only = off").await.unwrap();
    conn.execute(AssertSqlSafe(format!("alter database {name} reset default_transaction_read_only"))).await.unwrap();
    conn.execute(end).await.unwrap();
    // The connections that were ended are noticed one by one.
    for _ in 0..8 {
        if api.get("/readyz").await.status == 200 {
            return;
        }
    }
    api.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_node_that_was_told_to_stop_is_not_ready_and_sends_callers_elsewhere_but_still_answers() {
    let provider = Provider::alone(&[]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    assert!(!api.get("/api/users/me").await.expect(200).headers.contains_key("connection"));
    provider.house.stop();
    assert!(api.get("/readyz").await.expect(503).headers.contains_key("retry-after"));
    for path in ["/healthz", "/api/users/me", "/.well-known/openid-configuration"] {
        assert_eq!(api.get(path).await.expect(200).headers["connection"], "close", "{path}");
    }
}
