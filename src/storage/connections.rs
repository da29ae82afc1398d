//! The connections of this process. Those that were used last lie at hand and are used again first: the server process at the other
//! end finds its plans and rows in the caches of the processor, and no question goes to it merely because a statement has ended.
//! After a second of rest they go back to the pool, which looks after age and number.
//!
//! What many wait for has connections apart, which nobody else takes: a server process that is new, or has not done this for a while,
//! takes a hundred times as long for the first statement, and longer in a storm of sign-ins.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    AssertSqlSafe, Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr, Transaction,
};
use tokio::time::Instant;

use super::outage;

/// How long a connection lies at hand before the pool has it back.
const AT_HAND: Duration = Duration::from_secs(1);

/// With fewer connections than this nobody has one apart.
const MANY: u32 = 5;

/// The pool, and what lies at hand of it.
#[derive(Debug, Clone)]
pub(in crate::storage) struct Connections {
    pool: PgPool,
    at_hand: Arc<Mutex<AtHand>>,
}

#[derive(Debug, Default)]
struct AtHand {
    /// The one used last is the last.
    resting: Vec<Resting>,
    /// The same, for those who take them apart.
    apart: Vec<Resting>,
    /// How many wait for the pool: what is free goes there as long as somebody does.
    seeking: usize,
    /// Whether a task gives back what has rested long enough.
    tended: bool,
}

#[derive(Debug)]
struct Resting {
    conn: PoolConnection<Postgres>,
    of_pool_since: Instant,
    since: Instant,
}

/// A connection in use. What is not kept goes through the pool, which asks it whether it is still good.
#[derive(Debug)]
pub(in crate::storage) struct Conn {
    inner: PoolConnection<Postgres>,
    of_pool_since: Instant,
    shelf: Shelf,
    home: Connections,
}

/// Where a connection lies when it is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Shelf {
    /// Where anybody takes it.
    Common,
    /// Where only those take it for whom this is meant.
    Apart,
}

/// Somebody who waits for the pool, counted for as long as that takes.
struct Seeking<'a>(&'a Connections);

impl Connections {
    /// Of this pool.
    pub fn of(pool: PgPool) -> Self {
        Self { pool, at_hand: Arc::default() }
    }

    fn at_hand(&self) -> MutexGuard<'_, AtHand> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open, how many of them nobody uses, and how many there may be.
    pub fn count(&self) -> (u32, usize, u32) {
        let at_hand = self.at_hand();
        let idle = self.pool.num_idle() + at_hand.resting.len() + at_hand.apart.len();
        (self.pool.size(), idle, self.pool.options().get_max_connections())
    }

    /// The one used last, or one of the pool.
    ///
    /// # Errors
    /// There is none, and none can be made.
    pub async fn take(&self, shelf: Shelf) -> Result<Conn, Error> {
        loop {
            let mut resting = match self.last(shelf) {
                Ok(resting) => resting,
                Err(_seeking) => {
                    let inner = self.pool.acquire().await?;
                    return Ok(Conn { inner, of_pool_since: Instant::now(), shelf, home: self.clone() });
                }
            };
            let doubtful = outage::is_doubtful(resting.of_pool_since.elapsed(), resting.since.elapsed());
            if doubtful && outage::ask(&mut resting.conn).await.is_err() {
                // It does not go back, and nobody waits for it to say good-bye.
                drop(resting.conn.detach());
                continue;
            }
            let (inner, of_pool_since) = (resting.conn, resting.of_pool_since);
            return Ok(Conn { inner, of_pool_since, shelf, home: self.clone() });
        }
    }

