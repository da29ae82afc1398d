//! The wall between companies, as PostgreSQL keeps it: whatever a rule of ours gets wrong, another company's rows are neither
//! seen nor changed. Every table is tried; one that is not listed here fails the test.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::harness::Provider;

/// Tables that belong to no company: the other scopes may not even look.
const PLATFORM: [&str; 8] =
    ["browser_session", "flow", "signing_key", "outbox", "throttle", "pushed_request", "replay", "logout_notice"];

/// A company and its admin, with one row in every table.
#[derive(Debug, Clone, Copy)]
struct Owner {
    company: Uuid,
    account: Uuid,
}

#[derive(Debug, Clone, Copy)]
enum Scope {
    Company(Uuid),
    Member(Uuid, Uuid),
    Person(Uuid),
    Platform,
}

struct Fixture {
    table: &'static str,
    /// Columns and values of a row of the owner's.
    insert: String,
    /// Which rows are the owner's.
    mine: String,
    /// A column that can be set to itself.
    column: &'static str,
}

#[rustfmt::skip]
fn fixtures(owner: Owner) -> Vec<Fixture> {
    let Owner { company, account } = owner;
    let (c, a) = (format!("'{company}'"), format!("'{account}'"));
    let bytes = format!("decode(md5('{company}'), 'hex')");
    let client = format!("'cli_{}'", company.simple());
    let by_company = format!("company_id = {c}");
    let by_account = format!("account_id = {a}");
    let by_digest = format!("digest = {bytes}");
    let row = |table, column, mine: &String, insert| Fixture { table, insert, mine: mine.clone(), column };
    vec![
        row("company", "name", &format!("id = {c}"), format!("(id, slug, name, created_at, updated_at) values ({c}, 'c{}', 'C', now(), now())", company.simple())),
        row("account", "name", &format!("id = {a}"), format!("(id, email, name, home_company_id, created_at, updated_at) values ({a}, '{}@x.example', 'A', {c}, now(), now())", account.simple())),
        row("membership", "role", &by_company, format!("(company_id, account_id, role, created_at, updated_at) values ({c}, {a}, 'admin', now(), now())")),
        row("password", "hash", &by_account, format!("(account_id, hash, changed_at) values ({a}, 'x', now())")),
        row("totp", "last_step", &by_account, format!("(account_id, seed_sealed, created_at) values ({a}, {bytes}, now())")),
        row("backup_code", "used_at", &by_account, format!("(account_id, digest, created_at) values ({a}, {bytes}, now())")),
        row("login", "ip", &by_account, format!("(id, account_id, auth_time, amr, acr, created_at, last_seen_at, expires_at) values ({a}, {a}, now(), '{{pwd}}', '1', now(), now(), now())")),
        row("mail_token", "used_at", &by_account, format!("(digest, account_id, purpose, email, expires_at, created_at) values ({bytes}, {a}, 'verify_email', 'x@x.example', now(), now())")),
        row("client", "name", &by_company, format!("(id, company_id, name, token_endpoint_auth_method, created_at, updated_at) values ({client}, {c}, 'K', 'none', now(), now())")),
        row("consent", "granted_at", &by_company, format!("(company_id, account_id, client_id, scopes, granted_at) values ({c}, {a}, {client}, '{{openid}}', now())")),
        row("authorization_grant", "ended_at", &by_company, format!("(company_id, id, account_id, client_id, login_id, scopes, audience, auth_time, amr, acr, created_at, expires_at) values ({c}, {c}, {a}, {client}, {a}, '{{openid}}', 'x', now(), '{{pwd}}', '1', now(), now())")),
        row("authorization_code", "used_at", &by_company, format!("(digest, company_id, grant_id, redirect_uri, expires_at, created_at) values ({bytes}, {c}, {c}, 'https://x.example', now(), now())")),
        row("refresh_token", "used_at", &by_company, format!("(digest, company_id, grant_id, expires_at, created_at) values ({bytes}, {c}, {c}, now(), now())")),
        row("event", "ip", &by_company, format!("(id, company_id, account_id, action, created_at) values ({c}, {c}, {a}, 'x', now())")),
        row("pairwise_subject", "sector", &by_account, format!("(account_id, sector, subject) values ({a}, 'x.example', '{}')", account.simple())),
        row("resource", "name", &by_company, format!("(id, company_id, identifier, name, created_at, updated_at) values ({c}, {c}, 'https://{}.example', 'R', now(), now())", company.simple())),
        row("initial_access_token", "uses_left", &by_company, format!("(digest, company_id, expires_at, created_at) values ({bytes}, {c}, now(), now())")),
        row("login_client", "created_at", &by_company, format!("(company_id, login_id, client_id, account_id, created_at) values ({c}, {a}, {client}, {a}, now())")),
        row("logout_notice", "attempts", &by_account, format!("(id, client_id, login_id, account_id, next_attempt_at, created_at) values ({c}, {client}, {a}, {a}, now(), now())")),
        row("pushed_request", "used_at", &by_digest, format!("(digest, client_id, request, expires_at, created_at) values ({bytes}, {client}, '{{}}', now(), now())")),
        row("replay", "expires_at", &by_digest, format!("(digest, expires_at) values ({bytes}, now())")),
        row("browser_session", "data", &by_digest, format!("(digest, data, expires_at) values ({bytes}, '{{}}', now())")),
        row("flow", "finished_at", &by_digest, format!("(digest, browser_digest, request, created_at, expires_at) values ({bytes}, {bytes}, '{{}}', now(), now())")),
        row("signing_key", "state", &format!("kid = {c}"), format!("(kid, algorithm, private_sealed, public_jwk, state, created_at) values ({c}, 'X', {bytes}, '{{}}', 'previous', now())")),
        row("outbox", "sent_at", &format!("id = {c}"), format!("(id, message_sealed, next_attempt_at, created_at) values ({c}, {bytes}, now(), now())")),
        row("throttle", "failures", &format!("key = {bytes}"), format!("(key, failures, blocked_until, expires_at) values ({bytes}, 1, now(), now())")),
    ]
}

