//! The management API and what machines ask about us.

pub mod health;
