//! A place among those who sign in, taken before anything is read for them: in a storm, whoever finds none is told so at once.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::Shared;
use crate::domain::hashing;
use crate::domain::person::sign_in;
use crate::model::error::Error;

/// The place, kept until the request is answered. It stands first among what a handler asks for.
#[derive(Debug)]
pub struct Place {
    _place: hashing::Place,
}

impl FromRequestParts<Shared> for Place {
    type Rejection = Error;

    async fn from_request_parts(_: &mut Parts, house: &Shared) -> Result<Self, Error> {
        Ok(Self { _place: sign_in::place(house)? })
    }
}
