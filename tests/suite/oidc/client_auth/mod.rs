//! How clients prove who they are at the token endpoint and its neighbours.

mod assertion;
mod bound_token;
mod certificate;
mod client_keys;
mod method;
mod proxy;
mod secret_jwt;

use countersign::model::client::{AuthMethod, Profile};
use countersign::model::jose::SigningAlgorithm;
use countersign::model::secret::random;
use serde_json::{Value, json};

use crate::harness::app::registration;
use crate::harness::signer::{Signer, jwks};
use crate::harness::{App, Provider};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client of `private_key_jwt` with this key inline.
async fn key_app(provider: &Provider, profile: Profile, signer: &Signer) -> App {
    let (mut client, _) = registration(AuthMethod::PrivateKeyJwt, None);
    client.profile = profile;
    client.metadata.jwks = Some(jwks(&[signer]));
    provider.register((client, None)).await
}

/// A key whose algorithm every profile allows; making one is quick.
fn signer() -> Signer {
    Signer::new(SigningAlgorithm::Es256, "one")
}

/// What a good assertion says.
fn good(provider: &Provider, app: &App) -> Value {
    let now = provider.house.clock.now().unix_timestamp();
    json!({
        "iss": app.id,
        "sub": app.id,
        "aud": provider.base,
        "jti": u128::from_ne_bytes(random()).to_string(),
        "iat": now,
        "exp": now + 60,
    })
}

/// A good assertion, but for these members; null takes one away.
fn but(provider: &Provider, app: &App, changes: &Value) -> Value {
    let mut claims = good(provider, app);
    let map = claims.as_object_mut().unwrap();
    map.extend(changes.as_object().unwrap().clone());
    map.retain(|_, value| !value.is_null());
    claims
}

/// Asks something at this path with an assertion, and no `client_id`.
async fn ask(app: &App, path: &str, jwt: &str, more: &[(&str, &str)]) -> reqwest::Response {
    let mut form = vec![("client_assertion_type", ASSERTION_TYPE), ("client_assertion", jwt)];
    form.extend(more);
    app.http.post(format!("{}{path}", app.base)).form(&form).send().await.unwrap()
}

/// At the token endpoint, for a grant that needs nothing else. `unsupported_grant_type` says that the client was believed.
async fn present(app: &App, jwt: &str) -> (u16, String) {
    crate::harness::app::refusal(ask(app, "/oauth2/token", jwt, &[("grant_type", "none_such")]).await).await
}

fn believed() -> (u16, String) {
    (400, "unsupported_grant_type".to_owned())
}

fn refused() -> (u16, String) {
    (401, "invalid_client".to_owned())
}
