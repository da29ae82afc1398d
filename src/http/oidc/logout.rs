//! `/oauth2/logout`: a client sends the browser here to end the login (RP-Initiated Logout 1.0).

use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::domain::oidc::{frontchannel_logout, logout};
use crate::http::Shared;
use crate::http::body::Params;
use crate::http::context::Cx;
use crate::http::headers::FormTarget;
use crate::http::page::frame::{Frame, show as render};
use crate::http::page::logout::{LogoutPage, end, signed_out};
use crate::http::session::{Browser, PageForm};
use crate::model::error::Result;

/// Reads the request, by GET or POST; ends the login, or asks first.
pub async fn begin(
    State(house): State<Shared>,
    Cx(cx): Cx,
    browser: Browser,
    frame: Frame,
    request: Request,
) -> Result<Response> {
    let params = Params::from_request(request, &house).await?;
    let wanted = logout::check(&house, &cx, &params).await?;
    let visitor = browser.visitor(&house, &cx, None).await?;
    if !wanted.must_ask(visitor.as_ref()) {
        let mut visits = match wanted.hinted {
            Some((account, login)) => frontchannel_logout::farewell(&house, &cx, account, login).await?,
            None => Vec::new(),
        };
        visits.extend(end(&house, &cx, &browser).await?);
        return signed_out(frame, visits, wanted.target(params.get("state"))?);
    }
    let kept = ["client_id", "id_token_hint", "post_logout_redirect_uri", "state"];
    let fields =
        kept.iter().filter_map(|name| params.get(name).map(|value| ((*name).to_owned(), value.to_owned()))).collect();
    let frame = frame.branded(visitor.as_ref().and_then(|visitor| visitor.company.as_ref()));
    let page = LogoutPage {
        frame,
        email: visitor.map(|visitor| visitor.email),
        action: "/oauth2/logout/confirm".to_owned(),
        fields,
    };
    let mut response = render(StatusCode::OK, &page)?;
    if let Some(uri) = &wanted.return_to {
        response.extensions_mut().insert(FormTarget(uri.clone()));
    }
    Ok(response)
}

/// What the question carries.
#[derive(Debug, Deserialize)]
pub struct Confirmed {
    client_id: Option<String>,
    id_token_hint: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// The person said yes. What the form carries is checked as if it came anew.
pub async fn confirm(
    State(house): State<Shared>,
    Cx(cx): Cx,
    browser: Browser,
    frame: Frame,
    PageForm(confirmed): PageForm<Confirmed>,
) -> Result<Response> {
    let params: Params = [
        ("client_id", confirmed.client_id),
        ("id_token_hint", confirmed.id_token_hint),
        ("post_logout_redirect_uri", confirmed.post_logout_redirect_uri),
        ("state", confirmed.state),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
    .collect();
    let wanted = logout::check(&house, &cx, &params).await?;
    let visits = end(&house, &cx, &browser).await?;
    signed_out(frame, visits, wanted.target(params.get("state"))?)
}
