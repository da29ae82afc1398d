//! No query of a request, and none of the sweeper, reads a table that grows from its beginning to its end.

#[allow(dead_code, reason = "sizes are for the example")]
#[path = "../../../examples/fill/steps.rs"]
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::job;
use countersign::storage::scope::Db;
use sqlx::Row as _;

use crate::harness::{Provider, database};

/// How often each table was read whole, once every other connection has said what it did.
async fn whole(fresh: &database::Fresh) -> BTreeMap<String, i64> {
    let mut conn = fresh.superuser().await;
    let others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and backend_type = 'client backend'";
    while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut conn).await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let query = "select s.relname::text, s.seq_scan from pg_stat_user_tables s join pg_class c on c.oid = s.relid where c.reltuples > 1000";
    let rows = sqlx::query(query).fetch_all(&mut conn).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn no_request_and_no_job_reads_a_table_that_grows_as_a_whole() {
    let fresh = database::Fresh::copy().await;
    let at = sqlx::query_scalar("select now()::text").fetch_one(&mut fresh.superuser().await).await.unwrap();
    let size = steps::Size { accounts: 3000, events: 40_000, at };
    steps::fill(&fresh.superuser_url, &size).await.unwrap();
    let before = whole(&fresh).await;
    assert!(before.len() > 12, "{before:?}");

    let provider = Provider::start_on(fresh.clone(), &[]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    // More often than a statement is planned for its parameters.
    for _ in 0..8 {
        let browser = provider.visitor();
        browser.sign_in(&admin).await;
        let asked = [("scope", "openid offline_access"), ("prompt", "consent")];
        let page = browser.get(&app.authorize(&asked)).await;
        let tokens = app.tokens(&app.code(&browser.send(&page.form("#allow")).await)).await;
        let refresh = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(app.refresh(refresh).await.status(), 200);
        assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 200);
        assert_eq!(app.post("/oauth2/introspect", &[("token", refresh)]).await.status(), 200);
        assert_eq!(app.post("/oauth2/revoke", &[("token", refresh)]).await.status(), 200);
        for path in ["/dashboard", "/dashboard/users", "/dashboard/clients", "/dashboard/events"] {
            browser.get(path).await;
        }
        job::sweep_all(Arc::clone(&provider.house)).await.unwrap();
    }
    Db::close(&provider.house.db).await;
    let after = whole(&fresh).await;
    let read: Vec<_> = after.iter().filter(|(table, scans)| before.get(*table) < Some(scans)).collect();
    assert!(read.is_empty(), "read from beginning to end: {read:?}, before: {before:?}");
}
