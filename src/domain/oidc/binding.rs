//! The one place that says how tokens are sender-constrained: what a token is bound to when it is given (RFC 9449, section 5;
//! RFC 8705, section 3), and what must come with it when it is used.

use serde_json::{Map, Value, json};

use super::access;
use super::dpop::proof::Proof;
use super::dpop::{self, Sent};
use crate::domain::house::House;
use crate::domain::keys::Claims;
use crate::model::certificate::Certificate;
use crate::model::client::{BindingRule, Client};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::storage::client;

/// What a request showed of the keys that its sender holds.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// A DPoP proof, checked and used up.
    pub proof: Option<Proof>,
    /// The thumbprint of the certificate that came with the connection.
    pub certificate: Option<String>,
}

impl Evidence {
    /// What a request to the token endpoint, or one like it, shows.
    ///
    /// # Errors
    /// `invalid_dpop_proof`, `use_dpop_nonce`.
    pub async fn of(house: &House, cx: &Context, client: &Client, sent: &Sent) -> Result<Self> {
        let certificate = cx.certificate.as_ref().map(|shown| shown.thumbprint().to_owned());
        Ok(Self { proof: dpop::check(house, cx, client, sent, None).await?, certificate })
    }

    /// The thumbprint of the key that made the proof.
    pub fn jkt(&self) -> Option<&str> {
        self.proof.as_ref().map(|proof| proof.jkt.as_str())
    }

    /// The `cnf` (RFC 7800) of an access token that is given to this client now. `None` for a bearer token.
    ///
    /// # Errors
    /// `invalid_dpop_proof` or `invalid_request` where the client's tokens must be bound and there is nothing to bind them to.
    pub fn confirmation(&self, client: &Client) -> Result<Option<Value>> {
        let mut cnf = Map::new();
        cnf.extend(self.jkt().map(|jkt| ("jkt".to_owned(), json!(jkt))));
        if client.metadata.dpop_bound_access_tokens && self.proof.is_none() {
            return Err(Error::oauth(
                "invalid_dpop_proof",
                "tokens of this client are bound to a key: a proof is required",
            ));
        }
        let always = client.rules().binding == BindingRule::Always;
        // RFC 8705, section 3: a certificate that a client shows for another reason binds nothing.
        if client.metadata.tls_client_certificate_bound_access_tokens || (always && cnf.is_empty()) {
            cnf.extend(self.certificate.as_ref().map(|thumbprint| (X5T.to_owned(), json!(thumbprint))));
        }
        if client.metadata.tls_client_certificate_bound_access_tokens && self.certificate.is_none() {
            return Err(Error::oauth("invalid_request", "tokens of this client are bound to a certificate: show one"));
        }
        if always && cnf.is_empty() {
            let why = "tokens of this client are bound: a proof or a certificate is required";
            return Err(Error::oauth("invalid_dpop_proof", why));
        }
        Ok((!cnf.is_empty()).then_some(Value::Object(cnf)))
    }

    /// Holds whoever redeems a code to the key that the authorization request named (RFC 9449, section 10).
    ///
    /// # Errors
    /// `invalid_grant`.
    pub fn demand_key(&self, dpop_jkt: Option<&str>) -> Result<()> {
        match dpop_jkt {
            Some(jkt) if self.jkt() != Some(jkt) => {
                Err(Error::oauth("invalid_grant", "the code is bound to a key, and no proof of that key came with it"))
            }
            _ => Ok(()),
        }
    }

    /// Holds whoever refreshes to what the grant is bound to (RFC 9449, section 5): refresh tokens of public clients.
    ///
    /// # Errors
    /// `invalid_grant`.
    pub fn demand_same(&self, granted: Option<&Value>) -> Result<()> {
        // RFC 8705, section 7.1.
        if granted.and_then(x5t).is_some_and(|bound| self.certificate.as_deref() != Some(bound)) {
            let why = "the refresh token is bound to a certificate, and did not come with it";
            return Err(Error::oauth("invalid_grant", why));
        }
        self.demand_key(granted.and_then(jkt)).map_err(|_| {
            Error::oauth("invalid_grant", "the refresh token is bound to a key, and no proof of that key came with it")
        })
    }
}