struct Wall {
    _provider: Provider,
    superuser: PgConnection,
    app: PgConnection,
    ours: Owner,
    theirs: Owner,
}

impl Wall {
    async fn build() -> Self {
        let provider = Provider::start().await;
        let (a, ada) = provider.company("Ours").await;
        let (b, bea) = provider.company("Theirs").await;
        let ours = Owner { company: a.id.0, account: ada.id.0 };
        let theirs = Owner { company: b.id.0, account: bea.id.0 };
        let mut superuser = provider.database.superuser().await;
        for fixture in fixtures(ours).into_iter().chain(fixtures(theirs)) {
            let insert = format!("insert into {} {} on conflict do nothing", fixture.table, fixture.insert);
            superuser.execute(AssertSqlSafe(insert)).await.unwrap();
        }
        let app = PgConnection::connect(&provider.database.app_url).await.unwrap();
        Self { _provider: provider, superuser, app, ours, theirs }
    }

    /// How many rows a statement sees or changes in this scope, or the code of its refusal. Nothing of it stays.
    async fn attempt(&mut self, scope: Scope, sql: &str) -> Result<u64, String> {
        let (company, account) = match scope {
            Scope::Company(company) => (company.to_string(), String::new()),
            Scope::Member(company, account) => (company.to_string(), account.to_string()),
            Scope::Person(account) => (String::new(), account.to_string()),
            Scope::Platform => (String::new(), String::new()),
        };
        let mut tx = self.app.begin().await.unwrap();
        let set = "select set_config('app.company_id', $1, true), set_config('app.account_id', $2, true)";
        sqlx::query(set).bind(company).bind(account).execute(&mut *tx).await.unwrap();
        let done = tx.execute(AssertSqlSafe(sql.to_owned())).await;
        tx.rollback().await.unwrap();
        let refused = |error: sqlx::Error| error.as_database_error().unwrap().code().unwrap().into_owned();
        done.map(|done| done.rows_affected()).map_err(refused)
    }

    /// What the statement does must be nothing.
    async fn nothing(&mut self, scope: Scope, sql: &str) {
        let done = self.attempt(scope, sql).await;
        assert!(matches!(&done, Ok(0)) || done == Err("42501".to_owned()), "{scope:?}: {sql}: {done:?}");
    }

    async fn refused(&mut self, scope: Scope, sql: &str) {
        assert_eq!(self.attempt(scope, sql).await, Err("42501".to_owned()), "{scope:?}: {sql}");
    }

