//! The wire of the harness does what the tests of faults and of statements believe of it.

use crate::harness::database::Fresh;
use crate::harness::wire::Break;
use crate::harness::{Provider, Wire};

async fn stage() -> (Wire, Provider) {
    let wire = Wire::to(&Fresh::copy().await).await;
    let provider = Provider::start_on(wire.database(), &[]).await;
    (wire, provider)
}

#[tokio::test]
async fn statements_are_counted_as_they_are_sent() {
    let (wire, provider) = stage().await;
    wire.reset();
    let tx = provider.house.db.platform().await.unwrap();
    tx.commit_unremarkable().await.unwrap();
    assert_eq!(wire.statements(), Vec::<String>::new());
    assert_eq!(wire.traffic().messages.len(), 2, "{:?}", wire.traffic());
    let keys = countersign::storage::signing_key::all(&provider.house.db).await.unwrap();
    assert!(!keys.is_empty());
    let statements = wire.statements();
    assert_eq!(statements.len(), 1, "{statements:?}");
    assert!(statements[0].contains("signing_key"));
    assert!(wire.connections().0 >= 1 && wire.connections().1 <= 5, "{:?}", wire.connections());
}

#[tokio::test]
async fn a_commit_is_lost_with_its_connection_and_is_kept_where_only_the_answer_was_lost() {
    let (wire, provider) = stage().await;
    for (at, kept) in [(Break::Before, false), (Break::AnswerLost, true)] {
        wire.cut_at("commit", at);
        let (id, now) =
            (countersign::model::id::AccountId::new(provider.house.clock.now()), provider.house.clock.now());
        let mut tx = provider.house.db.account(id).await.unwrap();
        let email = format!("{}@example.com", id.0).parse().unwrap();
        countersign::storage::account::insert(&mut tx, &email, "Ada", None, now).await.unwrap();
        assert!(tx.commit_unremarkable().await.is_err());
        assert_eq!(wire.traps_left(), 0);
        let mut superuser = wire.database().superuser().await;
        let found: i64 = sqlx::query_scalar("select count(*) from account where id = $1")
            .bind(id.0)
            .fetch_one(&mut superuser)
            .await
            .unwrap();
        assert_eq!(found == 1, kept, "{at:?}");
    }
}
