//! Every route on one page: method, path, who may call, which face its errors wear, and the handler.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::catch_panic::CatchPanicLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

use super::face::{self, Face};
use super::gate::{self, Access};
use super::session_store::Store;
use super::{Shared, api, body, browser_state, context, cors, headers, oidc, page};
use crate::model::error::Error;
use crate::model::role::Role;

/// One line of the page.
pub struct Route {
    /// GET, POST, …
    pub method: Method,
    /// As axum writes paths.
    pub path: &'static str,
    /// Who may call.
    pub access: Access,
    /// Who reads its errors.
    pub face: Face,
    handler: MethodRouter<Shared>,
}

fn route<H, T>(method: Method, path: &'static str, access: Access, face: Face, handler: H) -> Route
where
    H: Handler<T, Shared>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
    Route { method, path, access, face, handler: on(filter, handler) }
}

/// The page.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "all routes stand on one page")]
pub fn routes() -> Vec<Route> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    use Access::{Bearer, Client, Enroller, Person, PersonAdmin, Public, Registrant, Token};
    use Role::{Admin, Manager, User};
    use Face::{OAuth, Page, Problem};
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    vec![
        // What machines ask about us.
        route(GET, "/healthz", Public, Problem, api::health::alive),
        route(GET, "/readyz", Public, Problem, api::health::ready),
        // OpenID Connect.
        route(GET, "/.well-known/openid-configuration", Public, OAuth, oidc::discovery::show),
        route(GET, "/.well-known/oauth-authorization-server", Public, OAuth, oidc::discovery::show),
        route(GET, "/oauth2/jwks", Public, OAuth, oidc::jwks::show),
        route(GET, "/oauth2/authorize", Public, Page, oidc::authorize::get),
        route(POST, "/oauth2/authorize", Public, Page, oidc::authorize::post),
        route(GET, "/oauth2/authorize/continue", Public, Page, oidc::authorize::go_on),
        route(POST, "/oauth2/par", Client, OAuth, oidc::par::push),
        route(POST, "/oauth2/token", Client, OAuth, oidc::token::give),
        route(POST, "/oauth2/introspect", Client, OAuth, oidc::introspect::show),
        route(POST, "/oauth2/revoke", Client, OAuth, oidc::revoke::take),
        route(POST, "/oauth2/register", Registrant, OAuth, oidc::register::create),
        route(GET, "/oauth2/register/{client_id}", Registrant, OAuth, oidc::register::show),
        route(PUT, "/oauth2/register/{client_id}", Registrant, OAuth, oidc::register::replace),
        route(DELETE, "/oauth2/register/{client_id}", Registrant, OAuth, oidc::register::remove),
        route(GET, "/oauth2/userinfo", Bearer, OAuth, oidc::userinfo::show),
        route(POST, "/oauth2/userinfo", Bearer, OAuth, oidc::userinfo::show),
        route(GET, "/oauth2/logout", Public, Page, oidc::logout::begin),
        route(POST, "/oauth2/logout", Public, Page, oidc::logout::begin),
        route(GET, "/oauth2/check-session", Public, Page, oidc::check_session::show),
        route(POST, "/oauth2/logout/confirm", Public, Page, oidc::logout::confirm),
        // The management API.
        route(GET, "/openapi.json", Public, Problem, api::docs::openapi),
        route(GET, "/docs", Public, Page, api::docs::show),
        route(POST, "/api/auth/register", Public, Problem, api::auth::register),
        route(POST, "/api/auth/login", Public, Problem, api::auth::login),
        route(POST, "/api/auth/verify-mfa", Public, Problem, api::auth::verify_mfa),
        route(POST, "/api/auth/refresh", Public, Problem, api::auth::refresh),
        route(POST, "/api/auth/logout", Public, Problem, api::auth::logout),
        route(POST, "/api/auth/forgot-password", Public, Problem, api::auth::forgot_password),
        route(POST, "/api/auth/reset-password", Public, Problem, api::auth::reset_password),
        route(POST, "/api/auth/verify-email", Public, Problem, api::auth::verify_email),
        route(POST, "/api/auth/change-password", Token(User), Problem, api::auth::change_password),
        route(POST, "/api/auth/mfa/setup", Enroller, Problem, api::mfa::setup),
        route(POST, "/api/auth/mfa/enable", Enroller, Problem, api::mfa::enable),
        route(POST, "/api/auth/mfa/disable", Token(User), Problem, api::mfa::disable),
        route(GET, "/api/auth/mfa/backup-codes", Token(User), Problem, api::mfa::backup_codes),
        route(POST, "/api/auth/mfa/backup-codes", Token(User), Problem, api::mfa::renew_backup_codes),
        route(GET, "/api/users/me", Token(User), Problem, api::user::me),
        route(PUT, "/api/users/me", Token(User), Problem, api::user::update_me),
        route(GET, "/api/users", Token(Admin), Problem, api::user::list),
        route(POST, "/api/users", Token(Admin), Problem, api::user::add),
        route(GET, "/api/users/{id}", Token(Admin), Problem, api::user::show),
        route(PATCH, "/api/users/{id}", Token(Admin), Problem, api::user::change),
        route(DELETE, "/api/users/{id}", Token(Admin), Problem, api::user::remove),
        route(POST, "/api/users/{id}/reset-mfa", Token(Admin), Problem, api::user::reset_mfa),
        route(POST, "/api/users/{id}/password-link", Token(Admin), Problem, api::user::password_link),
        route(GET, "/api/company", Token(Manager), Problem, api::company::show),
        route(PATCH, "/api/company", Token(Admin), Problem, api::company::change),
        route(GET, "/api/audit", Token(Admin), Problem, api::audit::list),
        route(GET, "/api/sessions", Token(User), Problem, api::session::list),
        route(DELETE, "/api/sessions", Token(User), Problem, api::session::end_others),
        route(DELETE, "/api/sessions/{id}", Token(User), Problem, api::session::end),
        route(GET, "/api/apps", Token(User), Problem, api::app::list),
        route(DELETE, "/api/apps/{client_id}", Token(User), Problem, api::app::withdraw),
        route(GET, "/api/clients", Token(Admin), Problem, api::client::list),
        route(POST, "/api/clients", Token(Admin), Problem, api::client::create),
        route(GET, "/api/clients/{client_id}", Token(Admin), Problem, api::client::show),
        route(PATCH, "/api/clients/{client_id}", Token(Admin), Problem, api::client::change),
        route(DELETE, "/api/clients/{client_id}", Token(Admin), Problem, api::client::remove),
        route(POST, "/api/clients/{client_id}/rotate-secret", Token(Admin), Problem, api::client::rotate_secret),
        route(GET, "/api/resources", Token(Admin), Problem, api::resource::list),
        route(POST, "/api/resources", Token(Admin), Problem, api::resource::create),
        route(GET, "/api/resources/{id}", Token(Admin), Problem, api::resource::show),
        route(PATCH, "/api/resources/{id}", Token(Admin), Problem, api::resource::change),
        route(DELETE, "/api/resources/{id}", Token(Admin), Problem, api::resource::remove),
        // Pages: sign in.
        route(GET, "/login", Public, Page, page::login::show),
        route(POST, "/login", Public, Page, page::login::submit),
        route(POST, "/login/continue", Public, Page, page::login::go_on),
        route(POST, "/login/confirm-again", Public, Page, page::login::confirm_again),
        route(GET, "/login/totp", Public, Page, page::totp::show),
        route(POST, "/login/totp", Public, Page, page::totp::submit),
        route(GET, "/login/backup-code", Public, Page, page::backup_code::show),
        route(POST, "/login/backup-code", Public, Page, page::backup_code::submit),
        route(GET, "/login/company", Person, Page, page::company::show),
        route(POST, "/login/company", Person, Page, page::company::submit),
        route(GET, "/login/consent", Person, Page, page::consent::show),
        route(POST, "/login/consent", Person, Page, page::consent::submit),
        route(GET, "/setup-mfa", Person, Page, page::setup_mfa::show),
        route(POST, "/setup-mfa", Person, Page, page::setup_mfa::submit),
        route(GET, "/logout", Public, Page, page::logout::show),
        route(POST, "/logout", Public, Page, page::logout::submit),
        // Pages: sign up and recover.
        route(GET, "/register", Public, Page, page::register::show),
        route(POST, "/register", Public, Page, page::register::submit),
        route(GET, "/forgot-password", Public, Page, page::recovery::ask),
        route(POST, "/forgot-password", Public, Page, page::recovery::send),
        route(GET, "/reset-password", Public, Page, page::recovery::choose),
        route(POST, "/reset-password", Public, Page, page::recovery::save),
        route(GET, "/verify-email", Public, Page, page::verify_email::show),
        route(POST, "/verify-email", Public, Page, page::verify_email::confirm),
        route(GET, "/join", Public, Page, page::join::show),
        route(POST, "/join", Public, Page, page::join::submit),
        // Pages: one's own account, and the company for its admins.
        route(GET, "/", Public, Page, page::dashboard::home),
        route(GET, "/dashboard", Person, Page, page::dashboard::show),
        route(POST, "/dashboard/profile", Person, Page, page::dashboard::change_profile),
        route(POST, "/dashboard/email", Person, Page, page::dashboard::change_email),
        route(POST, "/dashboard/password", Person, Page, page::dashboard::change_password),
        route(POST, "/dashboard/mfa/disable", Person, Page, page::dashboard::disable_mfa),
        route(POST, "/dashboard/mfa/backup-codes", Person, Page, page::dashboard::renew_codes),
        route(POST, "/dashboard/sessions/end", Person, Page, page::dashboard::end_session),
        route(POST, "/dashboard/sessions/end-others", Person, Page, page::dashboard::end_other_sessions),
        route(POST, "/dashboard/apps/remove", Person, Page, page::dashboard::remove_app),
        route(GET, "/dashboard/users", PersonAdmin, Page, page::users::show),
        route(POST, "/dashboard/users", PersonAdmin, Page, page::users::add),
        route(POST, "/dashboard/users/change", PersonAdmin, Page, page::users::change),
        route(GET, "/dashboard/clients", PersonAdmin, Page, page::clients::show),
        route(POST, "/dashboard/clients", PersonAdmin, Page, page::clients::create),
        route(GET, "/dashboard/clients/{client_id}", PersonAdmin, Page, page::client::show),
        route(POST, "/dashboard/clients/{client_id}", PersonAdmin, Page, page::client::change),
        route(GET, "/dashboard/company", PersonAdmin, Page, page::policy::show),
        route(POST, "/dashboard/company", PersonAdmin, Page, page::policy::submit),
        route(GET, "/dashboard/events", PersonAdmin, Page, page::events::show),
        route(GET, "/dev/mail", Public, Page, page::dev_mail::show),
        // Pages: what they are made of.
        route(GET, "/assets/{file}", Public, Page, page::asset::show),
    ]
}

