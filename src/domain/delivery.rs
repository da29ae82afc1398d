//! Takes letters from the outbox to the mail server, and tries again when it does not answer. A letter is lost only when the
//! mail server has refused it for two days.

use time::Duration;

use super::house::House;
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::letter::Letter;
use crate::storage::outbox::{self, Due};

/// While a letter is with one node, no other takes it.
const LEASE: Duration = Duration::minutes(5);
/// A letter of this many tries (about two days) is given up.
const TRIES: i32 = 24;
/// When one is tried that was given up.
pub const GIVEN_UP: Duration = Duration::days(365);

/// Where a letter's seal says it belongs.
pub fn place(id: uuid::Uuid) -> String {
    format!("outbox/{}", id.as_simple())
}

/// Sends what is due. Answers how many letters were taken.
pub async fn deliver(house: &House, cx: &Context) -> Result<usize> {
    let due = outbox::take_due(&house.db, cx.now, cx.now + LEASE).await?;
    for letter in &due {
        deliver_one(house, cx, letter).await?;
    }
    Ok(due.len())
}

async fn deliver_one(house: &House, cx: &Context, due: &Due) -> Result<()> {
    let outcome = match open(house, due.id, &due.message_sealed) {
        Ok(letter) => match &house.postman {
            Some(postman) => postman.send(&letter).await,
            // In development letters stay where they are: a page shows them.
            None => Ok(()),
        },
        Err(error) => Err(error.to_string()),
    };
    match outcome {
        Ok(()) => outbox::sent(&house.db, due.id, cx.now).await,
        Err(why) => {
            tracing::warn!(attempt = due.attempts, %why, "a letter could not be sent");
            let wait = if due.attempts >= TRIES {
                // Kept for the operator to see, but not tried again.
                GIVEN_UP * 10
            } else {
                (Duration::seconds(15) * (1_i32 << due.attempts.clamp(0, 9))).min(Duration::hours(2))
            };
            outbox::failed(&house.db, due.id, &why, cx.now + wait).await
        }
    }
}

/// Opens a letter of the outbox.
///
/// # Errors
/// The seal does not fit.
pub fn open(house: &House, id: uuid::Uuid, sealed: &[u8]) -> Result<Letter> {
    Ok(serde_json::from_slice(&house.sealer.open(&place(id), sealed)?)?)
}

/// Seals a letter for the outbox.
///
/// # Errors
/// OpenSSL refuses.
pub fn seal(house: &House, id: uuid::Uuid, letter: &Letter) -> Result<Vec<u8>> {
    house.sealer.seal(&place(id), &serde_json::to_vec(letter)?)
}
