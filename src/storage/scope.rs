//! The wall in code. A transaction has one scope, chosen when it opens, and storage functions of company tables take a
//! [`CompanyTx`], which nothing else can make. PostgreSQL's policies are the second lock behind it.
//!
//! Scopes are set with `SET LOCAL`, in the same message as `BEGIN`, so that nothing of them outlives the transaction
//! and transaction pooling works.

use std::sync::Arc;

use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
use time::OffsetDateTime;

use super::connections::Connections;
use super::lane::Lane;
use super::{browser_session, client_cache, client_token, code, event, grant, held, login, outage, refresh_token};
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::event::{Event, Whose};
use crate::model::id::{AccountId, CompanyId};

/// The database, as the unprivileged role.
#[derive(Debug, Clone)]
pub struct Db {
    pool: Connections,
    lanes: Arc<Lanes>,
    clients: Arc<client_cache::Cache>,
    last_named: Arc<client_token::LastNamed>,
}

/// Where the hot statements wait for each other.
#[derive(Debug, Default)]
pub(in crate::storage) struct Lanes {
    pub held: Lane<(held::Asked, OffsetDateTime)>,
    pub code: Lane<code::Use>,
    pub refresh_token: Lane<refresh_token::Use>,
    pub client_token: Lane<client_token::Speaks>,
    pub grant: Lane<grant::Given>,
    pub visit: Lane<login::Visit>,
    pub session: Lane<browser_session::Sought>,
}

impl Db {
    /// Opens a pool of at most this many connections; the first is made when it is needed.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn open(url: &str, connections: u32) -> Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(std::time::Duration::from_secs(5))
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(outage::ask(connection)))
            .before_acquire(|connection, of_it| Box::pin(kept(connection, of_it)))
            .after_release(|connection, of_it| Box::pin(kept(connection, of_it)))
            // PgBouncer knows the other parameters that the library sends at the start.
            .connect_lazy_with(options.application_name("countersign").extra_float_digits(None));
        Ok(Self {
            pool: Connections::of(pool),
            lanes: Arc::default(),
            clients: Arc::default(),
            last_named: Arc::default(),
        })
    }

    pub(in crate::storage) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// What this node knows of clients.
    pub(in crate::storage) fn clients(&self) -> &client_cache::Cache {
        &self.clients
    }

    /// What companies were called.
    pub(in crate::storage) fn last_named(&self) -> &client_token::LastNamed {
        &self.last_named
    }

    /// A request waited in vain: connections that are open now are asked before they are used again.
    pub fn doubt(&self) {
        outage::note();
    }

    /// Begins with this statement. A connection that died while it rested says so here, before anything was asked of it, so
    /// another is tried.
    async fn begin(&self, statement: String) -> Result<Transaction<'static, Postgres>> {
        match self.pool.begin(statement.clone()).await {
            Err(error) if outage::is_broken(&error) => {
                outage::note();
                Ok(self.pool.begin(statement).await?)
            }
            begun => Ok(begun?),
        }
    }

    /// For one statement in the platform's scope.
    pub(in crate::storage) fn pool(&self) -> &Connections {
        &self.pool
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that sees one company. `account` is who acts in it, where somebody does.
    pub async fn company(&self, company: CompanyId, account: Option<AccountId>) -> Result<CompanyTx> {
        // A UUID's digits are safe to write into the statement, and `SET` takes no parameters.
        let account_id = account.map(|account| account.0.to_string()).unwrap_or_default();
        let begin =
            format!("begin; set local app.company_id = '{}'; set local app.account_id = '{account_id}'", company.0);
        let tx = self.begin(begin).await?;
        Ok(CompanyTx { tx, company, account, clients: Arc::clone(&self.clients) })
    }

    /// A transaction that sees one person's own rows, across companies.
    pub async fn account(&self, account: AccountId) -> Result<AccountTx> {
        let begin = format!("begin; set local app.company_id = ''; set local app.account_id = '{}'", account.0);
        let tx = self.begin(begin).await?;
        Ok(AccountTx { tx, account, clients: Arc::clone(&self.clients) })
    }

    /// A transaction that sees what this owner has; `None` is the platform. `account` is who acts in it, where somebody does.
    pub async fn owner(&self, owner: Option<CompanyId>, account: Option<AccountId>) -> Result<OwnerTx> {
        Ok(match owner {
            Some(company) => OwnerTx::Company(self.company(company, account).await?),
            None => OwnerTx::Platform(self.platform().await?),
        })
    }

    /// A transaction that sees only what no company owns.
    pub async fn platform(&self) -> Result<PlatformTx> {
        Ok(PlatformTx { tx: self.begin("begin".to_owned()).await?, clients: Arc::clone(&self.clients) })
    }
}

/// Whether a connection of the pool can be used.
async fn kept(connection: &mut PgConnection, of_it: PoolConnectionMetadata) -> sqlx::Result<bool> {
    if outage::is_doubtful(of_it.age, of_it.idle_for) {
        outage::ask(connection).await?;
    }
    Ok(true)
}

/// Sees what belongs to one owner: a company, or the platform.
#[derive(Debug)]
pub enum OwnerTx {
    /// A company's.
    Company(CompanyTx),
    /// The platform's own.
    Platform(PlatformTx),
}

