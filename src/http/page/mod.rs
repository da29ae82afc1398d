//! Hosted pages: plain forms that work without JavaScript, each step on its own path.

pub mod asset;
pub mod backup_code;
pub mod company;
pub mod consent;
pub mod dev_mail;
pub mod error;
pub mod flow;
pub mod frame;
pub mod login;
pub mod logout;
pub mod recovery;
pub mod register;
pub mod setup_mfa;
pub mod totp;
pub mod verify_email;
