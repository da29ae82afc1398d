//! `/api/users`: oneself, and for admins the people of the company.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::auth::Told;
use crate::domain::manage::caller::Caller;
use crate::domain::manage::user::{self, Added, Admin, Changes, Invitation, Seen};
use crate::domain::person::{profile, recovery};
use crate::http::Shared;
use crate::http::body::{JsonBody, Named, QueryOf};
use crate::http::context::Cx;
use crate::model::cursor::Cursor;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::id::AccountId;
use crate::model::role::Role;
use crate::storage::membership::{Sort, Wanted};

/// Oneself.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// `usr_…`
    #[schema(value_type = String)]
    pub id: AccountId,
    /// The address.
    pub email: String,
    /// Whether it is confirmed.
    pub email_verified: bool,
    /// The name.
    pub name: String,
    /// In the company of the token.
    pub role: Role,
    /// The company's slug.
    pub company: String,
    /// `com_…`
    pub company_id: String,
    /// The company's name.
    pub company_name: String,
    /// Whether a second factor is on.
    pub mfa_enabled: bool,
    /// Since when.
    #[serde(with = "time::serde::rfc3339::option")]
    pub created_at: Option<OffsetDateTime>,
    /// The last change.
    #[serde(with = "time::serde::rfc3339::option")]
    pub updated_at: Option<OffsetDateTime>,
    /// Standard claims that have a value (OpenID Connect Core, section 5.1).
    #[serde(flatten)]
    pub claims: BTreeMap<&'static str, Value>,
}

impl From<user::Me> for Me {
    fn from(me: user::Me) -> Self {
        let mut claims = BTreeMap::new();
        for claim in profile::CLAIMS {
            if let Some(text) = profile::claim(&me.account, claim) {
                claims.insert(claim, Value::String(text.to_owned()));
            }
        }
        if let Some(address) = &me.account.address {
            claims.insert("address", address.clone());
        }
        Self {
            id: me.account.id(),
            email_verified: me.account.email_verified_at.is_some(),
            email: me.account.email,
            name: me.account.name,
            role: me.role,
            company_id: me.company.id().to_string(),
            company: me.company.slug,
            company_name: me.company.name,
            mfa_enabled: me.has_totp,
            created_at: me.account.created_at,
            updated_at: me.account.updated_at,
            claims,
        }
    }
}

/// Shows the caller.
#[utoipa::path(get, path = "/api/users/me", tag = "users", security(("bearer" = [])), responses(
    (status = 200, body = Me), (status = 401, description = "No valid token")))]
pub async fn me(State(house): State<Shared>, caller: Caller) -> Result<Json<Me>> {
    Ok(Json(user::me(&house, caller.account, caller.company).await?.into()))
}

/// What changes: a member that is left out stays, an empty text takes a claim away.
#[derive(Deserialize, ToSchema, Default)]
pub struct Update {
    /// The name.
    pub name: Option<String>,
    /// A new address: it is confirmed there first, and told to the old one.
    pub email: Option<String>,
    /// OpenID Connect Core, section 5.1.
    pub given_name: Option<String>,
    /// OpenID Connect Core, section 5.1.
    pub family_name: Option<String>,
    /// OpenID Connect Core, section 5.1.
    pub middle_name: Option<String>,
    /// OpenID Connect Core, section 5.1.
    pub nickname: Option<String>,
    /// OpenID Connect Core, section 5.1.
    pub preferred_username: Option<String>,
    /// A web address.
    pub profile: Option<String>,
    /// A web address.
    pub picture: Option<String>,
    /// A web address.
    pub website: Option<String>,
    /// OpenID Connect Core, section 5.1.
    pub gender: Option<String>,
    /// `YYYY-MM-DD`
    pub birthdate: Option<String>,
    /// `Europe/Berlin`
    pub zoneinfo: Option<String>,
    /// `en-GB`
    pub locale: Option<String>,
    /// `+493012345678`
    pub phone_number: Option<String>,
    /// `formatted street_address locality region postal_code country` (section 5.1.1).
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    pub address: Option<BTreeMap<String, String>>,
}

impl Update {
    fn changes(self) -> Result<profile::Changes> {
        let sent = [
            self.given_name,
            self.family_name,
            self.middle_name,
            self.nickname,
            self.preferred_username,
            self.profile,
            self.picture,
            self.website,
            self.gender,
            self.birthdate,
            self.zoneinfo,
            self.locale,
            self.phone_number,
        ];
        let claims = profile::CLAIMS.into_iter().zip(sent).filter_map(|(claim, text)| Some((claim, text?))).collect();
        let address = self.address.map(|parts| {
            let known = |name: &String| profile::ADDRESS.into_iter().find(|known| known == name);
            let read = |(name, text): (String, String)| known(&name).map(|name| (name, text));
            let unknown = || Error::invalid("address", "has a member that is not in OpenID Connect Core 5.1.1");
            parts.into_iter().map(|part| read(part).ok_or_else(unknown)).collect::<Result<_>>()
        });
        Ok(profile::Changes { name: self.name, claims, address: address.transpose()? })
    }
}

