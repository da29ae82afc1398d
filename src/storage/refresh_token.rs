//! Refresh tokens: digests, in a line of descent where they rotate.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::code::Taken;
use super::event::{Lines, Noted};
use super::held::Whose;
use super::lane::{self, Lane, Question};
use super::scope::{CompanyTx, Db};
use crate::model::error::Result;
use crate::model::id::GrantId;
use crate::model::secret::Digest;

/// Keeps the first refresh token of a grant.
pub async fn insert(
    tx: &mut CompanyTx,
    digest: &Digest,
    grant: GrantId,
    (now, expires_at): (OffsetDateTime, OffsetDateTime),
) -> Result<()> {
    sqlx::query!(
        "insert into refresh_token (digest, company_id, grant_id, expires_at, created_at) values ($1, $2, $3, $4, $5)",
        digest.as_bytes(),
        tx.company().0,
        grant.0,
        expires_at,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A refresh token on its way to be used.
#[derive(Debug)]
pub struct Use {
    /// Of the token.
    pub digest: Digest,
    /// Whose it is.
    pub whose: Whose,
    /// The one that takes the place of whatever followed it, where it rotates. The family's end stays where it was: it is absolute.
    pub next: Option<Digest>,
    /// The line of the trail, and the word that stands there instead where the family dies.
    pub noted: Noted,
}

/// Uses a refresh token and says so in the trail. One refresh of a grant at a time: it is judged anew.
pub async fn take(db: &Db, using: Use) -> Result<Taken> {
    lane::ask(db, using).await
}

impl Question for Use {
    type Answer = Taken;

    fn lane(db: &Db) -> &Lane<Self> {
        &db.lanes().refresh_token
    }

    async fn ask(questions: &[Self], conn: &mut PgConnection) -> Result<Vec<Taken>, sqlx::Error> {
        // Everybody takes grants in one order, so that nobody waits for each other.
        let order = lane::ordered(questions, |using| (using.whose.company.0, using.whose.grant.0));
        let firsts = lane::firsts(&order, |using| using.whose.grant);
        let mut lines = Lines::default();
        let (mut secret, mut company, mut person, mut granted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut next = Vec::new();
        for (_, using) in &order {
            secret.push(using.digest.as_bytes());
            company.push(using.whose.company.0);
            person.push(using.whose.account.0);
            granted.push(using.whose.grant.0);
            next.push(using.next.as_ref().map(Digest::as_bytes));
            lines.add(&using.noted);
        }
        let words: Vec<String> = sqlx::query_scalar!(
            r#"select take_refresh_tokens($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) as "taken!""#,
            &secret as &[&[u8]],
            &company,
            &person,
            &granted,
            &lines.at,
            &firsts,
            &next as &[Option<&[u8]>],
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
