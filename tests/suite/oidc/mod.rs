//! OpenID Connect, as strict relying parties see it.

mod authorization_code;
mod authorize;
mod client_auth;
mod client_credentials;
mod company;
mod consent;
mod cors;
mod discovery;
mod dpop;
mod flow;
mod hostile;
mod id_token;
mod introspect;
mod logout;
mod pkce;
mod prompt;
mod refresh_token;
mod revoke;
mod step_up;
mod token;
mod userinfo;
