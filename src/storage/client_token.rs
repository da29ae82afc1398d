//! Clients that speak for themselves.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::event::{Lines, Noted};
use super::lane::{self, Lane, Question};
use super::scope::Db;
use crate::model::error::Result;
use crate::model::id::CompanyId;

/// A client that speaks for itself in a company (RFC 6749, section 4.4).
#[derive(Debug)]
pub struct Speaks {
    /// Whose the client is; `None` is the platform, whose clients serve every company.
    pub owner: Option<CompanyId>,
    /// In which company.
    pub company: Named,
    /// The line of the trail.
    pub noted: Noted,
}

/// How a company is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Named {
    /// By its id.
    Id(CompanyId),
    /// By its slug.
    Slug(String),
}

/// What companies were called when a client last spoke in them. Nothing may rest on it that is not compared with what the database says.
#[derive(Debug, Default)]
pub(in crate::storage) struct LastNamed(RwLock<HashMap<Named, (CompanyId, String)>>);

/// How many companies are known at once.
const MOST: usize = 10_000;

/// The company and its slug, as they were when this node last heard of it in this way. It may be called otherwise since.
pub fn last_named(db: &Db, company: &Named) -> Option<(CompanyId, String)> {
    db.last_named().0.read().unwrap_or_else(PoisonError::into_inner).get(company).cloned()
}

/// Says in the trail that the client gets a token. The company and its slug; `None` where there is no such company, or the
/// client does not serve it.
pub async fn speak(db: &Db, speaks: Speaks) -> Result<Option<(CompanyId, String)>> {
    let named = speaks.company.clone();
    let known = lane::ask(db, speaks).await?;
    if let Some(known) = &known
        && last_named(db, &named).as_ref() != Some(known)
    {
        let mut all = db.last_named().0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(named, known.clone());
    }
    Ok(known)
}

impl Question for Speaks {
    type Answer = Option<(CompanyId, String)>;

    fn lane(db: &Db) -> &Lane<Self> {
        &db.lanes().client_token
    }

    async fn ask(questions: &[Self], conn: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        let mut lines = Lines::default();
        let (mut owner, mut company, mut slug) = (Vec::new(), Vec::new(), Vec::new());
        for speaks in questions {
            owner.push(speaks.owner.map(|owner| owner.0));
            match &speaks.company {
                Named::Id(id) => {
                    company.push(Some(id.0));
                    slug.push(None);
                }
                Named::Slug(text) => {
                    company.push(None);
                    slug.push(Some(text.as_str()));
                }
            }
            lines.add(&speaks.noted);
        }
        let rows = sqlx::query!(
            r#"select n as "n!", company_id as "company!", company_slug as "slug!"
               from note_client_tokens($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"#,
            &owner as &[Option<Uuid>],
            &company as &[Option<Uuid>],
            &slug as &[Option<&str>],
            &lines.at,
            &lines.id,
            &lines.client as &[Option<&str>],
            &lines.ip as &[Option<&str>],
            &lines.user_agent as &[Option<&str>],
            &lines.request_id as &[&str],
            &lines.action as &[&str],
            &lines.detail as &[&Value]
        )
        .fetch_all(conn)
        .await?;
        Ok(lane::by_number(questions, rows.into_iter().map(|row| (row.n, (CompanyId(row.company), row.slug)))))
    }
}
