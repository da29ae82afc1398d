//! Nouns: types and the rules that need no I/O. Nothing here reads a clock, a file or the network.

pub mod authorization_details;
pub mod certificate;
pub mod client;
pub mod clock;
pub mod context;
pub mod cursor;
pub mod distinguished_name;
pub mod email;
pub mod error;
pub mod event;
pub mod id;
pub mod jose;
pub mod letter;
pub mod params;
pub mod role;
pub mod scope;
pub mod secret;
pub mod settings;
