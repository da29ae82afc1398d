//! Hosted pages, without JavaScript.

mod clients;
mod dashboard;
mod gate;
mod headers;
mod recovery;
mod register;
mod script;
mod second_factor;
mod sign_in;
mod users;
