//! People: sign in, second factor, sign up, recovery, consent.

pub mod visitor;
