//! OpenID Connect and OAuth: one file per endpoint and per grant.

pub mod token;