    fn scopes(&self) -> [Scope; 4] {
        let Owner { company, account } = self.ours;
        [Scope::Company(company), Scope::Member(company, account), Scope::Person(account), Scope::Platform]
    }
}

#[tokio::test]
async fn every_table_is_walled() {
    // The list of migrations may be read, and no more: the server asks it at its start.
    let mut wall = Wall::build().await;
    let listed: BTreeSet<String> = fixtures(wall.theirs)
        .iter()
        .map(|fixture| fixture.table.to_owned())
        .chain(["_sqlx_migrations".into()])
        .collect();
    let query = "select relname::text, relispartition, relrowsecurity and relforcerowsecurity as walled,
                        has_table_privilege('countersign_app', oid, 'insert, update, delete, truncate')
                        or (relname <> '_sqlx_migrations' and has_table_privilege('countersign_app', oid, 'select')) as open
                 from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')";
    let mut found = BTreeSet::new();
    for row in wall.superuser.fetch_all(query).await.unwrap() {
        let (name, part): (String, bool) = (row.get("relname"), row.get("relispartition"));
        let (walled, open): (bool, bool) = (row.get("walled"), row.get("open"));
        assert!(walled || !open, "{name} has no row security");
        assert!(!part || !open, "the partition {name} can be reached beside its table");
        if !part {
            found.insert(name);
        }
    }
    assert_eq!(found, listed, "a table that is not tried here");
}

#[tokio::test]
async fn rows_of_another_company_are_neither_seen_nor_changed() {
    let mut wall = Wall::build().await;
    for scope in wall.scopes() {
        for Fixture { table, insert, mine, column } in fixtures(wall.theirs) {
            if PLATFORM.contains(&table) && matches!(scope, Scope::Platform) {
                let seen = wall.attempt(scope, &format!("select from {table} where {mine}")).await;
                assert_eq!(seen, Ok(1), "{table} is the platform's own");
                continue;
            }
            wall.nothing(scope, &format!("select from {table} where {mine}")).await;
            wall.nothing(scope, &format!("select from {table} where {mine} for update")).await;
            wall.nothing(scope, &format!("update {table} set {column} = {column} where {mine}")).await;
            wall.nothing(scope, &format!("delete from {table} where {mine}")).await;
            // Any transaction may report by mail; only the job reads.
            if table != "outbox" {
                wall.refused(scope, &format!("insert into {table} {insert}")).await;
            }
        }
    }
}

#[tokio::test]
async fn everybody_sees_their_own_rows_so_that_the_others_are_not_hidden_by_accident() {
    let mut wall = Wall::build().await;
    let Owner { company, account } = wall.ours;
    for Fixture { table, mine, .. } in fixtures(wall.ours) {
        let select = format!("select from {table} where {mine}");
        let mut seen = Vec::new();
        for scope in [Scope::Company(company), Scope::Person(account), Scope::Platform] {
            seen.push(wall.attempt(scope, &select).await.unwrap_or_default());
        }
        assert!(seen.iter().any(|rows| *rows > 0), "{table} is seen by nobody: {seen:?}");
    }
}

#[tokio::test]
async fn a_row_is_not_moved_to_another_company_or_person() {
    let mut wall = Wall::build().await;
    let (ours, theirs) = (wall.ours, wall.theirs);
    let query = "select table_name::text, column_name::text from information_schema.columns
                 where table_schema = 'public' and column_name in ('company_id', 'account_id')
                   and table_name not like 'event\\_%'";
    let columns = wall.superuser.fetch_all(query).await.unwrap();
    assert!(columns.len() > 15);
    for row in columns {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let (scope, from, to) = if column == "company_id" {
            (Scope::Company(ours.company), ours.company, theirs.company)
        } else {
            (Scope::Person(ours.account), ours.account, theirs.account)
        };
        wall.nothing(scope, &format!("update {table} set {column} = '{to}' where {column} = '{from}'")).await;
    }
    let company = Scope::Company(ours.company);
    wall.refused(company, &format!("update account set home_company_id = '{}'", theirs.company)).await;
}

