//! The headers that every answer carries, and the nonce for a page's one style element.

use std::collections::BTreeSet;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use url::Url;

use super::Shared;
use crate::model::secret::random;

/// The nonce of this answer's `<style>`.
#[derive(Debug, Clone, Default)]
pub struct Nonce(pub String);

/// Where this page's forms may lead besides our own pages. Browsers hold the redirects that answer a form to
/// `form-action` too, so a page inside a flow names the place that the flow returns to.
#[derive(Debug, Clone)]
pub struct FormTarget(pub String);

/// What this page frames: these addresses of apps. Nothing else can be framed.
#[derive(Debug, Clone)]
pub struct Frames(pub Vec<Url>);

/// Anybody may frame this page. It brings a policy of its own.
#[derive(Debug, Clone, Copy)]
pub struct Framable;

impl Nonce {
    /// A new one.
    pub fn fresh() -> Self {
        Self(B64.encode(random::<16>()))
    }
}

/// The layer: sets what is not set already.
pub async fn layer(State(house): State<Shared>, mut request: Request, next: Next) -> Response {
    let nonce = Nonce::fresh();
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    set(&house, &nonce, &mut response);
    response
}

/// Sets what is not set already.
pub fn set(house: &Shared, nonce: &Nonce, response: &mut Response) {
    let target = response.extensions_mut().remove::<FormTarget>();
    let frames =
        response.extensions_mut().remove::<Frames>().map(|frames| frame_sources(&frames.0)).unwrap_or_default();
    let framable = response.extensions_mut().remove::<Framable>().is_some();
    let headers = response.headers_mut();
    let set = |headers: &mut HeaderMap, name: &'static str, value: &str| {
        let name = HeaderName::from_static(name);
        if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    let html = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if html {
        let target = target.and_then(|target| form_source(&target.0)).unwrap_or_default();
        set(
            headers,
            "content-security-policy",
            &format!(
                "default-src 'none'; style-src 'self' 'nonce-{}'; script-src 'self'; img-src 'self' https: data:; \
                 font-src 'self'; connect-src 'self'; form-action 'self'{target};{frames} frame-ancestors 'none'; base-uri 'none'",
                nonce.0
            ),
        );
    } else {
        set(headers, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    }
    set(headers, "x-content-type-options", "nosniff");
    if !framable {
        set(headers, "x-frame-options", "DENY");
    }
    set(headers, "referrer-policy", "no-referrer");
    set(headers, "permissions-policy", "camera=(), geolocation=(), microphone=()");
    if house.settings.issuer_is_https() {
        set(headers, "strict-transport-security", "max-age=31536000");
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The directive that lets a page frame these addresses: their origins.
fn frame_sources(urls: &[Url]) -> String {
    let origins: BTreeSet<String> = urls.iter().map(|url| url.origin().ascii_serialization()).collect();
    let origins: Vec<String> = origins.into_iter().collect();
    if origins.is_empty() { String::new() } else { format!(" frame-src {};", origins.join(" ")) }
}

/// A source expression for where this URL leads: its origin, or its scheme where it is an app's own.
fn form_source(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    match url.scheme() {
        "http" | "https" => Some(format!(" {}", url.origin().ascii_serialization())),
        scheme => Some(format!(" {scheme}:")),
    }
}
