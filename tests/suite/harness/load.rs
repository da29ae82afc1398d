//! People and apps at work while something breaks. Each does one thing over and over, asks again where the protocol lets it, and
//! notes what was acknowledged and what must never be: a 500, a 503 without `Retry-After`, an answer that does not come, a login that is lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::Row as _;

use super::app::text;
use super::{App, Page, Person, Provider, Visitor, database};

/// An answer that takes longer is a hang.
const BOUND: Duration = Duration::from_secs(20);
/// How long those at work wait before they ask again. (The answer says two seconds; tests are in a hurry.)
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct Book {
    /// What must never be.
    wrong: Mutex<Vec<String>>,
    /// What succeeded, by who was at work.
    served: [AtomicUsize; 5],
    /// Answers 503 with `Retry-After`.
    busy: AtomicUsize,
    /// Connections that broke under a request.
    broken: AtomicUsize,
    /// Addresses of people whose adding was acknowledged.
    added: Mutex<Vec<String>>,
    ended: AtomicBool,
}

/// Whom the work needs: an admin, an app that rotates its refresh tokens, and a browser in which the admin is signed in.
#[derive(Clone)]
pub struct Actors {
    pub admin: Person,
    pub app: App,
    pub browser: Arc<Visitor>,
    pub base: String,
}

impl Actors {
    /// In a new company of this provider.
    pub async fn of(provider: &Provider) -> Self {
        let (_, admin) = provider.company("TechCorp").await;
        let browser = provider.visitor();
        browser.sign_in(&admin).await;
        let app = provider.public_app().await;
        Self { admin, app, browser: Arc::new(browser), base: provider.base.clone() }
    }
}

/// The work.
pub struct Load {
    book: Arc<Book>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub busy: usize,
    pub broken: usize,
    pub served: usize,
}

impl Load {
    /// Everybody begins.
    pub async fn start(provider: &Provider, actors: &Actors) -> Self {
        let tokens = actors.app.tokens_with(&actors.browser, &[]).await;
        let api = provider.api_of(&actors.admin).await.token.unwrap();
        let book = Arc::new(Book::default());
        let hand = |number| Hand { book: Arc::clone(&book), actors: actors.clone(), number };
        let (refresh, access) = (text(&tokens, "refresh_token").to_owned(), text(&tokens, "access_token").to_owned());
        let tasks = vec![
            tokio::spawn(hand(0).refresh(refresh)),
            tokio::spawn(hand(1).add(api)),
            tokio::spawn(hand(2).look(access)),
            tokio::spawn(hand(3).sign_in()),
            tokio::spawn(hand(4).exchange()),
        ];
        Self { book, tasks }
    }

