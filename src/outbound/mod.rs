//! What leaves the house: mail, HTTP to others, and traces.

pub mod http;
pub mod smtp;
pub mod telemetry;
