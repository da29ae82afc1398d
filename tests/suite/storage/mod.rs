//! What the database itself holds back.

mod wall;
