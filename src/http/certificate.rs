//! The certificate of a client on its way in: asked for on a listener of its own, so that browsers are not bothered, or told by
//! a trusted proxy. A header that says so is believed of nobody else.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

use axum::Extension;
use axum::extract::Request;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use axum_server::tls_openssl::{OpenSSLAcceptor, OpenSSLConfig};
use openssl::ssl::{SslOptions, SslRef, SslSessionCacheMode, SslVerifyMode};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::Layer as _;

use super::Shared;
use super::server::acceptor;
use crate::model::certificate::Certificate;
use crate::model::error::{Error, Result};
use crate::model::settings::TlsFiles;

/// Accepts connections and asks for a client's certificate, without requiring one.
#[derive(Debug, Clone)]
pub struct Asking(OpenSSLAcceptor);

impl Asking {
    /// With the server's own certificate.
    ///
    /// # Errors
    /// Certificate and key cannot be read, or do not belong together.
    pub fn new(files: &TlsFiles) -> Result<Self> {
        let mut tls = acceptor(files)?;
        // The handshake proves that the client holds the key. Whether the certificate is good is for the client's method to say:
        // one that is registered needs nobody to vouch for it.
        tls.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        // A resumed session would not show the certificate's chain again.
        tls.set_session_cache_mode(SslSessionCacheMode::OFF);
        tls.set_options(SslOptions::NO_TICKET);
        tls.set_num_tickets(0)?;
        let config = OpenSSLConfig::try_from(tls).map_err(|error| Error::fault(error.to_string()))?;
        Ok(Self(OpenSSLAcceptor::new(config)))
    }
}

/// A connection being accepted.
type Accepting<Stream, Service> = Pin<Box<dyn Future<Output = io::Result<(Stream, Service)>> + Send>>;

impl<I, S> Accept<I, S> for Asking
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Send + 'static,
{
    type Stream = <OpenSSLAcceptor as Accept<I, S>>::Stream;
    type Service = AddExtension<<OpenSSLAcceptor as Accept<I, S>>::Service, Option<Certificate>>;
    type Future = Accepting<Self::Stream, Self::Service>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepting = self.0.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepting.await?;
            let shown = shown(stream.ssl());
            Ok((stream, Extension(shown).layer(service)))
        })
    }
}

fn shown(connection: &SslRef) -> Option<Certificate> {
    let leaf = connection.peer_certificate()?;
    // On this side, the chain does not begin with the certificate itself.
    let chain = connection.peer_cert_chain().map(|chain| chain.iter().map(ToOwned::to_owned).collect());
    Certificate::new(leaf, chain.unwrap_or_default())
}

/// The certificate that came with a request: what a trusted proxy tells where one is between us and the client, otherwise that
/// of the connection.
pub fn of(house: &Shared, peer: Option<IpAddr>, request: &Request) -> Option<Certificate> {
    if let Some(header) = &house.settings.mtls.header
        && peer.is_some_and(|peer| house.settings.trusts(peer))
    {
        let mut told = request.headers().get_all(header).iter();
        // A second one would be the client's own.
        return match (told.next(), told.next()) {
            (Some(told), None) => Certificate::read(told.to_str().ok()?),
            _ => None,
        };
    }
    request.extensions().get::<Option<Certificate>>().cloned().flatten()
}
