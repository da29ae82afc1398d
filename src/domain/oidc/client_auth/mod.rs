//! Client authentication at the token endpoint and its neighbours (RFC 6749, section 2.3). A client proves itself in one way,
//! and in the way that it registered.

pub mod assertion;
pub mod certificate;
pub mod secret;

use std::sync::Arc;

use crate::domain::house::House;
use crate::model::client::{AuthMethod, Client};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::params::Params;
use crate::model::secret::Secret;
use crate::model::settings::Settings;

/// What a client sent.
#[derive(Debug)]
pub struct Sent<'a> {
    /// The `Authorization` header.
    pub header: Option<&'a str>,
    /// The form.
    pub params: &'a Params,
    /// The path of the endpoint that was called.
    pub path: &'a str,
}

/// What stands in a request to prove who sent it.
#[derive(Debug)]
enum Proof<'a> {
    Secret(Secret),
    /// A JWT (RFC 7523, section 2.2).
    Assertion(&'a str),
    /// Nothing in the form: a public client only names itself, and a certificate comes with the connection.
    None,
}

fn refused(why: &'static str) -> Error {
    Error::oauth("invalid_client", why)
}

/// The methods that work here.
pub fn supported(settings: &Settings) -> impl Iterator<Item = AuthMethod> {
    let (certificates, vouched) = (settings.mtls.is_on(), settings.mtls.authorities.is_some());
    AuthMethod::ALL.into_iter().filter(move |method| match method {
        AuthMethod::TlsClientAuth => certificates && vouched,
        AuthMethod::SelfSignedTlsClientAuth => certificates,
        _ => true,
    })
}

/// The client behind a request.
///
/// # Errors
/// `invalid_client`; `invalid_request` where it proves itself in two ways at once.
pub async fn authenticate(house: &House, cx: &Context, sent: &Sent<'_>) -> Result<Arc<Client>> {
    let (id, proof) = read(sent)?;
    let found = super::client::find(house, cx, &id).await?;
    let client =
        found.filter(|client| client.disabled_at.is_none()).ok_or_else(|| refused("the client is not known"))?;
    if !client.rules().auth_methods.contains(&client.auth_method) {
        return Err(refused("the client's profile does not allow its authentication method"));
    }
    match (client.auth_method, proof) {
        // RFC 6749, section 2.3.1: header and form carry the same secret.
        (AuthMethod::SecretBasic | AuthMethod::SecretPost, Proof::Secret(secret)) if client.accepts(&secret) => {}
        (AuthMethod::PrivateKeyJwt | AuthMethod::SecretJwt, Proof::Assertion(jwt)) => {
            assertion::check(house, cx, &client, (jwt, sent.path)).await?;
        }
        (AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth, Proof::None) => {
            certificate::check(house, cx, &client).await?;
        }
        (AuthMethod::None, Proof::None) => {}
        _ => return Err(refused("the client did not prove who it is, in the way that it registered")),
    }
    Ok(client)
}

/// Who the client says it is, and the one proof of it.
fn read<'a>(sent: &Sent<'a>) -> Result<(String, Proof<'a>)> {
    let secret = sent.params.get("client_secret").map(Secret::received);
    let assertion = sent.params.get("client_assertion");
    if usize::from(sent.header.is_some()) + usize::from(secret.is_some()) + usize::from(assertion.is_some()) > 1 {
        return Err(Error::oauth("invalid_request", "the client proves itself in two ways at once"));
    }
    let (named, proof) = if let Some(header) = sent.header {
        let (name, secret) =
            secret::read_basic(header).ok_or_else(|| refused("the Authorization header cannot be read"))?;
        (Some(name), Proof::Secret(secret))
    } else if let Some(jwt) = assertion {
        if sent.params.get("client_assertion_type") != Some(assertion::TYPE) {
            return Err(refused("the client_assertion_type is not supported"));
        }
        (assertion::subject(jwt), Proof::Assertion(jwt))
    } else {
        (None, secret.map_or(Proof::None, Proof::Secret))
    };
    match (named, sent.params.get("client_id")) {
        (Some(name), Some(id)) if name != id => {
            Err(Error::oauth("invalid_request", "client_id names another client than its proof"))
        }
        (Some(name), _) => Ok((name, proof)),
        (None, Some(id)) => Ok((id.to_owned(), proof)),
        (None, None) => Err(refused("no client names itself")),
    }
}
