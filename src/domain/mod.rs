//! Rules. No status code, no SQL and no template stands here.

pub mod delivery;
pub mod ed25519;
pub mod hashing;
pub mod house;
pub mod keys;
pub mod letters;
pub mod manage;
pub mod metrics;
pub mod oidc;
pub mod person;
pub mod reseal;
pub mod sealing;
pub mod throttle;
