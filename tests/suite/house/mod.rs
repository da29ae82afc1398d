//! What holds the house together.

mod arrow;
mod keys;
mod routes;
