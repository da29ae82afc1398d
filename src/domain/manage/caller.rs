//! Who calls the management API: the bearer of an access token that was minted for it.

use time::OffsetDateTime;

use crate::domain::house::House;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, CompanyId, GrantId, LoginId};
use crate::model::role::Role;
use crate::model::scope::Scopes;

/// The bearer of a living access token, as the database knows them now.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub account: AccountId,
    /// For which company.
    pub company: CompanyId,
    /// The company's slug.
    pub company_slug: String,
    /// As what, now.
    pub role: Role,
    /// In which login.
    pub login: LoginId,
    /// By which grant.
    pub grant: GrantId,
    /// Through which client.
    pub client_id: String,
    /// With which scopes.
    pub scopes: Scopes,
    /// When the person proved who they are.
    pub auth_time: OffsetDateTime,
    /// How strongly.
    pub acr: String,
    /// How (RFC 8176).
    pub amr: Vec<String>,
}

/// Reads the token.
#[expect(clippy::unused_async, reason = "the body follows")]
pub async fn identify(_house: &House, _cx: &Context, _token: &str) -> Result<Caller> {
    Err(Error::Unauthenticated("the access token is not valid"))
}
