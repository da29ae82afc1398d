//! Authorization codes: digests, good once.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::event::{Lines, Noted};
use super::held::Whose;
use super::lane::{self, Lane, Question};
use super::scope::Db;
use crate::model::error::Result;
use crate::model::secret::Digest;

/// What a new code is given for.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// Of the code.
    pub digest: Digest,
    /// Where it is sent.
    pub redirect_uri: String,
    /// RFC 7636, S256.
    pub code_challenge: Option<String>,
    /// RFC 9449, section 10: the thumbprint of the key that must redeem it.
    pub dpop_jkt: Option<String>,
    /// When it stops being good.
    pub expires_at: OffsetDateTime,
}

/// What became of a secret that works once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was good, and is used up.
    Taken,
    /// It was used before: its grant has died of that, and the trail says so.
    Reused,
    /// It has expired, or its grant has ended.
    Over,
}

impl Taken {
    /// As the database says it.
    pub(super) fn read(word: &str) -> Self {
        match word {
            "taken" => Self::Taken,
            "reused" => Self::Reused,
            _ => Self::Over,
        }
    }
}

/// A code on its way to be used.
#[derive(Debug)]
pub struct Use {
    /// Of the code.
    pub digest: Digest,
    /// Whose it is.
    pub whose: Whose,
    /// The refresh token that it gives, where it gives one, and when that stops being good.
    pub refresh: Option<(Digest, OffsetDateTime)>,
    /// RFC 7800 `cnf`: what the grant's tokens are bound to from now on.
    pub bind: Option<Value>,
    /// The line of the trail, and the word that stands there instead where the code was used before.
    pub noted: Noted,
}

/// Uses a code up and says so in the trail.
pub async fn take(db: &Db, using: Use) -> Result<Taken> {
    lane::ask(db, using).await
}

impl Question for Use {
    type Answer = Taken;

    fn lane(db: &Db) -> &Lane<Self> {
        &db.lanes().code
    }

    async fn ask(questions: &[Self], conn: &mut PgConnection) -> Result<Vec<Taken>, sqlx::Error> {
        // Everybody takes grants in one order, so that nobody waits for each other.
        let order = lane::ordered(questions, |using| (using.whose.company.0, using.whose.grant.0));
        let firsts = lane::firsts(&order, |using| using.whose.grant);
        let mut lines = Lines::default();
        let (mut secret, mut company, mut person, mut granted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut refresh, mut until, mut bind) = (Vec::new(), Vec::new(), Vec::new());
        for (_, using) in &order {
            secret.push(using.digest.as_bytes());
            company.push(using.whose.company.0);
            person.push(using.whose.account.0);
            granted.push(using.whose.grant.0);
            refresh.push(using.refresh.as_ref().map(|(digest, _)| digest.as_bytes()));
            until.push(using.refresh.as_ref().map(|(_, until)| *until));
            bind.push(using.bind.as_ref());
            lines.add(&using.noted);
        }
        let words: Vec<String> = sqlx::query_scalar!(
            r#"select take_codes($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) as "taken!""#,
            &secret as &[&[u8]],
            &company,
            &person,
            &granted,
            &lines.at,
            &firsts,
            &refresh as &[Option<&[u8]>],
            &until as &[Option<OffsetDateTime>],
            &bind as &[Option<&Value>],
            &lines.id,
            &lines.client as &[Option<&str>],
            &lines.ip as &[Option<&str>],
            &lines.user_agent as &[Option<&str>],
            &lines.request_id as &[&str],
            &lines.action as &[&str],
            &lines.detail as &[&Value],
            &lines.otherwise as &[&str]
        )
        .fetch_one(conn)
        .await?;
        Ok(lane::in_first_order(&order, words.iter().map(|word| Taken::read(word))))
    }
}
