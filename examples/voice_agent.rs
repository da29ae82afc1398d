//! A small voice-agent app: it signs a person in at Countersign and shows who it is, for which company and in which role.
//! Copy it into an app of your own. It must never trust a claim that `openidconnect` has not verified, nor a callback that
//! this browser did not ask for.
//!
//! `make run` in one terminal, `make example` in another, then open <http://localhost:9090>.

use std::{
    collections::HashMap,
    env,
    error::Error,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use openidconnect::{
    AdditionalClaims, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyAdditionalClaims, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields,
    IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse, TokenResponse,
    UserInfoClaims,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
    reqwest,
};
use serde::{Deserialize, Serialize};

/// Where this app is: `http://localhost:$PORT/`.
static HOME: LazyLock<String> = LazyLock::new(|| format!("http://localhost:{}/", port()));

fn port() -> String {
    env::var("PORT").unwrap_or_else(|_| "9090".to_owned())
}

fn return_url() -> String {
    format!("{}callback", *HOME)
}
const SCOPES: [&str; 4] = ["openid", "profile", "email", "company"];

/// What Countersign's tokens say beyond the standard. Decide by `company_id`: `company` is a name to show, and may change.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct CompanyClaims {
    company: String,
    company_id: String,
    roles: Vec<String>,
}
impl AdditionalClaims for CompanyClaims {}

// `openidconnect` takes its own claims as a type parameter, and then everything that carries them has to be spelled out.
type IdFields = IdTokenFields<
    CompanyClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Provider = Client<
    CompanyClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<IdFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What this app remembers of one browser, found by its cookie. A real app keeps this in its session store.
enum Browser {
    SigningIn {
        state: CsrfToken,
        nonce: Nonce,
        verifier: PkceCodeVerifier,
    },
    SignedIn {
        name: String,
        email: String,
        company: CompanyClaims,
        /// Where signing out begins: the provider's page, with the ID token as the hint.
        sign_out: String,
    },
}

#[derive(Clone)]
struct App {
    issuer: IssuerUrl,
    http: reqwest::Client,
    browsers: Arc<Mutex<HashMap<String, Browser>>>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = env::var("ISSUER").unwrap_or_else(|_| "http://localhost:8000".to_owned());
    let app = App {
        issuer: IssuerUrl::new(issuer)?,
        // Redirects are not followed, so that no answer can send us to an address inside our own network.
        http: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?,
        browsers: Arc::default(),
    };
    let routes = Router::new()
        .route("/", get(home))
        .route("/login", get(sign_in))
        .route("/callback", get(callback))
        .route("/logout", get(sign_out))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", port())).await?;
    println!("The voice agent is at {}", *HOME);
    Ok(axum::serve(listener, routes).await?)
}

async fn home(State(app): State<App>, headers: HeaderMap) -> Html<String> {
    let browsers = app.browsers.lock().unwrap_or_else(PoisonError::into_inner);
    match cookie(&headers).and_then(|id| browsers.get(id)) {
        Some(Browser::SignedIn { name, email, company, .. }) => page(&format!(
            "<h1>Hello, {name}</h1><dl><dt>E-mail<dd>{email}<dt>Company<dd>{}<dt>Company id<dd><code>{}</code>\
             <dt>Role<dd>{}</dl><a href=/logout id=logout>Sign out</a>",
            escape(&company.company),
            escape(&company.company_id),
            escape(&company.roles.join(", ")),
            name = escape(name),
            email = escape(email),
        )),
        _ => page(
            "<h1>Voice agent</h1><p>Sign in to talk to your company's agent.</p>\
             <a href=/login id=login>Sign in</a>",
        ),
    }
}

