//! OpenID Connect's endpoints.

pub mod authorize;
pub mod check_session;
pub mod client;
pub mod discovery;
pub mod introspect;
pub mod jwks;
pub mod logout;
pub mod par;
pub mod register;
pub mod revoke;
pub mod token;
pub mod userinfo;
