//! `/oauth2/userinfo`.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::domain::oidc::userinfo;
use crate::http::Shared;
use crate::http::body::Params;
use crate::http::context::Cx;
use crate::http::gate::bearer;
use crate::model::error::{Error, Result};

/// Shows the claims. The token comes in the header, or in a form (RFC 6750, sections 2.1 and 2.2), never in the query.
pub async fn show(State(house): State<Shared>, Cx(cx): Cx, request: Request) -> Result<Json<Map<String, Value>>> {
    let header = bearer(request.headers()).map(str::to_owned);
    let form = request.method() == Method::POST && request.headers().contains_key(CONTENT_TYPE);
    let posted =
        if form { Params::from_request(request, &house).await?.get("access_token").map(str::to_owned) } else { None };
    let token = match (header, posted) {
        (Some(_), Some(_)) => {
            return Err(Error::oauth("invalid_request", "the access token is sent in two ways at once"));
        }
        (header, posted) => header.or(posted),
    };
    let token = token.ok_or_else(|| Error::oauth("invalid_token", "an access token is required"))?;
    Ok(Json(userinfo::of(&house, &cx, &token).await?))
}
