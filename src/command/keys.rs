//! `countersign keys`: the signing keys.

use clap::Subcommand;

use super::{reach, stamp};
use crate::domain::keys;
use crate::model::error::Result;
use crate::storage::signing_key;

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show each key, its state and its times.
    List,
    /// The next key signs from now on; the one that signed stays published until its tokens have expired.
    Rotate,
    /// Seal every key anew with today's SECRET_KEY, before an earlier one leaves SECRET_KEY_PREVIOUS.
    Reseal,
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let (house, _reached) = reach::house().await?;
    match action {
        Action::List => {
            let mut keys = signing_key::all(&house.db).await?;
            keys.sort_by(|one, other| (&one.algorithm, one.created_at).cmp(&(&other.algorithm, other.created_at)));
            for key in keys {
                let until = key.retires_at.map(|at| format!(", published until {}", stamp(at))).unwrap_or_default();
                println!("{:8} {} {} made {}{until}", key.state, key.algorithm, key.kid, stamp(key.created_at));
            }
        }
        Action::Rotate => {
            for kid in keys::rotate(&house, &house.job("keys rotate")).await? {
                println!("{kid} signs from now on.");
            }
        }
        Action::Reseal => {
            keys::reseal(&house).await?;
            println!("Every key is sealed with today's SECRET_KEY.");
        }
    }
    Ok(())
}
