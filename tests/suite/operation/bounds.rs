//! Nothing grows for ever: what is over is swept, found by an index, by many nodes at once, and the trail's months come and go.

use std::sync::Arc;

use countersign::job;
use countersign::storage::sweep;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::harness::{Provider, database};

async fn number(conn: &mut PgConnection, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(conn).await.unwrap()
}

#[tokio::test]
async fn what_was_begun_used_or_given_up_is_swept_and_what_is_in_use_stays() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let mut conn = provider.database.superuser().await;
    let account = admin.id.0;
    let rows = format!(
        "insert into totp (account_id, seed_sealed, created_at) values ('{account}', 'x', now());
         insert into backup_code (account_id, digest, used_at, created_at) values
             ('{account}', 'used', now(), now()), ('{account}', 'left', null, now());
         insert into outbox (id, message_sealed, attempts, next_attempt_at, sent_at, created_at) values
             (gen_random_uuid(), 'sent', 1, now(), now(), now()),
             (gen_random_uuid(), 'given up', 24, now() + interval '10 years', null, now());
         insert into client (id, name, token_endpoint_auth_method, origin, grant_types, created_at, updated_at) values
             ('cli_unused', 'a', 'none', 'dynamic', '{{authorization_code}}', now(), now()),
             ('cli_used', 'b', 'none', 'dynamic', '{{authorization_code}}', now(), now()),
             ('cli_own_tokens', 'c', 'none', 'dynamic', '{{client_credentials}}', now(), now());
         insert into consent (company_id, account_id, client_id, scopes, granted_at) values
             ('{}', '{account}', 'cli_used', '{{openid}}', now())",
        company.id.0
    );
    conn.execute(AssertSqlSafe(rows)).await.unwrap();
    let found = "select string_agg(what, ' ' order by what) from (select 'totp' as what from totp
        union all select convert_from(digest, 'utf8') from backup_code
        union all select convert_from(message_sealed, 'utf8') from outbox
        union all select id from client where origin = 'dynamic') t";
    let left = async |conn: &mut PgConnection| {
        job::sweep_all(Arc::clone(&provider.house)).await.unwrap();
        sqlx::query_scalar::<_, String>(found).fetch_one(conn).await.unwrap()
    };
    assert_eq!(left(&mut conn).await, "cli_own_tokens cli_unused cli_used given up left sent totp used");
    provider.wait(Duration::days(2));
    assert_eq!(left(&mut conn).await, "cli_own_tokens cli_unused cli_used given up left used");
    provider.wait(Duration::days(30));
    assert_eq!(left(&mut conn).await, "cli_own_tokens cli_unused cli_used left");
    provider.wait(Duration::days(59));
    assert_eq!(left(&mut conn).await, "cli_own_tokens cli_used left");
}

