//! Rules that every request asks, and that ask nobody: parameters, scopes, the checks of an authorization request, redirect URIs, PKCE,
//! addresses, passwords. Each should vanish beside a signature.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot start has nothing to say")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use divan::{Bencher, black_box};

use countersign::domain::oidc::authorize::{self, ReturnAddress, Source};
use countersign::domain::person::password_rules::{self, About};
use countersign::model::client::{ApplicationType, AuthMethod, Client, Origin, registration};
use countersign::model::email::Email;
use countersign::model::params::Params;
use countersign::model::scope::{KNOWN, Scopes};

const QUERY: &str = "response_type=code&client_id=cli_bench&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=openid%20email%20offline_access&state=af0ifjsldkj&nonce=n-0S6_WzA2Mj&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&prompt=login%20consent&max_age=600";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn main() {
    divan::main();
}

fn client() -> Client {
    let redirect_uris = (0..5).map(|number| format!("https://app{number}.example/callback"));
    Client {
        auth_method: AuthMethod::SecretBasic,
        redirect_uris: redirect_uris.chain(["https://app.example/callback".to_owned()]).collect(),
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        scopes: Scopes::of(KNOWN),
        ..Client::blank("cli_bench".to_owned(), None, Origin::Own)
    }
}

#[divan::bench]
fn read_parameters() -> Params {
    Params::read(black_box(QUERY.as_bytes())).unwrap()
}

#[divan::bench]
fn match_the_redirect_uri(bencher: Bencher<'_, '_>) {
    let (client, params) = (client(), Params::read(QUERY.as_bytes()).unwrap());
    bencher.bench(|| ReturnAddress::matched(black_box(&client), &params).unwrap());
}

#[divan::bench]
fn check_an_authorization_request(bencher: Bencher<'_, '_>) {
    let (client, params) = (client(), Params::read(QUERY.as_bytes()).unwrap());
    bencher.bench(|| authorize::read(black_box(&client), &params, &Source::Browser).unwrap());
}

#[divan::bench]
fn read_and_narrow_scopes(bencher: Bencher<'_, '_>) {
    let known = Scopes::of(KNOWN);
    bencher.bench(|| Scopes::read(black_box("openid email offline_access strange")).and(&known));
}

/// RFC 7636, section 4.6.
#[divan::bench]
fn pkce() -> bool {
    let hashed = URL_SAFE_NO_PAD.encode(openssl::sha::sha256(black_box(VERIFIER).as_bytes()));
    openssl::memcmp::eq(hashed.as_bytes(), b"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
}

#[divan::bench]
fn check_a_redirect_uri_at_registration() -> Result<(), &'static str> {
    registration::check_redirect(black_box("https://app.example/callback?kept=1"), ApplicationType::Web)
}

#[divan::bench]
fn read_an_address() -> Email {
    black_box("Uma.User@TechCorp.example").parse().unwrap()
}

#[divan::bench]
fn check_a_new_password(bencher: Bencher<'_, '_>) {
    let email: Email = "uma.user@techcorp.com".parse().unwrap();
    let about = About { email: Some(&email), name: "Uma User", company: "TechCorp", least: 8 };
    bencher.bench(|| password_rules::check("password", black_box("correct horse battery staple"), about).unwrap());
}
