//! A place among those who sign in, taken before anything is read from the database for them: in a storm, whoever finds none is told so
//! at once, and whoever finds one waits for their turn. The body is there by then, so that nobody holds a place by sending slowly.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};

use super::{Shared, body};
use crate::domain::hashing::Turn;
use crate::domain::person::sign_in;

/// What else a handler asks for, with place and turn, which are kept until the request is answered.
#[derive(Debug)]
pub struct Placed<T>(pub Turn, pub T);

impl<T: FromRequest<Shared>> FromRequest<Shared> for Placed<T> {
    type Rejection = Response;

    async fn from_request(request: Request, house: &Shared) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let whole = body::bytes(Request::from_parts(parts.clone(), body), house).await;
        let whole = whole.map_err(IntoResponse::into_response)?;
        let turn = sign_in::turn(house).await.map_err(IntoResponse::into_response)?;
        let rest = T::from_request(Request::from_parts(parts, Body::from(whole)), house).await;
        Ok(Self(turn, rest.map_err(IntoResponse::into_response)?))
    }
}
