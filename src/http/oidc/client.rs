//! The client that proved who it is, with the form that it sent.

use std::sync::Arc;

use axum::RequestExt as _;
use axum::extract::{FromRequest, Request};
use axum::http::header::AUTHORIZATION;

use crate::domain::oidc::client_auth::{self, Sent};
use crate::http::Shared;
use crate::http::context::Cx;
use crate::model::client::Client;
use crate::model::error::{Error, Result};
use crate::model::params::Params;

/// There is no other way to an authenticated client.
#[derive(Debug)]
pub struct Authenticated {
    /// The client.
    pub client: Arc<Client>,
    /// Its form.
    pub params: Params,
}

impl FromRequest<Shared> for Authenticated {
    type Rejection = Error;

    async fn from_request(mut request: Request, house: &Shared) -> Result<Self> {
        let Cx(cx) = request.extract_parts().await?;
        let path = request.uri().path().to_owned();
        let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().map(str::to_owned));
        let unreadable = |_| Error::oauth("invalid_client", "the Authorization header cannot be read");
        let header = header.transpose().map_err(unreadable)?;
        let params = Params::from_request(request, house).await?;
        let sent = Sent { header: header.as_deref(), params: &params, path: &path };
        let client = client_auth::authenticate(house, &cx, &sent).await?;
        Ok(Self { client, params })
    }
}
