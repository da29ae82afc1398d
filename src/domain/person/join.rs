//! One more company: its invitation to somebody who has an account, and the owner's answer.

use crate::domain::house::House;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, CompanyId};
use crate::model::role::Role;
use crate::model::secret::Secret;
use crate::storage::mail_token::{self, Purpose};
use crate::storage::{company, membership};

/// An invitation that waits.
#[derive(Debug)]
pub struct Invited {
    /// Who is invited.
    pub account: AccountId,
    /// Their address.
    pub email: String,
    /// Where.
    pub company: company::Row,
    /// As what.
    pub role: Role,
}

/// What a mailed link invites to; `None` where it is not good any more.
pub async fn peek(house: &House, cx: &Context, token: &Secret) -> Result<Option<Invited>> {
    let Some(named) = mail_token::peek(&house.db, &token.digest(), Purpose::Join, cx.now).await? else {
        return Ok(None);
    };
    let mut tx = house.db.account(named.account).await?;
    let Some((id, role)) = mail_token::find_join(&mut tx, &token.digest()).await? else { return Ok(None) };
    let mut tx = tx.enter(id).await?;
    let found = company::find(&mut tx).await?;
    tx.commit_unremarkable().await?;
    let email = named.email.as_str().to_owned();
    Ok(found.map(|company| Invited { account: named.account, email, company, role }))
}

/// The owner of the mailbox accepts.
///
/// # Errors
/// `Invalid` where the link is not good any more.
pub async fn accept(house: &House, cx: &Context, token: &Secret) -> Result<CompanyId> {
    let stale = || Error::invalid("token", "was used already or is too old; ask for a new invitation");
    let invited = peek(house, cx, token).await?.ok_or_else(stale)?;
    let mut tx = house.db.account(invited.account).await?;
    if !mail_token::take(&mut tx, &token.digest(), Purpose::Join, cx.now).await? {
        return Err(stale());
    }
    let id = invited.company.id();
    let mut tx = tx.enter(id).await?;
    membership::insert(&mut tx, invited.account, invited.role, cx.now).await?;
    tx.commit(cx, Event::MemberAdded { account: invited.account, role: invited.role }).await?;
    Ok(id)
}
