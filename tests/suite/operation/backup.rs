//! Backup and restore, as the README says it: what was dumped comes back in an empty cluster, and everybody goes on.

use std::path::PathBuf;
use std::process::Command;

use countersign::command::embedded::{Embedded, Purpose};
use countersign::command::migrate;
use countersign::storage::migration;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::harness::{App, Provider, database};

/// A program of PostgreSQL's, which may lie beside the server and not in the path.
fn program(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for versions in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        folders
            .extend(std::fs::read_dir(versions).into_iter().flatten().flatten().map(|entry| entry.path().join("bin")));
    }
    Command::new(folders.into_iter().map(|folder| folder.join(name)).find(|file| file.exists()).unwrap())
}

async fn run(mut command: Command) -> Result<(), String> {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A cluster that nobody has used.
async fn another_cluster() -> (Embedded, database::Fresh) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("restore");
    let cluster = Embedded::start(&folder, Purpose::Tests).await.unwrap();
    let mut conn = PgConnection::connect(&cluster.superuser_url("postgres")).await.unwrap();
    conn.execute("drop database if exists restored with (force)").await.unwrap();
    conn.execute("drop role if exists countersign_app").await.unwrap();
    conn.execute("drop role if exists countersign_lookup").await.unwrap();
    conn.execute("create database restored").await.unwrap();
    let name = "restored".to_owned();
    let (app_url, superuser_url) = (cluster.app_url(&name), cluster.superuser_url(&name));
    (cluster, database::Fresh { name, app_url, superuser_url })
}

#[tokio::test]
async fn a_dump_restored_into_an_empty_cluster_goes_on_where_it_was() {
    let before = Provider::start().await;
    let (_, admin) = before.company("TechCorp").await;
    let authenticator = before.second_factor(&admin).await;
    let app = before.public_app().await;
    let browser = before.visitor();
    let page = browser.sign_in(&admin).await;
    browser.send(&page.form("#verify").fill("code", &authenticator.code(&before))).await;
    let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
    let asked = browser.get(&app.authorize(&offline)).await;
    let tokens = app.tokens(&app.code(&browser.send(&asked.form("#allow")).await)).await;

    // A role that reads everything and that no policy holds: neither the server's role nor the schema's owner would do.
    let role = format!("backup_of_{}", before.database.name);
    before
        .database
        .superuser()
        .await
        .execute(AssertSqlSafe(format!(
            "create role {role} login bypassrls password 'x'; grant pg_read_all_data to {role}"
        )))
        .await
        .unwrap();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.dump", before.database.name));
    let dump = |url: &str| {
        let mut command = program("pg_dump");
        command.arg("--format=custom").arg("--file").arg(&file).arg(url);
        run(command)
    };
    let refused = dump(&before.database.app_url).await.unwrap_err();
    assert!(refused.contains("permission denied") || refused.contains("row-level security"), "{refused}");
    let mut url = url::Url::parse(&before.database.superuser_url).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("x")).unwrap();
    dump(url.as_str()).await.unwrap();
    before
        .database
        .superuser()
        .await
        .execute(AssertSqlSafe(format!("drop owned by {role}; drop role {role}")))
        .await
        .unwrap();

    // `countersign migrate` makes the roles, which belong to the cluster; its empty database makes way for the dump.
    let (cluster, restored) = another_cluster().await;
    migrate::run(&restored.superuser_url, &restored.app_url).await.unwrap();
    let mut conn = PgConnection::connect(&cluster.superuser_url("postgres")).await.unwrap();
    conn.execute("drop database restored with (force)").await.unwrap();
    conn.execute("create database restored").await.unwrap();
    let mut command = program("pg_restore");
    command.args(["--exit-on-error", "--single-transaction", "--dbname"]);
    command.arg(&restored.superuser_url).arg(&file);
    run(command).await.unwrap();
    std::fs::remove_file(&file).unwrap();

    let after = Provider::start_on(restored, &[("ISSUER", &before.base)]).await;
    assert_eq!(migration::faults_of_the_wall(&after.house.db).await.unwrap(), Vec::<String>::new());
    assert!(migration::is_current(&after.house.db).await.unwrap());
    let port = format!("http://localhost:{}", after.port);
    let app = App { base: port.clone(), ..app };
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 200);
    let fresh: Value = app.refresh(tokens["refresh_token"].as_str().unwrap()).await.json().await.unwrap();
    assert!(fresh["access_token"].is_string(), "{fresh}");
    let browser = crate::harness::Visitor::new(&port);
    let page = browser.sign_in(&admin).await;
    assert_eq!(page.path(), "/login/totp");
    let code = authenticator.next_code(&after);
    assert_eq!(browser.send(&page.form("#verify").fill("code", &code)).await.path(), "/dashboard");
    // Functions that look before a scope is known belong to their role again, and to nobody who may do more.
    let owners =
        "select string_agg(distinct proowner::regrole::text, ' ' order by proowner::regrole::text) from pg_proc
        where pronamespace = 'public'::regnamespace and prosecdef and proname not like 'event%months'";
    let owners: String = sqlx::query_scalar(owners).fetch_one(&mut after.database.superuser().await).await.unwrap();
    assert_eq!(owners, "countersign_lookup");
    drop(after);
    cluster.stop();
}