async fn sign_in(State(app): State<App>, headers: HeaderMap) -> Result<Response, Failure> {
    let (provider, _) = app.discover().await?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (authorize, state, nonce) = provider
        .authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scopes(SCOPES.map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let browser = Browser::SigningIn { state, nonce, verifier };
    Ok(app.remember(&headers, browser, authorize.as_str()))
}

#[derive(Deserialize)]
struct Callback {
    code: Option<AuthorizationCode>,
    state: Option<CsrfToken>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn callback(
    State(app): State<App>,
    headers: HeaderMap,
    Query(answer): Query<Callback>,
) -> Result<Response, Failure> {
    // Taken, not read: one request, one callback.
    let Some(Browser::SigningIn { state, nonce, verifier }) = app.take(&headers) else {
        return Err("This browser is not signing in. Start again.".into());
    };
    if answer.state.is_none_or(|sent| sent.secret() != state.secret()) {
        return Err("This answer belongs to another request. Start again.".into());
    }
    // RFC 9207: an answer from another provider must not reach our token request.
    if answer.iss.as_deref() != Some(app.issuer.as_str()) {
        return Err("This answer came from another provider.".into());
    }
    let Some(code) = answer.code else {
        let error = answer.error.unwrap_or_default();
        let description = answer.error_description.unwrap_or_default();
        return Err(format!("You were not signed in: {error} {description}").into());
    };

    let (provider, metadata) = app.discover().await?;
    let tokens = provider.exchange_code(code)?.set_pkce_verifier(verifier).request_async(&app.http).await?;
    let id_token = tokens.id_token().ok_or("The provider sent no ID token.")?;
    // Signature, issuer, audience, expiry and nonce.
    let claims = id_token.claims(&provider.id_token_verifier(), &nonce)?;
    // Name and address come from userinfo, which must speak of the same person (OpenID Connect Core 5.3.2).
    let person: UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> = provider
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?
        .request_async(&app.http)
        .await?;

    let end_session = metadata.additional_metadata().end_session_endpoint.clone();
    let sign_out = LogoutRequest::from(end_session.ok_or("The provider cannot sign out.")?)
        .set_id_token_hint(id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(HOME.clone())?)
        .http_get_url();
    let browser = Browser::SignedIn {
        name: person
            .name()
            .and_then(|names| names.get(None))
            .map_or_else(|| claims.subject().to_string(), |name| name.to_string()),
        email: person.email().map_or_else(|| "not told".to_owned(), |email| email.to_string()),
        company: claims.additional_claims().clone(),
        sign_out: sign_out.into(),
    };
    Ok(app.remember(&headers, browser, "/"))
}

async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Redirect {
    match app.take(&headers) {
        Some(Browser::SignedIn { sign_out, .. }) => Redirect::to(&sign_out),
        _ => Redirect::to("/"),
    }
}

impl App {
    /// Asks the provider what it is and which keys it signs with. At each sign-in, so that a new key is never unknown; a
    /// busy app keeps the answer for some minutes.
    async fn discover(&self) -> Result<(Provider, ProviderMetadataWithLogout), Box<dyn Error + Send + Sync>> {
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http).await?;
        // The demo client's secret is public knowledge. Yours comes from the environment.
        let secret = env::var("CLIENT_SECRET").unwrap_or_else(|_| "demo-web-secret-for-localhost-only".to_owned());
        let client = env::var("CLIENT_ID").unwrap_or_else(|_| "cli_demo_web".to_owned());
        let provider =
            Client::from_provider_metadata(metadata.clone(), ClientId::new(client), Some(ClientSecret::new(secret)))
                .set_redirect_uri(RedirectUrl::new(return_url())?);
        Ok((provider, metadata))
    }

    /// Remembers the browser under a new cookie, so that nobody can plant one before the sign-in, and sends it on.
    fn remember(&self, headers: &HeaderMap, browser: Browser, to: &str) -> Response {
        let id = CsrfToken::new_random().into_secret();
        let mut browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = cookie(headers) {
            browsers.remove(old);
        }
        // Add `Secure` and the prefix `__Host-` where the app is served over https.
        let set_cookie = format!("voice_agent={id}; Path=/; HttpOnly; SameSite=Lax");
        browsers.insert(id, browser);
        ([(header::SET_COOKIE, set_cookie)], Redirect::to(to)).into_response()
    }

    fn take(&self, headers: &HeaderMap) -> Option<Browser> {
        let mut browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        browsers.remove(cookie(headers)?)
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix("voice_agent="))
}

/// Whatever went wrong, as a page.
struct Failure(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        let body = format!("<h1>That did not work</h1><p>{}</p><a href=/>Back</a>", escape(&text));
        (StatusCode::BAD_REQUEST, page(&body)).into_response()
    }
}

/// Names are chosen by people, and people can choose markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Voice agent</title><style>{STYLE}</style><main>{body}</main>"
    ))
}

const STYLE: &str = "
:root { color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif;
        background: light-dark(#eef1f6, #12151c); color: light-dark(#1b2230, #e8ebf2) }
body { min-height: 100vh; margin: 0; display: grid; place-items: center }
main { box-sizing: border-box; width: min(32rem, 92vw); padding: 2.25rem; border-radius: 1rem;
       background: light-dark(#fff, #1b202b); box-shadow: 0 1px 2px #0002, 0 12px 40px #0002; overflow-wrap: anywhere }
h1 { margin: 0 0 .75rem; font-size: 1.5rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .5rem 1.25rem; margin: 1.25rem 0 }
dt { color: light-dark(#5a6478, #9aa5bb) } dd { margin: 0 } code { font-size: .85em }
a { display: inline-block; margin-top: .75rem; padding: .6rem 1.2rem; border-radius: .6rem;
    background: light-dark(#2849c7, #91a7ff); color: light-dark(#fff, #10142a); text-decoration: none; font-weight: 600 }
a:hover { filter: brightness(1.1) } a:focus-visible { outline: 3px solid #7d93f5; outline-offset: 2px }
";
