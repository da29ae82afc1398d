//! `/oauth2/authorize`: reads the request, and leads the browser from step to step until there is an answer.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::domain::oidc::authorize::{self, Answer, Carrier, Checked};
use crate::domain::oidc::flow::{self, Flow, Step};
use crate::domain::person::visitor::Visitor;
use crate::http::Shared;
use crate::http::body::{Params, QueryOf};
use crate::http::context::Cx;
use crate::http::headers::FormTarget;
use crate::http::page::frame::show as render;
use crate::http::session::Browser;
use crate::model::context::Context;
use crate::model::error::Result;

#[derive(Template)]
#[template(path = "page/form_post.html")]
struct FormPostPage {
    action: String,
    fields: Vec<(&'static str, String)>,
}

/// A request by POST goes on as one by GET: browsers keep our cookie from forms of other sites, but not from links.
pub async fn post(State(house): State<Shared>, request: Request) -> Result<Response> {
    use axum::extract::FromRequest as _;
    let params = Params::from_request(request, &house).await?;
    Ok(Redirect::to(&format!("/oauth2/authorize?{}", params.query())).into_response())
}

/// A request by GET.
pub async fn get(State(house): State<Shared>, Cx(cx): Cx, browser: Browser, params: Params) -> Result<Response> {
    let (client, request) = match authorize::check(&house, &cx, &params).await? {
        Checked::Good(good) => *good,
        Checked::Refused(answer) => return respond(answer),
    };
    let visitor = browser.visitor(&house, &cx, Some(&client)).await?;
    let flow = Flow::new(&cx, client, request);
    match (flow::next(&house, &flow, visitor.as_ref()).await?, visitor) {
        (Step::Issue(joined), Some(visitor)) => respond(flow::issue(&house, &cx, &flow, &visitor, &joined).await?),
        (Step::Refuse(code, why), _) => respond(flow::refuse(&house, &cx, &flow, code, why).await?),
        (step, _) => {
            let id = flow::begin(&house, &cx, &flow, &browser.key().await?).await?;
            Ok(page(&step, id.reveal()))
        }
    }
}

/// Which flow goes on.
#[derive(Debug, Deserialize)]
pub struct Going {
    flow: String,
}

/// A step is done: on to the next.
pub async fn go_on(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(going): QueryOf<Going>,
    browser: Browser,
) -> Result<Response> {
    let flow = flow::need(&house, &cx, &going.flow, &browser.key().await?).await?;
    let visitor = browser.visitor(&house, &cx, Some(&flow.client)).await?;
    proceed(&house, &cx, (flow, &going.flow), visitor).await
}

/// On to the next step of a flow of this name, or to its answer.
pub async fn proceed(
    house: &Shared,
    cx: &Context,
    (flow, id): (Flow, &str),
    visitor: Option<Visitor>,
) -> Result<Response> {
    match (flow::next(house, &flow, visitor.as_ref()).await?, visitor) {
        (Step::Issue(joined), Some(visitor)) => respond(flow::issue(house, cx, &flow, &visitor, &joined).await?),
        (Step::Refuse(code, why), _) => respond(flow::refuse(house, cx, &flow, code, why).await?),
        (step, _) => Ok(page(&step, id)),
    }
}

fn page(step: &Step, flow: &str) -> Response {
    let path = match step {
        Step::Register => "/register",
        Step::SecondFactor => "/login/totp",
        Step::SetUpSecondFactor => "/setup-mfa",
        Step::Company => "/login/company",
        Step::Consent(_) => "/login/consent",
        _ => "/login",
    };
    Redirect::to(&format!("{path}?flow={flow}")).into_response()
}

/// Sends an answer to the client.
pub fn respond(answer: Answer) -> Result<Response> {
    let encoded = || url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&answer.params).finish();
    match answer.carrier {
        Carrier::Query => {
            // Appended to the text, so that a registered query stays byte by byte as it was.
            let joint = if answer.redirect_uri.contains('?') { '&' } else { '?' };
            Ok(Redirect::to(&format!("{}{joint}{}", answer.redirect_uri, encoded())).into_response())
        }
        Carrier::Fragment => Ok(Redirect::to(&format!("{}#{}", answer.redirect_uri, encoded())).into_response()),
        Carrier::FormPost => {
            let target = FormTarget(answer.redirect_uri.clone());
            let page = FormPostPage { action: answer.redirect_uri, fields: answer.params };
            let mut response = render(StatusCode::OK, &page)?;
            response.extensions_mut().insert(target);
            Ok(response)
        }
    }
}
