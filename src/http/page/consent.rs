//! `/login/consent`: what the app will be able to do, and whether the person wants that.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use url::Url;

use super::flow::Steps;
use super::frame::{Frame, show as render};
use super::login::{leading_to, waiting};
use crate::domain::oidc::flow::{self, Flow, Step};
use crate::domain::oidc::resource;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::oidc::authorize::respond;
use crate::http::session::{Browser, PageForm};
use crate::model::authorization_details::AuthorizationDetails;
use crate::model::client::Origin;
use crate::model::error::{Error, Result};
use crate::model::scope::Scopes;

#[derive(Template)]
#[template(path = "page/consent.html")]
struct ConsentPage {
    frame: Frame,
    query: String,
    client_name: String,
    /// Whose document the client is, where it is one: the only name that is proved.
    client_host: Option<String>,
    /// Where a client that registered itself has people sent: all that is proved of it.
    returns_to: Option<String>,
    logo_uri: Option<String>,
    company: String,
    company_name: String,
    account: String,
    email: String,
    scopes: Vec<String>,
    details: Vec<(String, Vec<(String, String)>)>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
}

/// What a scope lets an app do, as people read it.
pub fn words(scopes: &Scopes) -> Vec<&'static str> {
    let said = [
        ("openid", "Know who you are, your company and your role there"),
        ("profile", "See your name and the rest of your profile"),
        ("email", "See your e-mail address"),
        ("phone", "See your phone number"),
        ("address", "See your postal address"),
        ("company", "See your company's name"),
        ("offline_access", "Stay connected when you are not there"),
    ];
    said.iter().filter(|(scope, _)| scopes.has(scope)).map(|(_, words)| *words).collect()
}

/// As [`words`], and the scopes of the APIs that tokens are for.
fn said(scopes: &Scopes, apis: &[(String, Scopes)]) -> Vec<String> {
    let known = words(scopes).into_iter().map(str::to_owned);
    let there = apis.iter().flat_map(|(name, offered)| {
        let scopes = scopes.and(offered);
        if scopes.is_empty() {
            return vec![format!("Use {name} in your name")];
        }
        scopes.iter().map(|scope| format!("{name}: {scope}")).collect::<Vec<_>>()
    });
    known.chain(there).collect()
}

fn returns_to(flow: &Flow) -> Option<String> {
    let target = Url::parse(flow.request.to.redirect_uri()).ok().filter(|_| flow.client.origin == Origin::Dynamic)?;
    // Before the host of a scheme of its own an app may write any name.
    let host = target.host_str().filter(|_| matches!(target.scheme(), "http" | "https"));
    Some(host.map_or_else(|| format!("{}:", target.scheme()), str::to_owned))
}

/// Shows the question.
pub async fn show(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    browser: Browser,
    frame: Frame,
) -> Result<Response> {
    let id = steps.flow.as_deref().ok_or(Error::NotFound("sign-in"))?;
    let waits = waiting(&house, &cx, &browser, &steps).await?;
    let flow = flow::need(&house, &cx, id, &browser.key().await?).await?;
    let visitor = browser.visitor(&house, &cx, Some(&flow.client)).await?;
    let (Step::Consent(joined), Some(visitor)) = (flow::next(&house, &flow, visitor.as_ref()).await?, visitor) else {
        return Ok(Redirect::to(&steps.onward()).into_response());
    };
    let page = ConsentPage {
        frame: frame.branded(Some(&joined.company)),
        query: steps.query(),
        client_name: flow.client.name.clone(),
        client_host: flow.client.document_host(),
        returns_to: returns_to(&flow),
        logo_uri: flow.client.logo_uri.clone(),
        company: joined.company.id().to_string(),
        company_name: joined.company.name.clone(),
        account: visitor.account.to_string(),
        email: visitor.email.clone(),
        scopes: said(&flow.request.wants(), &resource::names(&house, &flow.request.resources).await?),
        details: flow.request.authorization_details.as_ref().map(AuthorizationDetails::words).unwrap_or_default(),
        policy_uri: flow.client.policy_uri.clone(),
        tos_uri: flow.client.tos_uri.clone(),
    };
    Ok(leading_to(render(StatusCode::OK, &page)?, waits.as_ref()))
}

/// The button that was pressed.
#[derive(Debug, Deserialize)]
pub struct Decided {
    #[serde(default)]
    decision: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    company: String,
}

/// Keeps the decision, and goes on.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    browser: Browser,
    PageForm(decided): PageForm<Decided>,
) -> Result<Response> {
    let id = steps.flow.as_deref().ok_or(Error::NotFound("sign-in"))?;
    let flow = flow::need(&house, &cx, id, &browser.key().await?).await?;
    let visitor = browser.visitor(&house, &cx, Some(&flow.client)).await?;
    let (Step::Consent(joined), Some(visitor)) = (flow::next(&house, &flow, visitor.as_ref()).await?, visitor) else {
        return Ok(Redirect::to(&steps.onward()).into_response());
    };
    // Somebody else signed in meanwhile, or another company was chosen: that question was never answered.
    if decided.account != visitor.account.to_string() || decided.company != joined.company.id().to_string() {
        return Ok(Redirect::to(&steps.onward()).into_response());
    }
    match decided.decision.as_str() {
        "allow" => {
            flow::allow(&house, flow, &visitor, joined.company.id()).await?;
            Ok(Redirect::to(&steps.onward()).into_response())
        }
        "deny" => respond(flow::deny(&house, &cx, &flow, (visitor.account, joined.company.id())).await?),
        _ => Err(Error::Malformed("the form says neither allow nor deny".into())),
    }
}