/// RFC 8705, section 3.1.
const X5T: &str = "x5t#S256";

/// The certificate of a `cnf`.
fn x5t(cnf: &Value) -> Option<&str> {
    cnf.get(X5T).and_then(Value::as_str)
}

/// The key of a `cnf`.
fn jkt(cnf: &Value) -> Option<&str> {
    cnf.get("jkt").and_then(Value::as_str)
}

/// The `token_type` of a token with this `cnf` (RFC 6749, section 5.1; RFC 9449, section 5).
pub fn token_type(cnf: Option<&Value>) -> &'static str {
    if cnf.and_then(jkt).is_some() { "DPoP" } else { "Bearer" }
}

/// How an access token was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750.
    Bearer,
    /// RFC 9449, section 7.1.
    Dpop,
}

/// An access token on its way in, with all that came with it.
#[derive(Debug, Clone)]
pub struct Presented {
    /// How.
    pub scheme: Scheme,
    /// The token.
    pub token: String,
    /// The proof.
    pub sent: Sent,
}

impl Presented {
    /// `invalid_token`, in the words of the scheme.
    pub fn refused(&self, why: &'static str) -> Error {
        match self.scheme {
            Scheme::Bearer => Error::oauth("invalid_token", why),
            Scheme::Dpop => Error::Dpop { code: "invalid_token", description: why.into() },
        }
    }
}

/// The claims of a living access token that was presented as its binding demands. Whether its grant lives is another question.
///
/// # Errors
/// `invalid_token`, for a bound token that comes as a bearer's too (RFC 9449, section 7.2); `invalid_dpop_proof`, `use_dpop_nonce`.
pub async fn admit(house: &House, cx: &Context, presented: &Presented) -> Result<Claims> {
    let bad = || presented.refused("the access token is not valid here, or not valid any more");
    let claims = access::read(house, cx, &presented.token).await?.ok_or_else(bad)?;
    let shown = cx.certificate.as_ref().map(Certificate::thumbprint);
    if claims.get("cnf").and_then(x5t).is_some_and(|bound| shown != Some(bound)) {
        return Err(presented.refused("the access token is bound to a certificate, and did not come with it"));
    }
    match (presented.scheme, claims.get("cnf").and_then(jkt)) {
        (Scheme::Bearer, None) => Ok(claims),
        (Scheme::Bearer, Some(_)) => {
            Err(unproved("invalid_token", "the access token is bound to a key: it comes with a proof"))
        }
        (Scheme::Dpop, None) => Err(presented.refused("the access token is bound to no key: it is a bearer token")),
        (Scheme::Dpop, Some(jkt)) => {
            let id = claims.get("client_id").and_then(Value::as_str).unwrap_or_default();
            let client = client::find(&house.db, id, cx.now)
                .await?
                .filter(|client| client.disabled_at.is_none())
                .ok_or_else(bad)?;
            let proof = dpop::check(house, cx, &client, &presented.sent, Some(&presented.token)).await;
            let proof = proof.map_err(at_resource)?;
            let proof =
                proof.ok_or_else(|| unproved("invalid_dpop_proof", "the access token comes without a proof"))?;
            if proof.jkt != jkt {
                return Err(unproved("invalid_token", "the access token is bound to another key"));
            }
            Ok(claims)
        }
    }
}

fn unproved(code: &'static str, why: &'static str) -> Error {
    Error::Dpop { code, description: why.into() }
}

/// What is an error of a request at the token endpoint is a challenge at a resource (RFC 9449, sections 7.1 and 9).
fn at_resource(error: Error) -> Error {
    match error {
        Error::OAuth { code, description } => Error::Dpop { code, description },
        other => other,
    }
}
