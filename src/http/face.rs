//! One error, three faces: RFC 6749 JSON for OAuth, `application/problem+json` (RFC 9457) for the API, a page for people.
//! The route picks the face, so what extractors and the router refuse wears it too.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;
use super::context::Cx;
use super::headers::Nonce;
use super::page;
use crate::model::error::{Error, StepUp, printable};
use crate::model::jose::SigningAlgorithm;

/// How long a request may take. A full pool is told after five seconds and a slow statement after five more, so what takes longer
/// hangs on a connection whose other end is gone.
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(12);
/// When to ask again after an outage.
const SOON: time::Duration = time::Duration::seconds(2);

/// Who reads the errors of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// An OAuth client.
    OAuth,
    /// A caller of the management API.
    Problem,
    /// A person.
    Page,
}

impl Face {
    /// The face of a path that no route has.
    pub fn of_path(path: &str) -> Self {
        if path.starts_with("/api") || path == "/openapi.json" {
            Self::Problem
        } else if path.starts_with("/oauth2/authorize") || path.starts_with("/oauth2/logout") {
            Self::Page
        } else if path.starts_with("/oauth2") || path.starts_with("/.well-known") {
            Self::OAuth
        } else {
            Self::Page
        }
    }
}

/// An error on its way to its face.
#[derive(Clone)]
struct Pending(Arc<Error>);

/// Carries the error to the route's layer, which knows the face.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(Pending(Arc::new(self)));
        response
    }
}

/// As [`layer`], for paths that no route has.
pub async fn by_path(request: Request, next: Next) -> Response {
    let face = Face::of_path(request.uri().path());
    layer(State(face), request, next).await
}

/// The layer of a route: gives errors the route's face.
pub async fn layer(State(face): State<Face>, request: Request, next: Next) -> Response {
    let cx = request.extensions().get::<Cx>().cloned();
    let nonce = request.extensions().get::<Nonce>().cloned().unwrap_or_default();
    let number = cx.map(|cx| cx.0.request_id).unwrap_or_default();
    wear(face, next.run(request).await, &number, &nonce)
}

/// Outermost, for what other layers (sessions, the browser's state) fail at, and for requests that get no answer in time.
pub async fn last(State(house): State<Shared>, request: Request, next: Next) -> Response {
    let face = Face::of_path(request.uri().path());
    let cx = request.extensions().get::<Cx>().cloned();
    let nonce = request.extensions().get::<Nonce>().cloned().unwrap_or_default();
    let number = cx.map(|cx| cx.0.request_id).unwrap_or_default();
    let mut answering = std::pin::pin!(next.run(request));
    let response = match tokio::time::timeout(ANSWER_WITHIN, answering.as_mut()).await {
        // The session library could not keep a session; it has told the log why.
        Ok(response) if response.status() == StatusCode::INTERNAL_SERVER_ERROR && response.headers().is_empty() => {
            if response.extensions().get::<Pending>().is_some() {
                response
            } else {
                Error::Busy(SOON).into_response()
            }
        }
        Ok(response) => response,
        Err(_) => {
            // Said before what hangs is dropped: its connection is not used again unasked.
            house.db.doubt();
            Error::Unavailable("no answer in time".into()).into_response()
        }
    };
    wear(face, response, &number, &nonce)
}

/// Gives an error the face, and leaves what is none.
fn wear(face: Face, mut response: Response, number: &str, nonce: &Nonce) -> Response {
    let Some(Pending(error)) = response.extensions_mut().remove::<Pending>() else {
        return response;
    };
    match &*error {
        Error::Fault(source) => tracing::error!(chain = %chain(source.as_ref()), "fault"),
        Error::Unavailable(source) => tracing::warn!(chain = %chain(source.as_ref()), "the database cannot serve"),
        _ => {}
    }
    let mut shown = match face {
        Face::OAuth => oauth(&error, number),
        Face::Problem => problem(&error, number),
        Face::Page => page::error::show(&error, number, nonce),
    };
    let headers = shown.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let wait = match &*error {
        Error::TooMany(wait) | Error::Busy(wait) => Some(*wait),
        Error::Unavailable(_) => Some(SOON),
        _ => None,
    };
    if let Some(wait) = wait {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.whole_seconds().max(1).unsigned_abs()));
    }
    // What the handler set beside the error (a challenge, a cookie) stays.
    for (name, value) in response.headers() {
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    shown
}

