//! `/api/auth`: register, sign in, refresh, sign out, recover.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::company::Company;
use super::user::Me;
use crate::domain::manage::auth::{self, LoginOutcome, Session};
use crate::domain::manage::caller::Caller;
use crate::domain::manage::user;
use crate::domain::oidc::grant;
use crate::domain::person::recovery;
use crate::domain::person::sign_up::{self, Registered, Registration};
use crate::http::Shared;
use crate::http::body::JsonBody;
use crate::http::context::Cx;
use crate::http::place::Placed;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::secret::Secret;

/// A company and its first admin.
#[derive(Deserialize, ToSchema)]
pub struct Register {
    /// 1 to 120 characters.
    #[schema(example = "Acme Voice")]
    pub company_name: String,
    /// The admin's address.
    #[schema(example = "ada@acme.example")]
    pub email: String,
    /// 8 to 1024 characters, none of the common ones.
    #[schema(example = "correct horse battery")]
    pub password: String,
    /// The admin's name.
    #[schema(example = "Ada Lovelace")]
    pub name: String,
}

/// What registration made.
#[derive(Serialize, ToSchema)]
pub struct RegisteredAnswer {
    /// The first admin.
    pub user: Me,
    /// The company.
    pub company: Company,
}

/// Something that goes on elsewhere.
#[derive(Serialize, ToSchema)]
pub struct Told {
    /// What happens next.
    pub detail: &'static str,
}

/// Registers a company with its first admin.
///
/// Where addresses must be confirmed (`REQUIRE_VERIFIED_EMAIL`), the answer is 202 whether the address is known or not.
#[utoipa::path(post, path = "/api/auth/register", tag = "auth", request_body = Register, responses(
    (status = 201, body = RegisteredAnswer), (status = 202, body = Told), (status = 409, description = "The address is known"),
    (status = 422, description = "Fields that cannot be accepted"), (status = 429, description = "Too many registrations")))]
pub async fn register(State(house): State<Shared>, Cx(cx): Cx, JsonBody(sent): JsonBody<Register>) -> Result<Response> {
    let password = Secret::received(sent.password);
    let typed = Registration { company_name: sent.company_name, email: sent.email, password, name: sent.name };
    match sign_up::register(&house, &cx, typed).await? {
        Registered::Done { account, company } => {
            let me = user::me(&house, account, company).await?;
            let answer = RegisteredAnswer { company: Company::from(&me.company), user: Me::from(me) };
            Ok((StatusCode::CREATED, Json(answer)).into_response())
        }
        Registered::LetterSent => {
            let told = Told { detail: "a letter was sent to the address: open the link in it to go on" };
            Ok((StatusCode::ACCEPTED, Json(told)).into_response())
        }
    }
}

/// An address and a password.
#[derive(Deserialize, ToSchema)]
pub struct Login {
    /// The address.
    #[schema(example = "admin@techcorp.com")]
    pub email: String,
    /// The password.
    #[schema(example = "SecurePass123!")]
    pub password: String,
    /// Slug or id of the company to act for; without it the home company.
    pub company: Option<String>,
}

/// What a login led to: tokens, or one more step.
#[derive(Serialize, ToSchema, Default)]
pub struct LoginAnswer {
    /// A code must be sent to `/api/auth/verify-mfa`, with `mfa_token`.
    pub mfa_required: bool,
    /// The company demands a second factor, and there is none: `setup_token` is good for `/api/auth/mfa/setup` and `enable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_setup_required: Option<bool>,
    /// Good for ten minutes, and for nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_token: Option<String>,
    /// What `verify-mfa` takes: `totp`, `backup_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<&'static str>>,
    /// Good for ten minutes, and for nothing else. Sent as a bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_token: Option<String>,
    /// The tokens.
    #[serde(flatten)]
    pub tokens: Option<TokenAnswer>,
    /// Who signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Me>,
}

/// Tokens for this API.
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// A JWT, sent as a bearer token.
    pub access_token: String,
    /// `Bearer`
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// Opaque; each use gives a new one.
    pub refresh_token: Option<String>,
}

impl From<grant::Tokens> for TokenAnswer {
    fn from(tokens: grant::Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.rights.lifetime.whole_seconds(),
            refresh_token: tokens.refresh_token,
        }
    }
}

/// The tokens of a login with who it is.
pub async fn signed_in(house: &Shared, session: Session) -> Result<LoginAnswer> {
    let me = user::me(house, session.account, session.company).await?;
    Ok(LoginAnswer { tokens: Some(session.tokens.into()), user: Some(me.into()), ..LoginAnswer::default() })
}

/// Signs in.
///
/// Unknown addresses and wrong passwords get the same answer, after the same time.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = Login, responses(
    (status = 200, body = LoginAnswer), (status = 401, description = "Address or password is wrong"),
    (status = 403, description = "The address must be confirmed first"), (status = 404, description = "Not a company of this person"),
    (status = 429, description = "Too many attempts")))]
pub async fn login(
    State(house): State<Shared>,
    Cx(cx): Cx,
    Placed(_turn, JsonBody(sent)): Placed<JsonBody<Login>>,
) -> Result<Json<LoginAnswer>> {
    let wrong = Error::Unauthenticated("e-mail address or password is wrong");
    let Ok(email) = sent.email.parse::<Email>() else { return Err(wrong) };
    let outcome = auth::login(&house, &cx, &email, Secret::received(sent.password), sent.company.as_deref()).await?;
    let answer = match outcome {
        LoginOutcome::Rejected => return Err(wrong),
        LoginOutcome::Unverified => return Err(Error::Forbidden("confirm your e-mail address first")),
        LoginOutcome::SecondFactor(token) => LoginAnswer {
            mfa_required: true,
            mfa_token: Some(token),
            methods: Some(vec!["totp", "backup_code"]),
            ..LoginAnswer::default()
        },
        LoginOutcome::SetUp(token) => {
            LoginAnswer { mfa_setup_required: Some(true), setup_token: Some(token), ..LoginAnswer::default() }
        }
        LoginOutcome::Done(session) => signed_in(&house, *session).await?,
    };
    Ok(Json(answer))
}

