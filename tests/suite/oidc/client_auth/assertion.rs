//! `private_key_jwt`: assertions that are taken, and the many that are not.

use countersign::model::client::{AuthMethod, Profile};
use countersign::model::jose::SigningAlgorithm;
use josekit::jws::{HS256, JwsHeader};
use josekit::jwt::{self, JwtPayload};
use serde_json::{Value, json};
use time::Duration;

use super::{ask, believed, but, good, key_app, present, refused, signer};
use crate::harness::app::{CALLBACK, VERIFIER, answer, refusal, registration, text};
use crate::harness::signer::{Signer, jwks};
use crate::harness::{App, Provider};

#[tokio::test]
async fn a_client_that_signs_with_its_key_gets_tokens_and_may_ask_of_them() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let code = app.code(&browser.get(&app.authorize(&[])).await);
    let fresh = || signer.sign(&good(&provider, &app));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", app.id.as_str()),
    ];
    let (status, tokens) = answer(ask(&app, "/oauth2/token", &fresh(), &form).await).await;
    assert_eq!(status, 200, "{tokens}");
    let token = [("token", text(&tokens, "access_token"))];
    let (_, shown) = answer(ask(&app, "/oauth2/introspect", &fresh(), &token).await).await;
    assert_eq!(shown["active"], true);
    assert_eq!(ask(&app, "/oauth2/revoke", &fresh(), &token).await.status(), 200);
    let (_, shown) = answer(ask(&app, "/oauth2/introspect", &fresh(), &token).await).await;
    assert_eq!(shown["active"], false);
}

#[tokio::test]
async fn every_algorithm_of_the_profile_is_taken() {
    let provider = Provider::start().await;
    let rsa = Signer::new(SigningAlgorithm::Rs256, "rsa");
    let signers = [
        rsa.clone(),
        rsa.with(SigningAlgorithm::Ps256),
        Signer::new(SigningAlgorithm::Es256, "ec"),
        Signer::new(SigningAlgorithm::EdDsa, "ed"),
    ];
    for signer in &signers {
        let standard = key_app(&provider, Profile::Standard, signer).await;
        assert_eq!(present(&standard, &signer.sign(&good(&provider, &standard))).await, believed());
        // Behaviour 81.
        let high = key_app(&provider, Profile::High, signer).await;
        let expected = if signer.algorithm == SigningAlgorithm::Rs256 { refused() } else { believed() };
        assert_eq!(present(&high, &signer.sign(&good(&provider, &high))).await, expected, "{:?}", signer.algorithm);
    }
}

#[tokio::test]
async fn a_client_that_registered_an_algorithm_uses_that_one() {
    let provider = Provider::start().await;
    let (ec, ed) = (signer(), Signer::new(SigningAlgorithm::EdDsa, "ed"));
    let (mut client, _) = registration(AuthMethod::PrivateKeyJwt, None);
    client.metadata.jwks = Some(jwks(&[&ec, &ed]));
    client.metadata.token_endpoint_auth_signing_alg = Some("EdDSA".to_owned());
    let app = provider.register((client, None)).await;
    assert_eq!(present(&app, &ed.sign(&good(&provider, &app))).await, believed());
    assert_eq!(present(&app, &ec.sign(&good(&provider, &app))).await, refused());
}

#[tokio::test]
async fn an_assertion_is_for_the_issuer_or_the_endpoint() {
    let provider = Provider::start().await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let (issuer, token) = (provider.base.clone(), provider.url("/oauth2/token"));
    // Behaviour 54.
    for (audience, good) in [
        (json!(issuer), true),
        (json!(token), true),
        (json!([issuer]), true),
        (json!(["https://other.example", token]), true),
        (json!("https://other.example"), false),
        (json!(["https://other.example"]), false),
        (json!(format!("{issuer}/")), false),
        (json!(format!("{issuer}.evil.example/oauth2/token")), false),
        (json!(provider.url("/oauth2/introspect")), false),
        (json!([]), false),
        (json!({ "aud": issuer }), false),
        (Value::Null, false),
    ] {
        let jwt = signer.sign(&but(&provider, &app, &json!({ "aud": audience })));
        let expected = if good { believed() } else { refused() };
        assert_eq!(present(&app, &jwt).await, expected, "{audience}");
    }
    // At another endpoint, that one will do too.
    let jwt = signer.sign(&but(&provider, &app, &json!({ "aud": provider.url("/oauth2/introspect") })));
    assert_eq!(ask(&app, "/oauth2/introspect", &jwt, &[("token", "any")]).await.status(), 200);
}

