//! Passwords: hashes of the system before, and too many sign-ins at once.

use futures_util::future::join_all;
use sqlx::Row as _;

use crate::harness::{Person, Provider};

async fn hash_of(provider: &Provider, person: &Person) -> String {
    let mut conn = provider.database.superuser().await;
    let row = sqlx::query("select hash from password where account_id = $1").bind(person.id.0);
    row.fetch_one(&mut conn).await.unwrap().get(0)
}

#[tokio::test]
async fn a_bcrypt_hash_is_accepted_and_upgraded_at_the_first_sign_in() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let old = bcrypt::hash(&admin.password, 4).unwrap();
    let mut conn = provider.database.superuser().await;
    sqlx::query("update password set hash = $1").bind(&old).execute(&mut conn).await.unwrap();
    let browser = provider.visitor();
    let form = browser.get("/login").await.form("#login").fill("email", &admin.email).fill("password", "another one");
    assert_eq!(browser.send(&form).await.status, 422);
    assert_eq!(hash_of(&provider, &admin).await, old);
    assert_eq!(browser.sign_in(&admin).await.path(), "/dashboard");
    assert!(hash_of(&provider, &admin).await.starts_with("$argon2id$"));
    assert_eq!(provider.visitor().sign_in(&admin).await.path(), "/dashboard");
}

#[tokio::test]
async fn when_too_many_sign_in_at_once_the_answer_is_503_and_everything_else_goes_on() {
    let provider = Provider::start_with(&[("PASSWORD_HASH_QUEUE", "1")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let body = serde_json::json!({ "email": admin.email, "password": admin.password });
    let http = provider.stranger();
    let tries = (0..12).map(|_| http.post(provider.url("/api/auth/login")).json(&body).send());
    let answers: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status() == 503).collect();
    assert!(!busy.is_empty());
    assert!(busy.iter().all(|answer| answer.headers().contains_key("retry-after")));
    assert!(answers.iter().any(|answer| answer.status() == 200));
    assert_eq!(http.get(provider.url("/readyz")).send().await.unwrap().status(), 200);
}
