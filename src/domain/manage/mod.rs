//! What the management API does, one file per group.

pub mod caller;
