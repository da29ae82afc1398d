//! Ends logins, with the grants and tokens that hang from them.

use crate::domain::house::House;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, LoginId};
use crate::storage::login;

/// Every living login of a person, the last used first.
pub async fn living(house: &House, cx: &Context, person: AccountId) -> Result<Vec<login::Row>> {
    let mut tx = house.db.account(person).await?;
    let rows = login::living(&mut tx, cx.now).await?;
    tx.commit_unremarkable().await?;
    Ok(rows)
}

/// Ends one login of a person.
///
/// # Errors
/// It is not one of this person, or it has ended already.
pub async fn end(house: &House, cx: &Context, person: AccountId, id: LoginId) -> Result<()> {
    let mut tx = house.db.account(person).await?;
    if !login::end(&mut tx, id, cx.now).await? {
        return Err(Error::NotFound("session"));
    }
    tx.commit(cx, Event::SignedOut(id)).await
}

/// Ends every login of a person but this one.
pub async fn end_others(house: &House, cx: &Context, person: AccountId, kept: Option<LoginId>) -> Result<()> {
    let mut tx = house.db.account(person).await?;
    login::end_others(&mut tx, kept, cx.now).await?;
    tx.commit(cx, Event::LoginsEnded).await
}
