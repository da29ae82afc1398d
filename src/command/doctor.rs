//! `countersign doctor`: checks what an operator can get wrong, and says what to do about each.

use std::process::ExitCode;

use time::{Duration, OffsetDateTime};

use super::{plain, reach, settings, stamp};
use crate::domain::delivery;
use crate::domain::oidc::client_auth::certificate::Authorities;
use crate::http::server;
use crate::model::error::Result;
use crate::model::settings::{Mode, Settings};
use crate::outbound::smtp::Postman;
use crate::storage::pulse::{self, Pulse};
use crate::storage::scope::Db;
use crate::storage::{migration, signing_key, size};

/// Counts what is wrong.
#[derive(Default)]
struct Findings {
    wrong: u32,
}

impl Findings {
    fn good(what: &str) {
        println!("  ok     {what}");
    }

    fn bad(&mut self, what: &str, remedy: &str) {
        self.wrong += 1;
        println!("  WRONG  {what}\n         {remedy}");
    }
}

/// Checks everything. Fails where something is wrong.
pub async fn run() -> Result<ExitCode> {
    let mut findings = Findings::default();
    let vars = std::env::vars().collect();
    if let Err(problems) = Settings::read(&vars, Mode::Serve) {
        for problem in &problems.0 {
            findings.bad(&format!("{}: {}", problem.name, problem.what), &problem.remedy);
        }
    } else {
        Findings::good("configuration for `serve`");
    }
    match settings(Mode::Command) {
        Ok(settings) => {
            check_database(&mut findings, &settings).await;
            check_mail(&mut findings, &settings).await;
            check_tls(&mut findings, &settings);
            check_issuer(&mut findings, &settings).await;
        }
        Err(error) => findings.bad("nothing else can be checked", &plain(&error)),
    }
    if findings.wrong == 0 {
        println!("Everything is in order.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} to mend.", findings.wrong);
    Ok(ExitCode::FAILURE)
}

async fn check_database(findings: &mut Findings, settings: &Settings) {
    let remedy = "see that PostgreSQL runs and that DATABASE_URL is right";
    let reached = match reach::database(settings).await {
        Ok(reached) => reached,
        Err(error) => return findings.bad(&format!("database: {}", plain(&error)), remedy),
    };
    if let Err(error) = look_into(findings, settings, &reached.app_url).await {
        findings.bad(&format!("database: {}", plain(&error)), remedy);
    }
}

async fn look_into(findings: &mut Findings, settings: &Settings, app_url: &str) -> Result<()> {
    let db = Db::open(app_url, 1)?;
    let version = migration::version(&db).await?;
    if version < 150_000 {
        findings.bad(&format!("PostgreSQL is of version {}", version / 10_000), "use PostgreSQL 15 or newer");
    } else {
        Findings::good(&format!("PostgreSQL {}", version / 10_000));
    }
    if !migration::is_current(&db).await? {
        findings.bad("the database is not up to date", "run `countersign migrate`");
        return Ok(());
    }
    Findings::good("migrations");
    let faults = migration::faults_of_the_wall(&db).await?;
    for fault in &faults {
        findings.bad(fault, "let DATABASE_URL name the role countersign_app, which `countersign migrate` makes");
    }
    if faults.is_empty() {
        Findings::good("row-level security holds for the server's role");
    }
    let now = crate::model::clock::Clock::default().now();
    let skew = (migration::clock(&db).await? - now).abs();
    if skew > Duration::seconds(5) {
        findings.bad(&format!("the clocks of this machine and of the database differ by {skew}"), "run NTP on both");
    } else {
        Findings::good("clock");
    }
    let keys = signing_key::all(&db).await?;
    match keys.iter().find(|key| key.state == "current") {
        Some(key) => Findings::good(&format!("signing key {} since {}", key.kid, stamp(key.created_at))),
        None => findings.bad("there is no signing key", "it is made when the server starts for the first time"),
    }
    let waits = pulse::read(pulse::take(&db).await?, now + delivery::GIVEN_UP).await?;
    check_what_waits(findings, &waits, now);
    check_tables(findings, settings, &db, now).await?;
    db.close().await;
    Ok(())
}

fn check_what_waits(findings: &mut Findings, waits: &Pulse, now: OffsetDateTime) {
    let aged = |count: i64, what: &str, since: Option<OffsetDateTime>| {
        let since = since.map(|since| format!(", the oldest since {}", stamp(since))).unwrap_or_default();
        format!("{count} {what} wait{since}")
    };
    let late = |since: Option<OffsetDateTime>, by: Duration| since.is_some_and(|since| now - since > by);
    let letters = aged(waits.letters, "letters", waits.letters_since);
    if late(waits.letters_since, Duration::minutes(15)) {
        findings.bad(&letters, "see the mail server, and SMTP_…; the log says of each try why it failed");
    } else {
        Findings::good(&letters);
    }
    if waits.letters_given_up > 0 {
        let lost = format!("{} letters were given up", waits.letters_given_up);
        findings.bad(&lost, "`outbox.last_error` says what the mail server answered");
    }
    let notices = aged(waits.notices, "logout notices", waits.notices_since);
    if late(waits.notices_since, Duration::hours(25)) {
        findings.bad(&notices, "notices are given up after a day: see that a server runs");
    } else {
        Findings::good(&notices);
    }
}

/// How long a row that is over may stay: what the sweeper leaves for a reason, and a while for it to come round.
fn kept(settings: &Settings, table: &str) -> Duration {
    let reason = match table {
        // A code that comes back says that somebody stole it; a letter that was sent can still be looked at.
        "authorization_code" | "outbox" => Duration::days(1),
        // A login can be outlived by what was granted in it.
        "login" => settings.refresh_token_lifetime + Duration::hours(2),
        "pushed_request" => Duration::hours(2),
        "logout_notice" => Duration::days(2),
        _ => Duration::ZERO,
    };
    reason + Duration::minutes(30)
}

async fn check_tables(findings: &mut Findings, settings: &Settings, db: &Db, now: OffsetDateTime) -> Result<()> {
    let mut late = 0;
    for (table, since) in size::oldest(db).await? {
        if since + kept(settings, &table) < now {
            late += 1;
            let told = format!("{table} holds a row that is over since {} and was not swept", stamp(since));
            findings.bad(
                &told,
                "a server sweeps every minute: see that one runs, and what its log says of the job `sweep`",
            );
        }
    }
    if late == 0 {
        Findings::good("what is over was swept");
    }
    let tables = size::tables(db).await?;
    let total: i64 = tables.iter().map(|table| table.bytes).sum();
    Findings::good(&format!("{} of tables and indexes; rows as PostgreSQL last estimated:", bytes(total)));
    for table in tables {
        let parts = if table.parts > 1 || table.name == "event" {
            format!(" in {} partitions", table.parts)
        } else {
            String::new()
        };
        println!("         {:24} {:>12} rows {:>10}{parts}", table.name, table.rows, bytes(table.bytes));
    }
    Ok(())
}

fn bytes(count: i64) -> String {
    let (mut rest, mut unit) = (count, "B");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if rest < 10_240 {
            break;
        }
        (rest, unit) = (rest / 1024, next);
    }
    format!("{rest} {unit}")
}

