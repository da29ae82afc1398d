//! What holds the house together.

mod arrow;
mod behaviours;
mod connections;
mod keys;
mod routes;
mod secrets;
mod statements;
mod wire;