    fn last(&self, shelf: Shelf) -> Result<Resting, Seeking<'_>> {
        let mut at_hand = self.at_hand();
        let apart = if shelf == Shelf::Apart { at_hand.apart.pop() } else { None };
        apart.or_else(|| at_hand.resting.pop()).ok_or_else(|| {
            at_hand.seeking += 1;
            Seeking(self)
        })
    }

    /// Whether there are enough to have some apart: who has them does without them for a second at most, but does so.
    fn are_many(&self) -> bool {
        self.pool.options().get_max_connections() >= MANY
    }

    /// Begins a transaction with this statement.
    pub async fn begin(&self, statement: String) -> Result<Transaction<'static, Postgres>, Error> {
        let conn = self.take(Shelf::Common).await?.inner;
        Transaction::begin(conn, Some(sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(statement)))).await
    }

    /// Closes every connection, once it is free.
    pub async fn close(&self) {
        // The pool takes nothing back from here on, so that what comes free now does not come to lie at hand.
        let closing = self.pool.close();
        drop(self.at_hand().empty());
        closing.await;
    }

    /// Gives back what has rested long enough, until nothing rests.
    async fn tend(at_hand: std::sync::Weak<Mutex<AtHand>>) {
        loop {
            tokio::time::sleep(AT_HAND).await;
            let Some(at_hand) = at_hand.upgrade() else { return };
            let mut at_hand = at_hand.lock().unwrap_or_else(PoisonError::into_inner);
            let AtHand { resting, apart, .. } = &mut *at_hand;
            for some in [resting, apart] {
                // Whoever lies deepest was used longest ago.
                let rested = some.partition_point(|resting| resting.since.elapsed() >= AT_HAND);
                some.drain(..rested).for_each(|resting| drop(tokio::spawn(give_back(resting.conn))));
            }
            if at_hand.resting.is_empty() && at_hand.apart.is_empty() {
                at_hand.tended = false;
                return;
            }
        }
    }
}

/// Asks first, and not for long: the pool would wait for one whose other end is gone without a word.
async fn give_back(mut conn: PoolConnection<Postgres>) {
    if outage::ask(&mut conn).await.is_err() {
        outage::note();
        drop(conn.detach());
    }
}

impl AtHand {
    fn empty(&mut self) -> (Vec<Resting>, Vec<Resting>) {
        (std::mem::take(&mut self.resting), std::mem::take(&mut self.apart))
    }
}

impl Drop for Seeking<'_> {
    fn drop(&mut self) {
        self.0.at_hand().seeking -= 1;
    }
}

impl Conn {
    /// It did what it was asked: it lies at hand for whoever comes next.
    pub fn keep(self) {
        let mut at_hand = self.home.at_hand();
        let apart = self.shelf == Shelf::Apart && self.home.are_many();
        if (at_hand.seeking > 0 && !apart) || self.home.pool.is_closed() {
            return;
        }
        let place = if apart { &mut at_hand.apart } else { &mut at_hand.resting };
        place.push(Resting { conn: self.inner, of_pool_since: self.of_pool_since, since: Instant::now() });
        if !at_hand.tended {
            at_hand.tended = true;
            tokio::spawn(Connections::tend(Arc::downgrade(&self.home.at_hand)));
        }
    }

    /// It is of no more use: it does not go back, and nobody waits for it to say good-bye.
    pub fn discard(self) {
        drop(self.inner.detach());
    }
}

impl Deref for Conn {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

/// For one statement that is a transaction of its own.
impl<'c> Executor<'c> for &'c Connections {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let answer = async move {
            let mut conn = self.take(Shelf::Common).await?;
            let all: Vec<_> = conn.fetch_many(query).try_collect().await?;
            conn.keep();
            Ok::<_, Error>(stream::iter(all.into_iter().map(Ok)))
        };
        stream::once(answer).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let mut conn = self.take(Shelf::Common).await?;
            let row = conn.fetch_optional(query).await?;
            conn.keep();
            Ok(row)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut conn = self.take(Shelf::Common).await?;
            let statement = conn.prepare_with(sql, parameters).await?;
            conn.keep();
            Ok(statement)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut conn = self.take(Shelf::Common).await?;
            let described = conn.describe(sql).await?;
            conn.keep();
            Ok(described)
        })
    }
}
