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

use crate::harness::app::{answer, text};
use crate::harness::{App, Person, Provider, database};

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

/// How many rows of tables were read through an index, or one after the other, once every other connection has said what it did.
async fn rows_read(fresh: &database::Fresh) -> i64 {
    whole(fresh).await;
    let query = "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_user_tables where schemaname = 'public'";
    sqlx::query_scalar(query).fetch_one(&mut fresh.superuser().await).await.unwrap()
}

/// A sign-in, a code, two refreshes and two questions.
async fn a_round(provider: &Provider, app: &App, person: &Person) {
    let browser = provider.visitor();
    browser.sign_in(person).await;
    let mut tokens = app.tokens_with(&browser, &[]).await;
    for _ in 0..2 {
        let (status, next) = answer(app.refresh(text(&tokens, "refresh_token")).await).await;
        assert_eq!(status, 200);
        tokens = next;
    }
    assert_eq!(app.userinfo(text(&tokens, "access_token")).await.status(), 200);
}

/// One company of many people among thousands with one, all with a grant and its code: what is true of most is not true of the largest.
/// Then what else is said, and statistics.
async fn crowd(fresh: &database::Fresh, more: &'static str) {
    for statement in [
        "insert into company select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'slug', 'c-' || n))).*
         from company c, generate_series(0, 2999) n",
        "insert into account select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'email', n || '@many.example'))).*
         from account a, generate_series(1, 6000) n",
        "insert into membership select (jsonb_populate_record(m, jsonb_build_object('account_id', a.id, 'company_id', c.id))).*
         from membership m, account a join company c on c.slug = case when split_part(a.email, '@', 1)::integer <= 3000 then 'techcorp'
             else 'c-' || split_part(a.email, '@', 1)::integer % 3000 end where a.email like '%@many.example'",
        "insert into authorization_grant
         select (jsonb_populate_record(g, jsonb_build_object('id', gen_random_uuid(), 'account_id', m.account_id, 'company_id', m.company_id))).*
         from authorization_grant g, membership m join account a on a.id = m.account_id where a.email like '%@many.example'",
        "insert into authorization_code select (jsonb_populate_record(c, jsonb_build_object(
             'digest', '\\x' || md5(g.id::text) || md5(c.digest::text), 'grant_id', g.id, 'company_id', g.company_id))).*
         from authorization_code c, authorization_grant g join account a on a.id = g.account_id
         where a.email like '%@many.example' and c.digest = (select digest from authorization_code limit 1)",
        more,
        "analyze",
    ] {
        sqlx::raw_sql(statement).execute(&mut fresh.superuser().await).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_request_reads_does_not_grow_with_its_company() {
    const ROUNDS: i64 = 8;
    let fresh = database::Fresh::copy().await;
    let first = Provider::start_on(fresh.clone(), &[]).await;
    let (_, admin) = first.company("TechCorp").await;
    a_round(&first, &first.public_app().await, &admin).await;
    Db::close(&first.house.db).await;
    let many_tokens = "insert into refresh_token select (jsonb_populate_record(t, jsonb_build_object('digest', '\\x' || md5(n::text) || md5(t.digest::text)))).*
         from refresh_token t, generate_series(1, 2000) n";
    crowd(&fresh, many_tokens).await;
    let before = rows_read(&fresh).await;
    let provider = Provider::start_on(fresh.clone(), &[]).await;
    let app = provider.public_app().await;
    for _ in 0..ROUNDS {
        a_round(&provider, &app, &admin).await;
    }
    Db::close(&provider.house.db).await;
    let read = (rows_read(&fresh).await - before) / ROUNDS;
    assert!(read < 500, "a round reads {read} rows");
}

#[tokio::test]
async fn a_refresh_reads_no_more_where_its_line_is_long() {
    let fresh = database::Fresh::copy().await;
    let first = Provider::start_on(fresh.clone(), &[]).await;
    let (_, admin) = first.company("TechCorp").await;
    a_round(&first, &first.public_app().await, &admin).await;
    Db::close(&first.house.db).await;
    let one_token_each = "insert into refresh_token select (jsonb_populate_record(t, jsonb_build_object(
             'digest', '\\x' || md5(g.id::text) || md5(t.digest::text), 'grant_id', g.id, 'company_id', g.company_id))).*
         from refresh_token t, authorization_grant g join account a on a.id = g.account_id
         where a.email like '%@many.example' and t.digest = (select digest from refresh_token limit 1)";
    crowd(&fresh, one_token_each).await;
    let before = rows_read(&fresh).await;
    let provider = Provider::start_on(fresh.clone(), &[]).await;
    let app = provider.public_app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let mut tokens = app.tokens_with(&browser, &[]).await;
    let long_line = "insert into refresh_token select (jsonb_populate_record(t, jsonb_build_object(
             'digest', '\\x' || md5(n::text) || md5(t.digest::text), 'used_at', t.created_at))).*
         from refresh_token t, generate_series(1, 1000) n where t.digest = sha256(convert_to($1, 'UTF8'))";
    let inserted = sqlx::query(long_line)
        .bind(text(&tokens, "refresh_token"))
        .execute(&mut fresh.superuser().await)
        .await
        .unwrap();
    assert_eq!(inserted.rows_affected(), 1000);
    for _ in 0..8 {
        let (status, next) = answer(app.refresh(text(&tokens, "refresh_token")).await).await;
        assert_eq!(status, 200);
        tokens = next;
    }
    Db::close(&provider.house.db).await;
    let read = rows_read(&fresh).await - before;
    assert!(read < 4000, "a sign-in and eight refreshes read {read} rows");
}