#[tokio::test]
async fn a_company_sees_of_a_person_it_shares_only_the_name_and_what_is_its_own() {
    let mut wall = Wall::build().await;
    let (ours, theirs) = (wall.ours, wall.theirs);
    let join = "insert into membership (company_id, account_id, role, created_at, updated_at)
                values ($1, $2, 'user', now(), now())";
    sqlx::query(join).bind(ours.company).bind(theirs.account).execute(&mut wall.superuser).await.unwrap();
    let scope = Scope::Company(ours.company);
    let named = format!("select from account where id = '{}'", theirs.account);
    assert_eq!(wall.attempt(scope, &named).await, Ok(1));
    wall.nothing(scope, &format!("update account set name = 'x' where id = '{}'", theirs.account)).await;
    for Fixture { table, mine, .. } in fixtures(theirs) {
        if table != "account" {
            wall.nothing(scope, &format!("select from {table} where {mine}")).await;
        }
    }
}

#[tokio::test]
async fn a_person_writes_into_the_trail_of_their_own_companies_only() {
    let mut wall = Wall::build().await;
    let (ours, theirs) = (wall.ours, wall.theirs);
    let line = |company: Uuid| {
        let person = ours.account;
        format!(
            "insert into event (id, company_id, account_id, action, created_at)
             values (gen_random_uuid(), '{company}', '{person}', 'x', now())"
        )
    };
    let scope = Scope::Person(ours.account);
    assert_eq!(wall.attempt(scope, &line(ours.company)).await, Ok(1));
    wall.refused(scope, &line(theirs.company)).await;
}

#[tokio::test]
async fn the_servers_role_cannot_step_around_the_wall() {
    let mut wall = Wall::build().await;
    let scope = Scope::Company(wall.ours.company);
    let owner: String = wall.superuser.fetch_one("select current_user::text").await.unwrap().get(0);
    let become_owner = format!("set local role \"{owner}\"");
    for statement in [
        "set local role countersign_lookup",
        &become_owner,
        "set local row_security = off; select from company",
        "alter table company disable row level security",
        "drop policy company_scope on company",
        "create table public.mine (id integer)",
        "create function public.mine() returns integer language sql as 'select 1'",
        "truncate throttle",
        "update event set ip = null",
        "delete from event",
        "create policy mine on company to countersign_app using (true)",
    ] {
        let mut tx = wall.app.begin().await.unwrap();
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *tx).await;
        let code = done.err().and_then(|error| error.as_database_error()?.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        tx.rollback().await.unwrap();
    }
    let other = wall.theirs.account;
    let second = format!("select from members_with_second_factor(array['{other}'::uuid])");
    wall.superuser.execute("update totp set confirmed_at = now()").await.unwrap();
    assert_eq!(wall.attempt(scope, &second).await, Ok(0));
}

/// Of several permissive policies PostgreSQL makes an `or`, and may then answer a question about one row by reading a company's all.
#[tokio::test]
async fn what_grows_with_a_company_has_one_policy_to_read_by() {
    let provider = Provider::start().await;
    let several = sqlx::query_scalar::<_, String>(
        "select tablename::text from pg_policies
         where 'countersign_app' = any (roles) and cmd in ('ALL', 'SELECT')
           and tablename in ('authorization_grant', 'authorization_code', 'refresh_token', 'consent', 'membership', 'login',
                             'login_client', 'event')
         group by tablename having count(*) > 1",
    );
    let mut conn = PgConnection::connect(&provider.database.superuser_url).await.unwrap();
    assert_eq!(several.fetch_all(&mut conn).await.unwrap(), Vec::<String>::new());
}

/// A plan that is made anew for each call, or was made while a table was nearly empty, costs more than the answer.
#[tokio::test]
async fn functions_that_answer_many_at_once_keep_one_plan_that_looks_up_by_index() {
    let provider = Provider::start().await;
    let set = sqlx::query_as::<_, (String, Vec<String>)>(
        "select proname::text, coalesce(proconfig, '{}') from pg_proc where pronamespace = 'public'::regnamespace and proname in
            ('holdings', 'visitors', 'sessions', 'take_codes', 'take_refresh_tokens', 'note_client_tokens', 'issue_grants',
             'answer_flows', 'sign_in')",
    );
    let mut conn = PgConnection::connect(&provider.database.superuser_url).await.unwrap();
    let found = set.fetch_all(&mut conn).await.unwrap();
    assert_eq!(found.len(), 9);
    for (name, settings) in found {
        for wanted in
            ["plan_cache_mode=force_generic_plan", "enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off"]
        {
            assert!(settings.iter().any(|setting| setting == wanted), "{name} lacks {wanted}");
        }
    }
}
