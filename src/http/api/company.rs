//! `/api/company`: the caller's company, for managers to read and for admins to change.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::manage::caller::Caller;
use crate::domain::manage::company::{self, Changes};
use crate::http::Shared;
use crate::http::body::JsonBody;
use crate::http::context::Cx;
use crate::model::error::Result;
use crate::model::id::CompanyId;
use crate::storage::company::Row;

/// A company's profile and policy.
#[derive(Serialize, ToSchema)]
pub struct Company {
    /// `com_…`
    #[schema(value_type = String)]
    pub id: CompanyId,
    /// In URLs and claims.
    pub slug: String,
    /// For people.
    pub name: String,
    /// Branding: an https URL.
    pub logo_url: Option<String>,
    /// Branding: `#rrggbb`.
    pub color: Option<String>,
    /// Whether everybody in it needs a second factor.
    pub require_mfa: bool,
    /// The longest time since sign-in that its apps accept.
    pub session_hours: Option<i32>,
    /// Characters.
    pub password_min_length: i32,
    /// When not empty, only addresses of these domains can be added.
    pub mail_domains: Vec<String>,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

impl From<&Row> for Company {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id(),
            slug: row.slug.clone(),
            name: row.name.clone(),
            logo_url: row.logo_url.clone(),
            color: row.color.clone(),
            require_mfa: row.require_mfa,
            session_hours: row.session_hours,
            password_min_length: row.password_min_length,
            mail_domains: row.mail_domains.clone(),
            created_at: row.created_at,
        }
    }
}

/// The caller's company, for managers and admins.
#[utoipa::path(get, path = "/api/company", tag = "company", security(("bearer" = [])), responses(
    (status = 200, body = Company), (status = 401, description = "No valid token"), (status = 403, description = "Neither manager nor admin")))]
pub async fn show(State(house): State<Shared>, caller: Caller) -> Result<Json<Company>> {
    Ok(Json(Company::from(&company::find(&house, caller.company).await?)))
}

/// A member that was sent as null is not one that was left out.
#[expect(clippy::option_option, reason = "leaving and taking away are two things")]
pub(super) fn sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What changes: a member that is left out stays, null takes it away.
#[derive(Deserialize, ToSchema)]
pub struct ChangeCompany {
    /// For people.
    pub name: Option<String>,
    /// An https URL, or null.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pub logo_url: Option<Option<String>>,
    /// `#rrggbb`, or null.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pub color: Option<Option<String>>,
    /// Whether everybody in it needs a second factor.
    pub require_mfa: Option<bool>,
    /// 1 to 720, or null.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    pub session_hours: Option<Option<i32>>,
    /// 8 to 128.
    pub password_min_length: Option<i32>,
    /// At most 100.
    pub mail_domains: Option<Vec<String>>,
}

/// Changes the caller's company, for admins.
#[utoipa::path(patch, path = "/api/company", tag = "company", request_body = ChangeCompany, security(("bearer" = [])), responses(
    (status = 200, body = Company), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 422, description = "Fields that cannot be accepted")))]
pub async fn change(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    JsonBody(sent): JsonBody<ChangeCompany>,
) -> Result<Json<Company>> {
    let changes = Changes {
        name: sent.name,
        logo_url: sent.logo_url,
        color: sent.color,
        require_mfa: sent.require_mfa,
        session_hours: sent.session_hours,
        password_min_length: sent.password_min_length,
        mail_domains: sent.mail_domains,
    };
    let row = company::change(&house, &cx, (caller.company, Some(caller.account)), changes).await?;
    Ok(Json(Company::from(&row)))
}