/// Sees one company.
#[derive(Debug)]
pub struct CompanyTx {
    tx: Transaction<'static, Postgres>,
    company: CompanyId,
    account: Option<AccountId>,
    clients: Arc<client_cache::Cache>,
}

/// Sees one person.
#[derive(Debug)]
pub struct AccountTx {
    tx: Transaction<'static, Postgres>,
    account: AccountId,
    clients: Arc<client_cache::Cache>,
}

/// Sees what no company owns.
#[derive(Debug)]
pub struct PlatformTx {
    tx: Transaction<'static, Postgres>,
    clients: Arc<client_cache::Cache>,
}

impl OwnerTx {
    /// Whose rows these are; `None` is the platform.
    pub fn company(&self) -> Option<CompanyId> {
        match self {
            Self::Company(tx) => Some(tx.company()),
            Self::Platform(_) => None,
        }
    }

    pub(in crate::storage) fn conn(&mut self) -> &mut PgConnection {
        match self {
            Self::Company(tx) => tx.conn(),
            Self::Platform(tx) => tx.conn(),
        }
    }

    pub(in crate::storage) fn clients(&self) -> &client_cache::Cache {
        match self {
            Self::Company(tx) => tx.clients(),
            Self::Platform(tx) => tx.clients(),
        }
    }

    /// Commits, and says what happened.
    pub async fn commit(self, cx: &Context, event: Event) -> Result<()> {
        match self {
            Self::Company(tx) => tx.commit(cx, event).await,
            Self::Platform(tx) => tx.commit(cx, event).await,
        }
    }

    /// Commits what is not worth a line in the trail.
    pub async fn commit_unremarkable(self) -> Result<()> {
        match self {
            Self::Company(tx) => tx.commit_unremarkable().await,
            Self::Platform(tx) => tx.commit_unremarkable().await,
        }
    }
}

impl CompanyTx {
    pub(in crate::storage) fn clients(&self) -> &client_cache::Cache {
        &self.clients
    }

    /// Whose rows these are.
    pub fn company(&self) -> CompanyId {
        self.company
    }

    /// Who acts.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    pub(in crate::storage) fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Writes one more line of the trail, before the commit that adds the last.
    pub async fn record(&mut self, cx: &Context, event: &Event) -> Result<()> {
        let whose = Whose { company: Some(self.company), account: self.account };
        event::insert(&mut self.tx, cx, whose, &event.line()).await
    }

    /// Commits, and says what happened.
    pub async fn commit(mut self, cx: &Context, event: Event) -> Result<()> {
        self.record(cx, &event).await?;
        Ok(self.tx.commit().await?)
    }

    /// Commits what is not worth a line in the trail, or was recorded already.
    pub async fn commit_unremarkable(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }

    /// The same transaction goes on as this one person, outside the company.
    pub async fn leave(mut self, account: AccountId) -> Result<AccountTx> {
        let set = format!("set local app.company_id = ''; set local app.account_id = '{}'", account.0);
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *self.tx).await?;
        Ok(AccountTx { tx: self.tx, account, clients: self.clients })
    }
}

impl AccountTx {
    /// Whose rows these are.
    pub fn account(&self) -> AccountId {
        self.account
    }

    pub(in crate::storage) fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Writes one more line of the trail: the person's own, and that of the home company where the person still
    /// belongs to it.
    pub async fn record(&mut self, cx: &Context, event: &Event) -> Result<()> {
        let company = event::home_of(&mut self.tx, self.account).await?;
        let whose = Whose { company, account: Some(self.account) };
        event::insert(&mut self.tx, cx, whose, &event.line()).await
    }

    /// Commits, and says what happened.
    pub async fn commit(mut self, cx: &Context, event: Event) -> Result<()> {
        self.record(cx, &event).await?;
        Ok(self.tx.commit().await?)
    }

    /// Commits what is not worth a line in the trail, or was recorded already.
    pub async fn commit_unremarkable(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }

    /// The same transaction goes on inside a company.
    pub async fn enter(self, company: CompanyId) -> Result<CompanyTx> {
        let person = self.account;
        self.enter_as(company, Some(person)).await
    }

    /// The same transaction goes on inside a company, where somebody else acts.
    pub async fn enter_as(mut self, company: CompanyId, actor: Option<AccountId>) -> Result<CompanyTx> {
        let account = actor.map(|actor| actor.0.to_string()).unwrap_or_default();
        let set = format!("set local app.company_id = '{}'; set local app.account_id = '{account}'", company.0);
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *self.tx).await?;
        Ok(CompanyTx { tx: self.tx, company, account: actor, clients: self.clients })
    }
}

impl PlatformTx {
    pub(in crate::storage) fn clients(&self) -> &client_cache::Cache {
        &self.clients
    }

    pub(in crate::storage) fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Commits, and says what happened.
    pub async fn commit(mut self, cx: &Context, event: Event) -> Result<()> {
        event::insert(&mut self.tx, cx, Whose::default(), &event.line()).await?;
        Ok(self.tx.commit().await?)
    }

    /// Commits what is not worth a line in the trail.
    pub async fn commit_unremarkable(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }
}
