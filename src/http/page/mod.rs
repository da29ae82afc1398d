//! Hosted pages: plain forms that work without JavaScript, each step on its own path.

pub mod asset;
pub mod backup_code;
pub mod client;
pub mod clients;
pub mod company;
pub mod consent;
pub mod dashboard;
pub mod dev_mail;
pub mod error;
pub mod events;
pub mod flow;
pub mod frame;
pub mod join;
pub mod login;
pub mod logout;
pub mod policy;
pub mod recovery;
pub mod register;
pub mod setup_mfa;
pub mod totp;
pub mod users;
pub mod verify_email;
