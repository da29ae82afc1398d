//! A change of `SECRET_KEY`: nothing is lost while the old one is known.

use countersign::model::settings::DEV_SECRET;

use crate::harness::{Provider, database};

#[tokio::test]
async fn people_keys_and_seeds_outlive_a_change_of_the_secret() {
    let before = Provider::start().await;
    let (_, admin) = before.company("TechCorp").await;
    let authenticator = before.second_factor(&admin).await;
    let app = before.app().await;
    let database = database::Fresh {
        name: before.database.name.clone(),
        app_url: before.database.app_url.clone(),
        superuser_url: before.database.superuser_url.clone(),
    };
    let settings = [("SECRET_KEY", "Zk3vQ0p7mB1xT9wL5rY8uN2cJ6hF4dGs"), ("SECRET_KEY_PREVIOUS", DEV_SECRET)];
    let after = Provider::start_on(database, &settings).await;
    countersign::domain::keys::reseal(&after.house).await.unwrap();
    let browser = after.visitor();
    let page = browser.sign_in(&admin).await;
    assert_eq!(page.path(), "/login/totp");
    let code = authenticator.code(&after);
    assert_eq!(browser.send(&page.form("#verify").fill("code", &code)).await.path(), "/dashboard");
    let app = crate::harness::App { base: after.base.clone(), ..app };
    let tokens = app.tokens(&app.code(&browser.get(&app.authorize(&[])).await)).await;
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 200);
}

#[tokio::test]
async fn a_database_alone_gives_no_seed_and_no_key_away() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    provider.second_factor(&admin).await;
    let mut conn = provider.database.superuser().await;
    let seed: Vec<u8> = sqlx::query_scalar("select seed_sealed from totp").fetch_one(&mut conn).await.unwrap();
    // A nonce, a tag and a key id stand beside the twenty bytes.
    assert!(seed.len() > 40);
    let keys: Vec<Vec<u8>> =
        sqlx::query_scalar("select private_sealed from signing_key").fetch_all(&mut conn).await.unwrap();
    // PKCS #8 in DER begins with a SEQUENCE; a sealed one can be read by nobody.
    assert!(keys.iter().all(|key| openssl::pkey::PKey::private_key_from_der(key).is_err()));
}
