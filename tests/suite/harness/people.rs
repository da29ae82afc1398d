//! Companies and the people in them.

use countersign::model::email::Email;
use countersign::model::id::{AccountId, CompanyId};
use countersign::model::role::Role;
use countersign::model::secret::Secret;
use countersign::storage::{account, company, membership, password};
use tokio::sync::OnceCell;

use super::Provider;

/// Everybody's password.
pub const PASSWORD: &str = "SecurePass123!";

/// The hash of everybody's password: made once, under the key that every test's settings share.
static HASH: OnceCell<String> = OnceCell::const_new();

#[derive(Debug, Clone)]
pub struct Company {
    pub id: CompanyId,
    pub slug: String,
    pub name: String,
}

#[derive(Debug, Clone)]
pub struct Person {
    pub id: AccountId,
    pub email: String,
    pub password: String,
}

impl Provider {
    /// A company and its first admin, `admin@<slug>.com`.
    pub async fn company(&self, name: &str) -> (Company, Person) {
        let slug = name.to_lowercase();
        let now = self.house.clock.now();
        let (id, admin) = (CompanyId::new(now), AccountId::new(now));
        let email = format!("admin@{slug}.com");
        let mut tx = self.house.db.account(admin).await.unwrap();
        account::insert(&mut tx, &email.parse::<Email>().unwrap(), "Ada Admin", Some(now), now).await.unwrap();
        password::set(&mut tx, &self.hash().await, now).await.unwrap();
        let mut tx = tx.enter(id).await.unwrap();
        company::insert(&mut tx, &slug, name, now).await.unwrap();
        membership::insert(&mut tx, admin, Role::Admin, now).await.unwrap();
        let mut tx = tx.leave(admin).await.unwrap();
        account::set_home(&mut tx, id).await.unwrap();
        tx.commit_unremarkable().await.unwrap();
        let company = Company { id, slug, name: name.to_owned() };
        (company, Person { id: admin, email, password: PASSWORD.to_owned() })
    }

    /// One more person in a company.
    pub async fn person(&self, company: &Company, role: Role, email: &str) -> Person {
        let now = self.house.clock.now();
        let id = AccountId::new(now);
        let mut tx = self.house.db.account(id).await.unwrap();
        account::insert(&mut tx, &email.parse::<Email>().unwrap(), "Pat Person", Some(now), now).await.unwrap();
        password::set(&mut tx, &self.hash().await, now).await.unwrap();
        account::set_home(&mut tx, company.id).await.unwrap();
        tx.commit_unremarkable().await.unwrap();
        let person = Person { id, email: email.to_owned(), password: PASSWORD.to_owned() };
        self.join(company, &person, role).await;
        person
    }

    /// Somebody who exists joins a company too.
    pub async fn join(&self, company: &Company, person: &Person, role: Role) {
        let mut tx = self.house.db.company(company.id, None).await.unwrap();
        membership::insert(&mut tx, person.id, role, self.house.clock.now()).await.unwrap();
        tx.commit_unremarkable().await.unwrap();
    }

    async fn hash(&self) -> String {
        let make = || async { self.house.hashing.hash(Secret::received(PASSWORD)).await.unwrap() };
        HASH.get_or_init(make).await.clone()
    }
}
