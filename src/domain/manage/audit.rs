//! A company's audit trail.

use crate::domain::house::House;
use crate::model::cursor::Cursor;
use crate::model::error::Result;
use crate::model::id::CompanyId;
use crate::storage::event::{self, Row, Wanted};

/// A page of the trail, the latest first, and where the next one begins.
pub async fn list(
    house: &House,
    company: CompanyId,
    wanted: &Wanted,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<(Vec<Row>, Option<Cursor>)> {
    let mut tx = house.db.company(company, None).await?;
    let mut rows = event::list(&mut tx, wanted, after, limit + 1).await?;
    tx.commit_unremarkable().await?;
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > limit;
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let next = rows.last().filter(|_| more).map(Row::cursor);
    Ok((rows, next))
}
