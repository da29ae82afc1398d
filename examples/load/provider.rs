//! What a provider says of itself (OpenID Connect Discovery), as far as it is driven here.

use std::net::{SocketAddr, ToSocketAddrs as _};

use serde::Deserialize;
use url::Url;

use crate::connection::{Connection, Failure, Result};

/// Where everything is: paths at one address.
#[derive(Debug, Clone)]
pub struct Provider {
    pub address: SocketAddr,
    /// For `Host`.
    pub host: String,
    pub base: Url,
    pub discovery: String,
    pub authorization: String,
    pub token: String,
    pub userinfo: String,
    pub introspection: String,
    pub jwks: String,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    introspection_endpoint: Option<String>,
}

impl Provider {
    /// Asks it.
    pub async fn discover(issuer: &str) -> Result<Self> {
        let base: Url = issuer.parse().map_err(|_| Failure::from("the issuer is no URL"))?;
        let host = base.host_str().filter(|_| base.scheme() == "http").ok_or("the issuer is not http")?;
        let port = base.port().unwrap_or(80);
        let mut found = (host, port).to_socket_addrs().map_err(|_| Failure::from("the issuer's host is unknown"))?;
        // Both servers listen on IPv4, and a name may lead to more.
        let address = found.find(SocketAddr::is_ipv4).ok_or("the issuer has no IPv4 address")?;
        if !address.ip().is_loopback() {
            return Err("the issuer is not on this machine".into());
        }
        let host = format!("{host}:{port}");
        let discovery = format!("{}/.well-known/openid-configuration", base.path().trim_end_matches('/'));
        let mut connection = Connection::new(address);
        let request = format!("GET {discovery} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = connection.ask(request.as_bytes()).await?.expect_status(200, &discovery)?;
        let said: Metadata = serde_json::from_slice(answer.body)
            .map_err(|error| Failure::from(format!("the discovery document: {error}")))?;
        if said.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err("the discovery document names another issuer".into());
        }
        let at = |url: &str| -> Result<String> {
            let url: Url = url.parse().map_err(|_| Failure::from("an endpoint that is no URL"))?;
            if url.port_or_known_default() != Some(port) {
                return Err("an endpoint elsewhere than the issuer".into());
            }
            Ok(url.path().to_owned())
        };
        Ok(Self {
            address,
            host,
            discovery,
            authorization: at(&said.authorization_endpoint)?,
            token: at(&said.token_endpoint)?,
            userinfo: said.userinfo_endpoint.as_deref().map_or_else(|| Ok(String::new()), at)?,
            introspection: said.introspection_endpoint.as_deref().map_or_else(|| Ok(String::new()), at)?,
            jwks: at(&said.jwks_uri)?,
            base,
        })
    }
}
