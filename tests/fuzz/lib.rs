//! What the fuzz targets share: one client, one instant, one issuer.

use countersign::model::client::{AuthMethod, Client, ConsentRule, Metadata, Origin, Profile};
use countersign::model::scope::{KNOWN, Scopes};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// The provider's own URL.
pub const ISSUER: &str = "https://id.example";
/// The one registered redirect URI.
pub const CALLBACK: &str = "https://app.example/callback?kept=1";

/// The instant of every request.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

/// A client of this profile that may ask for everything.
pub fn client(profile: Profile) -> Client {
    Client {
        id: "cli_fuzz".to_owned(),
        company: None,
        name: "Fuzz".to_owned(),
        auth_method: AuthMethod::PrivateKeyJwt,
        secret_digest: None,
        redirect_uris: vec![CALLBACK.to_owned()],
        post_logout_redirect_uris: Vec::new(),
        grant_types: ["authorization_code", "refresh_token", "implicit"].map(str::to_owned).to_vec(),
        scopes: Scopes::of(KNOWN),
        consent: ConsentRule::Ask,
        client_uri: None,
        logo_uri: None,
        policy_uri: None,
        tos_uri: None,
        origin: Origin::Own,
        profile,
        metadata: Metadata {
            response_types: ["code", "id_token", "code id_token"].map(str::to_owned).to_vec(),
            authorization_details_types: vec!["call".to_owned()],
            ..Metadata::default()
        },
        secret_sealed: None,
        disabled_at: None,
    }
}

/// The bytes as a JSON object, where they are one.
pub fn object(data: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(data).ok()
}
