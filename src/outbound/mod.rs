//! What leaves the house: mail and HTTP to others.

pub mod http;
pub mod smtp;
