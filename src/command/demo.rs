//! The demo companies, people and clients: the test accounts of the system that this one replaced. `serve` never loads them.

use serde_json::json;

use super::{reach, settings};
use crate::domain::house::House;
use crate::model::client::{AuthMethod, Client, ConsentRule, Metadata, Origin, Profile};
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, CompanyId};
use crate::model::role::Role;
use crate::model::scope::{KNOWN, Scopes};
use crate::model::secret::Secret;
use crate::model::settings::{DatabaseChoice, Mode};
use crate::storage::{account, client, company, membership, password};

/// Everybody's.
pub const PASSWORD: &str = "SecurePass123!";
/// Of every demo client.
pub const REDIRECT_URI: &str = "http://localhost:9090/callback";
/// Of `cli_demo_web`.
pub const WEB_SECRET: &str = "demo-web-secret-for-localhost-only";
/// Of `cli_demo_partner`.
pub const PARTNER_SECRET: &str = "demo-partner-secret-for-localhost-only";

/// One membership of the demo: the first that names a person makes the account.
struct Seat {
    company: &'static str,
    email: &'static str,
    name: &'static str,
    role: Role,
}

const SEATS: [Seat; 6] = [
    Seat { company: "TechCorp", email: "admin@techcorp.com", name: "Alex Admin", role: Role::Admin },
    Seat { company: "TechCorp", email: "manager@techcorp.com", name: "Morgan Manager", role: Role::Manager },
    Seat { company: "TechCorp", email: "user@techcorp.com", name: "Uma User", role: Role::User },
    Seat { company: "StartupXYZ", email: "admin@startupxyz.com", name: "Sam Founder", role: Role::Admin },
    Seat { company: "TechCorp", email: "agency@example.com", name: "Ari Agency", role: Role::User },
    Seat { company: "StartupXYZ", email: "agency@example.com", name: "Ari Agency", role: Role::Manager },
];

/// `countersign seed`: into a development database, and only there.
pub async fn seed() -> Result<()> {
    if let DatabaseChoice::Url(_) = settings(Mode::Command)?.database
        && std::env::var("COUNTERSIGN_SEED").as_deref() != Ok("development")
    {
        return Err(Error::fault(
            "the demo accounts have a known password: to load them into the database of DATABASE_URL, set COUNTERSIGN_SEED=development",
        ));
    }
    let (house, _reached) = reach::house().await?;
    load(&house).await?;
    println!("The demo companies are there.");
    Ok(())
}

/// Loads what is not there yet.
pub async fn load(house: &House) -> Result<()> {
    let mut hash = None;
    for seat in &SEATS {
        let company = ensure_company(house, seat.company).await?;
        ensure_member(house, company, seat, &mut hash).await?;
    }
    ensure_clients(house).await
}

async fn ensure_company(house: &House, name: &str) -> Result<CompanyId> {
    let (slug, now) = (name.to_lowercase(), house.clock.now());
    if let Some(known) = company::find_by_slug(&house.db, &slug).await? {
        return Ok(known);
    }
    let id = CompanyId::new(now);
    let mut tx = house.db.company(id, None).await?;
    company::insert(&mut tx, &slug, name, now).await?;
    tx.commit_unremarkable().await?;
    Ok(id)
}

async fn ensure_member(house: &House, company: CompanyId, seat: &Seat, hash: &mut Option<String>) -> Result<()> {
    let now = house.clock.now();
    let email: Email = seat.email.parse().map_err(Error::fault)?;
    let known = account::find_credentials(&house.db, &email).await?;
    let person = if let Some(known) = known { known.account } else { make(house, company, seat, hash).await? };
    let mut tx = house.db.company(company, None).await?;
    if membership::is_new(&mut tx, person).await? {
        membership::insert(&mut tx, person, seat.role, now).await?;
    }
    tx.commit_unremarkable().await
}

