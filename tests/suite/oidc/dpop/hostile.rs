//! Whatever bytes come as a proof, checking them ends in a value: no input panics, and none but the right one is taken.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::domain::oidc::dpop::nonce::Nonces;
use countersign::domain::oidc::dpop::proof::{Expected, Proof, ProofError, read};
use countersign::model::jose::SigningAlgorithm;
use countersign::model::settings::{Mode, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::harness::prover::{Draft, Prover};

const URL: &str = "https://id.example/oauth2/token";
const NOW: i64 = 1_800_000_000;

static NONCES: LazyLock<Nonces> =
    LazyLock::new(|| Nonces::new(&Settings::read(&HashMap::new(), Mode::Dev).unwrap()).unwrap());
static PROVER: LazyLock<Prover> = LazyLock::new(Prover::default);

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

fn check(text: &str) -> Result<Proof, ProofError> {
    let urls = [URL.to_owned()];
    read(text, &Expected { method: "POST", urls: &urls, access_token: None, nonces: &NONCES, now: now() })
}

fn draft() -> Draft {
    PROVER.draft("POST", URL, now())
}

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[A-Za-z0-9_-]{0,400}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,4}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A public key with members of any length, and an algorithm.
fn any_key() -> impl Strategy<Value = (Value, String)> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most).prop_map(|bytes| B64.encode(bytes));
    let words = (
        prop_oneof![Just("RSA"), Just("EC"), Just("OKP"), Just("oct")],
        prop_oneof![Just("P-256"), Just("Ed25519"), Just("Ed448"), Just("P-521")],
        prop_oneof![Just("RS256"), Just("PS256"), Just("ES256"), Just("EdDSA")],
    );
    (words, (bytes(600), bytes(10), bytes(70), bytes(70))).prop_map(|((kty, crv, alg), (n, e, x, y))| {
        (json!({ "kty": kty, "crv": crv, "n": n, "e": e, "x": x, "y": y }), alg.to_owned())
    })
}

#[test]
fn the_right_one_is_taken() {
    assert_eq!(check(&PROVER.sign(&draft())).unwrap().jkt, PROVER.jkt());
    // A default port may be named.
    assert!(check(&PROVER.sign(&draft().claim("htu", "HTTPS://ID.example:443/oauth2/token"))).is_ok());
    assert!(check(&PROVER.sign(&draft().claim("htu", "https://id.example:444/oauth2/token"))).is_err());
    assert!(check(&PROVER.sign(&draft().claim("htu", "http://id.example:443/oauth2/token"))).is_err());
}

#[test]
fn keys_of_sizes_that_nobody_uses_are_refused() {
    let prover = Prover::new(SigningAlgorithm::Ps256);
    let modulus = B64.decode(prover.jwk["n"].as_str().unwrap()).unwrap();
    let good = prover.draft("POST", URL, now());
    assert!(check(&prover.sign(&good)).is_ok());
    for (name, bytes) in [("n", modulus[..128].to_vec()), ("n", modulus.repeat(8)), ("e", vec![1; 64]), ("e", vec![])] {
        let mut jwk = prover.jwk.clone();
        jwk.insert(name.to_owned(), Value::from(B64.encode(bytes)));
        let refused = check(&prover.sign(&good.clone().head("jwk", jwk))).unwrap_err();
        assert_eq!(refused.code(), "invalid_dpop_proof");
    }
}

proptest! {
    #[test]
    fn no_text_is_taken(text in any::<String>()) {
        prop_assert!(check(&text).is_err());
    }

    #[test]
    fn no_three_parts_are_taken(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5)) {
        let text: Vec<String> = parts.iter().map(|part| B64.encode(part)).collect();
        prop_assert!(check(&text.join(".")).is_err());
    }

    #[test]
    fn no_member_of_another_kind_makes_it_panic(
        name in prop_oneof![
            Just("typ"), Just("alg"), Just("jwk"), Just("jti"), Just("htm"), Just("htu"), Just("iat"), Just("nonce"), Just("crit")
        ],
        value in any_json(),
    ) {
        let other = if ["typ", "alg", "jwk", "crit"].contains(&name) {
            draft().head(name, value)
        } else {
            draft().claim(name, value)
        };
        // Any text is a name; whatever else is taken must be what it was.
        if check(&PROVER.sign(&other)).is_ok() {
            prop_assert!(name == "jti" || other.claims == draft().claim("jti", other.claims["jti"].clone()).claims);
        }
    }

    #[test]
    fn no_key_makes_it_panic((jwk, alg) in any_key(), signature in prop::collection::vec(any::<u8>(), 0..600)) {
        let text = PROVER.sign(&draft().head("jwk", jwk).head("alg", alg));
        let (signed, _) = text.rsplit_once('.').unwrap();
        let text = format!("{signed}.{}", B64.encode(signature));
        prop_assert!(check(&text).is_err());
    }

    #[test]
    fn no_changed_byte_is_overlooked(place in any::<prop::sample::Index>(), byte in 0x21_u8..0x7f) {
        let good = PROVER.sign(&draft());
        let mut bytes = good.clone().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(check(&changed).is_ok(), changed == good);
    }

    #[test]
    fn no_other_address_is_taken(htu in "(https?://)?[a-zA-Z@:.\\[\\]%]{0,12}[/a-z0-9.%]{0,20}([?#].{0,10})?") {
        prop_assert!(check(&PROVER.sign(&draft().claim("htu", htu))).is_err());
    }

    #[test]
    fn only_a_minute_either_side_is_new(iat in prop_oneof![any::<i64>(), (NOW - 100)..(NOW + 100)]) {
        let taken = check(&PROVER.sign(&draft().claim("iat", iat)));
        prop_assert_eq!(taken.is_ok(), iat.abs_diff(NOW) <= 60);
        if let Ok(proof) = taken {
            prop_assert_eq!(proof.good_until.unix_timestamp(), iat + 60);
        }
    }
}
