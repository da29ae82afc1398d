//! The page that errors wear: what it is, what to do, and the request's number.

use askama::Template;
use axum::response::{IntoResponse as _, Response};

use super::frame::{Frame, capital, show as render};
use crate::http::face::status;
use crate::http::headers::Nonce;
use crate::model::error::Error;

#[derive(Template)]
#[template(path = "page/error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    code: &'a str,
    what: String,
    flaws: Vec<String>,
    remedy: &'static str,
    number: &'a str,
}

/// Shows an error to a person.
pub fn show(error: &Error, number: &str, nonce: &Nonce) -> Response {
    let (code, what, remedy) = words(error);
    let flaws = match error {
        Error::Invalid(flaws) => {
            flaws.iter().map(|flaw| format!("{} {}", flaw.field.replace('_', " "), flaw.message)).collect()
        }
        _ => Vec::new(),
    };
    let frame = Frame { nonce: nonce.0.clone(), ..Frame::default() };
    let page = ErrorPage { frame, code, what, flaws, remedy, number };
    render(status(error), &page).unwrap_or_else(|_| status(error).into_response())
}

fn words(error: &Error) -> (&'static str, String, &'static str) {
    match error {
        Error::OAuth { code, description } => (
            code,
            format!("The app that sent you here made a request that we cannot answer: {description}."),
            "Go back to the app and try again. If it happens again, tell the people who run the app.",
        ),
        Error::NotFound(_) => ("not found", "There is no such page.".to_owned(), "Check the address, or begin anew."),
        // Some say what to do themselves.
        Error::Forbidden(why) if why.contains("; ") => ("not allowed", sentence(why), ""),
        Error::Forbidden(why) => ("not allowed", sentence(why), "If you need it, ask an admin of your company."),
        Error::Unauthenticated(why) => ("signed out", sentence(why), "Sign in, and open the page again."),
        Error::TooMany(wait) => {
            let text = format!("There were too many attempts. Please wait {} seconds.", wait.whole_seconds().max(1));
            ("too many attempts", text, "Wait a moment, then try again.")
        }
        Error::Busy(_) => {
            ("busy", "Very many people sign in just now.".to_owned(), "Please try again in a few seconds.")
        }
        Error::Unavailable(_) => (
            "not available",
            "We cannot reach our own database just now.".to_owned(),
            "Please try again in a few seconds. What you did before is kept.",
        ),
        Error::Fault(_) => {
            ("", "Something of ours failed. It has been noted.".to_owned(), "Please try again in a minute.")
        }
        other => ("invalid request", sentence(&other.to_string()), "Go back, reload the page and try again."),
    }
}

fn sentence(text: &str) -> String {
    capital(text) + "."
}
