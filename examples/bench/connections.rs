//! Counts the server's connections to PostgreSQL while everything runs, from a connection of its own that is not counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use crate::Result;

/// The most that was seen at once.
#[derive(Debug, Clone, Default)]
pub struct Most(Arc<AtomicI64>);

impl Most {
    /// Looks five times a second, as long as the program runs.
    pub async fn watch(superuser_url: &str) -> Result<Self> {
        let mut conn = PgConnection::connect(superuser_url).await?;
        let most = Self::default();
        let seen = most.clone();
        tokio::spawn(async move {
            // The measured server calls itself so; pgbench does not.
            let count = "select count(*) from pg_stat_activity where application_name = 'countersign'";
            while let Ok(now) = sqlx::query_scalar::<_, i64>(count).fetch_one(&mut conn).await {
                seen.0.fetch_max(now, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        Ok(most)
    }

    pub fn seen(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
