//! What `conformance/suite` says to the official OpenID conformance suite, which runs elsewhere: the files can be read, their
//! clients can be registered, and whatever its browser types into, presses or waits for is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use countersign::domain::oidc::registration::{SecretWish, accept, provide_secret};
use countersign::model::client::{Client, Origin, Profile};
use serde_json::{Map, Value};

use super::{conformance, installed};
use crate::harness::{Page, Provider};

const ISSUER: &str = "https://localhost:8000";

fn folder() -> PathBuf {
    conformance().join("suite")
}

fn read(path: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(path)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn plans() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(folder().join("plans")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.map(|name| (name.clone(), read(&format!("plans/{name}")))).collect()
}

#[test]
fn every_plan_has_its_run_and_every_run_its_plan() {
    let runs = std::fs::read_to_string(folder().join("runs.txt")).unwrap();
    let run: BTreeSet<String> = runs.lines().map(|line| line.rsplit_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(run, plans().into_keys().collect());
}

#[test]
fn the_plans_are_those_that_their_maker_makes() {
    let made = std::env::temp_dir().join(format!("countersign-plans-{}", uuid::Uuid::new_v4()));
    let maker = std::process::Command::new("python3").arg(folder().join("make.py")).arg(&made).status().unwrap();
    assert!(maker.success());
    let mut names: Vec<String> = plans().into_keys().map(|name| format!("plans/{name}")).collect();
    names.push("runs.txt".to_owned());
    for name in names {
        let text = |place: PathBuf| std::fs::read_to_string(place.join(&name)).unwrap_or_default();
        assert!(text(folder()) == text(made.clone()), "{name} is not what make.py makes");
    }
    std::fs::remove_dir_all(made).unwrap();
}

#[test]
fn what_is_not_passed_has_its_reason() {
    let expected = read("expected.json");
    for exception in expected.as_array().unwrap() {
        for name in ["plan", "module", "outcome", "reason"] {
            assert!(exception[name].as_str().is_some_and(|text| !text.is_empty()), "{name} of {exception}");
        }
        // No plan that agrees with RFC 9700 may fail.
        let (outcome, module) = (exception["outcome"].as_str().unwrap(), &exception["module"]);
        assert!(!outcome.contains("FAILED") || module == "oidcc-request-uri-unsigned", "{exception}");
    }
}

#[tokio::test]
async fn every_client_of_the_official_suite_can_be_registered() {
    let python = conformance().join("python/.venv/bin/python");
    installed(&python);
    let told = tokio::process::Command::new(python).args(["register.py", "--print"]).current_dir(folder()).output();
    let told = told.await.unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    // As the suite needs it: certificates are asked for.
    let provider =
        Provider::start_with(&[("CLIENT_CERT_HEADER", "X-Client-Cert"), ("TRUSTED_PROXIES", "10.0.0.1")]).await;
    let mut clients = 0;
    for line in String::from_utf8(told.stdout).unwrap().lines() {
        let wanted: Map<String, Value> = serde_json::from_str(line).unwrap();
        let profile = Profile::read(wanted["profile"].as_str().unwrap()).unwrap();
        let blank = Client { profile, ..Client::blank(Client::fresh_id(), None, Origin::Own) };
        let read = accept(&provider.house, wanted["metadata"].as_object().unwrap(), blank).await;
        let mut client = read.unwrap_or_else(|error| panic!("{} {}: {error}", wanted["plan"], wanted["client"]));
        provide_secret(&provider.house, &mut client, SecretWish::Renew).unwrap();
        provider.register((client, None)).await;
        clients += 1;
    }
    let blocks: Vec<Value> =
        plans().into_values().flat_map(|plan| plan.as_object().unwrap().clone().into_values()).collect();
    assert_eq!(clients, blocks.iter().filter(|block| block.get("register").is_some()).count());
}

/// The page behind each address that the suite's browser waits for, as the text of the page says and as it stands.
async fn pages(provider: &Provider) -> Vec<(&'static str, Vec<Page>)> {
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.partner_app(company.id).await;
    let visitor = provider.visitor();
    let login = visitor.get(&app.authorize(&[])).await;
    let consent = visitor.enter_password(&login, &admin).await;
    let question = visitor.get("/oauth2/logout").await;
    let signed_out = visitor.send(&question.form("#logout")).await;
    let error = visitor.get(&app.authorize(&[("redirect_uri", "https://elsewhere.example/")])).await;
    let refused = visitor.get("/oauth2/logout?id_token_hint=no-token").await;
    vec![
        ("/login?*", vec![login]),
        ("/login/consent*", vec![consent]),
        ("/oauth2/authorize*", vec![error]),
        ("/oauth2/logout*", vec![question, signed_out, refused]),
    ]
}

#[tokio::test]
async fn whatever_the_browser_of_the_official_suite_looks_for_is_there() {
    let provider = Provider::start().await;
    let pages = pages(&provider).await;
    let mut looked = 0;
    for (name, plan) in plans() {
        let usual = std::iter::once(&plan["browser"]);
        let special = plan["override"].as_object().into_iter().flat_map(Map::values).map(|module| &module["browser"]);
        for task in usual.chain(special).flat_map(|visits| visits.as_array().unwrap()).flat_map(|visit| {
            let asked = visit["match"].as_str().unwrap();
            assert!(asked.starts_with(ISSUER) || asked.contains("/test/"), "{name}: {asked}");
            visit["tasks"].as_array().unwrap()
        }) {
            let Some(place) = task["match"].as_str().unwrap().strip_prefix(ISSUER) else { continue };
            let found = pages.iter().find(|(known, _)| *known == place);
            let (_, shown) = found.unwrap_or_else(|| panic!("{name}: no page is at {place}"));
            // The address that stands there is the one that the suite's browser sees.
            let pattern = place.trim_end_matches('*');
            let address = |page: &Page| page.url.as_str().trim_start_matches(&provider.base).starts_with(pattern);
            assert!(shown.iter().all(address), "{name}: {place} {:?}", shown.iter().map(|page| &page.url));
            for command in task["commands"].as_array().unwrap() {
                let word = |at: usize| command[at].as_str().unwrap_or_default();
                let there = match (word(0), word(1)) {
                    ("text" | "click", "id") => shown.iter().any(|page| page.has(&format!("#{}", word(2)))),
                    // One of several texts, written as a regular expression.
                    ("wait", "xpath") => word(4)
                        .split('|')
                        .any(|text| shown.iter().any(|page| page.html.contains(&text.replace('\\', "")))),
                    ("wait", "contains") => true,
                    _ => panic!("{name}: {command}"),
                };
                assert!(there, "{name}, {}: {command}", task["task"]);
                looked += 1;
            }
        }
    }
    assert!(looked > 100, "{looked}");
}