    /// Waits until everybody's work has succeeded again twice.
    pub async fn goes_on(&self) {
        let since = Instant::now();
        let counts = || self.book.served.each_ref().map(|count| count.load(Ordering::SeqCst));
        let before = counts();
        while !counts().iter().zip(before).all(|(now, then)| *now >= then + 2) {
            assert!(since.elapsed() < BOUND * 2, "it does not recover: {before:?} {:?} {:?}", counts(), self.book);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many answers were 503 by now.
    pub fn busy(&self) -> usize {
        self.book.busy.load(Ordering::SeqCst)
    }

    /// How many connections broke under a request by now.
    pub fn broken(&self) -> usize {
        self.book.broken.load(Ordering::SeqCst)
    }

    /// Everybody stops. Nothing that must never be was seen, and everything that was acknowledged is there.
    pub async fn end(self, database: &database::Fresh) -> Outcome {
        self.book.ended.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        let book = self.book;
        let wrong = book.wrong.lock().unwrap().clone();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let added = book.added.lock().unwrap().clone();
        assert!(!added.is_empty());
        let mut superuser = database.superuser().await;
        let there = "select a.email as email, count(e.id) as events from account a
                     left join event e on e.account_id = a.id and e.action = 'member.added' group by a.email";
        let rows = sqlx::query(there).fetch_all(&mut superuser).await.unwrap();
        for email in added {
            let found = rows.iter().find(|row| row.get::<String, _>("email") == email);
            assert_eq!(found.map(|row| row.get::<i64, _>("events")), Some(1), "{email} was acknowledged");
        }
        let count = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        Outcome { busy: count(&book.busy), broken: count(&book.broken), served: book.served.iter().map(count).sum() }
    }
}

/// One of those at work.
struct Hand {
    book: Arc<Book>,
    actors: Actors,
    number: usize,
}

impl Hand {
    fn goes_on(&self) -> bool {
        !self.book.ended.load(Ordering::SeqCst)
    }

    fn served(&self) {
        self.book.served[self.number].fetch_add(1, Ordering::SeqCst);
    }

    fn wrong(&self, what: impl Into<String>) {
        self.book.wrong.lock().unwrap().push(what.into());
    }

    /// Asks. `None` where the answer was 503 or the connection broke: whoever asked does not know whether it was done.
    async fn ask(&self, request: RequestBuilder) -> Option<Page> {
        let since = Instant::now();
        let answered = match request.timeout(BOUND).send().await {
            Ok(response) => {
                let (status, url, headers) = (response.status(), response.url().clone(), response.headers().clone());
                response.text().await.map(|html| Page { status: status.as_u16(), url, headers, html })
            }
            Err(error) => Err(error),
        };
        match answered {
            Err(error) => {
                if error.is_timeout() {
                    self.wrong(format!("no answer in {:?}: {error}", since.elapsed()));
                }
                self.book.broken.fetch_add(1, Ordering::SeqCst);
            }
            Ok(page) if page.status == StatusCode::SERVICE_UNAVAILABLE => {
                if !page.headers.contains_key(RETRY_AFTER) {
                    self.wrong(format!("503 without Retry-After from {}", page.url));
                }
                self.book.busy.fetch_add(1, Ordering::SeqCst);
            }
            Ok(page) if page.status >= 500 => self.wrong(format!("{} {}: {}", page.status, page.url, page.html)),
            Ok(page) => return Some(page),
        }
        tokio::time::sleep(PAUSE).await;
        None
    }

    /// A rotating refresh token. Whoever lost the answer asks again with the same.
    async fn refresh(self, mut token: String) {
        while self.goes_on() {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
            let Some(page) = self.ask(self.actors.app.request("/oauth2/token", &form)).await else { continue };
            if page.status == 200 {
                text(&serde_json::from_str::<Value>(&page.html).unwrap(), "refresh_token").clone_into(&mut token);
                self.served();
            } else {
                return self.wrong(format!("a refresh was refused: {} {}", page.status, page.html));
            }
        }
    }

    /// New people, by the API.
    async fn add(self, token: String) {
        let url = format!("{}/api/users", self.actors.base);
        for number in 0.. {
            if !self.goes_on() {
                return;
            }
            let email = format!("person{number}@load.example");
            let body = json!({ "email": email, "name": "Pat Person", "role": "user" });
            let Some(page) = self.ask(self.actors.app.http.post(&url).bearer_auth(&token).json(&body)).await else {
                continue;
            };
            if page.status == 201 {
                self.book.added.lock().unwrap().push(email);
                self.served();
            } else {
                self.wrong(format!("adding: {} {}", page.status, page.html));
            }
        }
    }

    /// The userinfo endpoint.
    async fn look(self, token: String) {
        let url = format!("{}/oauth2/userinfo", self.actors.base);
        while self.goes_on() {
            match self.ask(self.actors.app.http.get(&url).bearer_auth(&token)).await {
                Some(page) if page.status == 200 => self.served(),
                Some(page) => self.wrong(format!("userinfo: {} {}", page.status, page.html)),
                None => {}
            }
        }
    }

    /// The sign-in page, in a new browser each time.
    async fn sign_in(self) {
        while self.goes_on() {
            let browser = Visitor::new(&self.actors.base);
            let url = format!("{}/login", self.actors.base);
            let Some(page) = self.ask(browser.client.get(&url)).await else { continue };
            let form = page.form("#login").fill("email", &self.actors.admin.email);
            let form = form.fill("password", &self.actors.admin.password);
            let Some(page) = self.ask(browser.client.post(form.action.clone()).form(&form.fields)).await else {
                continue;
            };
            if page.status != 303 {
                self.wrong(format!("sign-in: {} {}", page.status, page.html));
                continue;
            }
            // Whoever was let in is in.
            let url = format!("{}/dashboard", self.actors.base);
            match self.ask(browser.client.get(&url)).await {
                Some(page) if page.status == 200 => self.served(),
                Some(page) => self.wrong(format!("a login was lost: {} {:?}", page.status, page.location())),
                None => {}
            }
        }
    }

    /// Codes for who is signed in, and tokens for codes.
    async fn exchange(self) {
        let app = &self.actors.app;
        while self.goes_on() {
            let Some(page) = self.ask(self.actors.browser.client.get(app.authorize(&[]))).await else { continue };
            let to = page.location().unwrap_or_default();
            let code = to.split_once("code=").map(|(_, rest)| rest.split('&').next().unwrap().to_owned());
            let Some(code) = code else {
                self.wrong(format!("a login was lost: {} {to}", page.status));
                continue;
            };
            let form = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", super::app::CALLBACK),
                ("code_verifier", super::app::VERIFIER),
            ];
            match self.ask(app.request("/oauth2/token", &form)).await {
                Some(page) if page.status == 200 => self.served(),
                Some(page) => self.wrong(format!("a code was refused: {} {}", page.status, page.html)),
                None => {}
            }
        }
    }
}
