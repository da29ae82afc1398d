//! The people of a company, as its admins see and change them. The last admin stays, and nobody but the home company helps an
//! account recover.

use crate::domain::house::House;
use crate::domain::letters::{self, Message, To};
use crate::domain::person::recovery::ACCEPT_WITHIN;
use crate::domain::person::sign_up::{check_email, check_name};
use crate::domain::throttle;
use crate::model::context::Context;
use crate::model::cursor::Cursor;
use crate::model::email::Email;
use crate::model::error::{Error, Flaw, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, CompanyId};
use crate::model::role::Role;
use crate::model::secret::Secret;
use crate::storage::mail_token::{self, Purpose};
use crate::storage::membership::{self, Member, Sort, Wanted};
use crate::storage::scope::CompanyTx;
use crate::storage::{account, backup_code, grant, login, totp};

/// An admin of a company, or the operator, at work in it.
#[derive(Debug, Clone, Copy)]
pub struct Admin {
    /// Where.
    pub company: CompanyId,
    /// Who; the operator is nobody.
    pub account: Option<AccountId>,
}

/// A member, and whether they have a second factor.
#[derive(Debug)]
pub struct Seen {
    /// The member.
    pub member: Member,
    /// Whether a second factor is on.
    pub has_totp: bool,
}

/// A page of members, and where the next one begins.
pub async fn list(
    house: &House,
    company: CompanyId,
    wanted: &Wanted,
    (sort, after): (Sort, Option<&Cursor>),
    limit: i64,
) -> Result<(Vec<Seen>, Option<Cursor>)> {
    let mut tx = house.db.company(company, None).await?;
    let mut members = membership::list(&mut tx, wanted, sort, after, limit + 1).await?;
    let more = i64::try_from(members.len()).unwrap_or(i64::MAX) > limit;
    members.truncate(usize::try_from(limit).unwrap_or_default());
    let next = members.last().filter(|_| more).map(|last| Cursor { key: last.key.clone(), id: last.id });
    let ids: Vec<_> = members.iter().map(|member| member.id).collect();
    let with = membership::with_second_factor(&mut tx, &ids).await?;
    tx.commit_unremarkable().await?;
    let seen = members.into_iter().map(|member| Seen { has_totp: with.contains(&member.id), member }).collect();
    Ok((seen, next))
}

/// One member.
///
/// # Errors
/// `NotFound`, also for another company's.
pub async fn find(house: &House, company: CompanyId, id: AccountId) -> Result<Seen> {
    let wanted = Wanted { account: Some(id), ..Wanted::default() };
    let (mut seen, _) = list(house, company, &wanted, (Sort::Name, None), 1).await?;
    seen.pop().ok_or(Error::NotFound("user"))
}

async fn member(tx: &mut CompanyTx, id: AccountId) -> Result<Member> {
    let wanted = Wanted { account: Some(id), ..Wanted::default() };
    membership::list(tx, &wanted, Sort::Name, None, 1).await?.pop().ok_or(Error::NotFound("user"))
}

/// Whom to add.
#[derive(Debug)]
pub struct Invitation {
    /// The address.
    pub email: String,
    /// The name, for a new account.
    pub name: String,
    /// As what.
    pub role: Role,
}

/// What came of it.
#[derive(Debug)]
pub enum Added {
    /// A new account, which this company is now the home of. A letter lets its owner choose a password.
    Member(AccountId),
    /// The address has an account already: its owner was invited by letter, and decides.
    Invited,
}

