//! The load tool (`examples/load`) goes through every scenario without an error, so that what is measured with it is the product.

use std::env;
use std::process::Command;

use countersign::model::client::{AuthMethod, ConsentRule};
use countersign::model::role::Role;
use serde_json::Value;

use crate::harness::app::{CALLBACK, registration};
use crate::harness::{App, PASSWORD, Provider};

/// Enough that none of them signs in twice at one moment.
const PEOPLE: usize = 6;

async fn place() -> (Provider, App, App) {
    // Few may wait, so that a storm is more than fits.
    let provider = Provider::start_with(&[("PASSWORD_HASH_QUEUE", "3")]).await;
    let (company, _) = provider.company("Load").await;
    for number in 0..PEOPLE {
        provider.person(&company, Role::User, &format!("person{number}@load.example")).await;
    }
    let asking = |method| {
        let (mut client, secret) = registration(method, Some(company.id));
        client.consent = ConsentRule::Ask;
        (client, secret)
    };
    let app = provider.register(asking(AuthMethod::SecretBasic)).await;
    let public = provider.register(asking(AuthMethod::None)).await;
    (provider, app, public)
}

/// Runs it; answers what it says, and fails where it failed.
async fn load(app: &App, scenario: &str, more: &[&str]) -> Value {
    let this = env::current_exe().unwrap();
    let program = this.parent().unwrap().with_file_name("examples").join("load");
    assert!(program.is_file(), "{} is not there: `cargo build --example load` makes it", program.display());
    let mut command = Command::new(program);
    command.args([scenario, "--json", "--issuer", &app.base, "--client-id", &app.id, "--redirect-uri", CALLBACK]);
    command.args(["--password", PASSWORD, "--accounts", &PEOPLE.to_string(), "--times", "10"]);
    command.args(["--connections", "2"]).args(app.secret.iter().map(|secret| format!("--client-secret={secret}")));
    command.args(more);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{scenario}: {said}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).unwrap()
}

#[tokio::test]
async fn the_load_tool_goes_through_every_scenario_without_an_error() {
    let (_provider, app, public) = place().await;
    for scenario in ["client-credentials", "code", "userinfo", "introspection", "discovery", "jwks", "sign-in", "mixed"]
    {
        let said = load(&app, scenario, &[]).await;
        assert!(said["per_second"].as_f64().unwrap() > 0.0, "{scenario}: {said}");
        assert!(said["latency_ms"]["p99"].as_f64().unwrap() > 0.0, "{scenario}: {said}");
    }
    // Its tokens rotate.
    load(&public, "refresh", &[]).await;
    load(&app, "userinfo", &["--rate", "100", "--threads", "2", "--server-pid", &std::process::id().to_string()]).await;
}

#[tokio::test]
async fn the_load_tool_tells_apart_who_was_signed_in_and_who_was_told_to_come_back() {
    let (_provider, app, _) = place().await;
    let said = load(&app, "storm", &["--connections", "6"]).await;
    assert_eq!(said["answered"].as_u64().unwrap() + said["refused"].as_u64().unwrap(), 6, "{said}");
    assert!(said["userinfo"].as_u64().unwrap() > 0, "{said}");
}
