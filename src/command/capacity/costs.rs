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

/// A sign-in: the pages and a password. What `make bench` shows for a whole one (16.3 and 3.5 ms; on another machine 24 and 8), without the
/// code's exchange and the userinfo that are in it. Most of a node's part is Argon2id; on cores that hash, everything else takes two to
/// three times as long.
pub const SIGN_IN: Cost = Cost { node: 15.6, database: 3.2, commits: 7.0, events: 1.0 };

/// An app opened in a browser that is signed in: `/oauth2/authorize`, and the code's exchange for two tokens: two RS256 signatures, five
/// statements, two commits.
pub const CODE: Cost = Cost { node: 0.63, database: 0.31, commits: 2.0, events: 1.0 };

/// A refresh, with rotation and an ID token: two signatures, two statements, one commit.
pub const REFRESH: Cost = Cost { node: 0.51, database: 0.11, commits: 1.0, events: 1.0 };

/// Userinfo or introspection: one statement.
pub const LOOKUP: Cost = Cost { node: 0.03, database: 0.02, commits: 0.0, events: 0.0 };

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

// Bytes of a row, its share of every index included: what `make bench-large` prints of a million accounts.

/// `account`, `membership` in one company, `password`.
pub const ACCOUNT: f64 = 262.0 + 186.0 + 238.0;
/// `totp` and ten `backup_code`.
pub const SECOND_FACTOR: f64 = 190.0 + 10.0 * 189.0;
/// `login`, and `login_client` for one app (that one as a table of 200,000 rows has it).
pub const LOGIN: f64 = 371.0 + 349.0;
/// `authorization_grant`.
pub const GRANT: f64 = 569.0;
/// `refresh_token`. Where tokens rotate, those that were replaced stay until the family ends.
pub const REFRESH_TOKEN: f64 = 274.0;
/// `authorization_code`, kept for a day, and `browser_session`.
pub const PASSING: f64 = 356.0 + 399.0;
/// `event`: of the caller's `User-Agent` half of them carry a browser's long one.
pub const EVENT: f64 = 486.0;

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
