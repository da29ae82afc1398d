//! The management API, as its callers see it.

mod auth;
mod clients;
mod companies;
mod company;
mod health;
mod hostile;
mod mfa;
mod openapi;
mod recovery;
mod refresh;
mod roles;
pub mod step_up;
mod throttle;
mod users;
mod verify_mfa;