#[tokio::test]
async fn a_client_of_the_high_profile_means_the_issuer_and_nothing_else() {
    let provider = Provider::start().await;
    let signer = signer();
    let app = key_app(&provider, Profile::High, &signer).await;
    // Behaviour 81.
    for (audience, good) in [
        (json!(provider.base), true),
        (json!([provider.base]), false),
        (json!([provider.base, provider.url("/oauth2/token")]), false),
        (json!(provider.url("/oauth2/token")), false),
        (json!(provider.url("/oauth2/par")), false),
    ] {
        let jwt = signer.sign(&but(&provider, &app, &json!({ "aud": audience })));
        let expected = if good { believed() } else { refused() };
        assert_eq!(present(&app, &jwt).await, expected, "{audience}");
    }
}

#[tokio::test]
async fn an_assertion_is_good_now_and_not_for_long() {
    let provider = Provider::start().await;
    let signer = signer();
    let now = provider.house.clock.now().unix_timestamp();
    for profile in [Profile::Standard, Profile::High] {
        let app = key_app(&provider, profile, &signer).await;
        // Behaviour 81. The provider's clock goes on meanwhile, so nothing is tried at the very edge.
        for (changes, good) in [
            (json!({ "exp": now + 30 }), true),
            (json!({ "exp": now + 3590 }), true),
            (json!({ "exp": now + 3700 }), false),
            (json!({ "exp": now - 1 }), false),
            (json!({ "exp": now - 300 }), false),
            (json!({ "exp": null }), false),
            (json!({ "exp": "soon" }), false),
            (json!({ "exp": 1e300 }), false),
            (json!({ "exp": -5 }), false),
            (json!({ "exp": i64::MAX }), false),
            (json!({ "nbf": now + 8 }), true),
            (json!({ "nbf": now + 60 }), false),
            (json!({ "nbf": "now" }), false),
            (json!({ "iat": now + 8 }), true),
            (json!({ "iat": now + 60 }), false),
            (json!({ "iat": null }), true),
        ] {
            let jwt = signer.sign(&but(&provider, &app, &changes));
            let expected = if good { believed() } else { refused() };
            assert_eq!(present(&app, &jwt).await, expected, "{changes}");
        }
        let fraction = format!("{}.5", now + 30).parse::<f64>().unwrap();
        assert_eq!(present(&app, &signer.sign(&but(&provider, &app, &json!({ "exp": fraction })))).await, believed());
    }
}