#[tokio::test]
async fn many_nodes_sweep_a_backlog_together_and_wait_for_nobody() {
    let one = Provider::start().await;
    let two = one.another_node().await;
    let (company, admin) = one.company("TechCorp").await;
    let mut conn = one.database.superuser().await;
    let rows = format!(
        "insert into login (id, account_id, auth_time, amr, acr, created_at, last_seen_at, expires_at)
             select md5('l' || n)::uuid, '{account}', t, '{{pwd}}', '1', t, t, t from generate_series(1, 3000) n, old(n) t;
         insert into client (id, name, token_endpoint_auth_method, created_at, updated_at) values ('cli_x', 'x', 'none', now(), now());
         insert into authorization_grant (company_id, id, account_id, client_id, login_id, scopes, audience, auth_time, amr, acr,
                 created_at, expires_at)
             select '{company}', md5('l' || n)::uuid, '{account}', 'cli_x', md5('l' || n)::uuid, '{{openid}}', 'x', t, '{{pwd}}', '1', t, t
             from generate_series(1, 3000) n, old(n) t;
         insert into refresh_token (digest, company_id, grant_id, expires_at, created_at)
             select decode(md5('r' || n || '-' || m), 'hex'), '{company}', md5('l' || n)::uuid, t, t
             from generate_series(1, 3000) n, generate_series(1, 3) m, old(n) t;
         insert into replay (digest, expires_at) select decode(md5('r' || n), 'hex'), t from generate_series(1, 5000) n, old(n) t",
        account = admin.id.0,
        company = company.id.0
    );
    conn.execute(AssertSqlSafe(format!(
        "create function old(n integer) returns timestamptz language sql as
             $$ select now() - interval '30 days' - n * interval '1 second' $$; {rows}"
    )))
    .await
    .unwrap();
    let mut holding = one.database.superuser().await;
    holding.execute("begin; select from login where id = md5('l7')::uuid for share; select from replay where digest = decode(md5('r7'), 'hex') for update").await.unwrap();
    let nodes =
        [&one.house, &two.house, &one.house, &two.house].map(|house| tokio::spawn(job::sweep_all(Arc::clone(house))));
    for node in nodes {
        node.await.unwrap().unwrap();
    }
    let left = "select (select count(*) from login) * 1000 + (select count(*) from replay) * 100
        + (select count(*) from authorization_grant) + (select count(*) from refresh_token)";
    assert_eq!(number(&mut conn, left).await, 1100, "only what is held is left");
    holding.execute("commit").await.unwrap();
    job::sweep_all(Arc::clone(&two.house)).await.unwrap();
    assert_eq!(number(&mut conn, left).await, 0);
}

#[tokio::test]
async fn a_table_of_another_name_is_not_swept() {
    let fresh = database::Fresh::copy().await;
    let mut app = <PgConnection as sqlx::Connection>::connect(&fresh.app_url).await.unwrap();
    let refused = app.execute("select sweep_table('account', now())").await.unwrap_err();
    assert!(refused.to_string().contains("no table of this name is swept"), "{refused}");
    for table in sweep::tables(Duration::days(7)) {
        app.execute(AssertSqlSafe(format!("select sweep_table('{}', now())", table.table))).await.unwrap();
    }
}

/// A database whose schema belongs to a role that row-level security holds.
async fn of_a_plain_owner() -> (database::Fresh, String) {
    let fresh = database::Fresh::copy().await;
    let owner = format!("owner_of_{}", fresh.name);
    let mut conn = fresh.superuser().await;
    conn.execute(AssertSqlSafe(format!(
        "create role {owner} login password 'x' nosuperuser; grant countersign_lookup to {owner};
         grant create on schema public to {owner}; alter table event owner to {owner}; alter table event_otherwise owner to {owner};
         alter function event_make_months owner to {owner}; alter function event_drop_months owner to {owner};
         grant execute on function event_waits() to {owner}"
    )))
    .await
    .unwrap();
    (fresh, owner)
}

async fn drop_owner(fresh: &database::Fresh, owner: &str) {
    let mut conn = fresh.superuser().await;
    conn.execute(AssertSqlSafe(format!(
        "reassign owned by {owner} to current_user; drop owned by {owner}; drop role {owner}"
    )))
    .await
    .unwrap();
}

async fn make(fresh: &database::Fresh, first: OffsetDateTime, last: OffsetDateTime) -> i32 {
    let mut app = <PgConnection as sqlx::Connection>::connect(&fresh.app_url).await.unwrap();
    let made = sqlx::query_scalar("select event_make_months($1, $2)").bind(first).bind(last);
    made.fetch_one(&mut app).await.unwrap()
}

async fn write(fresh: &database::Fresh, at: OffsetDateTime) {
    let mut app = <PgConnection as sqlx::Connection>::connect(&fresh.app_url).await.unwrap();
    let line = "insert into event (id, action, created_at) values (gen_random_uuid(), 'x', $1)";
    sqlx::query(line).bind(at).execute(&mut app).await.unwrap();
}

