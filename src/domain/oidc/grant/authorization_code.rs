//! `grant_type=authorization_code` (RFC 6749, section 4.1.3; RFC 7636, section 4.6). A code works once; its second use kills
//! what the first one gave.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use super::{Tokens, id_claims, mint, refused, with_nonce};
use crate::domain::house::House;
use crate::domain::oidc::binding::Evidence;
use crate::domain::oidc::resource;
use crate::domain::oidc::token::AccessRights;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::params::Params;
use crate::model::secret::Secret;
use crate::storage::code::{self, Taken};
use crate::storage::event::Noted;
use crate::storage::held::{self, Asked};

/// Redeems a code: what it stands for is read in one statement, and used up and reported in another.
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
    let found = held::find(&house.db, Asked::Code(digest), cx.now).await?;
    // A code of another client is left as it is: whoever stole it must not be able to use it up.
    let held = found.filter(|held| held.whose.client_id == client.id).ok_or_else(unknown)?;
    let noted = noted(cx, client);
    if held.used_at.is_some() {
        // RFC 6749, section 4.1.2: all that was given for it dies.
        code::take(&house.db, code::Use { digest, whose: held.whose, refresh: None, bind: None, noted }).await?;
        return Err(unknown());
    }
    if held.redirect_uri.as_deref() != Some(params.need("redirect_uri")?) {
        return Err(refused("the redirect_uri is another than in the authorization request"));
    }
    verify(held.code_challenge.as_deref(), params.get("code_verifier"))?;
    evidence.demand_key(held.dpop_jkt.as_deref())?;
    let confirmation = evidence.confirmation(client)?;
    let (living, account) = *held.living.ok_or_else(|| refused("the grant has ended"))?;
    let resources = resource::chosen(house, &living.resources, params)?;
    let rights =
        AccessRights { confirmation: confirmation.clone(), ..AccessRights::of(house, &living, living.scopes.clone()) };
    let rights = resource::narrow(house, (client, Some(living.company)), &resources, rights).await?;
    let refresh = client.is_given_refresh_token(&living.scopes).then(Secret::generate);
    let using = code::Use {
        digest,
        whose: held.whose,
        refresh: refresh.as_ref().map(|secret| (secret.digest(), cx.now + house.settings.refresh_token_lifetime)),
        // RFC 9449, section 5: refresh tokens of public clients are bound too. Those of the others are bound to the client already.
        bind: confirmation.filter(|_| refresh.is_some() && client.is_public()),
        noted,
    };
    let claims = id_claims(&account, &living, &living.scopes).map(|claims| with_nonce(claims, &living));
    // Minted beside the statement, and given only where the code was good.
    let (taken, tokens) =
        super::beside(code::take(&house.db, using), mint(house, cx, client, &living, (rights, claims))).await;
    // Where somebody was faster by a moment, that is a second use too.
    if taken? != Taken::Taken {
        return Err(unknown());
    }
    let mut tokens = tokens?;
    tokens.refresh_token = refresh.map(|secret| secret.reveal().to_owned());
    Ok(tokens)
}

fn noted(cx: &Context, client: &Client) -> Noted {
    let issued = Event::TokensIssued { client: client.id.clone(), grant_type: "authorization_code" };
    Noted::of(cx, &issued, &Event::CodeReused { client: client.id.clone() })
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