/// What is refused outside any route's layers.
pub fn plain(face: Face, error: &Error, number: &str, nonce: &Nonce) -> Response {
    match face {
        Face::OAuth => oauth(error, number),
        Face::Problem => problem(error, number),
        Face::Page => page::error::show(error, number, nonce),
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The status of an error, the same in every face but for OAuth's own codes.
pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Malformed(_) => StatusCode::BAD_REQUEST,
        Error::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Error::WrongMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Error::Unauthenticated(_) | Error::Dpop { .. } | Error::StepUp(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        Error::Busy(_) | Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        // RFC 6749, section 5.2; RFC 6750, section 3.1.
        Error::OAuth { code: "invalid_client" | "invalid_token", .. } => StatusCode::UNAUTHORIZED,
        Error::OAuth { code: "insufficient_scope", .. } => StatusCode::FORBIDDEN,
        Error::OAuth { .. } => StatusCode::BAD_REQUEST,
        Error::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// RFC 6749, section 5.2. The codes beyond the registered ones are those of section 4.1.2.1.
fn oauth(error: &Error, number: &str) -> Response {
    let (code, description) = match error {
        Error::OAuth { code, description } | Error::Dpop { code, description } => (*code, description.to_string()),
        Error::Fault(_) => ("server_error", format!("something went wrong on our side; request {number}")),
        Error::Busy(_) | Error::TooMany(_) | Error::Unavailable(_) => ("temporarily_unavailable", error.to_string()),
        Error::Unauthenticated(_) => ("invalid_client", error.to_string()),
        Error::Forbidden(_) => ("access_denied", error.to_string()),
        other => ("invalid_request", other.to_string()),
    };
    let shown = Json(json!({ "error": code, "error_description": printable(&description) }));
    let mut response = (status(error), shown).into_response();
    let challenge = match code {
        _ if matches!(error, Error::Dpop { .. }) => dpop_challenge(Some(code)),
        "invalid_client" => Some(HeaderValue::from_static("Basic realm=\"countersign\"")),
        // RFC 6750, section 3.1.
        "invalid_token" => Some(HeaderValue::from_static("Bearer error=\"invalid_token\"")),
        "insufficient_scope" => Some(HeaderValue::from_static("Bearer error=\"insufficient_scope\", scope=\"openid\"")),
        _ => None,
    };
    let headers = response.headers_mut();
    headers.extend(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
    if matches!(error, Error::OAuth { code: "invalid_token", .. }) {
        // RFC 9449, section 7.2: the other scheme is taken too.
        headers.extend(dpop_challenge(None).map(|challenge| (WWW_AUTHENTICATE, challenge)));
    }
    response
}

/// RFC 9449, section 7.1.
fn dpop_challenge(code: Option<&str>) -> Option<HeaderValue> {
    let algorithms = SigningAlgorithm::ALL.map(SigningAlgorithm::as_str).join(" ");
    let error = code.map(|code| format!("error=\"{code}\", ")).unwrap_or_default();
    HeaderValue::from_str(&format!("DPoP {error}algs=\"{algorithms}\"")).ok()
}

/// RFC 9470, section 3.
fn step_up_challenge(lack: StepUp) -> Option<HeaderValue> {
    let wanted = match lack {
        StepUp::Recent(age) => format!("max_age=\"{}\"", age.whole_seconds()),
        StepUp::Strong(acr) => format!("acr_values=\"{acr}\""),
    };
    let description = printable(&lack.to_string());
    let challenge =
        format!("Bearer error=\"insufficient_user_authentication\", error_description=\"{description}\", {wanted}");
    HeaderValue::from_str(&challenge).ok()
}

/// RFC 9457.
fn problem(error: &Error, number: &str) -> Response {
    let status = status(error);
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": match error {
            Error::OAuth { description, .. } | Error::Dpop { description, .. } => description.to_string(),
            other => other.to_string(),
        },
        "request_id": number,
    });
    if let (Error::Invalid(flaws), Some(map)) = (error, body.as_object_mut()) {
        let flaws: Vec<Value> =
            flaws.iter().map(|flaw| json!({ "field": flaw.field, "message": flaw.message })).collect();
        map.insert("errors".to_owned(), Value::Array(flaws));
    }
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        let challenge = match error {
            Error::Dpop { code, .. } => dpop_challenge(Some(code)),
            Error::StepUp(lack) => step_up_challenge(*lack),
            // RFC 6750, section 3.
            _ => Some(HeaderValue::from_static("Bearer error=\"invalid_token\"")),
        };
        headers.extend(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
    }
    response
}