/// Adds a person.
///
/// # Errors
/// `Invalid` with every flaw at once; `Conflict` for a member; `TooMany` for more letters than anybody needs.
pub async fn add(house: &House, cx: &Context, admin: Admin, typed: Invitation) -> Result<Added> {
    let email = check_email("email", &typed.email);
    let name = check_name("name", &typed.name, 200);
    let (email, name) = match (email, name) {
        (Ok(email), Ok(name)) => (email, name),
        (email, name) => return Err(Error::Invalid(email.err().into_iter().chain(name.err()).collect())),
    };
    let company = super::company::find(house, admin.company).await?;
    if !company.mail_domains.is_empty() && !company.mail_domains.iter().any(|domain| domain == email.domain()) {
        return Err(Error::Invalid(vec![Flaw {
            field: "email",
            message: "is not of a domain that the company allows".into(),
        }]));
    }
    throttle::letter(house, cx, email.as_str()).await?;
    let Some(known) = account::find_credentials(&house.db, &email).await? else {
        return create(house, cx, admin, (&email, &name, typed.role), &company.name).await;
    };
    let mut tx = house.db.company(admin.company, admin.account).await?;
    if membership::role(&mut tx, known.account).await?.is_some() {
        return Err(Error::Conflict("this person belongs to the company already"));
    }
    // The owner of an account decides which companies may make rules for it.
    tx.record(cx, &Event::MemberInvited { email: email.masked(), role: typed.role }).await?;
    let mut tx = tx.leave(known.account).await?;
    let owner = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    let secret = Secret::generate();
    let times = (cx.now, cx.now + ACCEPT_WITHIN);
    mail_token::insert_join(&mut tx, &secret.digest(), &email, (admin.company, typed.role), times).await?;
    let link = format!("{}/join?token={}", house.settings.issuer, secret.reveal());
    let message = Message::Join { link, company: company.name };
    letters::post(house, cx, &mut tx, To { email: &email, name: &owner.name }, &message).await?;
    tx.commit_unremarkable().await?;
    Ok(Added::Invited)
}

async fn create(
    house: &House,
    cx: &Context,
    admin: Admin,
    (email, name, role): (&Email, &str, Role),
    company_name: &str,
) -> Result<Added> {
    let person = AccountId::new(cx.now);
    let mut tx = house.db.account(person).await?;
    account::insert(&mut tx, email, name, None, cx.now).await?;
    account::set_home(&mut tx, admin.company).await?;
    let secret = Secret::generate();
    let times = (cx.now, cx.now + ACCEPT_WITHIN);
    mail_token::insert(&mut tx, &secret.digest(), Purpose::Invitation, email, times).await?;
    let link = format!("{}/reset-password?token={}", house.settings.issuer, secret.reveal());
    let message = Message::Invitation { link, company: company_name.to_owned() };
    letters::post(house, cx, &mut tx, To { email, name }, &message).await?;
    let mut tx = tx.enter_as(admin.company, admin.account).await?;
    membership::insert(&mut tx, person, role, cx.now).await?;
    tx.commit(cx, Event::MemberAdded { account: person, role }).await?;
    Ok(Added::Member(person))
}

/// What changes about a member.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    /// Another role.
    pub role: Option<Role>,
    /// Whether the membership lives.
    pub active: Option<bool>,
}

/// Changes a member. A membership that ends takes its tokens along, at once.
///
/// # Errors
/// `NotFound`, also for another company's; `Conflict` for the last admin.
pub async fn change(house: &House, cx: &Context, admin: Admin, id: AccountId, changes: Changes) -> Result<()> {
    let mut tx = house.db.company(admin.company, admin.account).await?;
    membership::lock(&mut tx).await?;
    let known = member(&mut tx, id).await?;
    let lives = membership::role(&mut tx, id).await?.is_some();
    let from = known.role()?;
    let to = changes.role.unwrap_or(from);
    let will_live = changes.active.unwrap_or(lives);
    let loses_admin = lives && from == Role::Admin && (to != Role::Admin || !will_live);
    if loses_admin && membership::other_admins(&mut tx, id).await? == 0 {
        return Err(Error::Conflict("this is the last admin of the company; make somebody else admin first"));
    }
    if to != from {
        membership::set_role(&mut tx, id, to, cx.now).await?;
        tx.record(cx, &Event::MemberRoleChanged { account: id, from, to }).await?;
    }
    match (lives, will_live) {
        (true, false) => {
            membership::end(&mut tx, id, cx.now).await?;
            grant::end_of_member(&mut tx, id, cx.now).await?;
            tx.record(cx, &Event::MemberEnded { account: id }).await?;
        }
        (false, true) => {
            membership::insert(&mut tx, id, to, cx.now).await?;
            tx.record(cx, &Event::MemberRestored { account: id }).await?;
        }
        _ => {}
    }
    tx.commit_unremarkable().await
}

/// Ends a membership.
///
/// # Errors
/// As [`change`].
pub async fn remove(house: &House, cx: &Context, admin: Admin, id: AccountId) -> Result<()> {
    change(house, cx, admin, id, Changes { role: None, active: Some(false) }).await
}

