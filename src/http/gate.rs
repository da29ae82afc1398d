//! Who may call a route. Every route says so on the page of routes; this layer holds it to that before the handler runs.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::context::Cx;
use super::session::Browser;
use super::{Shared, dpop};
use crate::domain::manage::caller::{self, Caller, Enroller};
use crate::domain::oidc::binding::Presented;
use crate::domain::person::visitor::Visitor;
use crate::model::error::{Error, Result};
use crate::model::role::Role;

/// Who may call. There is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// A client that proves who it is; the handler's extractor does that.
    Client,
    /// The bearer of an access token of OpenID Connect; the rule reads it.
    Bearer,
    /// The bearer of a token that registers clients or manages one; the rule reads it, and knows whether one is needed.
    Registrant,
    /// Somebody signed in in this browser.
    Person,
    /// Somebody signed in in this browser who is an admin of the chosen company.
    PersonAdmin,
    /// The bearer of an access token for the management API, with at least this role.
    Token(Role),
    /// Such a bearer, or somebody who must set a second factor up before they can sign in.
    Enroller,
}

/// The layer of a route.
pub async fn layer(State((house, access)): State<(Shared, Access)>, mut request: Request, next: Next) -> Response {
    let proofs = matches!(access, Access::Token(_) | Access::Enroller).then(|| dpop::sent(&request));
    let cx = context(&request).ok();
    let response = match admit(&house, access, &mut request).await {
        Ok(None) => next.run(request).await,
        Ok(Some(elsewhere)) => elsewhere,
        Err(error) => error.into_response(),
    };
    match (cx, proofs) {
        (Some(cx), Some(proofs)) => dpop::offer(&house, &cx.0, &proofs, response),
        _ => response,
    }
}

async fn admit(house: &Shared, access: Access, request: &mut Request) -> Result<Option<Response>> {
    match access {
        Access::Public | Access::Client | Access::Bearer | Access::Registrant => Ok(None),
        Access::Person | Access::PersonAdmin => {
            let Some(visitor) = visit(house, request).await? else {
                return if request.method() == Method::GET {
                    let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
                    let back: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
                    Ok(Some(Redirect::to(&format!("/login?next={back}")).into_response()))
                } else {
                    Err(Error::Unauthenticated("you are signed out; sign in and try again"))
                };
            };
            if access == Access::PersonAdmin && visitor.role != Some(Role::Admin) {
                return Err(Error::Forbidden("this page is for admins of the company"));
            }
            request.extensions_mut().insert(visitor);
            Ok(None)
        }
        Access::Token(least) => {
            let cx = context(request)?;
            let caller = caller::identify(house, &cx.0, &presented(request)?).await?;
            if caller.role < least {
                return Err(Error::Forbidden("your role does not allow this"));
            }
            request.extensions_mut().insert(caller);
            Ok(None)
        }
        Access::Enroller => {
            let cx = context(request)?;
            let enroller = caller::identify_enroller(house, &cx.0, &presented(request)?).await?;
            request.extensions_mut().insert(enroller);
            Ok(None)
        }
    }
}

fn context(request: &Request) -> Result<Cx> {
    request.extensions().get::<Cx>().cloned().ok_or_else(|| Error::fault("a request without a context"))
}

async fn visit(house: &Shared, request: &mut Request) -> Result<Option<Visitor>> {
    let cx = context(request)?;
    let (mut parts, body) = std::mem::take(request).into_parts();
    let browser = Browser::from_request_parts(&mut parts, &()).await;
    *request = Request::from_parts(parts, body);
    browser?.visitor(house, &cx.0, None).await
}

fn presented(request: &Request) -> Result<Presented> {
    dpop::presented(request).ok_or(Error::Unauthenticated("an access token is required"))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::fault("a route without its gate"))
    }
}

impl<S: Sync> FromRequestParts<S> for Enroller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::fault("a route without its gate"))
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::fault("a route without its gate"))
    }
}
