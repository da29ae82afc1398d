//! What is published for everybody, metadata and keys, is asked for more often than anything else, and is the same for all: an answer
//! that the routes gave stands for a moment, and is given again without a walk through every layer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use axum::BoxError;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, ORIGIN};
use axum::http::{self, HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use futures_util::future::Either;
use time::{Duration, OffsetDateTime};
use tower::Service;
use uuid::Uuid;

use super::context::REQUEST_ID;
use super::{Shared, door};
use crate::domain::metrics::requests::Class;

/// Only these: they depend on nothing that a request carries.
const PATHS: [&str; 3] =
    ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth2/jwks"];
/// How long an answer stands. Keys are read at most two seconds after they changed, and this comes on top of the reading.
const STANDS: Duration = Duration::milliseconds(250);
/// None of these answers is longer.
const LONGEST: usize = 256 * 1024;

/// The routes, behind what was published a moment ago.
#[derive(Debug, Clone)]
pub struct Front {
    house: Shared,
    router: Router,
    kept: Arc<RwLock<HashMap<&'static str, Kept>>>,
}

#[derive(Debug, Clone)]
struct Kept {
    at: OffsetDateTime,
    /// Which keys they were.
    keys: u64,
    headers: HeaderMap,
    body: Bytes,
}

impl Front {
    /// Before these routes.
    pub fn before(house: &Shared, router: Router) -> Self {
        Self { house: Arc::clone(house), router, kept: Arc::default() }
    }

    /// What stands for this path at this moment.
    fn kept(&self, path: &'static str) -> Option<Response> {
        // A node that is told to stop says more in its answers.
        if self.house.is_stopping() {
            return None;
        }
        let Kept { at, keys, headers, body } =
            self.kept.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()?;
        if (self.house.clock.now() - at).abs() >= STANDS || keys != self.house.keyring.changes() {
            return None;
        }
        let watch = self.house.metrics.requests.begin(Some(path), Method::GET.as_str());
        let mut response = Response::new(Body::from(body));
        *response.headers_mut() = headers;
        if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().as_simple().to_string()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        watch.end(Class::Success);
        Some(response)
    }

    /// Asks the routes, and keeps their answer.
    async fn ask(mut self, path: &'static str, request: Request) -> Result<Response, Infallible> {
        let (at, keys) = (self.house.clock.now(), self.house.keyring.changes());
        let (mut head, body) = self.router.call(request).await?.into_parts();
        if head.status != StatusCode::OK || self.house.is_stopping() {
            return Ok(Response::from_parts(head, body));
        }
        let Ok(body) = to_bytes(body, LONGEST).await else {
            head.status = StatusCode::INTERNAL_SERVER_ERROR;
            return Ok(Response::from_parts(head, Body::empty()));
        };
        let mut headers = head.headers.clone();
        headers.remove(REQUEST_ID);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let kept = Kept { at, keys, headers, body: body.clone() };
        self.kept.write().unwrap_or_else(PoisonError::into_inner).insert(path, kept);
        Ok(Response::from_parts(head, Body::from(body)))
    }
}

/// The path, of a request that everybody could have sent.
fn published<B>(request: &http::Request<B>) -> Option<&'static str> {
    let path = PATHS.into_iter().find(|path| *path == request.uri().path())?;
    // Scripts are told that they may read it.
    let plain = request.method() == Method::GET && !request.headers().contains_key(ORIGIN);
    plain.then_some(path)
}

/// An answer that stands, the routes' own, or the one between.
type Answering = Either<
    Ready<Result<Response, Infallible>>,
    Either<RouteFuture<Infallible>, Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>>,
>;

impl<B> Service<http::Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The routes are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answering {
        if let Some(answer) = door::turned_away(&self.house, &request) {
            return Either::Left(ready(Ok(answer)));
        }
        let Some(path) = published(&request) else {
            return Either::Right(Either::Left(self.router.call(request.map(Body::new))));
        };
        match self.kept(path) {
            Some(answer) => Either::Left(ready(Ok(answer))),
            None => Either::Right(Either::Right(Box::pin(self.clone().ask(path, request.map(Body::new))))),
        }
    }
}