/// The second step.
#[derive(Deserialize, ToSchema)]
pub struct VerifyMfa {
    /// What `login` gave.
    pub mfa_token: String,
    /// Six digits of the app, or a backup code.
    #[schema(example = "123456")]
    pub code: String,
}

/// Proves the second factor.
#[utoipa::path(post, path = "/api/auth/verify-mfa", tag = "auth", request_body = VerifyMfa, responses(
    (status = 200, body = LoginAnswer), (status = 401, description = "The token or the code is not good"),
    (status = 403, description = "Not a member any more"), (status = 429, description = "Too many attempts")))]
pub async fn verify_mfa(
    State(house): State<Shared>,
    Cx(cx): Cx,
    JsonBody(sent): JsonBody<VerifyMfa>,
) -> Result<Json<LoginAnswer>> {
    let session = auth::verify(&house, &cx, &sent.mfa_token, &sent.code).await?;
    Ok(Json(signed_in(&house, session).await?))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
pub struct Refresh {
    /// What came with the access token.
    pub refresh_token: String,
}

/// Gives new tokens for a refresh token, which is used up.
///
/// A lost answer can be asked for again; a token that was replaced and whose successor was used ends the login's tokens.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", request_body = Refresh, responses(
    (status = 200, body = TokenAnswer), (status = 401, description = "The token is not good any more")))]
pub async fn refresh(
    State(house): State<Shared>,
    Cx(cx): Cx,
    JsonBody(sent): JsonBody<Refresh>,
) -> Result<Json<TokenAnswer>> {
    Ok(Json(auth::refresh(&house, &cx, Secret::received(sent.refresh_token)).await?.into()))
}

/// Ends the login that a refresh token belongs to, with all its tokens.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", request_body = Refresh, responses((status = 204)))]
pub async fn logout(State(house): State<Shared>, Cx(cx): Cx, JsonBody(sent): JsonBody<Refresh>) -> Result<StatusCode> {
    auth::logout(&house, &cx, &Secret::received(sent.refresh_token)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An address.
#[derive(Deserialize, ToSchema)]
pub struct Forgot {
    /// Where the letter goes, if it has an account.
    pub email: String,
}

/// Sends a link to choose a new password. The answer is the same for unknown addresses.
#[utoipa::path(post, path = "/api/auth/forgot-password", tag = "auth", request_body = Forgot, responses(
    (status = 204), (status = 422, description = "Not an address"), (status = 429, description = "Too many letters")))]
pub async fn forgot_password(
    State(house): State<Shared>,
    Cx(cx): Cx,
    JsonBody(sent): JsonBody<Forgot>,
) -> Result<StatusCode> {
    let email = sent.email.parse().map_err(|_| Error::invalid("email", "is not an e-mail address"))?;
    recovery::forgot_password(&house, &cx, &email).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A mailed link and a new password.
#[derive(Deserialize, ToSchema)]
pub struct Reset {
    /// What the link carries.
    pub token: String,
    /// The new password.
    pub password: String,
}

/// Chooses a new password by a mailed link. Ends every login.
#[utoipa::path(post, path = "/api/auth/reset-password", tag = "auth", request_body = Reset, responses(
    (status = 204), (status = 422, description = "The link or the password is not good")))]
pub async fn reset_password(
    State(house): State<Shared>,
    Cx(cx): Cx,
    JsonBody(sent): JsonBody<Reset>,
) -> Result<StatusCode> {
    recovery::reset_password(&house, &cx, &Secret::received(sent.token), Secret::received(sent.password)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A mailed link.
#[derive(Deserialize, ToSchema)]
pub struct Verify {
    /// What the link carries.
    pub token: String,
}

/// Confirms an address by a mailed link.
#[utoipa::path(post, path = "/api/auth/verify-email", tag = "auth", request_body = Verify, responses(
    (status = 204), (status = 409, description = "The address was taken meanwhile"),
    (status = 422, description = "The link is not good any more")))]
pub async fn verify_email(
    State(house): State<Shared>,
    Cx(cx): Cx,
    JsonBody(sent): JsonBody<Verify>,
) -> Result<StatusCode> {
    recovery::verify_email(&house, &cx, &Secret::received(sent.token)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The old password and the new one.
#[derive(Deserialize, ToSchema)]
pub struct Change {
    /// The old one.
    pub current_password: String,
    /// The new one.
    pub new_password: String,
}

/// Changes the caller's password. Ends every other login.
#[utoipa::path(post, path = "/api/auth/change-password", tag = "auth", request_body = Change, security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token"), (status = 422, description = "A password is not good"),
    (status = 429, description = "Too many attempts")))]
pub async fn change_password(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    JsonBody(sent): JsonBody<Change>,
) -> Result<StatusCode> {
    let (old, new) = (Secret::received(sent.current_password), Secret::received(sent.new_password));
    recovery::change_password(&house, &cx, (caller.account, caller.login), old, new).await?;
    Ok(StatusCode::NO_CONTENT)
}
