//! OpenID Connect and OAuth: one file per endpoint and per grant.

pub mod access;
pub mod authorize;
pub mod backchannel_logout;
pub mod binding;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod client_keys;
pub mod discovery;
pub mod dpop;
pub mod flow;
pub mod frontchannel_logout;
pub mod grant;
pub mod introspect;
pub mod issue;
pub mod logout;
pub mod par;
pub mod registration;
pub mod request_object;
pub mod resource;
pub mod revoke;
pub mod session_state;
pub mod start;
pub mod subject;
pub mod token;
pub mod userinfo;
