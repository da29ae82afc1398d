//! `/dashboard/events`: the company's audit trail, for admins. And how an event is said to people.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::frame::{Frame, show as render};
use crate::domain::manage::audit;
use crate::domain::person::visitor::Visitor;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Result};
use crate::model::id::AccountId;
use crate::storage::event::{Row, Wanted};

/// An event as people read it.
pub struct Line {
    /// A sentence.
    pub said: String,
    /// Its stable word.
    pub action: String,
    /// When.
    pub at: String,
    /// From where.
    pub ip: String,
    /// Whose matter: an id and a name.
    pub person: Option<(String, String)>,
    /// By whom, if by somebody else: an id and a name.
    pub actor: Option<(String, String)>,
    /// The app concerned.
    pub client: Option<String>,
}

impl From<Row> for Line {
    fn from(row: Row) -> Self {
        let named = |id: Option<uuid::Uuid>, name: Option<String>| {
            let id = AccountId(id?).to_string();
            Some((id.clone(), name.unwrap_or(id)))
        };
        Self {
            said: said(&row),
            action: row.action,
            at: when(row.created_at),
            ip: row.ip.unwrap_or_default(),
            person: named(row.account_id, row.person),
            actor: named(row.actor_id, row.actor),
            client: row.client_id,
        }
    }
}

/// An instant, for people.
pub fn when(at: OffsetDateTime) -> String {
    let format = format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");
    at.format(format).unwrap_or_default()
}

fn said(row: &Row) -> String {
    let text = |name: &str| row.detail.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let words = match row.action.as_str() {
        "company.registered" => "The company was registered",
        "company.changed" => "The company's profile or policy was changed",
        "sign_in.succeeded" => "Signed in",
        "sign_in.failed" => "A sign-in failed",
        "second_factor.failed" => "A second-factor code was wrong",
        "login.ended" => "Signed out",
        "logins.ended" => "Signed out everywhere else",
        "logout_notice.lost" => "An app did not take the notice of a sign-out",
        "second_factor.enabled" => "Turned two-step verification on",
        "second_factor.disabled" => "Turned two-step verification off",
        "backup_codes.renewed" => "Made new backup codes",
        "backup_code.used" => "Used a backup code",
        "password.changed" => "Changed the password",
        "password.reset_asked" => "Asked for a link to choose a new password",
        "password.reset" => "Chose a new password by a mailed link",
        "email.verified" => "Confirmed the e-mail address",
        "email.change_asked" => "Asked for another e-mail address",
        "email.changed" => "Changed the e-mail address",
        "profile.changed" => "Changed the profile",
        "consent.given" => "Allowed an app",
        "consent.denied" => "Denied an app",
        "consent.withdrawn" => "Took an app's access away",
        "tokens.issued" if row.detail.get("grant_type").and_then(|kind| kind.as_str()) == Some("refresh_token") => {
            "An app refreshed its access"
        }
        "tokens.issued" => "An app got access",
        "code.reused" => "A code was used twice; its tokens were ended",
        "refresh_token.reused" => "A used refresh token came back; its tokens were ended",
        "token.revoked" => "An app gave its access back",
        "member.added" => return format!("Joined as {}", text("role")),
        "member.invited" => return format!("{} was invited as {}", text("email"), text("role")),
        "member.role_changed" => return format!("The role was changed from {} to {}", text("from"), text("to")),
        "member.ended" => "The membership was ended",
        "member.restored" => "The membership began again",
        "member.second_factor_reset" => "An admin took a lost second factor away",
        "member.password_link_sent" => "An admin sent a link to choose a password",
        "account.disabled" => "The account was switched off",
        "account.enabled" => "The account was switched on again",
        "client.created" => "An app was registered",
        "client.changed" => "An app's registration was changed",
        "client.registered" => "An app registered itself",
        "client.deleted" => "An app was deleted",
        "registration_token.created" => "A token to register apps was made",
        "resource.created" => return format!("The API {} was registered", text("identifier")),
        "resource.changed" => return format!("The registration of the API {} was changed", text("identifier")),
        "resource.deleted" => return format!("The API {} was deleted", text("identifier")),
        other => other,
    };
    words.to_owned()
}

#[derive(Template)]
#[template(path = "page/events.html")]
struct EventsPage {
    frame: Frame,
    lines: Vec<Line>,
    next: Option<String>,
    asked: Asked,
}

/// What the trail shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    person: String,
    action: String,
    from: String,
    to: String,
    cursor: String,
}

impl Asked {
    fn wanted(&self) -> Result<Wanted> {
        let filled = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let day = |text: &String| {
            let read = |text: String| Date::parse(&text, format_description!("[year]-[month]-[day]"));
            let bad = |_| Error::Malformed("a day of the filter is not like 2026-01-31".into());
            filled(text).map(|text| read(text).map_err(bad).map(|day| day.midnight().assume_utc())).transpose()
        };
        let nobody = |_| Error::Malformed("the person of the filter is not an id like usr_…".into());
        Ok(Wanted {
            person: filled(&self.person).map(|text| text.parse().map_err(nobody)).transpose()?,
            action: filled(&self.action),
            client: None,
            from: day(&self.from)?,
            // To the end of the day.
            to: day(&self.to)?.map(|at| at + time::Duration::DAY),
        })
    }

    fn query(&self, cursor: &str) -> String {
        let fields = [("person", &self.person), ("action", &self.action), ("from", &self.from), ("to", &self.to)];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
        query.append_pair("cursor", cursor);
        query.finish()
    }
}

/// Shows it.
pub async fn show(
    State(house): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Response> {
    let company = visitor.company.as_ref().ok_or(Error::NotFound("company"))?.id();
    let after = Some(asked.cursor.as_str()).filter(|text| !text.is_empty()).map(Cursor::read).transpose()?;
    let (rows, next) = audit::list(&house, company, &asked.wanted()?, after.as_ref(), 50).await?;
    let page = EventsPage {
        frame: frame.of_visitor(&visitor, "events"),
        lines: rows.into_iter().map(Line::from).collect(),
        next: next.map(|cursor| format!("/dashboard/events?{}", asked.query(&cursor.encode()))),
        asked,
    };
    render(StatusCode::OK, &page)
}
