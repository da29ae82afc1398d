//! `grant_type=authorization_code` (RFC 6749, section 4.1.3; RFC 7636, section 4.6). A code works once; its second use kills
//! what the first one gave.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use serde_json::Value;

use super::{Tokens, id_claims, mint, refused, with_nonce};
use crate::domain::house::House;
use crate::domain::oidc::binding::Evidence;
use crate::domain::oidc::resource;
use crate::domain::oidc::token::AccessRights;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::GrantId;
use crate::model::params::Params;
use crate::model::secret::Secret;
use crate::storage::scope::CompanyTx;
use crate::storage::{code, grant, refresh_token};

/// Redeems a code.
///
/// # Errors
/// `invalid_grant` for whatever is wrong with the code; `invalid_request` for what is missing; `invalid_dpop_proof` where tokens
/// of the client are bound and no proof came.
pub async fn redeem(
    house: &House,
    cx: &Context,
    client: &Client,
    params: &Params,
    evidence: &Evidence,
) -> Result<Tokens> {
    let digest = Secret::received(params.need("code")?).digest();
    let unknown = || refused("the code is unknown, was used, or is too old");
    let whose = code::whose(&house.db, &digest).await?.ok_or_else(unknown)?;
    // A code of another client is left as it is: whoever stole it must not be able to use it up.
    if whose.client_id != client.id {
        return Err(unknown());
    }
    let mut tx = house.db.company(whose.company, Some(whose.account)).await?;
    let row = code::find(&mut tx, &digest).await?.ok_or_else(unknown)?;
    if row.used_at.is_some() {
        // RFC 6749, section 4.1.2: all that was given for it dies.
        grant::end(&mut tx, whose.grant, cx.now).await?;
        tx.commit(cx, Event::CodeReused { client: client.id.clone() }).await?;
        return Err(unknown());
    }
    if row.redirect_uri != params.need("redirect_uri")? {
        return Err(refused("the redirect_uri is another than in the authorization request"));
    }
    verify(row.code_challenge.as_deref(), params.get("code_verifier"))?;
    evidence.demand_key(row.dpop_jkt.as_deref())?;
    let confirmation = evidence.confirmation(client)?;
    let living = grant::living(&mut tx, whose.grant, cx.now).await?.ok_or_else(|| refused("the grant has ended"))?;
    let resources = resource::chosen(house, &living.resources, params)?;
    if !code::take(&mut tx, &digest, cx.now).await? {
        if row.expires_at > cx.now {
            // Somebody was faster by a moment: that is a second use too.
            grant::end(&mut tx, whose.grant, cx.now).await?;
            tx.commit(cx, Event::CodeReused { client: client.id.clone() }).await?;
        }
        return Err(unknown());
    }
    let refresh = client.is_given_refresh_token(&living.scopes).then(Secret::generate);
    if let Some(secret) = &refresh {
        bind(&mut tx, client, living.id, confirmation.as_ref()).await?;
        let times = (cx.now, cx.now + house.settings.refresh_token_lifetime);
        refresh_token::insert(&mut tx, &secret.digest(), living.id, None, times).await?;
    }
    let claims = id_claims(&mut tx, &living, &living.scopes).await?.map(|claims| with_nonce(claims, &living));
    let event = Event::TokensIssued { client: client.id.clone(), grant_type: "authorization_code" };
    tx.commit(cx, event).await?;
    let rights = AccessRights { confirmation, ..AccessRights::of(house, &living, living.scopes.clone()) };
    let rights = resource::narrow(house, (client, living.company), &resources, rights).await?;
    let mut tokens = mint(house, cx, client, &living, (rights, claims)).await?;
    tokens.refresh_token = refresh.map(|secret| secret.reveal().to_owned());
    Ok(tokens)
}

/// RFC 9449, section 5: refresh tokens of public clients are bound too. Those of the others are bound to the client already.
async fn bind(tx: &mut CompanyTx, client: &Client, id: GrantId, confirmation: Option<&Value>) -> Result<()> {
    match confirmation {
        Some(confirmation) if client.is_public() => grant::bind(tx, id, confirmation).await,
        _ => Ok(()),
    }
}

/// RFC 7636, section 4.6. A verifier without a challenge is refused too (RFC 9700, section 4.8.2).
fn verify(challenge: Option<&str>, verifier: Option<&str>) -> Result<()> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(refused("a code_verifier, but the authorization request had no code_challenge")),
        (Some(_), None) => Err(refused("the code_verifier is missing")),
        (Some(challenge), Some(verifier)) => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(allowed) {
                return Err(Error::oauth("invalid_grant", "the code_verifier is not as RFC 7636 says"));
            }
            let hashed = B64.encode(openssl::sha::sha256(verifier.as_bytes()));
            if openssl::memcmp::eq(hashed.as_bytes(), challenge.as_bytes()) {
                Ok(())
            } else {
                Err(refused("the code_verifier does not belong to the code_challenge"))
            }
        }
    }
}
