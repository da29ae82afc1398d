//! One way only, and the one that was registered.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::model::client::{AuthMethod, Profile};

use super::{ASSERTION_TYPE, believed, good, key_app, present, refused, signer};
use crate::harness::app::{refusal, registration};
use crate::harness::{App, Provider};

async fn send(app: &App, basic: Option<(&str, &str)>, form: &[(&str, &str)]) -> (u16, String) {
    let mut form = form.to_vec();
    form.push(("grant_type", "none_such"));
    let mut request = app.http.post(format!("{}/oauth2/token", app.base)).form(&form);
    if let Some((id, secret)) = basic {
        request = request.header("Authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
    }
    refusal(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_client_is_held_to_the_method_that_it_registered() {
    let provider = Provider::start().await;
    let signer = signer();
    let (secret, key, public) =
        (provider.app().await, key_app(&provider, Profile::Standard, &signer).await, provider.public_app().await);
    let known = secret.secret.as_deref().unwrap();
    // Secrets may come in the header and in the form.
    assert_eq!(send(&secret, Some((&secret.id, known)), &[]).await, believed());
    assert_eq!(send(&secret, None, &[("client_id", &secret.id), ("client_secret", known)]).await, believed());
    assert_eq!(present(&secret, &signer.sign(&good(&provider, &secret))).await, refused());
    // A client with a key has no secret, and is not believed without its key.
    assert_eq!(send(&key, None, &[("client_id", &key.id)]).await, refused());
    assert_eq!(send(&key, None, &[("client_id", &key.id), ("client_secret", "x")]).await, refused());
    assert_eq!(send(&key, Some((&key.id, "")), &[]).await, refused());
    assert_eq!(send(&public, None, &[("client_id", &public.id)]).await, believed());
    assert_eq!(present(&public, &signer.sign(&good(&provider, &public))).await, refused());
    assert_eq!(send(&public, Some((&public.id, "")), &[]).await, refused());
}

#[tokio::test]
async fn a_client_proves_itself_in_one_way() {
    let provider = Provider::start().await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let jwt = signer.sign(&good(&provider, &app));
    let mut form = vec![("client_assertion_type", ASSERTION_TYPE), ("client_assertion", jwt.as_str())];
    assert_eq!(send(&app, Some((&app.id, "x")), &form).await, (400, "invalid_request".to_owned()));
    form.push(("client_secret", "x"));
    assert_eq!(send(&app, None, &form).await, (400, "invalid_request".to_owned()));
    // Nothing of it was used up.
    assert_eq!(present(&app, &jwt).await, believed());
}

#[tokio::test]
async fn the_type_of_an_assertion_is_the_registered_one() {
    let provider = Provider::start().await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let jwt = signer.sign(&good(&provider, &app));
    for kind in [Some("urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), Some("jwt-bearer"), None] {
        let mut form = vec![("client_id", app.id.as_str()), ("client_assertion", jwt.as_str())];
        form.extend(kind.map(|kind| ("client_assertion_type", kind)));
        assert_eq!(send(&app, None, &form).await, refused(), "{kind:?}");
    }
    let form = [("client_id", app.id.as_str()), ("client_assertion_type", ASSERTION_TYPE)];
    assert_eq!(send(&app, None, &form).await, refused());
}

#[tokio::test]
async fn a_profile_allows_some_methods_only() {
    let provider = Provider::start().await;
    for (profile, method, good) in [
        (Profile::High, AuthMethod::SecretBasic, false),
        (Profile::High, AuthMethod::SecretPost, false),
        (Profile::Legacy, AuthMethod::SecretBasic, true),
        (Profile::Standard, AuthMethod::SecretPost, true),
    ] {
        let (mut client, secret) = registration(method, None);
        client.profile = profile;
        let app = provider.register((client, secret)).await;
        let sent = send(&app, Some((&app.id, app.secret.as_deref().unwrap())), &[]).await;
        assert_eq!(sent, if good { believed() } else { refused() }, "{profile:?} {method:?}");
    }
    for profile in [Profile::High, Profile::Legacy] {
        let (mut client, _) = registration(AuthMethod::None, None);
        client.profile = profile;
        let app = provider.register((client, None)).await;
        assert_eq!(send(&app, None, &[("client_id", &app.id)]).await, refused(), "{profile:?}");
    }
}

#[tokio::test]
async fn a_client_that_was_switched_off_is_not_known() {
    let provider = Provider::start().await;
    let signer = signer();
    let (mut client, _) = registration(AuthMethod::PrivateKeyJwt, None);
    client.metadata.jwks = Some(crate::harness::signer::jwks(&[&signer]));
    client.disabled_at = Some(provider.house.clock.now());
    let app = provider.register((client, None)).await;
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, refused());
}
