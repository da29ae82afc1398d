//! What runs without a request: mail, notices of logouts, sweeping, key rotation, the trail's months. Every node runs all of it; the rows that
//! a node works on are its own for that moment, so there is no leader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use time::Duration as Span;
use tokio::time::{MissedTickBehavior, interval};

use crate::domain::house::House;
use crate::domain::oidc::backchannel_logout;
use crate::domain::{delivery, keys};
use crate::model::error::Result;
use crate::storage::sweep;

/// Starts them. They end with the process.
pub fn start(house: &Arc<House>) {
    tokio::spawn(every(Duration::from_secs(1), "mail", Arc::clone(house), mail));
    tokio::spawn(every(Duration::from_secs(1), "logout notices", Arc::clone(house), logout_notices));
    tokio::spawn(every(Duration::from_mins(1), "sweep", Arc::clone(house), sweep_all));
    tokio::spawn(every(Duration::from_secs(1), "keyring", Arc::clone(house), keyring));
    tokio::spawn(every(Duration::from_hours(1), "keys", Arc::clone(house), rotate));
    tokio::spawn(every(Duration::from_hours(1), "months", Arc::clone(house), months));
}

async fn every<F, W>(pause: Duration, name: &'static str, house: Arc<House>, work: F)
where
    F: Fn(Arc<House>) -> W + Send,
    W: Future<Output = Result<()>> + Send,
{
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let began = Instant::now();
        let outcome = work(Arc::clone(&house)).await;
        house.metrics.jobs.ran(name, began.elapsed(), (&outcome, house.clock.now()));
        if let Err(error) = outcome {
            tracing::warn!(job = name, %error, "a job failed and will be tried again");
        }
    }
}

async fn mail(house: Arc<House>) -> Result<()> {
    while delivery::deliver(&house, &house.job("mail")).await? > 0 {}
    Ok(())
}

/// Each notice goes out on a task of its own: one receiver that takes its time holds nobody up.
async fn logout_notices(house: Arc<House>) -> Result<()> {
    for due in backchannel_logout::take_due(&house, &house.job("logout notices")).await? {
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            if let Err(error) = backchannel_logout::deliver(&house, &house.job("logout notices"), &due).await {
                tracing::warn!(%error, "a logout notice will be tried again");
            }
        });
    }
    Ok(())
}

/// Deletes what has expired: one table after the other, batch after batch. A table that cannot be swept holds up no other.
pub async fn sweep_all(house: Arc<House>) -> Result<()> {
    let mut outcome = Ok(());
    for table in sweep::tables(house.settings.refresh_token_lifetime) {
        let swept = sweep_one(&house, &table).await;
        outcome = outcome.and(swept);
    }
    outcome
}

async fn sweep_one(house: &House, table: &sweep::Expiring) -> Result<()> {
    loop {
        let rows = sweep::batch(&house.db, table, house.clock.now()).await?;
        house.metrics.jobs.swept(table.table, rows);
        if rows < sweep::BATCH {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// So that no request reads the keys.
async fn keyring(house: Arc<House>) -> Result<()> {
    keys::refresh(&house).await
}

async fn rotate(house: Arc<House>) -> Result<()> {
    keys::rotate_when_due(&house, &house.job("keys")).await
}

/// Makes the trail's next months and drops those beyond the retention.
pub async fn months(house: Arc<House>) -> Result<()> {
    let now = house.clock.now();
    let kept = Span::days(i64::from(house.settings.audit_retention_months) * 31);
    sweep::months(&house.db, now, now - kept).await
}
