//! What the database itself holds back, and how its connections are shared.

mod connections;
mod wall;
