//! What things cost, for `countersign capacity`. Each figure stands here and nowhere else, with how it was come by; it must
//! never be read as a promise for another machine.
//!
//! `make bench` measures what an operation costs the node and PostgreSQL, on two cores, with row-level security on and every
//! write durable; `make bench-large` measures rows in tables of a million accounts.

/// What one operation costs.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Milliseconds of one core of a node.
    pub node: f64,
    /// Milliseconds of one core of PostgreSQL.
    pub database: f64,
    /// Transactions that must reach the disk before the answer.
    pub commits: f64,
    /// Lines of the audit trail.
    pub events: f64,
}

/// A sign-in: the pages, a password, a second factor. Two cores hash 150 passwords a second (Argon2id, 19 MiB, t = 2), which is 13.3 ms
/// of a core each; the pages are another 1.2 ms, and twelve statements of about 50 µs and three commits PostgreSQL's part.
pub const SIGN_IN: Cost = Cost { node: 14.5, database: 0.8, commits: 3.0, events: 1.0 };

/// An app opened in a browser that is signed in: `/oauth2/authorize`, and the code's exchange for two tokens. Two RS256 signatures of
/// 0.24 ms, two requests of 0.06 ms, eight statements of about 50 µs, two commits.
pub const CODE: Cost = Cost { node: 0.6, database: 0.5, commits: 2.0, events: 1.0 };

/// A refresh, with rotation: two signatures of 0.24 ms, one request of 0.06 ms, two statements that read and write more than others, one
/// commit.
pub const REFRESH: Cost = Cost { node: 0.54, database: 0.25, commits: 1.0, events: 1.0 };

/// Userinfo or introspection: a signature verified (0.03 ms), one request of 0.06 ms, one statement.
pub const LOOKUP: Cost = Cost { node: 0.09, database: 0.05, commits: 0.0, events: 0.0 };

/// Cores of a node. Those of this table are the smallest that are worth their memory.
pub const NODE_CORES: f64 = 2.0;

/// How busy a core may be in the busiest second: beyond it, who waits for a core waits for long, and when one of three nodes is
/// gone the two others have its work.
pub const BUSY: f64 = 0.5;

/// MiB of a node under load, the memory of its hash threads included: what `make bench` shows for 500 sign-ins at once.
pub const NODE_MEMORY: f64 = 120.0;

/// Connections that a node opens at most: the default of `DATABASE_CONNECTIONS`.
pub const NODE_CONNECTIONS: f64 = 10.0;

/// Connections to PostgreSQL that one of its cores has work for; beyond, PgBouncer lets others wait.
pub const CONNECTIONS_OF_A_CORE: f64 = 4.0;

/// What a table is larger than its living rows, where rows come and go: vacuum gives room back to the table, not to the disk.
pub const SLACK: f64 = 1.3;

// Bytes of a row, its share of every index included, from `pg_total_relation_size` by rows, in tables of 100,000 to 400,000 rows
// whose ids were written in no order.

/// `account`, `membership` in one company, `password`.
pub const ACCOUNT: f64 = 324.0 + 179.0 + 206.0;
/// `totp` and ten `backup_code`.
pub const SECOND_FACTOR: f64 = 173.0 + 10.0 * 168.0;
/// `login`, and `login_client` for one app.
pub const LOGIN: f64 = 406.0 + 349.0;
/// `authorization_grant`.
pub const GRANT: f64 = 600.0;
/// `refresh_token`. Where tokens rotate, those that were replaced stay until the family ends.
pub const REFRESH_TOKEN: f64 = 296.0;
/// `authorization_code`, kept for a day, and `browser_session`.
pub const PASSING: f64 = 375.0 + 365.0;
/// `event`: of the caller's `User-Agent` half of them carry a browser's long one.
pub const EVENT: f64 = 500.0;

// Where one PostgreSQL ends. Rules of thumb, for a machine that money can buy without a tender: whoever knows theirs better
// should read the table, not the last line of it.

/// Cores.
pub const ONE_DATABASE_CORES: f64 = 32.0;
/// Commits a second: a disk flushes for many at once, and a replica must have them too.
pub const ONE_DATABASE_COMMITS: f64 = 10_000.0;
/// Bytes in use all the time, which belong into memory.
pub const ONE_DATABASE_HOT: f64 = 256e9;
/// Bytes in all: what can be restored from a backup in an afternoon.
pub const ONE_DATABASE_SIZE: f64 = 4e12;
