//! People: sign in, second factor, sign up, recovery, consent.

pub mod consent;
pub mod join;
pub mod password_rules;
pub mod profile;
pub mod recovery;
pub mod second_factor;
pub mod sign_in;
pub mod sign_out;
pub mod sign_up;
pub mod visitor;

/// Authentication Context Class Reference of a password alone.
pub const ACR_PASSWORD: &str = "urn:countersign:acr:pwd";
/// Authentication Context Class Reference of a password and a second factor.
pub const ACR_MFA: &str = "urn:countersign:acr:mfa";