/// Changes the caller. Another e-mail address needs a sign-in of the last 15 minutes.
#[utoipa::path(put, path = "/api/users/me", tag = "users", request_body = Update, security(("bearer" = [])), responses(
    (status = 200, body = Me), (status = 401, description = "No valid token"),
    (status = 422, description = "Fields that cannot be accepted"), (status = 429, description = "Too many letters")))]
pub async fn update_me(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    JsonBody(mut sent): JsonBody<Update>,
) -> Result<Json<Me>> {
    let email = sent.email.take().map(|text| text.parse());
    let email = email.transpose().map_err(|_| Error::invalid("email", "is not an e-mail address"))?;
    let email: Option<Email> = email;
    let today = profile::find(&house, caller.account).await?.email;
    let email = email.filter(|email| email.as_str() != today);
    if email.is_some() {
        caller.signed_in_recently(&cx)?;
    }
    profile::change(&house, &cx, caller.account, &sent.changes()?).await?;
    if let Some(email) = email {
        recovery::change_email(&house, &cx, caller.account, &email).await?;
    }
    Ok(Json(user::me(&house, caller.account, caller.company).await?.into()))
}

/// A member of the company.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that is shown")]
pub struct User {
    /// `usr_…`
    #[schema(value_type = String)]
    pub id: AccountId,
    /// The address.
    pub email: String,
    /// Whether it is confirmed.
    pub email_verified: bool,
    /// The name.
    pub name: String,
    /// In this company.
    pub role: Role,
    /// Whether the membership lives.
    pub active: bool,
    /// Whether a second factor is on.
    pub mfa_enabled: bool,
    /// Whether this company made the account, and may help it recover.
    pub home: bool,
    /// When the person joined.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

impl TryFrom<Seen> for User {
    type Error = Error;

    fn try_from(seen: Seen) -> Result<Self> {
        let role = seen.member.role()?;
        let member = seen.member;
        Ok(Self {
            id: AccountId(member.id),
            email: member.email,
            email_verified: member.email_verified,
            name: member.name,
            role,
            active: member.active,
            mfa_enabled: seen.has_totp,
            home: member.at_home,
            created_at: member.created_at,
        })
    }
}

/// Which members.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// A part of the name or the address.
    pub q: Option<String>,
    /// `admin`, `manager` or `user`.
    #[param(value_type = Option<String>)]
    pub role: Option<Role>,
    /// Living memberships, or the others.
    pub active: Option<bool>,
    /// `name` (the default), `email`, `created_at`, `-created_at`.
    pub sort: Option<String>,
    /// 1 to 100; 50 by default.
    pub limit: Option<i64>,
    /// What the page before gave.
    pub cursor: Option<String>,
}

/// How many lines a page has.
pub fn page_size(limit: Option<i64>) -> Result<i64> {
    match limit {
        None => Ok(50),
        Some(limit) if (1..=100).contains(&limit) => Ok(limit),
        Some(_) => Err(Error::invalid("limit", "must be 1 to 100")),
    }
}

/// A page of members.
#[derive(Serialize, ToSchema)]
pub struct Users {
    /// In the order that was asked for.
    pub items: Vec<User>,
    /// For the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// The people of the caller's company, for admins.
#[utoipa::path(get, path = "/api/users", tag = "users", params(UserQuery), security(("bearer" = [])), responses(
    (status = 200, body = Users), (status = 400, description = "The cursor is none of ours"), (status = 401, description = "No valid token"),
    (status = 403, description = "Not an admin"), (status = 422, description = "A parameter cannot be accepted")))]
pub async fn list(
    State(house): State<Shared>,
    caller: Caller,
    QueryOf(query): QueryOf<UserQuery>,
) -> Result<Json<Users>> {
    let sort = match query.sort.as_deref() {
        None | Some("name") => Sort::Name,
        Some("email") => Sort::Email,
        Some("created_at") => Sort::Created,
        Some("-created_at") => Sort::CreatedLast,
        Some(_) => return Err(Error::invalid("sort", "must be name, email, created_at or -created_at")),
    };
    let after = query.cursor.as_deref().map(Cursor::read).transpose()?;
    let wanted = Wanted { text: query.q, role: query.role, active: query.active, account: None };
    let limit = page_size(query.limit)?;
    let (seen, next) = user::list(&house, caller.company, &wanted, (sort, after.as_ref()), limit).await?;
    let items = seen.into_iter().map(User::try_from).collect::<Result<_>>()?;
    Ok(Json(Users { items, next_cursor: next.map(|cursor| cursor.encode()) }))
}

