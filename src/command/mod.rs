//! The command line.

pub mod embedded;
pub mod migrate;
