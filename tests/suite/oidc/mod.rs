//! OpenID Connect, as strict relying parties see it.

mod authorization_code;
mod discovery;
