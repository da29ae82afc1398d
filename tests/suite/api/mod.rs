//! The management API, as its callers see it.

mod auth;
