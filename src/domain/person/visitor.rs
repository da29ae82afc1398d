//! Who is signed in in a browser: a living login, and the company chosen in it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::domain::house::House;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, CompanyId, LoginId};
use crate::model::role::Role;
use crate::storage::company::{self, Joined};
use crate::storage::login;

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
    /// The company last chosen in this browser.
    pub chosen: Option<CompanyId>,
    /// That company, or the home company, or the first.
    pub company: Option<company::Row>,
    /// As what in that company.
    pub role: Option<Role>,
    /// Every company of the person.
    pub companies: Vec<Joined>,
}

impl Visitor {
    /// Whether this login proved a second factor.
    pub fn used_second_factor(&self) -> bool {
        self.amr.iter().any(|method| method == "mfa")
    }

    /// Whether a company of the person demands a second factor that is not set up yet.
    pub fn must_set_up_second_factor(&self) -> bool {
        !self.has_totp && self.companies.iter().any(|joined| joined.company.require_mfa)
    }
}

/// What the browser's session says of who is signed in. The login itself must still be asked for: it may have ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Remembered {
    /// The login.
    pub login: LoginId,
    /// Whose.
    pub account: AccountId,
    /// The company last chosen in this browser.
    pub company: Option<CompanyId>,
}

/// Finds the person behind a login; `None` where it has ended. Where a client is named, what they allowed it comes along.
pub async fn find(house: &House, cx: &Context, who: &Remembered, client: Option<&Client>) -> Result<Option<Visitor>> {
    let (person, id, chosen) = (who.account, who.login, who.company);
    let visit = login::Visit { person, login: id, client: client.map(|client| client.id.clone()), at: cx.now };
    let Some(row) = login::visit(&house.db, visit).await? else { return Ok(None) };
    let companies = row.companies;
    let by = |id: Option<uuid::Uuid>| companies.iter().find(|joined| Some(joined.company.id) == id);
    let wanted = chosen.map(|company| company.0);
    let joined = by(wanted).or_else(|| by(row.home)).or_else(|| companies.first()).cloned();
    let role = joined.as_ref().map(|joined| joined.role.parse().map_err(Error::fault)).transpose()?;
    Ok(Some(Visitor {
        login: id,
        account: person,
        email: row.email,
        name: row.name,
        has_totp: row.has_totp,
        auth_time: row.auth_time,
        amr: row.amr,
        acr: row.acr,
        chosen,
        company: joined.map(|joined| joined.company),
        role,
        companies,
    }))
}
