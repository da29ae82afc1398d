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
use crate::storage::login::{self, Visiting};

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
    let client = client.map(|client| client.id.clone());
    let visit = login::Visit { person: who.account, login: who.login, client, at: cx.now };
    login::visit(&house.db, visit).await?.map(|visiting| Visitor::of(visiting, who)).transpose()
}

impl Visitor {
    /// The person behind a living login, as the browser remembers them.
    pub fn of(visiting: Visiting, who: &Remembered) -> Result<Self> {
        let companies = visiting.companies;
        let by = |id: Option<uuid::Uuid>| companies.iter().find(|joined| Some(joined.company.id) == id);
        let wanted = who.company.map(|company| company.0);
        let joined = by(wanted).or_else(|| by(visiting.home)).or_else(|| companies.first()).cloned();
        let role = joined.as_ref().map(|joined| joined.role.parse().map_err(Error::fault)).transpose()?;
        Ok(Self {
            login: who.login,
            account: who.account,
            email: visiting.email,
            name: visiting.name,
            has_totp: visiting.has_totp,
            auth_time: visiting.auth_time,
            amr: visiting.amr,
            acr: visiting.acr,
            chosen: who.company,
            company: joined.map(|joined| joined.company),
            role,
            companies,
        })
    }

    /// Whether this login proved a second factor.
    pub fn used_second_factor(&self) -> bool {
        self.amr.iter().any(|method| method == "mfa")
    }

    /// Whether a company of the person demands a second factor that is not set up yet.
    pub fn must_set_up_second_factor(&self) -> bool {
        !self.has_totp && self.companies.iter().any(|joined| joined.company.require_mfa)
    }
}
