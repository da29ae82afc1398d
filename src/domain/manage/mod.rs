//! What the management API does, one file per group. Its tokens are grants like any other, for a client and an audience of
//! their own.

pub mod audit;
pub mod auth;
pub mod caller;
pub mod client;
pub mod company;
pub mod resource;
pub mod user;

/// The client that the API's own tokens are given to.
pub const API_CLIENT: &str = "cli_countersign_api";
