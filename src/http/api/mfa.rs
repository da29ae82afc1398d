//! `/api/auth/mfa`: the second factor.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{LoginAnswer, signed_in};
use crate::domain::manage::auth;
use crate::domain::manage::caller::{Caller, Enroller};
use crate::domain::person::second_factor;
use crate::http::Shared;
use crate::http::body::JsonBody;
use crate::http::context::Cx;
use crate::model::error::Result;
use crate::model::secret::Secret;

/// What an authenticator app needs.
#[derive(Serialize, ToSchema)]
pub struct SetupAnswer {
    /// Base32, for typing.
    pub secret: String,
    /// `otpauth://totp/…`
    pub otpauth_uri: String,
    /// The same as a picture: `<svg>…`.
    pub qr_svg: String,
    /// The same as a picture: `data:image/png;base64,…`.
    pub qr_png: String,
}

/// Makes a secret that waits for its first code. Takes an access token of a sign-in of the last 15 minutes, or the
/// `setup_token` of a login.
#[utoipa::path(post, path = "/api/auth/mfa/setup", tag = "mfa", security(("bearer" = [])), responses(
    (status = 200, body = SetupAnswer), (status = 401, description = "No valid token, or signed in too long ago"), (status = 409, description = "On already")))]
pub async fn setup(State(house): State<Shared>, Cx(cx): Cx, who: Enroller) -> Result<Json<SetupAnswer>> {
    who.signed_in_recently(&cx)?;
    let setup = second_factor::setup(&house, &cx, who.account()).await?;
    let png = second_factor::png(&setup.otpauth_uri)?;
    Ok(Json(SetupAnswer {
        qr_png: format!("data:image/png;base64,{}", STANDARD.encode(png)),
        secret: setup.secret,
        otpauth_uri: setup.otpauth_uri,
        qr_svg: setup.qr_svg,
    }))
}

/// A code.
#[derive(Deserialize, ToSchema)]
pub struct Code {
    /// Six digits of the app.
    #[schema(example = "123456")]
    pub code: String,
}

/// Backup codes, shown once; and tokens, for whoever came with a `setup_token`.
#[derive(Serialize, ToSchema)]
pub struct EnabledAnswer {
    /// Ten.
    pub backup_codes: Vec<String>,
    /// As `login` gives it.
    #[serde(flatten)]
    pub session: Option<LoginAnswer>,
}

/// Turns the second factor on with its first code. Takes an access token, or the `setup_token` of a login.
#[utoipa::path(post, path = "/api/auth/mfa/enable", tag = "mfa", request_body = Code, security(("bearer" = [])), responses(
    (status = 200, body = EnabledAnswer), (status = 401, description = "No valid token, or signed in too long ago"),
    (status = 403, description = "Not a member any more"), (status = 409, description = "On already"),
    (status = 422, description = "The code is wrong"), (status = 429, description = "Too many attempts")))]
pub async fn enable(
    State(house): State<Shared>,
    Cx(cx): Cx,
    who: Enroller,
    JsonBody(sent): JsonBody<Code>,
) -> Result<Json<EnabledAnswer>> {
    who.signed_in_recently(&cx)?;
    let enabled = auth::enable(&house, &cx, &who, &sent.code).await?;
    let session = match enabled.session {
        Some(session) => Some(signed_in(&house, session).await?),
        None => None,
    };
    Ok(Json(EnabledAnswer { backup_codes: enabled.backup_codes, session }))
}

/// What proves that the owner asks.
#[derive(Deserialize, ToSchema)]
pub struct Disable {
    /// The password.
    pub password: String,
    /// Six digits of the app, or a backup code.
    pub code: String,
}

/// Turns the second factor off.
#[utoipa::path(post, path = "/api/auth/mfa/disable", tag = "mfa", request_body = Disable, security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token"), (status = 403, description = "The company demands it"),
    (status = 422, description = "Password or code is wrong"), (status = 429, description = "Too many attempts")))]
pub async fn disable(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    JsonBody(sent): JsonBody<Disable>,
) -> Result<StatusCode> {
    second_factor::disable(&house, &cx, caller.account, Secret::received(sent.password), &sent.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ten backup codes, shown once.
#[derive(Serialize, ToSchema)]
pub struct Codes {
    /// Ten.
    pub backup_codes: Vec<String>,
}

/// Makes ten new backup codes and voids the old. Needs a sign-in of the last 15 minutes. `POST` does the same.
#[utoipa::path(get, path = "/api/auth/mfa/backup-codes", tag = "mfa", security(("bearer" = [])), responses(
    (status = 200, body = Codes), (status = 401, description = "No valid token, or signed in too long ago"),
    (status = 409, description = "The second factor is off")))]
pub async fn backup_codes(State(house): State<Shared>, Cx(cx): Cx, caller: Caller) -> Result<Json<Codes>> {
    caller.signed_in_recently(&cx)?;
    Ok(Json(Codes { backup_codes: second_factor::renew_codes(&house, &cx, caller.account).await? }))
}

/// Makes ten new backup codes and voids the old. Needs a sign-in of the last 15 minutes.
#[utoipa::path(post, path = "/api/auth/mfa/backup-codes", tag = "mfa", security(("bearer" = [])), responses(
    (status = 200, body = Codes), (status = 401, description = "No valid token, or signed in too long ago"),
    (status = 409, description = "The second factor is off")))]
pub async fn renew_backup_codes(state: State<Shared>, cx: Cx, caller: Caller) -> Result<Json<Codes>> {
    backup_codes(state, cx, caller).await
}
