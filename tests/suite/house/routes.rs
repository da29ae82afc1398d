//! The page of routes.

use std::collections::BTreeSet;

use countersign::http::gate::Access;
use countersign::http::routes::routes;

/// Whoever opens a route to everybody adds it here, and knows it.
const PUBLIC: &[&str] = &["GET /assets/{file}", "GET /healthz", "GET /oauth2/jwks", "GET /readyz"];

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
fn no_route_stands_twice() {
    let mut seen = BTreeSet::new();
    for route in routes() {
        assert!(seen.insert((route.method.to_string(), route.path)), "{} {}", route.method, route.path);
    }
}
