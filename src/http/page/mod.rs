//! Hosted pages.

pub mod asset;
pub mod error;
