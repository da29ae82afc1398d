//! What holds for every page at once: forms carry this browser's token, admins' pages are for admins, and the pages of somebody
//! signed in are for nobody else. The routes say which those are.

use countersign::http::face::Face;
use countersign::http::gate::Access;
use countersign::http::routes::{Route, routes};
use countersign::model::role::Role;
use reqwest::Method;
use reqwest::header::LOCATION;

use crate::harness::visitor::Form;
use crate::harness::{Page, Provider};

/// Apps post here, from pages of their own.
const OF_APPS: [&str; 2] = ["/oauth2/authorize", "/oauth2/logout"];

fn pages(wanted: impl Fn(&Route) -> bool) -> Vec<Route> {
    let found: Vec<Route> = routes().into_iter().filter(|route| route.face == Face::Page && wanted(route)).collect();
    assert!(!found.is_empty());
    found
}

fn csrf(page: &Page, selector: &str) -> String {
    page.form(selector).fields.into_iter().find(|(name, _)| name == "csrf").unwrap().1
}

fn posting(provider: &Provider, path: &str, token: &str) -> Form {
    Form { action: provider.url(path).parse().unwrap(), fields: vec![("csrf".to_owned(), token.to_owned())] }
}

#[tokio::test]
async fn no_form_of_any_page_is_taken_without_this_browsers_token() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (browser, other) = (provider.visitor(), provider.visitor());
    browser.sign_in(&admin).await;
    let stolen = csrf(&other.get("/login").await, "#login");
    for route in pages(|route| route.method == Method::POST && !OF_APPS.contains(&route.path)) {
        for token in ["", &stolen] {
            let page = browser.send_once(&posting(&provider, route.path, token)).await;
            assert_eq!(page.status, 403, "{}", route.path);
            assert!(page.text().contains("This page was open for too long"), "{}: {}", route.path, page.text());
        }
    }
    assert_eq!(browser.get("/dashboard").await.path(), "/dashboard");
}

#[tokio::test]
async fn the_pages_of_admins_are_closed_to_managers_and_users() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    for (role, email) in [(Role::Manager, "manager@techcorp.com"), (Role::User, "user@techcorp.com")] {
        let person = provider.person(&company, role, email).await;
        let browser = provider.visitor();
        let token = csrf(&browser.sign_in(&person).await, "#logout");
        for route in pages(|route| route.access == Access::PersonAdmin) {
            let page = if route.method == Method::GET {
                browser.get(route.path).await
            } else {
                browser.send_once(&posting(&provider, route.path, &token)).await
            };
            assert_eq!(page.status, 403, "{} {}", route.method, route.path);
            assert!(page.text().contains("This page is for admins"), "{}: {}", route.path, page.text());
        }
    }
}

#[tokio::test]
async fn whoever_is_signed_out_is_led_to_the_sign_in_and_changes_nothing() {
    let provider = Provider::start().await;
    let browser = provider.visitor();
    let token = csrf(&browser.get("/login").await, "#login");
    for route in pages(|route| matches!(route.access, Access::Person | Access::PersonAdmin)) {
        if route.method == Method::GET {
            let path = route.path.replace("{client_id}", "cli_nobody");
            let answer = provider.stranger().get(provider.url(&path)).send().await.unwrap();
            let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
            assert_eq!(answer.headers()[LOCATION], format!("/login?next={next}").as_str(), "{}", route.path);
        } else {
            let page = browser.send_once(&posting(&provider, route.path, &token)).await;
            assert_eq!((page.status, page.text_of("h1")), (401, "Something went wrong: signed out".to_owned()));
        }
    }
}

#[tokio::test]
async fn the_front_door_leads_to_the_account() {
    let provider = Provider::start().await;
    let answer = provider.stranger().get(provider.url("/")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()[LOCATION].to_str().unwrap()), (303, "/dashboard"));
}
