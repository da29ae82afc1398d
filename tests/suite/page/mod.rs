//! Hosted pages, without JavaScript.

mod dashboard;
mod gate;
mod headers;
mod recovery;
mod register;
mod second_factor;
mod sign_in;
mod users;