async fn make(house: &House, home: CompanyId, seat: &Seat, hash: &mut Option<String>) -> Result<AccountId> {
    let now = house.clock.now();
    let email: Email = seat.email.parse().map_err(Error::fault)?;
    let hash = match hash {
        Some(hash) => hash.clone(),
        None => hash.insert(house.hashing.hash(Secret::received(PASSWORD)).await?).clone(),
    };
    let person = AccountId::new(now);
    let mut tx = house.db.account(person).await?;
    account::insert(&mut tx, &email, seat.name, Some(now), now).await?;
    account::set_home(&mut tx, home).await?;
    password::set(&mut tx, &hash, now).await?;
    if let Some(mut row) = account::find(&mut tx).await? {
        fill(&mut row, seat);
        account::update_profile(&mut tx, &row, now).await?;
    }
    tx.commit_unremarkable().await?;
    Ok(person)
}

/// Every standard claim has a value, so that an app can see each of them.
fn fill(row: &mut account::Row, seat: &Seat) {
    let text = |value: &str| Some(value.to_owned());
    let (given, family) = seat.name.split_once(' ').unwrap_or((seat.name, ""));
    row.given_name = text(given);
    row.family_name = text(family);
    row.middle_name = text("Robin");
    row.nickname = text(given);
    row.preferred_username = text(&seat.email.replace('@', "."));
    row.profile = text("https://example.com/people/demo");
    row.picture = text("https://example.com/people/demo.png");
    row.website = text("https://example.com");
    row.gender = text("female");
    row.birthdate = text("1990-04-01");
    row.zoneinfo = text("Europe/Berlin");
    row.locale = text("en-GB");
    row.phone_number = text("+493012345678");
    row.phone_number_verified = true;
    row.address = Some(json!({
        "formatted": "1 Example Street\n10115 Berlin\nGermany",
        "street_address": "1 Example Street",
        "locality": "Berlin",
        "region": "Berlin",
        "postal_code": "10115",
        "country": "Germany",
    }));
}

async fn ensure_clients(house: &House) -> Result<()> {
    let now = house.clock.now();
    let techcorp = company::find_by_slug(&house.db, "techcorp").await?;
    let owned = |id: &str, name: &str, secret: Option<&str>, owner: Option<CompanyId>| Client {
        id: id.to_owned(),
        company: owner,
        name: name.to_owned(),
        auth_method: if secret.is_some() { AuthMethod::SecretBasic } else { AuthMethod::None },
        secret_digest: secret.map(|secret| Secret::received(secret).digest()),
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        post_logout_redirect_uris: vec!["http://localhost:9090/".to_owned()],
        grant_types: grants(secret),
        scopes: Scopes::of(KNOWN),
        consent: if owner.is_some() { ConsentRule::Ask } else { ConsentRule::Skip },
        client_uri: Some("http://localhost:9090/".to_owned()),
        logo_uri: None,
        policy_uri: Some("https://example.com/privacy".to_owned()),
        tos_uri: Some("https://example.com/terms".to_owned()),
        origin: Origin::Own,
        profile: Profile::Standard,
        metadata: Metadata::default(),
        secret_sealed: None,
        disabled_at: None,
    };
    let mut tx = house.db.platform().await?;
    client::save_platform(&mut tx, &owned("cli_demo_web", "Demo Voice Desk", Some(WEB_SECRET), None), now).await?;
    client::save_platform(&mut tx, &owned("cli_demo_app", "Demo Voice App", None, None), now).await?;
    tx.commit_unremarkable().await?;
    let Some(techcorp) = techcorp else { return Ok(()) };
    let mut tx = house.db.company(techcorp, None).await?;
    let partner = owned("cli_demo_partner", "Demo Partner", Some(PARTNER_SECRET), Some(techcorp));
    client::save_company(&mut tx, &partner, now).await?;
    tx.commit_unremarkable().await
}

fn grants(secret: Option<&str>) -> Vec<String> {
    let grants = ["authorization_code", "refresh_token", "client_credentials"];
    // A client that cannot keep a secret cannot speak for itself (RFC 6749, section 4.4).
    let count = if secret.is_some() { 3 } else { 2 };
    grants.iter().take(count).map(|grant| (*grant).to_owned()).collect()
}
