//! Beyond one machine: what `examples/kubernetes` promises to the program, and the page about how much is needed.

use std::collections::HashMap;

use countersign::model::settings::{Mode, Settings};
use sqlx::{AssertSqlSafe, Connection as _};

use super::{SECRET, err, out, run};
use crate::harness::database;

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_settings_of_the_manifests_are_good_enough_for_serve() {
    let settings = file("examples/kubernetes/settings.env");
    let said = settings.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let mut vars: HashMap<String, String> = said.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let nodes = file("examples/kubernetes/nodes.yaml");
    let url = nodes.lines().find_map(|line| line.trim().strip_prefix("value: postgres:")).unwrap();
    vars.insert("DATABASE_URL".to_owned(), format!("postgres:{}", url.replace("$(APP_PASSWORD)", "5d1f")));
    vars.insert("SECRET_KEY".to_owned(), SECRET.to_owned());
    vars.insert("SMTP_PASSWORD".to_owned(), "sesame".to_owned());
    let read = Settings::read(&vars, Mode::Serve);
    assert!(read.is_ok(), "{}", read.unwrap_err());
}

#[tokio::test]
async fn an_owner_without_rights_over_roles_migrates_and_leaves_their_passwords_alone() {
    let fresh = database::Fresh::copy().await;
    let (name, owner) = (format!("{}_owned", fresh.name), format!("{}_owner", fresh.name));
    let mut conn = fresh.superuser().await;
    // As database.yaml has it; the two other roles are there already.
    for statement in [
        format!("create role {owner} login nosuperuser nocreaterole nobypassrls password 'sesame'"),
        format!("grant countersign_lookup to {owner}"),
        format!("create database {name} owner {owner}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
    }
    let mut url = url::Url::parse(&fresh.superuser_url.replace(&fresh.name, &name)).unwrap();
    url.set_username(&owner).unwrap();
    url.set_password(Some("sesame")).unwrap();
    let mut app = url::Url::parse(&fresh.app_url.replace(&fresh.name, &name)).unwrap();
    app.set_password(None).unwrap();
    let settings = [("MIGRATE_DATABASE_URL", url.as_str()), ("DATABASE_URL", app.as_str())];
    let output = run(&["migrate"], &settings).await;
    assert!(output.status.success(), "{}", err(&output));
    // The password that it had is still good.
    sqlx::PgConnection::connect(&fresh.app_url).await.unwrap().close().await.unwrap();
    for statement in [format!("drop database {name}"), format!("drop role {owner}")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
    }
}

#[tokio::test]
async fn the_page_about_capacity_says_what_the_command_computes() {
    let output = run(&["capacity"], &[]).await;
    assert!(output.status.success(), "{}", err(&output));
    let (page, table) = (file("benches/capacity.md"), out(&output));
    assert!(
        page.contains(table.trim_end()),
        "put what `countersign capacity` prints into benches/capacity.md:\n{table}"
    );
    let one = out(&run(&["capacity", "--accounts", "50000", "--sign-ins-per-day", "2"], &[]).await);
    assert!(one.contains("| accounts | 50,000 |") && one.contains("one PostgreSQL"), "{one}");
    assert!(!run(&["capacity", "--peak", "-1"], &[]).await.status.success());
}
