//! Hot statements that wait at one moment go to the database together: one message, one transaction, one commit for all of them.
//!
//! Whoever asks puts the question into the lane of its kind. A worker with a connection takes what waits there and answers each,
//! as long as there is work. A question alone does not wait for
//! others. Nobody's answer depends on the others': where one of several cannot be served, each is asked by itself.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connections::{Conn, Shelf};
use super::outage;
use super::scope::Db;
use crate::model::error::{Error, Result};

/// How many go together at most.
const MOST: usize = 64;
/// PostgreSQL ends a statement after five seconds.
const ANSWERED: Duration = Duration::from_secs(6);
/// How many workers of one kind there may be.
const WORKERS: usize = 2;

/// A question of one kind.
pub(in crate::storage) trait Question: Send + Sync + Sized + 'static {
    /// What is answered.
    type Answer: Send + 'static;
    /// Where the connections lie on which it is asked.
    const SHELF: Shelf = Shelf::Common;
    /// Whether it changes nothing, so that it is asked again where a connection broke.
    const READS: bool = false;

    /// Where questions of this kind wait.
    fn lane(db: &Db) -> &Lane<Self>;

    /// Asks all of them with one statement, in this order; the answers stand in the same.
    fn ask(
        questions: &[Self],
        conn: &mut PgConnection,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, sqlx::Error>> + Send;
}

struct Waiting<Q: Question> {
    question: Q,
    answer: oneshot::Sender<Result<Q::Answer>>,
    /// On how many connections it was asked that broke.
    tries: u8,
}

/// Where questions of one kind wait.
pub(in crate::storage) struct Lane<Q: Question> {
    inner: Mutex<Inner<Q>>,
}

struct Inner<Q: Question> {
    waiting: VecDeque<Waiting<Q>>,
    workers: usize,
}

impl<Q: Question> std::fmt::Debug for Lane<Q> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl<Q: Question> Default for Lane<Q> {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner { waiting: VecDeque::new(), workers: 0 }) }
    }
}

impl<Q: Question> Lane<Q> {
    fn inner(&self) -> MutexGuard<'_, Inner<Q>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Waiting<Q>> {
        let mut inner = self.inner();
        let some = inner.waiting.len().min(MOST);
        // Who has gone meanwhile wants nothing any more.
        inner.waiting.drain(..some).filter(|one| !one.answer.is_closed()).collect()
    }
}

/// Asks, together with what else waits. While one worker waits for the disk another takes what has come meanwhile; more of them would only
/// halve what goes together.
pub(in crate::storage) async fn ask<Q: Question>(db: &Db, question: Q) -> Result<Q::Answer> {
    let (answer, answered) = oneshot::channel();
    Q::lane(db).inner().waiting.push_back(Waiting { question, answer, tries: 0 });
    Worker::<Q>::begins(db);
    answered.await.map_err(|_| Error::fault("a question was lost"))?
}

/// One worker, counted for as long as it lives.
struct Worker<Q: Question> {
    db: Db,
    counted: bool,
    kind: PhantomData<Q>,
}

impl<Q: Question> Worker<Q> {
    /// Begins one more where something waits and there may be one more.
    fn begins(db: &Db) {
        let begins = {
            let mut inner = Q::lane(db).inner();
            let begins = inner.workers < WORKERS && !inner.waiting.is_empty();
            inner.workers += usize::from(begins);
            begins
        };
        if begins {
            // A task of its own: what many wait for does not end with the request of one.
            tokio::spawn(Self { db: db.clone(), counted: true, kind: PhantomData }.work());
        }
    }

    fn lane(&self) -> &Lane<Q> {
        Q::lane(&self.db)
    }

    /// Whether it may go: counted out under the lock, so that whoever asks next begins a new one.
    fn leaves(&mut self) -> bool {
        let mut inner = Q::lane(&self.db).inner();
        if !inner.waiting.is_empty() {
            return false;
        }
        inner.workers -= 1;
        self.counted = false;
        true
    }

    async fn work(mut self) {
        let mut held: Option<Conn> = None;
        loop {
            // Whoever is about to ask comes along: what is ready to run does so first.
            tokio::task::yield_now().await;
            let some = self.lane().take();
            if some.is_empty() {
                // At hand before anybody else begins.
                if let Some(conn) = held.take() {
                    conn.keep();
                }
                if self.leaves() {
                    return;
                }
                continue;
            }
            let conn = match held.take() {
                Some(conn) => Ok(conn),
                None => self.db.pool().take(Q::SHELF).await,
            };
            match conn {
                Ok(conn) => held = serve(self.lane(), some, conn).await,
                Err(error) => refuse(some.into_iter().map(|one| one.answer), error),
            }
        }
    }
}

