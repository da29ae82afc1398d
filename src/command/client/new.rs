//! `countersign client create`: what an operator says of a new client, put into the registered members and read by the reader
//! that every other way uses.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::command::company;
use crate::domain::house::House;
use crate::domain::oidc::registration::{SecretWish, accept, provide_secret};
use crate::model::client::{Client, ConsentRule, Origin, Profile, registration};
use crate::model::error::{Error, Result};
use crate::model::event::Event;

/// A client to register.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option that is there or not")]
pub struct New {
    /// What people read on the consent page.
    #[arg(required_unless_present = "metadata")]
    name: Option<String>,
    /// Each exactly as the client will send it.
    #[arg(long = "redirect-uri")]
    redirect_uris: Vec<String>,
    /// Where people may be sent after they signed out.
    #[arg(long = "post-logout-redirect-uri")]
    post_logout_redirect_uris: Vec<String>,
    /// A public client (an app, a single-page app): no secret, PKCE required.
    #[arg(long, conflicts_with = "auth_method")]
    public: bool,
    /// How it proves who it is: `client_secret_basic`, `private_key_jwt`, `tls_client_auth`, …
    #[arg(long)]
    auth_method: Option<String>,
    /// A file with its public keys (JWK set).
    #[arg(long, conflicts_with = "jwks_uri")]
    jwks: Option<PathBuf>,
    /// Where it publishes its public keys.
    #[arg(long)]
    jwks_uri: Option<String>,
    /// The subject of its certificate, for `tls_client_auth`.
    #[arg(long)]
    tls_subject_dn: Option<String>,
    /// What is demanded of it: standard, high (FAPI 2.0) or legacy (account linking of voice assistants).
    #[arg(long, default_value = "standard", value_parser = ["standard", "high", "legacy"])]
    profile: String,
    /// Its grants; by default authorization_code and refresh_token, and client_credentials where it proves who it is.
    #[arg(long = "grant-type")]
    grant_types: Vec<String>,
    /// What it may ask for, space-separated; by default the scopes of OpenID Connect.
    #[arg(long)]
    scope: Option<String>,
    /// Authorization requests must be pushed (RFC 9126).
    #[arg(long)]
    require_par: bool,
    /// Its tokens are bound to its key (RFC 9449).
    #[arg(long)]
    dpop_bound: bool,
    /// A file with registered members (RFC 7591, section 2); options beside it replace its members.
    #[arg(long)]
    metadata: Option<PathBuf>,
    /// The slug of the company that owns it; without one it is the platform's and serves every company.
    #[arg(long)]
    company: Option<String>,
    /// Do not ask people for consent; for the platform's own clients.
    #[arg(long)]
    skip_consent: bool,
}

/// The JSON of a file.
pub(super) fn file(path: &PathBuf) -> Result<Value> {
    let told = |why: String| Error::fault(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| told(error.to_string()))
}

/// The members of a file.
pub(super) fn members(path: &PathBuf) -> Result<Map<String, Value>> {
    match file(path)? {
        Value::Object(members) => Ok(members),
        _ => Err(Error::fault(format!("{}: is no JSON object", path.display()))),
    }
}

impl New {
    fn metadata(&self) -> Result<Map<String, Value>> {
        let mut sent = self.metadata.as_ref().map(members).transpose()?.unwrap_or_default();
        let mut set = |name: &str, value: Value| drop(sent.insert(name.to_owned(), value));
        let texts = [
            ("client_name", &self.name),
            ("token_endpoint_auth_method", &self.auth_method),
            ("jwks_uri", &self.jwks_uri),
            ("tls_client_auth_subject_dn", &self.tls_subject_dn),
            ("scope", &self.scope),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                set(name, json!(text));
            }
        }
        let lists = [
            ("redirect_uris", &self.redirect_uris),
            ("post_logout_redirect_uris", &self.post_logout_redirect_uris),
            ("grant_types", &self.grant_types),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                set(name, json!(list));
            }
        }
        let flags = [
            ("require_pushed_authorization_requests", self.require_par),
            ("dpop_bound_access_tokens", self.dpop_bound),
        ];
        for (name, on) in flags {
            if on {
                set(name, json!(true));
            }
        }
        if self.public {
            set("token_endpoint_auth_method", json!("none"));
        }
        if let Some(path) = &self.jwks {
            set("jwks", file(path)?);
        }
        self.defaults(&mut sent);
        Ok(sent)
    }

    /// What an operator means who says nothing else.
    fn defaults(&self, sent: &mut Map<String, Value>) {
        let public = sent.get("token_endpoint_auth_method") == Some(&json!("none"));
        let uris = sent.get("redirect_uris").and_then(Value::as_array).cloned().unwrap_or_default();
        let own_scheme = uris.iter().filter_map(Value::as_str).any(registration::is_private_use);
        if own_scheme && !sent.contains_key("application_type") {
            sent.insert("application_type".to_owned(), json!("native"));
        }
        if !sent.contains_key("grant_types") && self.metadata.is_none() {
            let mut grants = Vec::new();
            if !uris.is_empty() {
                grants.extend(["authorization_code", "refresh_token"]);
            }
            if !public {
                grants.push("client_credentials");
            }
            sent.insert("grant_types".to_owned(), json!(grants));
        }
    }
}

/// Registers it; prints its id, and its secret where it has one.
pub(super) async fn create(house: &House, new: New) -> Result<()> {
    let owner = match &new.company {
        Some(slug) => Some(company::find(house, slug).await?),
        None => None,
    };
    if new.skip_consent && owner.is_some() {
        return Err(Error::invalid("skip-consent", "is for the platform's own clients"));
    }
    let profile = Profile::read(&new.profile).ok_or_else(|| Error::invalid("profile", "is unknown"))?;
    let consent = if new.skip_consent { ConsentRule::Skip } else { ConsentRule::Ask };
    let blank = Client { consent, profile, ..Client::blank(Client::fresh_id(), owner, Origin::Own) };
    let mut client = accept(house, &new.metadata()?, blank).await?;
    let secret = provide_secret(house, &mut client, SecretWish::Renew)?;
    super::save(house, &client, Event::ClientCreated { client: client.id.clone() }).await?;
    println!("client id      {}", client.id);
    if let Some(secret) = secret {
        println!("client secret  {}   (shown this once)", secret.reveal());
    }
    Ok(())
}