async fn check_mail(findings: &mut Findings, settings: &Settings) {
    match Postman::new(settings) {
        Ok(None) => Findings::good("no mail server is configured"),
        Ok(Some(postman)) => match postman.greet().await {
            Ok(()) => Findings::good("the mail server answers"),
            Err(error) => findings
                .bad(&format!("mail: {error}"), "see SMTP_HOST, SMTP_PORT, SMTP_TLS, SMTP_USER and SMTP_PASSWORD"),
        },
        Err(error) => findings.bad(&format!("mail: {}", plain(&error)), "see SMTP_FROM and OUTBOUND_CA"),
    }
}

fn check_tls(findings: &mut Findings, settings: &Settings) {
    match Authorities::new(settings) {
        Ok(_) if settings.mtls.authorities.is_some() => Findings::good("CAs of clients"),
        Ok(_) => {}
        Err(error) => findings.bad(&plain(&error), "see CLIENT_CA: a PEM file with one certificate or several"),
    }
    let Some(files) = &settings.tls else { return };
    match server::acceptor(files) {
        Ok(_) => Findings::good("certificate and key"),
        Err(error) => findings.bad(&plain(&error), "see TLS_CERT and TLS_KEY: PEM files that belong together"),
    }
}

async fn check_issuer(findings: &mut Findings, settings: &Settings) {
    match fetch_issuer(settings).await {
        Ok(said) if said == settings.issuer => Findings::good(&format!("{} answers as itself", settings.issuer)),
        Ok(said) => findings.bad(
            &format!("the server at {} says that it is {said}", settings.issuer),
            "start it with this ISSUER, or see the proxy in front of it",
        ),
        Err(error) => findings.bad(
            &format!("{} does not answer: {error}", settings.issuer),
            "start the server; see the name, the proxy and the certificate",
        ),
    }
}

async fn fetch_issuer(settings: &Settings) -> std::result::Result<String, Box<dyn std::error::Error>> {
    let url = format!("{}/.well-known/openid-configuration", settings.issuer);
    let text = crate::outbound::http::own(settings, &url).await?;
    let document: serde_json::Value = serde_json::from_slice(&text)?;
    Ok(document.get("issuer").and_then(|issuer| issuer.as_str()).unwrap_or("nobody").to_owned())
}
