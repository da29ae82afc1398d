//! Hosted pages, without JavaScript.

mod dashboard;
mod gate;
mod headers;
mod recovery;
mod register;
mod script;
mod second_factor;
mod sign_in;
mod users;
