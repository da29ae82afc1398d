//! The audit trail. Lines are added by the commit of the transaction that they report, and never changed.

use sqlx::PgConnection;

use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::event::{Line, Whose};
use crate::model::id::{AccountId, CompanyId, fresh};

pub(super) async fn insert(conn: &mut PgConnection, cx: &Context, whose: Whose, line: &Line) -> Result<()> {
    let account = line.subject.or(whose.account);
    let actor = line.subject.and(whose.account);
    sqlx::query!(
        "insert into event (id, company_id, account_id, actor_id, client_id, action, ip, user_agent, request_id, detail,
                            created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        fresh(cx.now),
        whose.company.map(|id| id.0),
        account.map(|id| id.0),
        actor.map(|id| id.0),
        line.client,
        line.action,
        cx.ip.map(|ip| ip.to_string()),
        cx.user_agent,
        cx.request_id,
        line.detail,
        cx.now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The company whose trail hears of what a person does outside any company: the home company, while the person is
/// still a member.
pub(super) async fn home_of(conn: &mut PgConnection, account: AccountId) -> Result<Option<CompanyId>> {
    let home = sqlx::query_scalar!(
        "select m.company_id from account a
         join membership m on m.account_id = a.id and m.company_id = a.home_company_id and m.ended_at is null
         where a.id = $1",
        account.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(home.map(CompanyId))
}
