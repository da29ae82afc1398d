//! Routes: reads requests, asks rules, answers. No rule and no SQL stands here.

pub mod api;
pub mod body;
pub mod browser_state;
pub mod certificate;
pub mod context;
pub mod cors;
pub mod door;
mod dpop;
pub mod face;
pub mod gate;
pub mod headers;
pub mod oidc;
pub mod page;
pub mod place;
pub mod published;
pub mod routes;
pub mod server;
pub mod session;
pub mod session_store;
pub mod trace;

use std::sync::Arc;

use crate::domain::house::House;

/// What every handler can ask for.
pub type Shared = Arc<House>;
