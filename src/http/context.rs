//! Makes the context of each request: its instant, its number, and the caller's address through trusted proxies only.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{CONNECTION, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use super::{Shared, certificate, trace};
use crate::domain::metrics::requests::Class;
use crate::model::context::Context;
use crate::model::error::Error;

/// Names the request in its answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's context, as handlers ask for it.
#[derive(Debug, Clone)]
pub struct Cx(pub Context);

impl<S: Sync> FromRequestParts<S> for Cx {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::fault("a request without a context"))
    }
}

/// Outermost layer: everything inside has a context, and the answer names the request.
pub async fn layer(State(house): State<Shared>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let watch = house.metrics.requests.begin(route.map(MatchedPath::as_str), request.method().as_str());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let context = Context {
        now: house.clock.now(),
        request_id: Uuid::new_v4().as_simple().to_string(),
        ip: peer.map(|peer| caller(&house, peer, request.headers())),
        user_agent: request
            .headers()
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(|text| text.chars().take(300).collect()),
        certificate: certificate::of(&house, peer, &request),
    };
    let id = HeaderValue::from_str(&context.request_id);
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let span = trace::begin(&house.settings, &context.request_id, route, &request);
    request.extensions_mut().insert(Cx(context));
    let mut response = {
        use tracing::Instrument as _;
        next.run(request).instrument(span.clone()).await
    };
    if let Ok(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if house.is_stopping() {
        // So that callers who keep connections open take their next request to another node.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        house.metrics.requests.turned_away();
    }
    trace::end(&span, response.status());
    watch.end(class(response.status()));
    response
}

fn class(status: StatusCode) -> Class {
    match status.as_u16() / 100 {
        1 => Class::Informational,
        2 => Class::Success,
        3 => Class::Redirect,
        4 => Class::ClientError,
        _ => Class::ServerError,
    }
}

/// The right-most address of `X-Forwarded-For` that is not one of our proxies; the peer's own where it is no proxy. What stands
/// left of that, or of something that is no address, is not looked at.
fn caller(house: &Shared, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = |ip: &IpAddr| house.settings.trusts(*ip);
    if !trusted(&peer) {
        return peer;
    }
    let said: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .collect();
    // Each proxy adds whom it heard at the right end. Nothing is read beyond the first that is no proxy of ours: from there on,
    // anybody can write anything.
    let mut nearest = peer;
    for text in said.into_iter().rev() {
        let Some(ip) = forwarded(text.trim()) else { break };
        nearest = ip;
        if !trusted(&ip) {
            break;
        }
    }
    nearest
}

/// An address as proxies write it: bare, or with a port, as some do.
fn forwarded(text: &str) -> Option<IpAddr> {
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    address.ok().map(|ip| ip.to_canonical())
}
