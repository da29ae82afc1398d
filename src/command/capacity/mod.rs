//! `countersign capacity`: how many nodes and how much of a database so many accounts need. Arithmetic from [`costs`]; asks
//! neither the machine nor a database.

mod costs;

use clap::Args;

use costs::{CODE, Cost, LOOKUP, REFRESH, SIGN_IN};

const SECONDS_OF_A_DAY: f64 = 86_400.0;
/// How long a login, its grants and their refresh tokens are kept: the default of `REFRESH_TOKEN_EXPIRE_DAYS`.
const DAYS_KEPT: f64 = 7.0;
const DAYS_OF_A_MONTH: f64 = 30.4;

/// What is asked: how many, and what they do.
#[derive(Debug, Clone, Args)]
pub struct Question {
    /// How many accounts. Without it: 1, 10 and 100 million.
    #[arg(long)]
    accounts: Option<u32>,
    /// How often an account signs in on an average day.
    #[arg(long, default_value_t = 0.3, value_parser = amount)]
    sign_ins_per_day: f64,
    /// How many apps are opened with each sign-in.
    #[arg(long, default_value_t = 2.0, value_parser = amount)]
    apps: f64,
    /// How often tokens are refreshed after each sign-in.
    #[arg(long, default_value_t = 4.0, value_parser = amount)]
    refreshes: f64,
    /// How often userinfo or introspection are asked after each sign-in.
    #[arg(long, default_value_t = 6.0, value_parser = amount)]
    lookups: f64,
    /// Which share of the accounts has a second factor, from 0 to 1.
    #[arg(long, default_value_t = 0.5, value_parser = share)]
    second_factor: f64,
    /// How many months the audit trail is kept.
    #[arg(long, default_value_t = 13.0, value_parser = amount)]
    audit_months: f64,
    /// How much busier the busiest second is than the average one.
    #[arg(long, default_value_t = 10.0, value_parser = amount)]
    peak: f64,
}

/// What one number of accounts needs.
#[derive(Debug)]
struct Need {
    accounts: f64,
    /// In the busiest second.
    sign_ins: f64,
    codes: f64,
    refreshes: f64,
    lookups: f64,
    /// Of 2 cores.
    nodes: f64,
    database_cores: f64,
    commits: f64,
    /// Bytes.
    accounts_size: f64,
    living_size: f64,
    trail_size: f64,
}

/// Prints the table.
pub fn run(question: &Question) {
    println!("{}", answer(question));
}

fn answer(question: &Question) -> String {
    let columns: Vec<Need> = match question.accounts {
        Some(accounts) => vec![Need::of(f64::from(accounts), question)],
        None => [1e6, 1e7, 1e8].into_iter().map(|accounts| Need::of(accounts, question)).collect(),
    };
    let mut lines = vec![
        format!(
            "{} sign-ins of an account a day; with each {} apps, {} refreshes, {} lookups. The busiest second is {} times the average.",
            question.sign_ins_per_day, question.apps, question.refreshes, question.lookups, question.peak
        ),
        format!(
            "{} of 100 accounts have a second factor. The audit trail is kept for {} months.",
            question.second_factor * 100.0,
            question.audit_months
        ),
        String::new(),
    ];
    let mut rows = vec![row("accounts", &columns, |need| grouped(need.accounts))];
    rows.push(format!("|---|{}", "--:|".repeat(columns.len())));
    rows.extend([
        row("sign-ins a second, busiest", &columns, |need| grouped(need.sign_ins)),
        row("code exchanges a second", &columns, |need| grouped(need.codes)),
        row("refreshes a second", &columns, |need| grouped(need.refreshes)),
        row("userinfo and introspection a second", &columns, |need| grouped(need.lookups)),
        row("**nodes** of 2 cores", &columns, |need| grouped(need.nodes)),
        row("their memory, each", &columns, |_| format!("{} MiB", costs::NODE_MEMORY)),
        row("their connections, together", &columns, |need| grouped(need.nodes * costs::NODE_CONNECTIONS)),
        row("**database cores**", &columns, |need| grouped(need.database_cores)),
        row("PostgreSQL's connections, behind PgBouncer", &columns, |need| {
            grouped(need.database_cores * costs::CONNECTIONS_OF_A_CORE)
        }),
        row("commits a second", &columns, |need| grouped(need.commits)),
        row("accounts, on disk", &columns, |need| size(need.accounts_size)),
        row("logins, grants and tokens", &columns, |need| size(need.living_size)),
        row("audit trail", &columns, |need| size(need.trail_size)),
        row("**database size**", &columns, |need| size(need.size())),
        row("in memory, to be fast", &columns, |need| size(need.hot())),
        row("so", &columns, Need::verdict),
    ]);
    lines.extend(rows);
    lines.join("\n")
}

