//! `/healthz` and `/readyz`: what a supervisor and a load balancer ask.

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