/// What stands on a port of its own (`METRICS_LISTEN`) for the operator's programs, and never on the public one.
pub fn operator_routes() -> Vec<Route> {
    vec![route(Method::GET, "/metrics", Access::Public, Face::Problem, api::metrics::show)]
}

/// The operator's port.
pub fn operator_router(house: &Shared) -> Router {
    mounted(house, operator_routes()).with_state(house.clone())
}

fn mounted(house: &Shared, routes: Vec<Route>) -> Router<Shared> {
    let mut router = Router::new();
    for route in routes {
        let layers = tower::ServiceBuilder::new()
            .layer(from_fn_with_state(route.face, face::layer))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state((house.clone(), route.access), gate::layer));
        router = router.route(route.path, route.handler.route_layer(layers));
    }
    router
}

/// The whole of the public port, with every layer.
pub fn router(house: &Shared) -> Router {
    let routes = routes();
    house.metrics.requests.know(routes.iter().map(|route| route.path));
    let router = mounted(house, routes);
    let secure = house.settings.issuer_is_https();
    let sessions = SessionManagerLayer::new(Store(house.clone()))
        // Without https there is no `Secure`, and without `Secure` no prefix; only localhost is served so.
        .with_name(if secure { "__Host-countersign" } else { "countersign" })
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnSessionEnd);
    // From the outermost to the innermost. One stack: the router puts each layer of its own into a box for each request.
    let layers = tower::ServiceBuilder::new()
        .layer(from_fn_with_state(house.clone(), context::layer))
        .layer(from_fn_with_state(house.clone(), headers::layer))
        .layer(DefaultBodyLimit::max(body::LIMIT))
        .layer(cors::layer(house))
        .layer(from_fn_with_state(house.clone(), face::last))
        .layer(sessions)
        .layer(from_fn_with_state(house.clone(), browser_state::layer));
    router
        .method_not_allowed_fallback(wrong_method)
        .fallback_service(axum::routing::any(not_found).layer(from_fn(face::by_path)))
        .layer(layers)
        .with_state(house.clone())
}

async fn not_found() -> Error {
    Error::NotFound("page")
}

async fn wrong_method(request: Request) -> Response {
    // The router answers here, outside any route's layers, so the path picks the face.
    let face = Face::of_path(request.uri().path());
    let nonce = request.extensions().get::<headers::Nonce>().cloned().unwrap_or_default();
    face::plain(face, &Error::MethodNotAllowed, "", &nonce)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer gives the box away")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let said =
        panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
    Error::fault(format!("panic: {}", said.unwrap_or_default())).into_response()
}
