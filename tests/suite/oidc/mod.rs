//! OpenID Connect, as strict relying parties see it.

mod authorization_code;
mod authorize;
mod discovery;
mod id_token;
mod pkce;
mod refresh_token;
mod token;
