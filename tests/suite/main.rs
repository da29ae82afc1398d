//! Every integration test, in one binary. The folders are named as those of `src/http`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unused_self,
    clippy::too_many_lines,
    missing_docs
)]

mod api;
mod faults;
mod harness;
mod house;
mod oidc;
mod operation;
mod page;
mod person;
mod relying_parties;
mod storage;
