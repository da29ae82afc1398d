//! Initial access tokens (RFC 7591, section 1.2): the operator makes them, for the platform or for a company.

use time::Duration;

use crate::domain::house::House;
use crate::model::client::Profile;
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::event::Event;
use crate::model::id::CompanyId;
use crate::model::secret::Secret;
use crate::storage::initial_access_token::{self, Bounds, Terms};

/// Makes a token. `uses` is how many clients it registers at most; `None` for any number.
pub async fn create(house: &House, cx: &Context, terms: Terms, uses: Option<i32>, lasts: Duration) -> Result<Secret> {
    let secret = Secret::generate();
    let bounds = Bounds { uses, expires_at: cx.now + lasts };
    let Terms { company, profile } = terms;
    let mut tx = house.db.owner(company, None).await?;
    initial_access_token::insert(&mut tx, &secret.digest(), profile, bounds, cx.now).await?;
    tx.commit(cx, Event::RegistrationTokenCreated).await?;
    Ok(secret)
}

/// What somebody without a token may register where everybody may.
pub(super) const ANYBODY: Terms = Terms { company: None::<CompanyId>, profile: Profile::Standard };
