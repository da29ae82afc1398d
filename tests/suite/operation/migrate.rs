//! `countersign migrate`: two at once do no harm, and one that was killed is resumed.

use std::process::Stdio;
use std::time::Duration;

use sqlx::{Connection as _, Executor as _};

use super::{SECRET, err, out, program, run};
use crate::harness::database;

fn settings(fresh: &database::Fresh) -> [(&str, &str); 3] {
    [("DATABASE_URL", &fresh.app_url), ("MIGRATE_DATABASE_URL", &fresh.superuser_url), ("SECRET_KEY", SECRET)]
}

async fn applied(fresh: &database::Fresh) -> i64 {
    let count = "select count(*) from _sqlx_migrations where success";
    sqlx::query_scalar(count).fetch_one(&mut fresh.superuser().await).await.unwrap_or(0)
}

#[tokio::test]
async fn two_at_once_do_the_work_once() {
    let fresh = database::Fresh::empty().await;
    let settings = settings(&fresh);
    let (one, two) = tokio::join!(run(&["migrate"], &settings), run(&["migrate"], &settings));
    for output in [one, two] {
        assert!(output.status.success(), "{}{}", out(&output), err(&output));
    }
}

#[tokio::test]
async fn one_that_was_killed_leaves_whole_migrations_and_is_resumed() {
    let fresh = database::Fresh::empty().await;
    let settings = settings(&fresh);
    // Somebody else is about to make a table of the same name: the migration that makes it waits.
    let mut other = fresh.superuser().await;
    other.execute("begin; create table pairwise_subject ()").await.unwrap();
    let mut command = program(&["migrate"], &settings);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let waits =
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    for _ in 0..500 {
        if sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut fresh.superuser().await).await.unwrap() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.kill().unwrap();
    running.wait().unwrap();
    other.close().await.unwrap();
    let done = applied(&fresh).await;
    assert!(done > 0, "the migrations before stay");
    let serve = [&settings[..], &[("ISSUER", "https://id.example"), ("REQUIRE_VERIFIED_EMAIL", "false")]].concat();
    let refused = run(&["serve"], &serve).await;
    assert!(!refused.status.success() && err(&refused).contains("run `countersign migrate`"), "{}", err(&refused));
    let resumed = run(&["migrate"], &settings).await;
    assert!(resumed.status.success(), "{}", err(&resumed));
    assert!(applied(&fresh).await > done);
    let again = run(&["migrate"], &settings).await;
    assert!(out(&again).contains("up to date"), "{}", err(&again));
}
