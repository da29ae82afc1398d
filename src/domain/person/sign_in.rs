//! Sign-in: a password, and then a login. What is unknown takes as long as what is wrong, and sounds the same.

use time::{Duration, OffsetDateTime};

use crate::domain::hashing::{Place, Turn, Verdict};
use crate::domain::house::House;
use crate::domain::metrics::{Factor, SignIn};
use crate::domain::throttle::{self, Attempt};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, LoginId};
use crate::model::secret::{Digest, Secret};
use crate::storage::login::{self, Visiting};
use crate::storage::password;

use super::{ACR_MFA, ACR_PASSWORD};

/// What a password led to.
#[derive(Debug)]
pub enum PasswordOutcome {
    /// Wrong, unknown or switched off: nobody is told which.
    Rejected,
    /// Right, but the address was never confirmed, and this server insists on that.
    Unverified(AccountId),
    /// Right, and a second factor is on.
    SecondFactor(AccountId),
    /// Right, and that is enough.
    Identified(Proven),
}

/// How a login proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A password.
    Password,
    /// A password and a second factor.
    SecondFactor,
}

impl Proof {
    /// RFC 8176.
    pub fn amr(self) -> Vec<String> {
        let methods: &[&str] = match self {
            Self::Password => &["pwd"],
            Self::SecondFactor => &["pwd", "otp", "mfa"],
        };
        methods.iter().map(|method| (*method).to_owned()).collect()
    }

    /// The context class.
    pub fn acr(self) -> &'static str {
        match self {
            Self::Password => ACR_PASSWORD,
            Self::SecondFactor => ACR_MFA,
        }
    }
}

/// Somebody who proved a moment ago who they are, and whose login can begin.
#[derive(Debug)]
pub struct Proven {
    /// Who.
    pub account: AccountId,
    /// How.
    pub proof: Proof,
    /// The attempts that led here. They count until the login begins.
    attempts: Vec<Digest>,
}

impl Proven {
    /// By something that counts no attempts, or has settled them.
    pub fn by(account: AccountId, proof: Proof) -> Self {
        Self { account, proof, attempts: Vec::new() }
    }

    /// The attempts count no more, whether a login begins or not.
    pub async fn settle(self, house: &House) -> Result<AccountId> {
        throttle::forget(house, &self.attempts).await?;
        Ok(self.account)
    }
}

/// A place among those who sign in, before anything is asked of the database for them.
///
/// # Errors
/// `Busy` where too many sign in at once.
pub fn place(house: &House) -> Result<Place> {
    house.hashing.place().inspect_err(|_| house.metrics.sign_ins.add(SignIn::Busy))
}

/// The turn of whoever has a place.
///
/// # Errors
/// As [`place`].
pub async fn turn(house: &House) -> Result<Turn> {
    house.hashing.turn(place(house)?).await
}

/// Checks a password.
///
/// # Errors
/// `TooMany` where somebody guesses, `Busy` where too many sign in at once.
pub async fn check_password(house: &House, cx: &Context, email: &Email, typed: Secret) -> Result<PasswordOutcome> {
    let outcome = try_password(house, cx, email, typed).await;
    house.metrics.sign_ins.add(match &outcome {
        Ok(PasswordOutcome::Rejected) => SignIn::Rejected,
        Ok(PasswordOutcome::Unverified(_)) => SignIn::Unverified,
        Ok(PasswordOutcome::SecondFactor(_)) => SignIn::SecondFactor,
        Ok(PasswordOutcome::Identified(_)) => SignIn::Identified,
        Err(Error::TooMany(_)) => SignIn::Throttled,
        Err(Error::Busy(_)) => SignIn::Busy,
        Err(_) => SignIn::Failed,
    });
    outcome
}

