//! A storm of sign-ins is turned away at the door: while nobody who signs in finds a place, they are told so before the layers, and to
//! tell hundreds takes little from everybody else. Whoever comes past it may still find that the last place is gone.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;
use uuid::Uuid;

use super::Shared;
use super::context::REQUEST_ID;
use super::face::{self, Face};
use super::headers::{self, Nonce};
use crate::domain::metrics::requests::Class;
use crate::domain::person::sign_in;
use crate::model::error::Error;

/// Where people send their passwords.
const SIGN_IN: &str = "/login";

/// The answer to somebody who cannot sign in now.
pub fn turned_away<B>(house: &Shared, request: &Request<B>) -> Option<Response> {
    // A node that is told to stop says more in its answers.
    if request.uri().path() != SIGN_IN || request.method() != Method::POST || house.is_stopping() {
        return None;
    }
    let error = sign_in::place(house).err()?;
    let Error::Busy(wait) = &error else { return None };
    let watch = house.metrics.requests.begin(Some(SIGN_IN), Method::POST.as_str());
    let (number, nonce) = (Uuid::new_v4().as_simple().to_string(), Nonce::fresh());
    let mut response = face::plain(Face::Page, &error, &number, &nonce);
    headers::set(house, &nonce, &mut response);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.whole_seconds().max(1).unsigned_abs()));
    response.headers_mut().extend(HeaderValue::from_str(&number).ok().map(|number| (REQUEST_ID, number)));
    house.metrics.requests.turned_away();
    watch.end(Class::ServerError);
    Some(response)
}
