//! What holds the house together.

mod arrow;
mod behaviours;
mod keys;
mod routes;