/// Where the lines lie.
async fn places(fresh: &database::Fresh) -> String {
    let query = "select string_agg(tableoid::regclass::text, ' ' order by created_at) from event";
    sqlx::query_scalar(query).fetch_one(&mut fresh.superuser().await).await.unwrap()
}

#[tokio::test]
async fn months_follow_each_other_over_the_turn_of_the_year() {
    let fresh = database::Fresh::copy().await;
    let december = datetime!(2030-12-31 23:59:59.999999 UTC);
    let january = datetime!(2031-01-01 0:00 UTC);
    assert_eq!(make(&fresh, december, january).await, 2);
    assert_eq!(make(&fresh, december, january).await, 0);
    write(&fresh, december).await;
    write(&fresh, january).await;
    assert_eq!(places(&fresh).await, "event_2030_12 event_2031_01");
    fresh.superuser().await.execute("select event_drop_months('2031-01-01')").await.unwrap();
    assert_eq!(places(&fresh).await, "event_2031_01");
}

#[tokio::test]
async fn lines_without_a_month_are_kept_and_moved_when_it_is_made() {
    let (fresh, owner) = of_a_plain_owner().await;
    for at in [
        datetime!(2030-02-03 0:00 UTC),
        datetime!(2030-06-30 23:59 UTC),
        datetime!(2030-07-01 0:00 UTC),
        datetime!(2031-01-01 0:00 UTC),
    ] {
        write(&fresh, at).await;
    }
    assert_eq!(places(&fresh).await, "event_otherwise event_otherwise event_otherwise event_otherwise");
    // Months later the job runs again: months with lines, this one, and the next.
    assert_eq!(make(&fresh, datetime!(2030-08-15 0:00 UTC), datetime!(2030-09-15 0:00 UTC)).await, 5);
    assert_eq!(places(&fresh).await, "event_2030_02 event_2030_06 event_2030_07 event_otherwise");
    let walled = "select count(*) from pg_class where relname like 'event%' and relkind in ('r', 'p') and relrowsecurity and relforcerowsecurity";
    assert_eq!(number(&mut fresh.superuser().await, walled).await, 7);
    drop_owner(&fresh, &owner).await;
}

#[tokio::test]
async fn nodes_make_the_same_months_at_once() {
    let fresh = database::Fresh::copy().await;
    let nodes = (0..4).map(|_| {
        let fresh = fresh.clone();
        tokio::spawn(async move { make(&fresh, datetime!(2030-11-01 0:00 UTC), datetime!(2031-02-01 0:00 UTC)).await })
    });
    let mut made = 0;
    for node in nodes.collect::<Vec<_>>() {
        made += node.await.unwrap();
    }
    assert_eq!(made, 4);
}

#[tokio::test]
async fn a_long_reader_of_the_trail_holds_up_neither_writers_nor_the_job() {
    let fresh = database::Fresh::copy().await;
    assert_eq!(make(&fresh, datetime!(2030-11-01 0:00 UTC), datetime!(2030-12-01 0:00 UTC)).await, 2);
    let mut reader = fresh.superuser().await;
    reader.execute("begin; select count(*) from event").await.unwrap();
    let mut job = fresh.superuser().await;
    assert_eq!(number(&mut job, "select event_drop_months('2030-12-01')::bigint").await, 0);
    // Neither can a month be made beside it; the line waits in its place.
    assert_eq!(make(&fresh, datetime!(2031-01-01 0:00 UTC), datetime!(2031-01-01 0:00 UTC)).await, 0);
    write(&fresh, datetime!(2031-01-01 0:00 UTC)).await;
    reader.execute("commit").await.unwrap();
    assert_eq!(number(&mut job, "select event_drop_months('2030-12-01')::bigint").await, 1);
    assert_eq!(make(&fresh, datetime!(2031-01-01 0:00 UTC), datetime!(2031-01-01 0:00 UTC)).await, 1);
    assert_eq!(places(&fresh).await, "event_2031_01");
}
