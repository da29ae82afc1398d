//! `/oauth2/userinfo`.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::domain::oidc::binding::{Presented, Scheme};
use crate::domain::oidc::dpop::Sent;
use crate::domain::oidc::userinfo::{self, Answer};
use crate::http::Shared;
use crate::http::body::Params;
use crate::http::context::Cx;
use crate::http::dpop;
use crate::model::context::Context;
use crate::model::error::{Error, Result};

/// Shows the claims. The token comes in the header, or in a form (RFC 6750, sections 2.1 and 2.2), never in the query; one that
/// is bound to a key only in the header (RFC 9449, section 7.1).
pub async fn show(State(house): State<Shared>, Cx(cx): Cx, request: Request) -> Response {
    let sent = dpop::sent(&request);
    let answer = answer(&house, &cx, &sent, request).await.map(|answer| match answer {
        Answer::Plain(claims) => Json(claims).into_response(),
        // RFC 7519, section 10.3.1.
        Answer::Jwt(jwt) => ([(CONTENT_TYPE, "application/jwt")], jwt).into_response(),
    });
    dpop::offer(&house, &cx, &sent, answer.into_response())
}

async fn answer(house: &Shared, cx: &Context, sent: &Sent, request: Request) -> Result<Answer> {
    let header = dpop::presented(&request);
    let form = request.method() == Method::POST && request.headers().contains_key(CONTENT_TYPE);
    let posted =
        if form { Params::from_request(request, house).await?.get("access_token").map(str::to_owned) } else { None };
    let posted = posted.map(|token| Presented { scheme: Scheme::Bearer, token, sent: sent.clone() });
    let presented = match (header, posted) {
        (Some(_), Some(_)) => {
            return Err(Error::oauth("invalid_request", "the access token is sent in two ways at once"));
        }
        (header, posted) => header.or(posted),
    };
    let presented = presented.ok_or_else(|| Error::oauth("invalid_token", "an access token is required"))?;
    userinfo::of(house, cx, &presented).await
}
