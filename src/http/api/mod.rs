//! The management API and what machines ask about us.

pub mod app;
pub mod audit;
pub mod auth;
pub mod client;
pub mod company;
pub mod docs;
pub mod health;
pub mod metrics;
pub mod mfa;
pub mod resource;
pub mod session;
pub mod user;