/// A member whom this company may help recover: it made the account.
async fn at_home(tx: &mut CompanyTx, id: AccountId) -> Result<Member> {
    let known = member(tx, id).await?;
    if known.at_home && membership::role(tx, id).await?.is_some() {
        Ok(known)
    } else {
        Err(Error::Forbidden("only the company that made the account may do this"))
    }
}

/// Takes a member's second factor away, because it was lost. Ends every login of theirs.
///
/// # Errors
/// `NotFound`, `Forbidden` where the account has another home, `Conflict` where there is none to take.
pub async fn reset_second_factor(house: &House, cx: &Context, admin: Admin, id: AccountId) -> Result<()> {
    let mut tx = house.db.company(admin.company, admin.account).await?;
    let known = at_home(&mut tx, id).await?;
    tx.record(cx, &Event::MemberTotpReset { account: id }).await?;
    let mut tx = tx.leave(id).await?;
    if !totp::delete(&mut tx).await? {
        return Err(Error::Conflict("two-step verification is off already"));
    }
    backup_code::delete(&mut tx).await?;
    login::end_others(&mut tx, None, cx.now).await?;
    let email: Email = known.email.parse().map_err(Error::fault)?;
    letters::post(house, cx, &mut tx, To { email: &email, name: &known.name }, &Message::SecondFactorDisabled).await?;
    tx.commit_unremarkable().await
}

/// Sends a member a link to choose a password: the invitation once more, or because the password was lost.
///
/// # Errors
/// `NotFound`, `Forbidden` where the account has another home, `TooMany` for more letters than anybody needs.
pub async fn send_password_link(house: &House, cx: &Context, admin: Admin, id: AccountId) -> Result<()> {
    let company = super::company::find(house, admin.company).await?;
    let email = find(house, admin.company, id).await?.member.email;
    throttle::letter(house, cx, &email).await?;
    let mut tx = house.db.company(admin.company, admin.account).await?;
    let known = at_home(&mut tx, id).await?;
    tx.record(cx, &Event::MemberPasswordLinkSent { account: id }).await?;
    let email: Email = known.email.parse().map_err(Error::fault)?;
    let mut tx = tx.leave(id).await?;
    let secret = Secret::generate();
    let times = (cx.now, cx.now + ACCEPT_WITHIN);
    mail_token::insert(&mut tx, &secret.digest(), Purpose::Invitation, &email, times).await?;
    let link = format!("{}/reset-password?token={}", house.settings.issuer, secret.reveal());
    let message = Message::Invitation { link, company: company.name };
    letters::post(house, cx, &mut tx, To { email: &email, name: &known.name }, &message).await?;
    tx.commit_unremarkable().await
}

/// A person as they see themselves in one company.
#[derive(Debug)]
pub struct Me {
    /// The account.
    pub account: account::Row,
    /// The company.
    pub company: crate::storage::company::Row,
    /// As what.
    pub role: Role,
    /// Whether a second factor is on.
    pub has_totp: bool,
}

/// Reads it.
pub async fn me(house: &House, person: AccountId, company: CompanyId) -> Result<Me> {
    let mut tx = house.db.account(person).await?;
    let account = account::find(&mut tx).await?.ok_or(Error::NotFound("user"))?;
    let companies = crate::storage::company::of_account(&mut tx).await?;
    let has_totp = totp::find(&mut tx).await?.is_some_and(|totp| totp.confirmed_at.is_some());
    tx.commit_unremarkable().await?;
    let joined =
        companies.into_iter().find(|joined| joined.company.id() == company).ok_or(Error::NotFound("company"))?;
    let role = joined.role.parse().map_err(Error::fault)?;
    Ok(Me { account, company: joined.company, role, has_totp })
}

/// Switches an account off everywhere, for the operator. Ends every login, with all grants.
pub async fn disable(house: &House, cx: &Context, id: AccountId) -> Result<()> {
    let mut tx = house.db.account(id).await?;
    account::set_disabled(&mut tx, Some(cx.now), cx.now).await?;
    login::end_others(&mut tx, None, cx.now).await?;
    tx.commit(cx, Event::AccountDisabled).await
}

/// Switches an account on again, for the operator.
pub async fn enable(house: &House, cx: &Context, id: AccountId) -> Result<()> {
    let mut tx = house.db.account(id).await?;
    account::set_disabled(&mut tx, None, cx.now).await?;
    tx.commit(cx, Event::AccountEnabled).await
}
