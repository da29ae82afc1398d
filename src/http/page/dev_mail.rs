//! `/dev/mail`: the letters of development, instead of sending them. In `serve`, and where letters go out, there is no such page.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::events::when;
use super::frame::{Frame, show as render};
use crate::domain::delivery;
use crate::http::Shared;
use crate::model::error::{Error, Result};
use crate::storage::outbox;

#[derive(Template)]
#[template(path = "page/dev_mail.html")]
struct MailPage {
    frame: Frame,
    letters: Vec<Shown>,
}

struct Shown {
    to: String,
    subject: String,
    at: String,
    before: String,
    link: Option<String>,
    after: String,
}

/// Shows them, the latest first.
pub async fn show(State(house): State<Shared>, frame: Frame) -> Result<Response> {
    if !house.settings.is_dev() || house.postman.is_some() {
        return Err(Error::NotFound("page"));
    }
    let mut letters = Vec::new();
    for (id, sealed, at) in outbox::latest(&house.db).await? {
        let letter = delivery::open(&house, id, &sealed)?;
        let link = letter
            .text
            .split_whitespace()
            .find(|word| word.starts_with("http") && word.contains("?token="))
            .map(str::to_owned);
        let (before, after) = match &link {
            Some(link) => letter.text.split_once(link.as_str()).unwrap_or((&letter.text, "")),
            None => (letter.text.as_str(), ""),
        };
        letters.push(Shown {
            before: before.to_owned(),
            after: after.to_owned(),
            at: when(at),
            to: letter.to,
            subject: letter.subject,
            link,
        });
    }
    render(StatusCode::OK, &MailPage { frame, letters })
}
