//! The trail: who, for which company, from where, in which request.

use sqlx::Row as _;

use crate::harness::Provider;

#[tokio::test]
async fn an_event_says_who_where_from_and_in_which_request() {
    let provider = Provider::start_with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let (company, admin) = provider.company("TechCorp").await;
    let body = serde_json::json!({ "email": admin.email, "password": admin.password });
    let request = provider.stranger().post(provider.url("/api/auth/login")).json(&body);
    let request = request.header("x-forwarded-for", "198.51.100.1, 203.0.113.7").header("user-agent", "desk/1.0");
    let answer = request.send().await.unwrap();
    let number = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let mut conn = provider.database.superuser().await;
    let event = sqlx::query(
        "select company_id, account_id, ip, user_agent, request_id from event where action = 'sign_in.succeeded'",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(event.get::<uuid::Uuid, _>("company_id"), company.id.0);
    assert_eq!(event.get::<uuid::Uuid, _>("account_id"), admin.id.0);
    // The nearest address that is no proxy of ours: what stands before it, anybody can write.
    assert_eq!(event.get::<String, _>("ip"), "203.0.113.7");
    assert_eq!(event.get::<String, _>("user_agent"), "desk/1.0");
    assert_eq!(event.get::<String, _>("request_id"), number);
}

#[tokio::test]
async fn a_forwarded_address_is_not_believed_of_strangers() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let body = serde_json::json!({ "email": admin.email, "password": "wrong" });
    let request = provider.stranger().post(provider.url("/api/auth/login")).json(&body);
    request.header("x-forwarded-for", "203.0.113.7").send().await.unwrap();
    let mut conn = provider.database.superuser().await;
    let ip: String =
        sqlx::query_scalar("select ip from event where action = 'sign_in.failed'").fetch_one(&mut conn).await.unwrap();
    assert_eq!(ip, "127.0.0.1");
}

#[tokio::test]
async fn nobody_changes_or_deletes_a_line() {
    use sqlx::Connection as _;
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    provider.visitor().sign_in(&admin).await;
    let mut conn = sqlx::PgConnection::connect(&provider.database.app_url).await.unwrap();
    for statement in ["update event set action = 'x'", "delete from event", "truncate event"] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
    }
}
