//! Who calls the management API: the bearer of an access token that was minted for it, and for nothing else.

use time::OffsetDateTime;

use super::auth::{self, Step};
use crate::domain::house::House;
use crate::domain::oidc::access;
use crate::domain::oidc::binding::{self, Presented, Scheme};
use crate::domain::person::{ACR_MFA, sign_in};
use crate::model::context::Context;
use crate::model::error::{Error, Result, StepUp};
use crate::model::id::{AccountId, CompanyId, GrantId, LoginId};
use crate::model::role::Role;

/// The bearer of a living access token, as the database knows them now.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub account: AccountId,
    /// For which company.
    pub company: CompanyId,
    /// As what, now.
    pub role: Role,
    /// In which login.
    pub login: LoginId,
    /// By which grant.
    pub grant: GrantId,
    /// When the person proved who they are.
    pub auth_time: OffsetDateTime,
}

impl Caller {
    /// Holds the caller to a recent sign-in.
    ///
    /// # Errors
    /// `StepUp`, saying so.
    pub fn signed_in_recently(&self, cx: &Context) -> Result<()> {
        if sign_in::is_recent(cx, self.auth_time) {
            Ok(())
        } else {
            Err(Error::StepUp(StepUp::Recent(sign_in::RECENT)))
        }
    }
}

/// Reads the token.
///
/// # Errors
/// `invalid_token`: it is none of ours, has expired, is meant for another audience, or what it stands for has ended;
/// `StepUp` where the company demands a second factor since; what is wrong with the proof of a bound token.
pub async fn identify(house: &House, cx: &Context, presented: &Presented) -> Result<Caller> {
    let bad = || presented.refused("the access token is not valid here, or not valid any more");
    let claims = binding::admit(house, cx, presented).await?;
    let claims = Some(claims).filter(|claims| access::is_for(claims, &house.api_audience())).ok_or_else(bad)?;
    let held = access::hold(house, cx, claims).await?.ok_or_else(bad)?;
    let living = held.living;
    if living.lacks_second_factor() {
        return Err(Error::StepUp(StepUp::Strong(ACR_MFA)));
    }
    Ok(Caller {
        account: living.account,
        company: living.company,
        role: living.role,
        login: living.login,
        grant: living.id,
        auth_time: living.auth_time,
    })
}

/// Who sets a second factor up: a caller, or somebody who cannot sign in without.
#[derive(Debug, Clone)]
pub enum Enroller {
    /// Signed in.
    Caller(Caller),
    /// Knows the password, and the company demands a second factor.
    Halfway(Step),
}

impl Enroller {
    /// Who.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Caller(caller) => caller.account,
            Self::Halfway(step) => step.account,
        }
    }

    /// Holds a caller to a recent sign-in: a token that was left lying around must not change who the account belongs to.
    ///
    /// # Errors
    /// As [`Caller::signed_in_recently`].
    pub fn signed_in_recently(&self, cx: &Context) -> Result<()> {
        match self {
            Self::Caller(caller) => caller.signed_in_recently(cx),
            // Gave the password a moment ago.
            Self::Halfway(_) => Ok(()),
        }
    }
}

/// Reads a token of either kind.
///
/// # Errors
/// As [`identify`].
pub async fn identify_enroller(house: &House, cx: &Context, presented: &Presented) -> Result<Enroller> {
    if presented.scheme == Scheme::Bearer
        && let Some(step) = auth::read_step(house, cx, auth::StepKind::SetUp, &presented.token).await?
    {
        return Ok(Enroller::Halfway(step));
    }
    identify(house, cx, presented).await.map(Enroller::Caller)
}
