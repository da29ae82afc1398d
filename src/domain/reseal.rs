//! After a change of `SECRET_KEY`: seals anew what an earlier one sealed, beside nodes that run. Each row is a transaction of its own, so
//! whoever is interrupted begins again and finds what is left. Passwords cannot be hashed anew without their owners: they are counted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as B64;
use uuid::Uuid;

use super::house::House;
use super::oidc::client_auth::assertion::sealed_place;
use super::person::second_factor;
use super::{delivery, keys, sealing};
use crate::model::error::Result;
use crate::model::id::{AccountId, CompanyId};
use crate::storage::seal;

/// What was sealed anew, and what could not be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Resealed {
    /// Signing keys.
    pub keys: u64,
    /// Seeds of second factors.
    pub seeds: u64,
    /// Secrets of `client_secret_jwt` clients.
    pub client_secrets: u64,
    /// Letters that wait.
    pub letters: u64,
    /// Passwords that only an earlier `SECRET_KEY` can check. Each is hashed anew when its owner signs in.
    pub passwords_left: u64,
}

/// Does it, with everything that is sealed.
///
/// # Errors
/// A row was sealed with a `SECRET_KEY` that is not configured; what was done until then stays done.
pub async fn everything(house: &House) -> Result<Resealed> {
    let mut done = Resealed { keys: keys::reseal(house).await?, ..Resealed::default() };
    seeds(house, &mut done.seeds).await?;
    client_secrets(house, &mut done.client_secrets).await?;
    letters(house, &mut done.letters).await?;
    let peppers = sealing::derive(&house.settings, sealing::PEPPER)?;
    if let Some(pepper) = peppers.first() {
        let left = seal::passwords_of_other_keys(&house.db, &B64.encode(pepper.id)).await?;
        done.passwords_left = u64::try_from(left).unwrap_or_default();
    }
    Ok(done)
}

fn anew(house: &House, place: &str, sealed: &[u8]) -> Result<Vec<u8>> {
    house.sealer.seal(place, &house.sealer.open(place, sealed)?)
}

async fn seeds(house: &House, done: &mut u64) -> Result<()> {
    let mut after = Uuid::nil();
    loop {
        let batch = seal::stale_seeds(&house.db, house.sealer.key_id(), after).await?;
        let Some((last, _)) = batch.last() else { return Ok(()) };
        after = *last;
        for (account, sealed) in &batch {
            let account = AccountId(*account);
            let fresh = anew(house, &second_factor::place(account), sealed)?;
            let mut tx = house.db.account(account).await?;
            *done += u64::from(seal::replace_seed(&mut tx, sealed, &fresh).await?);
            tx.commit_unremarkable().await?;
        }
    }
}

async fn client_secrets(house: &House, done: &mut u64) -> Result<()> {
    let mut after = String::new();
    loop {
        let batch = seal::stale_client_secrets(&house.db, house.sealer.key_id(), &after).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for secret in &batch {
            let fresh = anew(house, &sealed_place(&secret.id), &secret.sealed)?;
            let mut tx = house.db.owner(secret.company.map(CompanyId), None).await?;
            *done += u64::from(seal::replace_client_secret(&mut tx, secret, &fresh).await?);
            tx.commit_unremarkable().await?;
        }
    }
}

async fn letters(house: &House, done: &mut u64) -> Result<()> {
    let mut after = Uuid::nil();
    loop {
        let batch = seal::stale_letters(&house.db, house.sealer.key_id(), after).await?;
        let Some((last, _)) = batch.last() else { return Ok(()) };
        after = *last;
        for (id, sealed) in &batch {
            let fresh = anew(house, &delivery::place(*id), sealed)?;
            let mut tx = house.db.platform().await?;
            *done += u64::from(seal::replace_letter(&mut tx, *id, sealed, &fresh).await?);
            tx.commit_unremarkable().await?;
        }
    }
}
