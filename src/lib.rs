//! Countersign, an OpenID Connect identity provider for multi-tenant voice-agent platforms.
//!
//! The arrow: `command`, `http` and `job` call `domain`, which calls `storage` and `outbound`; all know `model`.

pub mod command;
pub mod domain;
pub mod http;
pub mod job;
pub mod model;
pub mod outbound;
pub mod storage;
