//! URIs that clients register: which are accepted where. They are kept and compared as they were sent, never as a parser would
//! write them.

use url::{Host, Url};

use super::super::ApplicationType;

/// What a URI is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// People return there (RFC 6749, section 3.1.2; RFC 8252, section 7).
    Redirect(ApplicationType),
    /// Shown to people, or fetched.
    Https,
    /// Request objects: the fragment may be their digest (OpenID Connect Core, section 6.2).
    RequestObject,
    /// Told of logouts: https, or http on localhost.
    Logout,
}

/// Whether a redirect URI would be accepted.
///
/// # Errors
/// Why not, without its subject.
pub fn check_redirect(text: &str, application: ApplicationType) -> Result<(), &'static str> {
    check(text, Place::Redirect(application)).map(drop)
}

/// Whether this leads back to an app on a device by a scheme of its own (RFC 8252, section 7.1).
pub fn is_private_use(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| !matches!(url.scheme(), "http" | "https") && url.scheme().contains('.'))
}

/// The host that a redirect URI belongs to. `None` where that is nobody's: this machine, or a scheme of an app's own, which may
/// put any name where the host stands.
pub fn sector_host(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && !is_local(url))?;
    url.host_str().map(str::to_owned)
}

/// A URL that can be a client's id (OAuth Client ID Metadata Document, section 3): https with a path, without fragment, user or
/// dot segments.
pub fn document(text: &str) -> Option<Url> {
    let url = check(text, Place::Https).ok()?;
    let plain = text.len() <= 400 && url.path() != "/" && !text.to_ascii_lowercase().contains("%2e");
    // A parser takes dot segments away, and an address that it writes differently is not the one that was named.
    (plain && url.as_str() == text).then_some(url)
}

pub(super) fn check(text: &str, place: Place) -> Result<Url, &'static str> {
    let url = absolute(text)?;
    if url.fragment().is_some() && place != Place::RequestObject {
        return Err("must have no fragment");
    }
    let (scheme, local) = (url.scheme(), is_local(&url));
    match place {
        _ if scheme == "https" => Ok(url),
        Place::Redirect(_) | Place::Logout if scheme == "http" && local => Ok(url),
        Place::Redirect(ApplicationType::Native) if is_private_use(text) => Ok(url),
        Place::Redirect(ApplicationType::Native) => {
            Err("must be https, http on localhost, or a scheme of the app's own that holds a dot")
        }
        Place::Redirect(ApplicationType::Web) | Place::Logout => Err("must be https, or http on localhost"),
        Place::Https | Place::RequestObject => Err("must be https"),
    }
}

fn absolute(text: &str) -> Result<Url, &'static str> {
    const BAD: &str = "must be an absolute URI";
    // A parser mends what is not a URI; what it mends is refused here.
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`')) {
        return Err("must be an absolute URI of printable ASCII");
    }
    let url = Url::parse(text).map_err(|_| BAD)?;
    if matches!(url.scheme(), "http" | "https") {
        let written =
            text.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://") && !rest.starts_with(":///"));
        if !written || !url.has_host() {
            return Err(BAD);
        }
        // Policies of our pages name hosts, and there a semicolon, a comma or an asterisk means something (CSP, section 2.3).
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        if !url.host_str().is_some_and(|host| host.bytes().all(plain)) {
            return Err("must name a host of letters, digits, hyphens and dots");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must hold no user name and no password");
        }
    }
    Ok(url)
}

/// This machine, as the person's browser sees it.
pub(super) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