impl<Q: Question> Drop for Worker<Q> {
    fn drop(&mut self) {
        if self.counted {
            Q::lane(&self.db).inner().workers -= 1;
        }
    }
}

/// Tells all of them that it failed; the first also why.
fn refuse<A>(answers: impl IntoIterator<Item = oneshot::Sender<Result<A>>>, error: sqlx::Error) {
    let mut error = Some(Error::from(error));
    for answer in answers {
        drop(answer.send(Err(error.take().unwrap_or(Error::Busy(time::Duration::seconds(2))))));
    }
}

/// Asks, and waits no longer than a statement may take: a worker that hangs on a connection whose other end is gone would hold up
/// everybody behind it.
async fn asked<Q: Question>(questions: &[Q], conn: &mut PgConnection) -> Result<Vec<Q::Answer>, sqlx::Error> {
    let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "the connection does not answer");
    timeout(ANSWERED, Q::ask(questions, conn)).await.map_err(late)?
}

/// Answers these, and gives the connection back where it is still good.
async fn serve<Q: Question>(lane: &Lane<Q>, some: Vec<Waiting<Q>>, mut conn: Conn) -> Option<Conn> {
    let tries = some.iter().map(|one| one.tries).max().unwrap_or_default();
    let (questions, answers): (Vec<Q>, Vec<_>) = some.into_iter().map(|one| (one.question, one.answer)).unzip();
    let error = match asked(&questions, &mut conn).await {
        Ok(found) => {
            for (answer, found) in answers.into_iter().zip(found) {
                drop(answer.send(Ok(found)));
            }
            return Some(conn);
        }
        Err(error) => error,
    };
    if outage::is_broken(&error) {
        conn.discard();
        outage::note();
        let again =
            questions.into_iter().zip(answers).map(|(question, answer)| Waiting { question, answer, tries: tries + 1 });
        if Q::READS && tries == 0 {
            let mut inner = lane.inner();
            again.rev().for_each(|one| inner.waiting.push_front(one));
        } else {
            refuse(again.map(|one| one.answer), error);
        }
        return None;
    }
    if questions.len() == 1 {
        refuse(answers, error);
        return Some(conn);
    }
    // Nothing of it was done. Whoever asked what cannot be answered does not spoil it for the others.
    let mut usable = true;
    for (question, answer) in questions.iter().zip(answers) {
        let found = asked(std::slice::from_ref(question), &mut conn).await;
        usable &= !found.as_ref().is_err_and(outage::is_broken);
        let found = found.map(|found| found.into_iter().next()).map_err(Error::from);
        drop(answer.send(found.and_then(|found| found.ok_or_else(|| Error::fault("an answer is missing")))));
    }
    if usable { Some(conn) } else { None }
}

/// The questions in the order of this key, each with its place in the first order.
pub(in crate::storage) fn ordered<Q, K: Ord>(questions: &[Q], key: impl Fn(&Q) -> K) -> Vec<(usize, &Q)> {
    let mut order: Vec<_> = questions.iter().enumerate().collect();
    order.sort_by_key(|(_, question)| key(question));
    order
}

/// Answers to questions in such an order, in the first order again.
pub(in crate::storage) fn in_first_order<Q, A>(order: &[(usize, &Q)], answers: impl Iterator<Item = A>) -> Vec<A> {
    let mut placed: Vec<_> = order.iter().map(|(place, _)| *place).zip(answers).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, answer)| answer).collect()
}

/// Whether each is the first of its key: those of one key stand together.
pub(in crate::storage) fn firsts<Q, K: PartialEq>(order: &[(usize, &Q)], key: impl Fn(&Q) -> K) -> Vec<bool> {
    let keys: Vec<K> = order.iter().map(|(_, question)| key(question)).collect();
    (0..keys.len()).map(|n| n == 0 || keys.get(n) != keys.get(n - 1)).collect()
}

/// Answers that came with the numbers of their questions, counted from one.
pub(in crate::storage) fn by_number<Q, A>(questions: &[Q], answers: impl Iterator<Item = (i64, A)>) -> Vec<Option<A>> {
    let mut placed: Vec<Option<A>> = questions.iter().map(|_| None).collect();
    for (n, answer) in answers {
        if let Some(place) = usize::try_from(n - 1).ok().and_then(|n| placed.get_mut(n)) {
            *place = Some(answer);
        }
    }
    placed
}