fn admin(caller: &Caller) -> Admin {
    Admin { company: caller.company, account: Some(caller.account) }
}

/// The id in a path. What is no id names nobody.
fn id(text: &str) -> Result<AccountId> {
    text.parse().map_err(|_| Error::NotFound("user"))
}

/// One member, for admins.
#[utoipa::path(get, path = "/api/users/{id}", tag = "users", params(("id" = String, Path)), security(("bearer" = [])), responses(
    (status = 200, body = User), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 404, description = "Not of this company")))]
pub async fn show(State(house): State<Shared>, caller: Caller, Named(text): Named) -> Result<Json<User>> {
    Ok(Json(user::find(&house, caller.company, id(&text)?).await?.try_into()?))
}

/// Whom to add.
#[derive(Deserialize, ToSchema)]
pub struct AddUser {
    /// The address.
    #[schema(example = "grace@acme.example")]
    pub email: String,
    /// The name, for a new account.
    #[schema(example = "Grace Hopper")]
    pub name: String,
    /// As what.
    pub role: Role,
}

/// Adds a person.
///
/// A new account is a member at once, and a letter lets its owner choose a password. Where the address has an account
/// already, its owner is invited by letter and decides: 202.
#[utoipa::path(post, path = "/api/users", tag = "users", request_body = AddUser, security(("bearer" = [])), responses(
    (status = 201, body = User), (status = 202, body = Told), (status = 401, description = "No valid token"),
    (status = 403, description = "Not an admin"), (status = 409, description = "A member already"),
    (status = 422, description = "Fields that cannot be accepted"), (status = 429, description = "Too many letters")))]
pub async fn add(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    JsonBody(sent): JsonBody<AddUser>,
) -> Result<Response> {
    let typed = Invitation { email: sent.email, name: sent.name, role: sent.role };
    match user::add(&house, &cx, admin(&caller), typed).await? {
        Added::Member(id) => {
            let user = User::try_from(user::find(&house, caller.company, id).await?)?;
            Ok((StatusCode::CREATED, Json(user)).into_response())
        }
        Added::Invited => {
            let told = Told { detail: "the owner of this address was invited by letter, and decides" };
            Ok((StatusCode::ACCEPTED, Json(told)).into_response())
        }
    }
}

/// What changes about a member.
#[derive(Deserialize, ToSchema)]
pub struct ChangeUser {
    /// Another role.
    pub role: Option<Role>,
    /// False ends the membership and its tokens, true begins it again.
    pub active: Option<bool>,
}

/// Changes a member's role, ends a membership or begins it again. Never for the last admin.
#[utoipa::path(patch, path = "/api/users/{id}", tag = "users", params(("id" = String, Path)), request_body = ChangeUser, security(("bearer" = [])), responses(
    (status = 200, body = User), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 404, description = "Not of this company"), (status = 409, description = "The last admin")))]
pub async fn change(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    Named(text): Named,
    JsonBody(sent): JsonBody<ChangeUser>,
) -> Result<Json<User>> {
    let id = id(&text)?;
    user::change(&house, &cx, admin(&caller), id, Changes { role: sent.role, active: sent.active }).await?;
    Ok(Json(user::find(&house, caller.company, id).await?.try_into()?))
}

/// Ends a membership, with its tokens. Never for the last admin.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "users", params(("id" = String, Path)), security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 404, description = "Not of this company"), (status = 409, description = "The last admin")))]
pub async fn remove(State(house): State<Shared>, Cx(cx): Cx, caller: Caller, Named(text): Named) -> Result<StatusCode> {
    user::remove(&house, &cx, admin(&caller), id(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a member's lost second factor away. Only the home company may; ends every login of the member.
#[utoipa::path(post, path = "/api/users/{id}/reset-mfa", tag = "users", params(("id" = String, Path)), security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token, or signed in too long ago"), (status = 403, description = "Not an admin, or not the home company"),
    (status = 404, description = "Not of this company"), (status = 409, description = "There is none")))]
pub async fn reset_mfa(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    Named(text): Named,
) -> Result<StatusCode> {
    caller.signed_in_recently(&cx)?;
    user::reset_second_factor(&house, &cx, admin(&caller), id(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a member a link to choose a password. Only the home company may.
#[utoipa::path(post, path = "/api/users/{id}/password-link", tag = "users", params(("id" = String, Path)), security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin, or not the home company"),
    (status = 404, description = "Not of this company"), (status = 429, description = "Too many letters")))]
pub async fn password_link(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    Named(text): Named,
) -> Result<StatusCode> {
    user::send_password_link(&house, &cx, admin(&caller), id(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
