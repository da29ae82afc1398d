//! Makes the grant at the end of a flow, and the answer that it gives: a code, an ID token, or both.

use serde_json::{Map, Value};
use time::Duration;

use super::authorize::{AcrWish, Answer, AuthorizationRequest, ResponseType};
use super::token::{self, Bound};
use super::{claims, grant as grants, session_state, subject};
use crate::domain::house::House;
use crate::domain::person::ACR_PASSWORD;
use crate::domain::person::visitor::Visitor;
use crate::model::authorization_details::AuthorizationDetails;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::GrantId;
use crate::model::secret::Secret;
use crate::storage::company::Joined;
use crate::storage::consent::Given;
use crate::storage::grant::Living;
use crate::storage::scope::CompanyTx;
use crate::storage::{account, code, consent, grant, login};

/// RFC 6749, section 4.1.2, asks for at most ten minutes; nobody needs more than this.
const CODE_LIVES: Duration = Duration::seconds(60);

/// The answer for this person in this company. `consented` is what they allowed a moment ago, to be remembered.
pub async fn answer(
    house: &House,
    cx: &Context,
    (client, request): (&Client, &AuthorizationRequest),
    (visitor, joined): (&Visitor, &Joined),
    consented: Option<Given>,
) -> Result<Answer> {
    let mut tx = house.db.account(visitor.account).await?;
    // Where the person signs out at this moment, either the grant ends with the login, or there is none.
    if !login::hold(&mut tx, visitor.login, cx.now).await? {
        drop(tx);
        return request.to.refusal(house, cx.now, "login_required", "the person signed out a moment ago").await;
    }
    let mut tx = tx.enter(joined.company.id()).await?;
    let subject = subject::of(&mut tx, client, visitor.account).await?;
    let fresh = fresh(house, cx, (client, request), visitor, subject);
    grant::insert(&mut tx, &fresh, cx.now).await?;
    let mut params = Vec::new();
    if request.response_type.gives_code() {
        let secret = Secret::generate();
        let place = code::Place {
            redirect_uri: request.to.redirect_uri(),
            code_challenge: request.code_challenge.as_deref(),
            dpop_jkt: request.dpop_jkt.as_deref(),
        };
        code::insert(&mut tx, &secret.digest(), fresh.id, place, (cx.now, cx.now + CODE_LIVES)).await?;
        params.push(("code", secret.reveal().to_owned()));
    }
    let signed = match request.response_type {
        ResponseType::Code => None,
        _ => Some(front_channel(cx, &mut tx, request, fresh.id).await?),
    };
    if let Some(given) = consented {
        let before = consent::find(&mut tx, visitor.account, &request.client_id).await?.unwrap_or_default();
        consent::save(&mut tx, visitor.account, &request.client_id, &given.or(&before), cx.now).await?;
        let event = Event::ConsentGiven { client: request.client_id.clone(), scope: given.scopes.to_string() };
        tx.commit(cx, event).await?;
    } else {
        // The trail hears of it when the code becomes tokens.
        tx.commit_unremarkable().await?;
    }
    if let Some((living, more)) = signed {
        let code = params.first().map(|(_, code)| code.clone());
        let bound = Bound { code: code.as_deref(), state: request.to.state(), ..Bound::default() };
        params.push(("id_token", token::id_token(house, cx, client, &living, (bound, more)).await?));
    }
    if request.scopes().has("openid") {
        let state = session_state::of_answer(house, &client.id, request.to.redirect_uri(), visitor.login)?;
        params.extend(state.map(|state| ("session_state", state)));
    }
    request.to.answer(house, cx.now, params).await
}

fn fresh(
    house: &House,
    cx: &Context,
    (client, request): (&Client, &AuthorizationRequest),
    visitor: &Visitor,
    subject: Option<String>,
) -> grant::Fresh {
    let scopes = request.scopes();
    let lives = if client.is_given_refresh_token(&scopes) {
        house.settings.refresh_token_lifetime
    } else {
        house.settings.access_token_lifetime
    };
    grant::Fresh {
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
        acr: if request.acr == AcrWish::Password { ACR_PASSWORD.to_owned() } else { visitor.acr.clone() },
        subject,
        authorization_details: request.authorization_details.as_ref().map(AuthorizationDetails::to_json),
        resources: request.resources.clone(),
        expires_at: cx.now + CODE_LIVES + lives,
    }
}

/// What the ID token of the authorization endpoint says beyond the standing claims. Where no code comes along there will be no
/// userinfo, so what scopes ask for stands here too (OpenID Connect Core, section 5.4).
async fn front_channel(
    cx: &Context,
    tx: &mut CompanyTx,
    request: &AuthorizationRequest,
    id: GrantId,
) -> Result<(Living, Map<String, Value>)> {
    let Some(living) = grant::living(tx, id, cx.now).await? else {
        // Left the company a moment ago.
        return Err(Error::oauth("access_denied", "the person does not belong to this company any more"));
    };
    let account = account::find_member(tx, living.account).await?.ok_or(Error::NotFound("person"))?;
    let mut more = claims::of_id_token(&account, &living);
    if request.response_type == ResponseType::IdToken {
        more.extend(claims::of_userinfo(&account, &living, &living.scopes));
    }
    let more = grants::with_nonce(more, &living);
    Ok((living, more))
}
