//! Makes the grant and its code at the end of a flow.

use time::Duration;

use super::authorize::{Answer, AuthorizationRequest};
use super::subject;
use crate::domain::house::House;
use crate::domain::person::visitor::Visitor;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::event::Event;
use crate::model::id::GrantId;
use crate::model::scope::Scopes;
use crate::model::secret::Secret;
use crate::storage::company::Joined;
use crate::storage::{code, consent, grant};

/// RFC 6749, section 4.1.2, asks for at most ten minutes; nobody needs more than this.
const CODE_LIVES: Duration = Duration::seconds(60);

/// A code for this person in this company. `consented` is what they allowed a moment ago, to be remembered.
pub async fn code(
    house: &House,
    cx: &Context,
    (client, request): (&Client, &AuthorizationRequest),
    (visitor, joined): (&Visitor, &Joined),
    consented: Option<Scopes>,
) -> Result<Answer> {
    let scopes = request.scopes();
    let lives = if client.is_given_refresh_token(&scopes) {
        house.settings.refresh_token_lifetime
    } else {
        house.settings.access_token_lifetime
    };
    let secret = Secret::generate();
    let mut tx = house.db.company(joined.company.id(), Some(visitor.account)).await?;
    let fresh = grant::Fresh {
        id: GrantId::new(cx.now),
        account: visitor.account,
        client_id: request.client_id.clone(),
        login: visitor.login,
        scopes,
        audience: house.settings.issuer.clone(),
        nonce: request.nonce.clone(),
        claims: request.claims.clone(),
        auth_time: visitor.auth_time,
        amr: visitor.amr.clone(),
        acr: visitor.acr.clone(),
        subject: subject::of(&mut tx, client, visitor.account).await?,
        authorization_details: None,
        resources: Vec::new(),
        expires_at: cx.now + CODE_LIVES + lives,
    };
    grant::insert(&mut tx, &fresh, cx.now).await?;
    let place = (request.to.redirect_uri(), request.code_challenge.as_deref(), None);
    code::insert(&mut tx, &secret.digest(), fresh.id, place, (cx.now, cx.now + CODE_LIVES)).await?;
    if let Some(scopes) = consented {
        let before = consent::find(&mut tx, visitor.account, &request.client_id).await?.unwrap_or_default();
        consent::save(&mut tx, visitor.account, &request.client_id, &scopes.or(&before), cx.now).await?;
        let event = Event::ConsentGiven { client: request.client_id.clone(), scope: scopes.to_string() };
        tx.commit(cx, event).await?;
    } else {
        // The trail hears of it when the code becomes tokens.
        tx.commit_unremarkable().await?;
    }
    Ok(request.to.code(house, secret.reveal()))
}
