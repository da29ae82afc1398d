//! Access tokens that are good only with the client's certificate (RFC 8705, section 3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::model::client::{AuthMethod, Client, Metadata, Profile};
use openssl::hash::MessageDigest;
use serde_json::{Value, json};

use crate::harness::app::{CALLBACK, answer, claims, refusal, registration, text};
use crate::harness::certificates::{Leaf, Wish};
use crate::harness::mtls::Mtls;
use crate::harness::prover::Prover;
use crate::harness::{App, Company, Provider};

fn thumbprint(leaf: &Leaf) -> String {
    B64.encode(leaf.certificate.digest(MessageDigest::sha256()).unwrap())
}

fn bound() -> Metadata {
    Metadata { tls_client_certificate_bound_access_tokens: true, ..Metadata::default() }
}

async fn register(provider: &Provider, method: AuthMethod, change: impl FnOnce(&mut Client)) -> App {
    let (mut client, secret) = registration(method, None);
    change(&mut client);
    provider.register((client, secret)).await
}

/// Tokens for the admin of a fresh company, asked for by this app as it is.
async fn tokens(provider: &Provider, app: &App) -> Value {
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    // The browser goes where everybody goes; only the app's own calls show a certificate.
    let open = App { base: provider.base.clone(), ..app.clone() };
    let page = browser.get(&open.authorize(&[])).await;
    assert!(page.url.as_str().starts_with(CALLBACK), "{}", page.url);
    app.tokens(&app.code(&page)).await
}

#[tokio::test]
async fn a_bound_token_is_good_with_its_certificate_only() {
    let mtls = Mtls::start(&[]).await;
    let app = register(&mtls.provider, AuthMethod::SecretBasic, |client| client.metadata = bound()).await;
    let (leaf, other) = (Leaf::self_signed(&Wish::default()), Leaf::self_signed(&Wish::default()));
    let shown = mtls.showing(&app, Some(&leaf), &[]);
    let tokens = tokens(&mtls.provider, &shown).await;
    let token = text(&tokens, "access_token");
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(claims(token)["cnf"], json!({ "x5t#S256": thumbprint(&leaf) }));
    assert_eq!(shown.userinfo(token).await.status(), 200);
    for thief in [&app, &mtls.showing(&app, None, &[]), &mtls.showing(&app, Some(&other), &[])] {
        assert_eq!(refusal(thief.userinfo(token).await).await, (401, "invalid_token".to_owned()));
    }
    // RFC 8705, section 3.2: whoever asks learns what to compare.
    let (_, said) = answer(app.post("/oauth2/introspect", &[("token", token)]).await).await;
    assert_eq!((&said["active"], &said["cnf"]["x5t#S256"]), (&json!(true), &json!(thumbprint(&leaf))));
    // What is refreshed is bound to what is shown then; the client proved itself besides.
    let again = mtls.showing(&app, Some(&other), &[]);
    let (status, fresh) = answer(again.refresh(text(&tokens, "refresh_token")).await).await;
    assert_eq!(status, 200);
    assert_eq!(claims(text(&fresh, "access_token"))["cnf"]["x5t#S256"], thumbprint(&other));
    let refused = refusal(app.refresh(text(&tokens, "refresh_token")).await).await;
    assert_eq!(refused, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_client_whose_tokens_are_bound_gets_none_without_a_certificate() {
    let mtls = Mtls::start(&[]).await;
    let (company, _): (Company, _) = mtls.provider.company("TechCorp").await;
    let app = register(&mtls.provider, AuthMethod::SecretBasic, |client| client.metadata = bound()).await;
    let form = [("grant_type", "client_credentials"), ("company", company.slug.as_str())];
    for bare in [&app, &mtls.showing(&app, None, &[])] {
        assert_eq!(refusal(bare.token(&form).await).await, (400, "invalid_request".to_owned()));
    }
    let leaf = Leaf::self_signed(&Wish::default());
    let (status, tokens) = answer(mtls.showing(&app, Some(&leaf), &[]).token(&form).await).await;
    assert_eq!(status, 200);
    assert_eq!(claims(text(&tokens, "access_token"))["cnf"]["x5t#S256"], thumbprint(&leaf));
}

#[tokio::test]
async fn a_certificate_binds_nothing_where_nobody_asked_for_it() {
    let mtls = Mtls::start(&[]).await;
    let app = mtls.provider.app().await;
    let leaf = Leaf::self_signed(&Wish::default());
    let tokens = tokens(&mtls.provider, &mtls.showing(&app, Some(&leaf), &[])).await;
    let token = text(&tokens, "access_token");
    assert_eq!(claims(token).get("cnf"), None);
    assert_eq!(app.userinfo(token).await.status(), 200);
}

#[tokio::test]
async fn the_high_profile_binds_to_the_certificate_that_is_shown() {
    let mtls = Mtls::start(&[]).await;
    let (company, _) = mtls.provider.company("TechCorp").await;
    let app = register(&mtls.provider, AuthMethod::TlsClientAuth, |client| {
        client.profile = Profile::High;
        client.metadata.tls_client_auth_subject_dn = Some("CN=somebody".to_owned());
    });
    let (app, leaf) = (app.await, mtls.authority.issue(&Wish::default()));
    let form = [("grant_type", "client_credentials"), ("company", company.slug.as_str())];
    let (status, tokens) = answer(mtls.showing(&app, Some(&leaf), &[]).token(&form).await).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(claims(text(&tokens, "access_token"))["cnf"], json!({ "x5t#S256": thumbprint(&leaf) }));
}

#[tokio::test]
async fn a_public_clients_refresh_token_is_bound_too() {
    let mtls = Mtls::start(&[]).await;
    let app = register(&mtls.provider, AuthMethod::None, |client| client.metadata = bound()).await;
    let (leaf, other) = (Leaf::self_signed(&Wish::default()), Leaf::self_signed(&Wish::default()));
    let shown = mtls.showing(&app, Some(&leaf), &[]);
    let tokens = tokens(&mtls.provider, &shown).await;
    let refresh = text(&tokens, "refresh_token");
    // RFC 8705, section 7.1. Whoever stole it cannot use it, nor use it up.
    for thief in [&app, &mtls.showing(&app, Some(&other), &[])] {
        assert_eq!(refusal(thief.refresh(refresh).await).await, (400, "invalid_grant".to_owned()));
    }
    assert_eq!(shown.refresh(refresh).await.status(), 200);
}

#[tokio::test]
async fn a_proof_may_name_the_address_for_clients_with_a_certificate() {
    let mtls = Mtls::start(&[]).await;
    let (company, _): (Company, _) = mtls.provider.company("TechCorp").await;
    let app = register(&mtls.provider, AuthMethod::SecretBasic, |_| {}).await;
    let leaf = Leaf::self_signed(&Wish::default());
    let shown = mtls.showing(&app, Some(&leaf), &[]);
    let form = [("grant_type", "client_credentials"), ("company", company.slug.as_str())];
    let prover = Prover::default();
    for (base, status) in [(mtls.base.as_str(), 200), (&mtls.provider.base, 200), ("https://other.example", 400)] {
        let draft = prover.draft("POST", &format!("{base}/oauth2/token"), mtls.provider.house.clock.now());
        let (got, tokens) = answer(shown.token_with(&form, &[prover.sign(&draft)]).await).await;
        assert_eq!(got, status, "{base}: {tokens}");
        if status == 200 {
            assert_eq!(claims(text(&tokens, "access_token"))["cnf"], json!({ "jkt": prover.jkt() }));
        }
    }
}
