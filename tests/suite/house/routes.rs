//! The page of routes.

use std::collections::BTreeSet;

use countersign::http::gate::Access;
use countersign::http::routes::{operator_routes, routes};

/// Whoever opens a route to everybody adds it here, and knows it.
const PUBLIC: &[&str] = &[
    "GET /",
    "GET /.well-known/oauth-authorization-server",
    "GET /.well-known/openid-configuration",
    "GET /assets/{file}",
    "GET /dev/mail",
    "GET /docs",
    "GET /forgot-password",
    "GET /healthz",
    "GET /join",
    "GET /login",
    "GET /login/backup-code",
    "GET /login/totp",
    "GET /logout",
    "GET /oauth2/authorize",
    "GET /oauth2/authorize/continue",
    "GET /oauth2/check-session",
    "GET /oauth2/jwks",
    "GET /oauth2/logout",
    "GET /openapi.json",
    "GET /readyz",
    "GET /register",
    "GET /reset-password",
    "GET /verify-email",
    "POST /api/auth/forgot-password",
    "POST /api/auth/login",
    "POST /api/auth/logout",
    "POST /api/auth/refresh",
    "POST /api/auth/register",
    "POST /api/auth/reset-password",
    "POST /api/auth/verify-email",
    "POST /api/auth/verify-mfa",
    "POST /forgot-password",
    "POST /join",
    "POST /login",
    "POST /login/backup-code",
    "POST /login/confirm-again",
    "POST /login/continue",
    "POST /login/totp",
    "POST /logout",
    "POST /oauth2/authorize",
    "POST /oauth2/logout",
    "POST /oauth2/logout/confirm",
    "POST /register",
    "POST /reset-password",
    "POST /verify-email",
];

#[test]
fn only_these_routes_are_open_to_everybody() {
    let open: BTreeSet<String> = routes()
        .iter()
        .filter(|route| route.access == Access::Public)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let listed: BTreeSet<String> = PUBLIC.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(open, listed);
}

#[test]
fn the_port_for_operators_has_this_route_and_no_other() {
    let lines: Vec<String> = operator_routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(lines, ["GET /metrics"]);
}

#[test]
fn no_route_stands_twice() {
    let mut seen = BTreeSet::new();
    for route in routes() {
        assert!(seen.insert((route.method.to_string(), route.path)), "{} {}", route.method, route.path);
    }
}
