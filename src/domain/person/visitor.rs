//! Who is signed in in a browser: a living login, and the company chosen in it.

use time::OffsetDateTime;

use crate::domain::house::House;
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::id::{AccountId, CompanyId, LoginId};
use crate::model::role::Role;
use crate::storage::company;

/// A person with a living login.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The login.
    pub login: LoginId,
    /// Whose.
    pub account: AccountId,
    /// The address.
    pub email: String,
    /// The name.
    pub name: String,
    /// Whether a second factor is on.
    pub has_totp: bool,
    /// When the person proved who they are.
    pub auth_time: OffsetDateTime,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// How strongly.
    pub acr: String,
    /// The company chosen in this browser, or the only one.
    pub company: Option<company::Row>,
    /// As what in that company.
    pub role: Option<Role>,
    /// How many companies the person belongs to.
    pub companies: usize,
}

/// Finds the person behind a login; `None` where it has ended.
#[expect(clippy::unused_async, reason = "the body follows")]
pub async fn find(
    _house: &House,
    _cx: &Context,
    _account: AccountId,
    _login: LoginId,
    _company: Option<CompanyId>,
) -> Result<Option<Visitor>> {
    Ok(None)
}
