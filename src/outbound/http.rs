//! The guarded client for calls to others: https only, no redirects, short, small, and never to an address of our own
//! network. The check stands in the resolver, so that it holds for every connection, also after DNS answers change.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use url::{Host, Url};

use crate::model::error::{Error, Result};
use crate::model::settings::{Loopback, Settings};

/// At most this many bytes of an answer are read.
const LIMIT: usize = 256 * 1024;

/// Fetches what others publish.
#[derive(Debug, Clone)]
pub struct Guarded {
    client: reqwest::Client,
    loopback: Loopback,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotFetched {
    /// The URL is not one that we call.
    #[error("{0} is not called: {1}")]
    Refused(String, &'static str),
    /// The other side, or the way to it.
    #[error("{0}")]
    Failed(String),
}

impl Guarded {
    /// Reads the extra CA.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn new(settings: &Settings) -> Result<Self> {
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .connect_timeout(Duration::from_secs(2))
            .dns_resolver(Arc::new(PublicOnly(settings.outbound_loopback)));
        if let Some(path) = &settings.outbound_ca {
            let pem =
                std::fs::read(path).map_err(|error| Error::fault(format!("OUTBOUND_CA cannot be read: {error}")))?;
            client = client.add_root_certificate(reqwest::Certificate::from_pem(&pem).map_err(Error::fault)?);
        }
        Ok(Self { client: client.build().map_err(Error::fault)?, loopback: settings.outbound_loopback })
    }

    /// The body of a 200 answer.
    ///
    /// # Errors
    /// The URL is refused, or the other side does not answer with 200 and a small body in time.
    #[tracing::instrument(target = "countersign_parts", level = "debug", name = "call", skip_all, fields(otel.kind = "client", server.address = url.host_str()))]
    pub async fn get(&self, url: &Url) -> std::result::Result<Vec<u8>, NotFetched> {
        self.check(url)?;
        let failed = |error: reqwest::Error| NotFetched::Failed(error.without_url().to_string());
        let mut answer = self.client.get(url.clone()).headers(trace_context()).send().await.map_err(failed)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(NotFetched::Failed(format!("the answer is {}", answer.status())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LIMIT {
                return Err(NotFetched::Failed("the answer is too large".to_owned()));
            }
        }
        Ok(body)
    }

    /// Posts a form. Any 2xx will do; nothing of the answer is read.
    ///
    /// # Errors
    /// The URL is refused, or the other side does not answer with success in time.
    #[tracing::instrument(target = "countersign_parts", level = "debug", name = "call", skip_all, fields(otel.kind = "client", server.address = url.host_str()))]
    pub async fn post_form(&self, url: &Url, form: &[(&str, &str)]) -> std::result::Result<(), NotFetched> {
        self.check(url)?;
        let failed = |error: reqwest::Error| NotFetched::Failed(error.without_url().to_string());
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client.post(url.clone()).headers(trace_context());
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        let answer = request.send().await.map_err(failed)?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(NotFetched::Failed(format!("the answer is {}", answer.status())))
        }
    }

    fn check(&self, url: &Url) -> std::result::Result<(), NotFetched> {
        let refused = |why| Err(NotFetched::Refused(url.origin().ascii_serialization(), why));
        let address = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return refused("it has no host"),
        };
        if url.scheme() != "https" {
            return refused("it is not https");
        }
        if address.is_some_and(|ip| !may_call(ip, self.loopback)) {
            return refused("the address is not public");
        }
        Ok(())
    }
}

/// W3C Trace Context: the span that a call belongs to, where spans are exported.
fn trace_context() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let span = tracing::Span::current().context();
    TraceContextPropagator::new().inject_context(&span, &mut HeaderInjector(&mut headers));
    headers
}

/// Fetches from ourselves, for the operator who named the URL: it may well be on a private network.
///
/// # Errors
/// What went wrong.
pub async fn own(settings: &Settings, url: &str) -> std::result::Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5));
    if let Some(path) = &settings.outbound_ca {
        client = client.add_root_certificate(reqwest::Certificate::from_pem(&std::fs::read(path)?)?);
    }
    Ok(client.build()?.get(url).send().await?.error_for_status()?.bytes().await?.to_vec())
}

/// Whether an address is one of the public network (IANA's special-purpose registries), or loopback where that is allowed.
pub fn may_call(ip: IpAddr, loopback: Loopback) -> bool {
    let ip = ip.to_canonical();
    if ip.is_loopback() {
        return loopback == Loopback::Allowed;
    }
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // Global unicast only, without documentation, Teredo and 6to4 (which hide other addresses).
            (first & 0xe000) == 0x2000 && !(first == 0x2001 && (second == 0xdb8 || second < 0x200)) && first != 0x2002
        }
    }
}

/// Resolves names to public addresses only.
struct PublicOnly(Loopback);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|address| may_call(address.ip(), loopback)).collect();
            if good.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_looked_at_each_time_it_is_resolved() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(PublicOnly(Loopback::Refused).resolve(name()).await.is_err());
        let mut found = PublicOnly(Loopback::Allowed).resolve(name()).await.unwrap();
        assert!(found.all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn a_call_names_the_span_it_belongs_to_where_spans_are_exported() {
        use opentelemetry::trace::TracerProvider as _;
        use tracing_subscriber::layer::SubscriberExt as _;

        let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _span = tracing::info_span!("request").entered();
            let headers = trace_context();
            assert_eq!(headers.get("traceparent").unwrap().len(), 55);
        });
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            let _span = tracing::info_span!("request").entered();
            assert!(trace_context().is_empty());
        });
    }

    #[test]
    fn only_public_addresses_are_called() {
        for bad in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "2001:db8::1",
            "2002:a00:1::",
            "2001::1",
            "64:ff9b::a00:1",
        ] {
            assert!(!may_call(bad.parse().unwrap(), Loopback::Refused), "{bad}");
        }
        for good in ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"] {
            assert!(may_call(good.parse().unwrap(), Loopback::Refused), "{good}");
        }
        assert!(may_call("127.0.0.1".parse().unwrap(), Loopback::Allowed));
        assert!(!may_call("10.0.0.1".parse().unwrap(), Loopback::Allowed));
    }
}