impl Need {
    fn of(accounts: f64, question: &Question) -> Self {
        let signed_in = accounts * question.sign_ins_per_day;
        // In the busiest second, of what comes with each sign-in.
        let second = signed_in / SECONDS_OF_A_DAY * question.peak;
        let work = [
            (SIGN_IN, second),
            (CODE, second * question.apps),
            (REFRESH, second * question.refreshes),
            (LOOKUP, second * question.lookups),
        ];
        let busy = |part: fn(&Cost) -> f64| work.iter().map(|(cost, rate)| part(cost) * rate).sum::<f64>();
        let node_cores = busy(|cost| cost.node) / 1000.0 / costs::BUSY;
        let lines_of_a_sign_in = SIGN_IN.events + CODE.events * question.apps + REFRESH.events * question.refreshes;
        let kept = costs::LOGIN
            + question.apps * (costs::GRANT + costs::REFRESH_TOKEN)
            + question.refreshes * costs::REFRESH_TOKEN
            + question.apps * costs::PASSING / DAYS_KEPT;
        Self {
            accounts,
            sign_ins: second,
            codes: second * question.apps,
            refreshes: second * question.refreshes,
            lookups: second * question.lookups,
            // One may be gone, and one is being replaced.
            nodes: (node_cores / costs::NODE_CORES).ceil().max(2.0) + 1.0,
            database_cores: (busy(|cost| cost.database) / 1000.0 / costs::BUSY).ceil().max(2.0),
            commits: busy(|cost| cost.commits),
            accounts_size: accounts * (costs::ACCOUNT + question.second_factor * costs::SECOND_FACTOR) * costs::SLACK,
            living_size: signed_in * DAYS_KEPT * kept * costs::SLACK,
            trail_size: signed_in * lines_of_a_sign_in * costs::EVENT * DAYS_OF_A_MONTH * question.audit_months,
        }
    }

    fn size(&self) -> f64 {
        self.hot() + self.trail_size
    }

    /// All but the trail, which is written and hardly read.
    fn hot(&self) -> f64 {
        self.accounts_size + self.living_size
    }

    /// How many primaries that takes, and whether a backup of each can be restored in time.
    fn verdict(&self) -> String {
        let parts = [
            self.database_cores / costs::ONE_DATABASE_CORES,
            self.commits / costs::ONE_DATABASE_COMMITS,
            self.hot() / costs::ONE_DATABASE_HOT,
        ];
        let count = parts.into_iter().fold(1.0, f64::max).ceil();
        let trail = if self.size() > count * costs::ONE_DATABASE_SIZE { ", a shorter trail" } else { "" };
        if count > 1.0 { format!("{} PostgreSQLs{trail}", grouped(count)) } else { format!("one PostgreSQL{trail}") }
    }
}

fn row(name: &str, columns: &[Need], cell: impl Fn(&Need) -> String) -> String {
    let cells: Vec<String> = columns.iter().map(cell).collect();
    format!("| {name} | {} |", cells.join(" | "))
}

/// Whole, rounded up, with commas.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.ceil());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest unit of which there is at least one; two digits of it.
fn size(bytes: f64) -> String {
    let (unit, name) = [(1e12, "TB"), (1e9, "GB")].into_iter().find(|(unit, _)| bytes >= *unit).unwrap_or((1e6, "MB"));
    let amount = bytes / unit;
    if amount < 10.0 { format!("{amount:.1} {name}") } else { format!("{amount:.0} {name}") }
}

fn amount(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().map_err(|error| error.to_string())?;
    if (0.0..=1000.0).contains(&number) { Ok(number) } else { Err("between 0 and 1000, please".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    amount(text).and_then(|number| if number <= 1.0 { Ok(number) } else { Err("between 0 and 1, please".to_owned()) })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        question: Question,
    }

    fn need(accounts: f64, arguments: &[&str]) -> Need {
        Need::of(accounts, &Line::parse_from([&["capacity"], arguments].concat()).question)
    }

    #[test]
    fn ten_times_the_people_are_ten_times_the_work() {
        let (one, ten) = (need(1e7, &[]), need(1e8, &[]));
        for (small, large) in
            [(one.sign_ins, ten.sign_ins), (one.commits, ten.commits), (one.size(), ten.size()), (one.hot(), ten.hot())]
        {
            assert!((large / small - 10.0).abs() < 1e-9, "{small} {large}");
        }
        assert!(ten.nodes > 5.0 * one.nodes && ten.database_cores > 5.0 * one.database_cores);
    }

    #[test]
    fn a_million_sign_ins_a_day_are_116_in_the_busiest_second() {
        let need = need(1e6, &["--sign-ins-per-day", "1"]);
        assert!((need.sign_ins - 1e7 / 86_400.0).abs() < 1e-9);
        // 116 × 14.5 ms of hashing and pages alone are 1.7 cores, busy by half 3.4.
        assert!(need.nodes >= 3.0, "{need:?}");
    }

    #[test]
    fn few_people_still_have_a_node_that_may_die() {
        let need = need(1.0, &[]);
        assert!(need.nodes >= 3.0 && need.database_cores >= 2.0);
        assert_eq!(need.verdict(), "one PostgreSQL");
    }

    #[test]
    fn the_trail_is_what_grows_and_can_be_kept_for_less_long() {
        let (long, short) = (need(1e7, &[]), need(1e7, &["--audit-months", "3"]));
        assert!(long.trail_size > 4.0 * short.trail_size);
        assert_eq!(short.verdict(), "one PostgreSQL");
        assert!(need(1e9, &[]).verdict().ends_with(" PostgreSQLs, a shorter trail"));
    }

    #[test]
    fn nonsense_is_refused() {
        for arguments in
            [["--peak", "-1"], ["--peak", "NaN"], ["--apps", "inf"], ["--second-factor", "1.1"], ["--accounts", "-5"]]
        {
            assert!(Line::try_parse_from([&["capacity"][..], &arguments].concat()).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            [grouped(0.2), grouped(999.0), grouped(1e6), grouped(12_345.1)],
            ["1", "999", "1,000,000", "12,346"]
        );
        assert_eq!([size(1.5e6), size(12e9), size(4e12)], ["1.5 MB", "12 GB", "4.0 TB"]);
    }
}
