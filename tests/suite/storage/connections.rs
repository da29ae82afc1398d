//! Connections lie at hand after use, and nobody who waits for one, or for their end, waits for that.

use std::time::Duration;

use countersign::storage::migration;
use countersign::storage::scope::Db;
use tokio::time::timeout;

use crate::harness::database;

/// Less than a connection lies at hand.
const SOON: Duration = Duration::from_millis(700);

async fn db(connections: u32) -> Db {
    let fresh = database::Fresh::copy().await;
    Db::open(&fresh.app_url, connections).unwrap()
}

#[tokio::test]
async fn whoever_waits_gets_the_connection_that_comes_free() {
    let db = db(2).await;
    // One lies at hand.
    migration::version(&db).await.unwrap();
    let (first, second) = (db.platform().await.unwrap(), db.platform().await.unwrap());
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { timeout(SOON, migration::version(&db)).await.is_ok_and(|version| version.is_ok()) }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.commit_unremarkable().await.unwrap();
    assert!(waiting.await.unwrap());
    second.commit_unremarkable().await.unwrap();
}

#[tokio::test]
async fn many_statements_and_transactions_share_two_connections() {
    let db = db(2).await;
    let all = (0..40).map(|n| {
        let db = db.clone();
        tokio::spawn(async move {
            if n % 2 == 0 {
                migration::version(&db).await.unwrap();
            } else {
                db.platform().await.unwrap().commit_unremarkable().await.unwrap();
            }
        })
    });
    for one in all.collect::<Vec<_>>() {
        timeout(Duration::from_secs(5), one).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_lies_at_hand_does_not_hold_up_the_end() {
    let db = db(3).await;
    migration::version(&db).await.unwrap();
    timeout(SOON, db.close()).await.unwrap();
    assert!(migration::version(&db).await.is_err());
}

#[tokio::test]
async fn a_statement_whose_caller_went_away_does_not_keep_the_next_one_waiting() {
    let db = db(1).await;
    for _ in 0..20 {
        // Most are given up while PostgreSQL answers.
        drop(timeout(Duration::from_micros(300), migration::version(&db)).await);
    }
    assert!(timeout(Duration::from_secs(2), migration::version(&db)).await.unwrap().unwrap() >= 150_000);
}