async fn try_password(house: &House, cx: &Context, email: &Email, typed: Secret) -> Result<PasswordOutcome> {
    let known = throttle::attempt_password(house, cx, email).await?;
    let hash = known.as_ref().and_then(|known| known.password_hash.clone());
    let verdict = house.hashing.verify(typed, hash.clone()).await?;
    let Some(known) = known else {
        // As much work as for an account that is there.
        house.db.platform().await?.commit(cx, Event::SignInFailed("unknown")).await?;
        return Ok(PasswordOutcome::Rejected);
    };
    if verdict == Verdict::Wrong || known.disabled {
        let why = if known.disabled { "disabled" } else { "password" };
        house.db.account(known.account).await?.commit(cx, Event::SignInFailed(why)).await?;
        return Ok(PasswordOutcome::Rejected);
    }
    let (account, attempts) = (known.account, throttle::counted(cx, Attempt::Password, email.as_str()));
    if let (Verdict::RightButOld(new), Some(old)) = (verdict, hash) {
        let mut tx = house.db.account(known.account).await?;
        password::upgrade(&mut tx, &old, &new).await?;
        tx.commit_unremarkable().await?;
    }
    let outcome = if house.settings.require_verified_email && !known.email_verified {
        PasswordOutcome::Unverified(account)
    } else if known.has_totp {
        PasswordOutcome::SecondFactor(account)
    } else {
        return Ok(PasswordOutcome::Identified(Proven { account, proof: Proof::Password, attempts }));
    };
    throttle::forget(house, &attempts).await?;
    Ok(outcome)
}

/// How long ago somebody may have signed in who wants to do something grave.
pub const RECENT: Duration = Duration::minutes(15);

/// Whether this sign-in is recent enough for something grave.
pub fn is_recent(cx: &Context, auth_time: OffsetDateTime) -> bool {
    cx.now - auth_time <= RECENT
}

/// Whether this is the password of somebody who is signed in already.
///
/// # Errors
/// `TooMany` where somebody guesses.
pub async fn confirm_password(house: &House, cx: &Context, person: AccountId, typed: Secret) -> Result<bool> {
    throttle::attempt(house, cx, Attempt::Password, &person.to_string()).await?;
    let mut tx = house.db.account(person).await?;
    let hash = password::find(&mut tx).await?;
    tx.commit_unremarkable().await?;
    let right = house.hashing.verify(typed, hash).await? != Verdict::Wrong;
    if right {
        throttle::succeeded(house, cx, Attempt::Password, &person.to_string()).await?;
    }
    Ok(right)
}

/// A login that began a moment ago.
#[derive(Debug)]
pub struct Begun {
    /// The login.
    pub login: login::Row,
    /// Who is signed in by it.
    pub visiting: Visiting,
}

/// Begins a login. Where a client is named, what it was allowed comes along.
///
/// # Errors
/// `Unauthenticated` where the account was switched off a moment ago.
pub async fn begin_login(house: &House, cx: &Context, proven: &Proven, client: Option<&Client>) -> Result<Begun> {
    let Proven { account, proof, attempts } = proven;
    let row = login::Row {
        id: LoginId::new(cx.now).0,
        account_id: account.0,
        auth_time: cx.now,
        amr: proof.amr(),
        acr: proof.acr().to_owned(),
        ip: cx.ip.map(|ip| ip.to_string()),
        user_agent: cx.user_agent.clone(),
        created_at: cx.now,
        last_seen_at: cx.now,
        expires_at: cx.now + house.settings.session_lifetime,
    };
    let line = Event::SignedIn { login: row.id(), amr: row.amr.clone() }.line();
    let client = client.map(|client| client.id.as_str());
    let beginning = login::Beginning { row: &row, line: &line, attempts, client };
    let visiting = login::begin(&house.db, cx, beginning).await?;
    let visiting = visiting.ok_or(Error::Unauthenticated("the account was switched off"))?;
    house.metrics.logins.add(match proof {
        Proof::Password => Factor::Password,
        Proof::SecondFactor => Factor::SecondFactor,
    });
    Ok(Begun { login: row, visiting })
}

/// A login proved a second factor after it had begun.
pub async fn step_up(house: &House, cx: &Context, person: AccountId, id: LoginId) -> Result<()> {
    let proof = Proof::SecondFactor;
    let mut tx = house.db.account(person).await?;
    login::strengthen(&mut tx, id, &proof.amr(), proof.acr(), cx.now).await?;
    tx.commit(cx, Event::SignedIn { login: id, amr: proof.amr() }).await
}
