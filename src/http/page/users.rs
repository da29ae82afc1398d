//! `/dashboard/users`: the people of the company, for admins.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::events::when;
use super::frame::{Flaws, Frame, notice, show as render};
use crate::domain::manage::user::{self, Added, Admin, Changes, Invitation, Seen};
use crate::domain::person::visitor::Visitor;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Result};
use crate::model::id::AccountId;
use crate::storage::membership::{Sort, Wanted};

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that is shown")]
struct Member {
    id: String,
    name: String,
    email: String,
    role: String,
    active: bool,
    verified: bool,
    has_totp: bool,
    home: bool,
    oneself: bool,
    since: String,
}

#[derive(Template)]
#[template(path = "page/users.html")]
struct UsersPage {
    frame: Frame,
    flaws: Flaws,
    asked: Asked,
    members: Vec<Member>,
    next: Option<String>,
    typed: AddForm,
    /// The three words, for the choices.
    roles: [&'static str; 3],
}

/// What the list shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    role: String,
    active: String,
    cursor: String,
}

impl Asked {
    fn wanted(&self) -> Wanted {
        Wanted {
            text: Some(self.q.trim().to_owned()).filter(|text| !text.is_empty()),
            role: self.role.parse().ok(),
            active: match self.active.as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            },
            account: None,
        }
    }

    fn query(&self, cursor: &str) -> String {
        let fields = [("q", &self.q), ("role", &self.role), ("active", &self.active)];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
        query.append_pair("cursor", cursor);
        query.finish()
    }
}

fn admin(visitor: &Visitor) -> Result<Admin> {
    let company = visitor.company.as_ref().ok_or(Error::NotFound("company"))?.id();
    Ok(Admin { company, account: Some(visitor.account) })
}

fn member(seen: Seen, visitor: &Visitor) -> Member {
    let member = seen.member;
    let id = AccountId(member.id);
    Member {
        id: id.to_string(),
        name: member.name,
        email: member.email,
        role: member.role,
        active: member.active,
        verified: member.email_verified,
        has_totp: seen.has_totp,
        home: member.at_home,
        oneself: id == visitor.account,
        since: when(member.created_at),
    }
}

async fn page(
    house: &Shared,
    visitor: &Visitor,
    frame: Frame,
    (asked, typed): (Asked, AddForm),
    flaws: Flaws,
) -> Result<Response> {
    let company = admin(visitor)?.company;
    let after = Some(asked.cursor.as_str()).filter(|text| !text.is_empty()).map(Cursor::read).transpose()?;
    let (seen, next) = user::list(house, company, &asked.wanted(), (Sort::Name, after.as_ref()), 50).await?;
    let page = UsersPage {
        frame: frame.of_visitor(visitor, "users"),
        members: seen.into_iter().map(|seen| member(seen, visitor)).collect(),
        next: next.map(|cursor| format!("/dashboard/users?{}", asked.query(&cursor.encode()))),
        flaws,
        asked,
        typed,
        roles: ["user", "manager", "admin"],
    };
    render(page.flaws.status(), &page)
}

/// Shows them.
pub async fn show(
    State(house): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Response> {
    page(&house, &visitor, frame, (asked, AddForm::default()), Flaws::default()).await
}

/// Whom to add.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AddForm {
    name: String,
    email: String,
    role: String,
}

/// Adds a person.
pub async fn add(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
    PageForm(form): PageForm<AddForm>,
) -> Result<Response> {
    let added = match form.role.parse() {
        Ok(role) => {
            let typed = Invitation { email: form.email.clone(), name: form.name.clone(), role };
            user::add(&house, &cx, admin(&visitor)?, typed).await
        }
        Err(_) => Err(Error::invalid("role", "must be chosen")),
    };
    let text = match added {
        Ok(Added::Member(_)) => format!("{} was added. A letter is on its way to choose a password.", form.name.trim()),
        Ok(Added::Invited) => format!("{} has an account already and was invited by letter.", form.email.trim()),
        Err(error) => {
            return page(&house, &visitor, frame, (Asked::default(), form), Flaws::of_error(error)?).await;
        }
    };
    done(&browser, &text).await
}

async fn done(browser: &Browser, text: &str) -> Result<Response> {
    notice(browser, text).await?;
    Ok(Redirect::to("/dashboard/users").into_response())
}

/// What to do with a member: the button that was pressed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChangeForm {
    id: String,
    role: String,
    action: String,
}

/// Does it.
pub async fn change(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
    PageForm(form): PageForm<ChangeForm>,
) -> Result<Response> {
    let id: AccountId = form.id.parse().map_err(|_| Error::NotFound("user"))?;
    let admin = admin(&visitor)?;
    let changes = |role, active| Changes { role, active };
    let (done_so, text) = match form.action.as_str() {
        "role" => {
            let role = form.role.parse().map_err(|_| Error::Malformed("the form names no role".into()))?;
            (user::change(&house, &cx, admin, id, changes(Some(role), None)).await, "The role is changed.")
        }
        "end" => {
            let text = "The membership is ended, and its tokens with it.";
            (user::change(&house, &cx, admin, id, changes(None, Some(false))).await, text)
        }
        "restore" => {
            (user::change(&house, &cx, admin, id, changes(None, Some(true))).await, "The membership began again.")
        }
        "reset-mfa" => {
            let text = "Two-step verification was taken away. A letter says so.";
            (user::reset_second_factor(&house, &cx, admin, id).await, text)
        }
        "password-link" => {
            (user::send_password_link(&house, &cx, admin, id).await, "A letter with a link is on its way.")
        }
        _ => return Err(Error::Malformed("the form says nothing to do".into())),
    };
    match done_so {
        Ok(()) => done(&browser, text).await,
        Err(error) => {
            page(&house, &visitor, frame, (Asked::default(), AddForm::default()), Flaws::of_error(error)?).await
        }
    }
}
