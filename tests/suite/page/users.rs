//! `/dashboard/users`, `/dashboard/company`, `/dashboard/events` and `/join`: for admins, and for those whom they invite.

use countersign::model::role::Role;

use crate::harness::{PASSWORD, Page, Provider};

fn row(page: &Page, email: &str, action: &str) -> crate::harness::visitor::Form {
    let html = scraper::Html::parse_document(&page.html);
    let rows = scraper::Selector::parse("#members > li").unwrap();
    let place = html.select(&rows).position(|row| row.text().collect::<String>().contains(email)).unwrap() + 1;
    page.form(&format!("#members > li:nth-child({place}) button[value={action}]"))
}

#[tokio::test]
async fn an_admin_adds_a_person_who_chooses_a_password_and_signs_in() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let page = browser.get("/dashboard/users").await;
    let form = page.form("#add").fill("name", "Grace").fill("email", "grace@techcorp.com").fill("role", "manager");
    let page = browser.send(&form).await;
    assert!(page.text_of("#members").contains("grace@techcorp.com"));
    let grace = provider.visitor();
    let choose = grace.get(&provider.mailed_link("grace@techcorp.com").await).await;
    assert_eq!(choose.text_of("h1"), "Choose a password");
    grace.send(&choose.form("#save").fill("password", PASSWORD)).await;
    let form = grace.get("/login").await.form("#login").fill("email", "grace@techcorp.com").fill("password", PASSWORD);
    let home = grace.send(&form).await;
    assert!(home.text_of("#profile").contains("manager"));
    assert_eq!(grace.get("/dashboard/users").await.status, 403);
}

#[tokio::test]
async fn who_has_an_account_decides_whether_to_join() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (_, invited) = provider.company("StartupXYZ").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let form = browser.get("/dashboard/users").await.form("#add").fill("name", "Whoever").fill("email", &invited.email);
    let page = browser.send(&form.fill("role", "user")).await;
    assert!(page.text().contains("was invited by letter"));
    assert!(!page.text_of("#members").contains(&invited.email));
    let guest = provider.visitor();
    guest.sign_in(&invited).await;
    let link = provider.mailed_link(&invited.email).await;
    let join = guest.get(&link).await;
    assert_eq!(join.text_of("h1"), "Join TechCorp?");
    guest.send(&join.form("#join")).await;
    assert!(guest.get("/login/company").await.text().contains("TechCorp"));
    assert!(browser.get("/dashboard/users").await.text_of("#members").contains(&invited.email));
    assert_eq!(guest.get(&link).await.status, 410);
}

#[tokio::test]
async fn roles_change_memberships_end_and_the_last_admin_stays() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let (browser, other) = (provider.visitor(), provider.visitor());
    browser.sign_in(&admin).await;
    other.sign_in(&user).await;
    let page = browser.get("/dashboard/users").await;
    let last = browser.send(&row(&page, &admin.email, "end")).await;
    assert!(last.text_of(".summary").contains("This is the last admin"));
    browser.send(&row(&page, &user.email, "role").fill("role", "admin")).await;
    assert_eq!(other.get("/dashboard/users").await.status, 200);
    browser.send(&row(&page, &user.email, "end")).await;
    assert_eq!(other.get("/dashboard/users").await.status, 403);
    let page = browser.get("/dashboard/users?active=no").await;
    browser.send(&row(&page, &user.email, "restore")).await;
    assert_eq!(other.get("/dashboard/users").await.status, 200);
}

#[tokio::test]
async fn an_admin_demands_a_second_factor_and_sees_it_in_the_trail() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let page = browser.get("/dashboard/company").await;
    let bad = browser.send(&page.form("#save").fill("color", "blue").fill("session_hours", "0")).await;
    assert_eq!(bad.status, 422);
    assert!(bad.has("#color[aria-invalid]"));
    assert!(bad.text_of(".summary").contains("Colour must be written like #2f5bea. Hours must be 1 to 720."));
    let saved = browser.send(&page.form("#save").fill("require_mfa", "yes").fill("color", "#AA3300")).await;
    assert!(saved.has("#require_mfa[checked]") && saved.html.contains("--accent:#aa3300"));
    assert_eq!(provider.visitor().sign_in(&user).await.path(), "/setup-mfa");
    let trail = browser.get("/dashboard/events?action=company.changed").await;
    assert!(trail.text_of("#lines").contains("The company's profile or policy was changed"));
}

#[tokio::test]
async fn another_companys_people_cannot_be_touched() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let (_, stranger) = provider.company("StartupXYZ").await;
    let browser = provider.visitor();
    browser.sign_in(&stranger).await;
    let page = browser.get("/dashboard/users").await;
    assert!(!page.text().contains("techcorp.com"));
    for action in ["role", "end", "restore", "reset-mfa", "password-link"] {
        let form = row(&page, &stranger.email, "role").fill("id", &user.id.to_string()).fill("action", action);
        assert_eq!(browser.send(&form.fill("role", "admin")).await.status, 404, "{action}");
    }
    assert!(provider.visitor().sign_in(&admin).await.path() == "/dashboard");
    let trail = browser.get(&format!("/dashboard/events?person={}", user.id)).await;
    assert!(trail.text().contains("Nothing like that happened."));
}
