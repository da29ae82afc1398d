//! Listens and serves: plain or with our own TLS, until SIGTERM or SIGINT, and then drains.

use std::net::SocketAddr;
use std::time::Duration;

use axum::ServiceExt;
use axum::extract::Request;
use axum_server::Handle;
use axum_server::tls_openssl::{OpenSSLAcceptor, OpenSSLConfig};
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod, SslOptions, SslVersion};
use tokio::signal::unix::{SignalKind, signal};

use super::certificate::Asking;
use super::published::Front;
use super::{Shared, routes};
use crate::model::error::{Error, Result};
use crate::model::settings::TlsFiles;

/// How long requests in flight may take when we are told to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until told to stop. `ready` is called once the port is open.
///
/// # Errors
/// The port is taken, or certificate and key cannot be used.
pub async fn run(house: &Shared, ready: impl FnOnce(SocketAddr)) -> Result<()> {
    let (router, settings) = (Front::before(house, routes::router(house)), &house.settings);
    if let Some(address) = settings.metrics_listen {
        operators(house, address)?;
    }
    let listener = std::net::TcpListener::bind(settings.listen)
        .map_err(|error| Error::fault(format!("cannot listen on {}: {error} (see LISTEN)", settings.listen)))?;
    listener.set_nonblocking(true).map_err(Error::fault)?;
    let address = listener.local_addr().map_err(Error::fault)?;
    let (handle, mtls_handle) = (Handle::new(), Handle::new());
    let mtls = match (&settings.tls, settings.mtls.listen) {
        (Some(files), Some(address)) => Some(asking(router.clone(), files, address, mtls_handle.clone())?),
        _ => None,
    };
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(router);
    tokio::spawn(drain_when_told(house.clone(), [handle.clone(), mtls_handle]));
    let served = if let Some(files) = &settings.tls {
        let config = OpenSSLConfig::try_from(acceptor(files)?).map_err(|error| Error::fault(error.to_string()))?;
        ready(address);
        let server = axum_server::from_tcp(listener).map_err(Error::fault)?;
        server.acceptor(OpenSSLAcceptor::new(config)).handle(handle).serve(service).await
    } else {
        ready(address);
        axum_server::from_tcp(listener).map_err(Error::fault)?.handle(handle).serve(service).await
    };
    served.map_err(Error::fault)?;
    match mtls {
        Some(mtls) => mtls.await.map_err(Error::fault)?,
        None => Ok(()),
    }
}

/// Serves the same on a port of its own that asks for clients' certificates, until the handle says stop.
///
/// # Errors
/// The port is taken, or certificate and key cannot be used.
pub fn asking(
    router: Front,
    files: &TlsFiles,
    address: SocketAddr,
    handle: Handle<SocketAddr>,
) -> Result<tokio::task::JoinHandle<Result<()>>> {
    let listener = std::net::TcpListener::bind(address)
        .map_err(|error| Error::fault(format!("cannot listen on {address}: {error} (see MTLS_LISTEN)")))?;
    let server = axum_server::from_tcp(listener).map_err(Error::fault)?.acceptor(Asking::new(files)?).handle(handle);
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(router);
    Ok(tokio::spawn(async move { server.serve(service).await.map_err(Error::fault) }))
}

/// Serves what is for operators, for as long as the process lives: a node that drains is watched too.
fn operators(house: &Shared, address: SocketAddr) -> Result<()> {
    let listener = std::net::TcpListener::bind(address)
        .map_err(|error| Error::fault(format!("cannot listen on {address}: {error} (see METRICS_LISTEN)")))?;
    let server = axum_server::from_tcp(listener).map_err(Error::fault)?;
    let service = routes::operator_router(house).into_make_service();
    tokio::spawn(async move {
        if let Err(error) = server.serve(service).await {
            tracing::error!(%error, "metrics are not served any more");
        }
    });
    Ok(())
}

/// Told to stop, a node says so at `/readyz` and goes on serving for a while, until load balancers have heard of it. Then it takes
/// no new connection, and finishes what is in flight. Told again, it waits no longer.
async fn drain_when_told(house: Shared, handles: [Handle<SocketAddr>; 2]) {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    house.stop();
    let delay = house.settings.stop_delay.unsigned_abs();
    tracing::info!(seconds = delay.as_secs(), "stopping: not ready any more, new callers are served for a while");
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    tracing::info!("requests in flight are finished");
    for handle in handles {
        handle.graceful_shutdown(Some(DRAIN));
    }
}

/// TLS 1.3, and of TLS 1.2 only ECDHE with AES-GCM (RFC 9325, section 4.2).
///
/// # Errors
/// Certificate and key cannot be read, or do not belong together.
pub fn acceptor(files: &TlsFiles) -> Result<openssl::ssl::SslAcceptorBuilder> {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
    acceptor.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    acceptor.set_cipher_list(
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
    )?;
    acceptor.set_options(SslOptions::NO_RENEGOTIATION);
    let told = |what: &str, error: openssl::error::ErrorStack| Error::fault(format!("{what} cannot be used: {error}"));
    acceptor.set_certificate_chain_file(&files.cert).map_err(|error| told("TLS_CERT", error))?;
    acceptor.set_private_key_file(&files.key, SslFiletype::PEM).map_err(|error| told("TLS_KEY", error))?;
    acceptor.check_private_key().map_err(|error| told("TLS_KEY with TLS_CERT", error))?;
    // HTTP/1.1 only: nothing here needs more, and one parser is enough to defend.
    acceptor.set_alpn_select_callback(|_, offered| {
        openssl::ssl::select_next_proto(b"\x08http/1.1", offered).ok_or(openssl::ssl::AlpnError::NOACK)
    });
    Ok(acceptor)
}
