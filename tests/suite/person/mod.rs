//! Rules about people that no single page shows.

mod password;
mod secret_key;
mod trail;
