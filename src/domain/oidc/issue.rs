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
use crate::model::id::{AccountId, CompanyId, GrantId};
use crate::model::secret::{Digest, Secret};
use crate::storage::company::Joined;
use crate::storage::consent::Given;
use crate::storage::grant::{Issued, Living};
use crate::storage::held::{self, Asked};
use crate::storage::{code, consent, grant};

/// Why a flow gives no second answer.
pub const OVER: Error = Error::Forbidden("this sign-in was finished in another tab; go back to the app");
/// RFC 6749, section 4.1.2, asks for at most ten minutes; nobody needs more than this.
const CODE_LIVES: Duration = Duration::seconds(60);

/// The answer for this person in this company. `flow` is what is kept of the request and ends with it, `consented` what they allowed a moment
/// ago, to be remembered.
///
/// # Errors
/// `Forbidden` where the flow has given its answer already.
pub async fn answer(
    house: &House,
    cx: &Context,
    (client, request): (&Client, &AuthorizationRequest),
    (visitor, joined): (&Visitor, &Joined),
    (flow, consented): (Option<Digest>, Option<Given>),
) -> Result<Answer> {
    let company = joined.company.id();
    if let Some(given) = consented {
        remember(house, cx, (company, visitor.account), &request.client_id, given).await?;
    }
    let subject = subject::of(house, client, visitor.account).await?;
    let fresh = fresh(house, cx, (client, request), visitor, subject);
    let secret = request.response_type.gives_code().then(Secret::generate);
    let code = secret.as_ref().map(|secret| code::Fresh {
        digest: secret.digest(),
        redirect_uri: request.to.redirect_uri().to_owned(),
        code_challenge: request.code_challenge.clone(),
        dpop_jkt: request.dpop_jkt.clone(),
        expires_at: cx.now + CODE_LIVES,
    });
    // Where the person signs out at this moment, either the grant ends with the login, or there is none. The trail hears of it
    // when the code becomes tokens.
    let hears_logout =
        client.metadata.backchannel_logout_uri.is_some() || client.metadata.frontchannel_logout_uri.is_some();
    let grant = fresh.id;
    let given = grant::Given { flow, company, grant: fresh, code, hears_logout, at: cx.now };
    match grant::issue(&house.db, given).await? {
        Issued::Kept => {}
        Issued::LoginOver => {
            return request.to.refusal(house, cx.now, "login_required", "the person signed out a moment ago").await;
        }
        Issued::FlowOver => return Err(OVER),
    }
    let mut params = Vec::new();
    params.extend(secret.map(|secret| ("code", secret.reveal().to_owned())));
    if request.response_type != ResponseType::Code {
        let (living, more) = front_channel(house, cx, request, (company, grant)).await?;
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

/// Remembers what the person allowed a moment ago, beside what they allowed before.
async fn remember(
    house: &House,
    cx: &Context,
    (company, person): (CompanyId, AccountId),
    client_id: &str,
    given: Given,
) -> Result<()> {
    let mut tx = house.db.company(company, Some(person)).await?;
    let before = consent::find(&mut tx, person, client_id).await?.unwrap_or_default();
    consent::save(&mut tx, person, client_id, &given.or(&before), cx.now).await?;
    let event = Event::ConsentGiven { client: client_id.to_owned(), scope: given.scopes.to_string() };
    tx.commit(cx, event).await
}

/// What the ID token of the authorization endpoint says beyond the standing claims. Where no code comes along there will be no
/// userinfo, so what scopes ask for stands here too (OpenID Connect Core, section 5.4).
async fn front_channel(
    house: &House,
    cx: &Context,
    request: &AuthorizationRequest,
    (company, id): (CompanyId, GrantId),
) -> Result<(Living, Map<String, Value>)> {
    let found = held::find(&house.db, Asked::AccessToken(company, id), cx.now).await?;
    let Some((living, account)) = found.and_then(|held| held.living).map(|living| *living) else {
        // Left the company a moment ago.
        return Err(Error::oauth("access_denied", "the person does not belong to this company any more"));
    };
    let mut more = claims::of_id_token(&account, &living);
    if request.response_type == ResponseType::IdToken {
        more.extend(claims::of_userinfo(&account, &living, &living.scopes));
    }
    let more = grants::with_nonce(more, &living);
    Ok((living, more))
}
