//! What becomes of companies and people behind everybody's back, and what the audit trail says of it.

use sqlx::AssertSqlSafe;

use super::{Company, Person, Provider};

impl Provider {
    /// The person leaves the company.
    pub async fn end_membership(&self, company: &Company, person: &Person) {
        let ended = "update membership set ended_at = now() where company_id = $1 and account_id = $2";
        let query = sqlx::query(ended).bind(company.id.0).bind(person.id.0);
        let done = query.execute(&mut self.database.superuser().await).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    }

    /// Everybody in the company needs a second factor from now on.
    pub async fn require_second_factor(&self, company: &Company) {
        let query = sqlx::query("update company set require_mfa = true where id = $1").bind(company.id.0);
        query.execute(&mut self.database.superuser().await).await.unwrap();
    }

    /// A client is switched off.
    pub async fn switch_off(&self, client: &str) {
        let query = sqlx::query("update client set disabled_at = now() where id = $1").bind(client);
        assert_eq!(query.execute(&mut self.database.superuser().await).await.unwrap().rows_affected(), 1);
    }

    /// What happened, as the trail names it, in order.
    pub async fn events(&self) -> Vec<String> {
        let all = "select action from event order by created_at, id";
        sqlx::query_scalar(AssertSqlSafe(all)).fetch_all(&mut self.database.superuser().await).await.unwrap()
    }
}
