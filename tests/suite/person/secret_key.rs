//! A change of `SECRET_KEY`: nothing is lost while the old one is known.

use countersign::domain::reseal::{self, Resealed};
use countersign::model::client::AuthMethod;
use countersign::model::settings::DEV_SECRET;
use countersign::storage::seal;

use crate::harness::app::registration;
use crate::harness::authenticator::Authenticator;
use crate::harness::{App, Person, Provider, Visitor, database};

const NEW: &str = "Zk3vQ0p7mB1xT9wL5rY8uN2cJ6hF4dGs";

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
    let settings = [("SECRET_KEY", NEW), ("SECRET_KEY_PREVIOUS", DEV_SECRET)];
    let after = Provider::start_on(database, &settings).await;
    reseal::everything(&after.house).await.unwrap();
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

/// Signs in with the second factor, and gets tokens.
async fn sign_in(node: &Provider, browser: &Visitor, (admin, app): (&Person, &App), authenticator: &Authenticator) {
    // Each time step is good for one code, at every node.
    let page = browser.sign_in(admin).await;
    assert_eq!(page.path(), "/login/totp");
    let code = authenticator.code(node);
    assert_eq!(browser.send(&page.form("#verify").fill("code", &code)).await.path(), "/dashboard");
    let app = App { base: node.base.clone(), ..app.clone() };
    let tokens = app.tokens(&app.code(&browser.get(&app.authorize(&[])).await)).await;
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 200);
}

#[tokio::test]
async fn nodes_with_the_old_and_the_new_secret_go_on_side_by_side_until_the_old_one_is_dropped() {
    let first = Provider::start().await;
    let (_, admin) = first.company("TechCorp").await;
    let (_, other) = first.company("Other").await;
    let authenticator = first.second_factor(&admin).await;
    let app = first.app().await;
    first.register(registration(AuthMethod::SecretJwt, None)).await;
    let issuer = ("ISSUER", first.base.as_str());
    let node = async |key, previous| {
        let settings = [issuer, ("SECRET_KEY", key), ("SECRET_KEY_PREVIOUS", previous)];
        Provider::start_on(first.database.clone(), &settings).await
    };
    // Every node knows the new one before any seals with it.
    let (old, new) = (node(DEV_SECRET, NEW).await, node(NEW, DEV_SECRET).await);
    for (turn, node) in [&old, &new, &old].into_iter().enumerate() {
        for node in [&first, &old, &new] {
            node.house.clock.advance(time::Duration::seconds(if turn > 0 { 60 } else { 0 }));
        }
        sign_in(node, &node.visitor(), (&admin, &app), &authenticator).await;
    }
    // Enrolled at the new node; the old one opens it.
    for node in [&old, &new] {
        node.house.clock.advance(time::Duration::seconds(60));
    }
    new.second_factor(&other).await;
    assert_eq!(old.visitor().sign_in(&other).await.path(), "/login/totp");
    let done = reseal::everything(&new.house).await.unwrap();
    assert_eq!((done.seeds, done.client_secrets), (1, 1));
    assert!(done.keys > 0 && done.passwords_left > 0, "{done:?}");
    let nothing = Resealed { passwords_left: done.passwords_left, ..Resealed::default() };
    assert_eq!(reseal::everything(&new.house).await.unwrap(), nothing);
    for node in [&old, &new] {
        node.house.clock.advance(time::Duration::seconds(60));
    }
    sign_in(&old, &old.visitor(), (&admin, &app), &authenticator).await;
    // Who signed in at the new node is hashed anew; who did not chooses a new password.
    new.visitor().sign_in(&admin).await;
    let bare = Provider::start_on(first.database.clone(), &[issuer, ("SECRET_KEY", NEW)]).await;
    bare.house.clock.advance(time::Duration::seconds(600));
    sign_in(&bare, &bare.visitor(), (&admin, &app), &authenticator).await;
}

#[tokio::test]
async fn whoever_enrols_while_everything_is_sealed_anew_keeps_the_new_seed() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    provider.second_factor(&admin).await;
    let mut tx = provider.house.db.account(admin.id).await.unwrap();
    assert!(!seal::replace_seed(&mut tx, b"what was read before", b"what was sealed anew").await.unwrap());
}

#[tokio::test]
async fn a_password_of_a_dropped_secret_is_refused_like_a_wrong_one() {
    let before = Provider::start().await;
    let (_, admin) = before.company("TechCorp").await;
    let both = [("SECRET_KEY", NEW), ("SECRET_KEY_PREVIOUS", DEV_SECRET)];
    let between = Provider::start_on(before.database.clone(), &both).await;
    assert_eq!(reseal::everything(&between.house).await.unwrap().passwords_left, 1);
    let after = Provider::start_on(before.database.clone(), &[("SECRET_KEY", NEW)]).await;
    assert_eq!(after.visitor().sign_in(&admin).await.status, 422);
}
