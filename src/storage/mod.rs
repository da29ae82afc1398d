//! Rows: the only SQL, one file per table, plain functions. Nothing here decides anything.

pub mod account;
pub mod backup_code;
pub mod browser_session;
pub mod client;
mod client_cache;
pub mod client_token;
pub mod code;
pub mod company;
mod connections;
pub mod consent;
pub mod event;
pub mod flow;
pub mod grant;
pub mod held;
pub mod initial_access_token;
mod lane;
pub mod login;
pub mod login_client;
pub mod logout_notice;
pub mod mail_token;
pub mod membership;
pub mod migration;
mod outage;
pub mod outbox;
pub mod pairwise_subject;
pub mod password;
pub mod pulse;
pub mod pushed_request;
pub mod refresh_token;
pub mod replay;
pub mod resource;
pub mod scope;
pub mod seal;
pub mod signing_key;
pub mod size;
pub mod sweep;
pub mod throttle;
pub mod totp;
pub mod trouble;

impl From<sqlx::Error> for crate::model::error::Error {
    fn from(error: sqlx::Error) -> Self {
        trouble::note(&error);
        if outage::is_broken(&error) {
            outage::note();
        }
        if outage::is_outage(&error) { Self::Unavailable(error.into()) } else { Self::fault(error) }
    }
}

/// Whether a statement failed at this unique constraint or key.
pub(crate) fn violates(error: &sqlx::Error, constraint: &str) -> bool {
    error.as_database_error().is_some_and(|database| database.constraint() == Some(constraint))
}
