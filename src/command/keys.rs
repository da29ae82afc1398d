//! `countersign keys`: the signing keys.

use clap::Subcommand;

use super::{reach, stamp};
use crate::domain::{keys, reseal};
use crate::model::error::Result;
use crate::storage::signing_key;

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show each key, its state and its times.
    List,
    /// The next key signs from now on; the one that signed stays published until its tokens have expired.
    Rotate,
    /// Seal everything anew with today's SECRET_KEY, before an earlier one leaves SECRET_KEY_PREVIOUS. May run beside servers, and again.
    /// Says how many passwords still need an earlier one.
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
            let done = reseal::everything(&house).await?;
            println!(
                "Sealed anew: {} signing keys, {} second factors, {} secrets of clients, {} letters. Everything is sealed with today's SECRET_KEY.",
                done.keys, done.seeds, done.client_secrets, done.letters
            );
            match done.passwords_left {
                0 => println!("No password needs an earlier SECRET_KEY."),
                left => println!(
                    "{left} passwords were hashed under an earlier one; each is hashed anew when its owner signs in. Without that \
                     SECRET_KEY these people have to choose a new password (\"Forgot password\")."
                ),
            }
        }
    }
    Ok(())
}