#[tokio::test]
async fn issuer_and_subject_are_the_client() {
    let provider = Provider::start().await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let other = key_app(&provider, Profile::Standard, &Signer::new(SigningAlgorithm::Es256, "one")).await;
    // Behaviour 81.
    for changes in [
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "iss": other.id }),
        json!({ "sub": other.id }),
        json!({ "iss": other.id, "sub": other.id }),
        json!({ "sub": "cli_nobody" }),
        json!({ "sub": [app.id] }),
    ] {
        let jwt = signer.sign(&but(&provider, &app, &changes));
        assert_eq!(present(&app, &jwt).await, refused(), "{changes}");
    }
    let jwt = signer.sign(&good(&provider, &app));
    let named = [("grant_type", "none_such"), ("client_id", other.id.as_str())];
    let refusal = refusal(ask(&app, "/oauth2/token", &jwt, &named).await).await;
    assert_eq!(refusal, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn an_assertion_is_good_once_on_all_nodes() {
    let provider = Provider::start().await;
    let second = provider.another_node().await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let mut there = app.clone();
    there.base = second.base.clone();
    let claims = good(&provider, &app);
    let jwt = signer.sign(&claims);
    assert_eq!(present(&app, &jwt).await, believed());
    assert_eq!(present(&app, &jwt).await, refused());
    assert_eq!(present(&there, &jwt).await, refused());
    // The name is what counts, not the bytes.
    assert_eq!(present(&there, &signer.sign(&claims)).await, refused());
    // At the same moment, on both.
    let jwt = signer.sign(&good(&provider, &app));
    let answers = tokio::join!(present(&app, &jwt), present(&there, &jwt), present(&app, &jwt), present(&there, &jwt));
    let answers = [answers.0, answers.1, answers.2, answers.3];
    assert_eq!(answers.iter().filter(|answer| **answer == believed()).count(), 1, "{answers:?}");
    // Another client's assertion of the same name is another.
    let other = key_app(&provider, Profile::Standard, &signer).await;
    let jwt = signer.sign(&but(&provider, &other, &json!({ "jti": claims["jti"] })));
    assert_eq!(present(&other, &jwt).await, believed());
}

#[tokio::test]
async fn an_assertion_that_is_refused_is_not_used_up_and_one_without_a_name_is_refused() {
    let provider = Provider::start().await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let claims = but(&provider, &app, &json!({ "aud": "https://other.example" }));
    assert_eq!(present(&app, &signer.sign(&claims)).await, refused());
    let jwt = signer.sign(&but(&provider, &app, &json!({ "jti": claims["jti"] })));
    assert_eq!(present(&app, &jwt).await, believed());
    for jti in [json!(null), json!(""), json!(5)] {
        assert_eq!(
            present(&app, &signer.sign(&but(&provider, &app, &json!({ "jti": jti })))).await,
            refused(),
            "{jti}"
        );
    }
}

#[tokio::test]
async fn an_assertion_is_remembered_until_it_has_expired() {
    let provider = Provider::start().await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let now = provider.house.clock.now().unix_timestamp();
    let jwt = signer.sign(&but(&provider, &app, &json!({ "exp": now + 3000 })));
    assert_eq!(present(&app, &jwt).await, believed());
    for _ in 0..2 {
        provider.wait(Duration::minutes(24));
        countersign::job::sweep_all(std::sync::Arc::clone(&provider.house)).await.unwrap();
        assert_eq!(present(&app, &jwt).await, refused());
    }
}

#[tokio::test]
async fn a_node_whose_clock_is_early_does_not_forget_for_one_whose_clock_is_late() {
    let (early, signer) = (Provider::start().await, signer());
    let late = early.another_node().await;
    let app = key_app(&early, Profile::Standard, &signer).await;
    let now = early.house.clock.now().unix_timestamp();
    let jwt = signer.sign(&but(&early, &app, &json!({ "exp": now + 600 })));
    assert_eq!(present(&app, &jwt).await, believed());
    early.wait(Duration::seconds(630));
    countersign::job::sweep_all(std::sync::Arc::clone(&early.house)).await.unwrap();
    let there = App { base: late.base.clone(), ..app };
    assert_eq!(present(&there, &jwt).await, refused());
}

#[tokio::test]
async fn keys_need_no_name() {
    let provider = Provider::start().await;
    let signer = signer();
    // Behaviour 54.
    for registered in [signer.clone(), signer.clone().nameless()] {
        let app = key_app(&provider, Profile::Standard, &registered).await;
        for presented in [signer.clone(), signer.clone().nameless()] {
            assert_eq!(present(&app, &presented.sign(&good(&provider, &app))).await, believed());
        }
    }
}

#[tokio::test]
async fn what_the_client_did_not_sign_is_refused() {
    let provider = Provider::start().await;
    let signer = signer();
    let app = key_app(&provider, Profile::Standard, &signer).await;
    let claims = good(&provider, &app);
    let stranger = Signer::new(SigningAlgorithm::Es256, "one");
    let unsigned =
        jwt::encode_unsecured(&JwtPayload::from_map(claims.as_object().unwrap().clone()).unwrap(), &JwsHeader::new());
    // The public key as the secret of an HMAC (RFC 8725, section 2.1).
    let confused = HS256.signer_from_bytes(signer.jwk().to_string()).unwrap();
    let payload = JwtPayload::from_map(claims.as_object().unwrap().clone()).unwrap();
    let confused = jwt::encode_with_signer(&payload, &JwsHeader::new(), &confused).unwrap();
    let mut self_keyed = JwsHeader::new();
    self_keyed.set_jwk(josekit::jwk::Jwk::from_map(stranger.jwk().as_object().unwrap().clone()).unwrap());
    let real = signer.sign(&claims);
    let parts: Vec<&str> = real.split('.').collect();
    let other = signer.sign(&but(&provider, &app, &json!({ "exp": claims["exp"].as_i64().unwrap() + 5 })));
    let swapped = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
    let mut named = JwsHeader::new();
    named.set_key_id("two");
    let mut critical = JwsHeader::new();
    critical.set_critical(&vec!["exp"]);
    for (what, jwt) in [
        ("another key", stranger.sign(&claims)),
        ("no key", unsigned.unwrap()),
        ("a confused key", confused),
        ("a key of its own", stranger.sign_with(&self_keyed, &claims)),
        ("another key's name", signer.sign_with(&named, &claims)),
        ("what must be understood", signer.sign_with(&critical, &claims)),
        ("another payload", swapped),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("half of it", format!("{}.{}", parts[0], parts[1])),
        ("more of it", format!("{real}.{}", parts[2])),
        ("nonsense", "nonsense".to_owned()),
        ("dots", "..".to_owned()),
        ("a great deal", format!("{}.{}", "a".repeat(50_000), parts[1])),
    ] {
        assert_eq!(present(&app, &jwt).await, refused(), "{what}");
    }
    assert_eq!(present(&app, &real).await, believed());
}
