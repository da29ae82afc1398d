//! A browser without scripts: cookies, redirects, forms. It goes through whatever pages a provider shows, and stops where it would leave
//! for the redirect URI.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use url::Url;

use crate::connection::{Answer, Connection, Failure, Result};
use crate::jar::Jar;
use crate::page::Form;
use crate::plan::{Person, Plan};

/// Pages and redirects of one sign-in; more of them are going round in circles.
pub const STEPS: usize = 12;

/// Where a browser ended up.
#[derive(Debug)]
pub enum Landing {
    /// At the redirect URI, with this code.
    Back(String),
    /// On a page.
    Page(Page),
}

/// A page that was shown.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub has_retry_after: bool,
    /// What the last request took.
    pub took: Duration,
    at: Url,
    html: String,
}

/// A browser of one person.
#[derive(Debug)]
pub struct Browser {
    pub connection: Connection,
    jar: Jar,
    person: Person,
}

struct Request {
    url: Url,
    /// POST where there is one.
    body: Option<String>,
}

impl Browser {
    pub fn new(connection: Connection, person: Person) -> Self {
        Self { connection, jar: Jar::default(), person }
    }

    /// A fresh one for somebody else, on the same connection.
    pub fn hand_to(&mut self, person: Person) {
        self.jar = Jar::default();
        self.person = person;
    }

    /// Authorizes, and does on the pages what a person does. Answers the code.
    pub async fn authorize(&mut self, plan: &Plan) -> Result<String> {
        let mut landing = self.open(plan).await?;
        for _ in 0..STEPS {
            match landing {
                Landing::Back(code) => return Ok(code),
                Landing::Page(page) => landing = self.fill_in(plan, &page).await?,
            }
        }
        Err("the pages lead nowhere".into())
    }

    /// Opens the authorization request.
    pub async fn open(&mut self, plan: &Plan) -> Result<Landing> {
        let url =
            plan.provider.base.join(&plan.authorize).map_err(|_| Failure::from("an address that cannot be read"))?;
        self.walk(plan, Request { url, body: None }).await
    }

    /// Fills in the page's form and sends it.
    pub async fn fill_in(&mut self, plan: &Plan, page: &Page) -> Result<Landing> {
        if page.status != 200 {
            return Err(Failure::from(format!("status {} at {}", page.status, page.at.path())));
        }
        let forms: Vec<Form> = Form::all(&page.html).into_iter().filter(|form| form.is_post).collect();
        let form = forms.iter().find(|form| form.wants_password()).or(forms.first()).ok_or("a page without a form")?;
        let url = page.at.join(&form.action).map_err(|_| Failure::from("an address that cannot be read"))?;
        let body = form.filled(&self.person.email, &plan.arguments.password);
        self.walk(plan, Request { url, body: Some(body) }).await
    }

    async fn walk(&mut self, plan: &Plan, mut request: Request) -> Result<Landing> {
        for _ in 0..STEPS {
            let raw = self.raw(plan, &request)?;
            let since = Instant::now();
            let answer = self.connection.ask(raw.as_bytes()).await?;
            let took = since.elapsed();
            for cookie in answer.headers("set-cookie") {
                self.jar.take(cookie);
            }
            if !matches!(answer.status, 301..=303) {
                return Ok(Landing::Page(shown(&answer, request.url, took)));
            }
            let to = answer.headers("location").next().ok_or("a redirect to nowhere")?;
            let to = request.url.join(to).map_err(|_| Failure::from("an address that cannot be read"))?;
            if to.as_str().starts_with(&plan.arguments.redirect_uri) {
                return code(&to).map(Landing::Back);
            }
            request = Request { url: to, body: None };
        }
        Err("redirects without end".into())
    }

    fn raw(&self, plan: &Plan, request: &Request) -> Result<String> {
        let url = &request.url;
        if url.port_or_known_default() != plan.provider.base.port_or_known_default() {
            return Err(Failure::from(format!("a way out of the provider, to {}", url.authority())));
        }
        let method = if request.body.is_some() { "POST" } else { "GET" };
        let mut raw = String::with_capacity(1024);
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let written =
            write!(raw, "{method} {target} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n", plan.provider.host);
        self.jar.write(url.path(), &mut raw);
        let also = match &self.person.address {
            Some(address) => write!(raw, "X-Forwarded-For: {address}\r\n"),
            None => Ok(()),
        };
        let body = request.body.as_deref().unwrap_or_default();
        let rest = match &request.body {
            Some(body) => write!(
                raw,
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            None => write!(raw, "\r\n{body}"),
        };
        written.and(also).and(rest).map_err(|_| Failure::from("a request that cannot be written"))?;
        Ok(raw)
    }
}

fn shown(answer: &Answer<'_>, at: Url, took: Duration) -> Page {
    Page {
        status: answer.status,
        has_retry_after: answer.headers("retry-after").next().is_some(),
        took,
        at,
        html: String::from_utf8_lossy(answer.body).into_owned(),
    }
}

fn code(back: &Url) -> Result<String> {
    let mut error = None;
    for (name, value) in back.query_pairs() {
        match name.as_ref() {
            "code" => return Ok(value.into_owned()),
            "error" | "error_description" => error = Some(value.into_owned()),
            _ => {}
        }
    }
    Err(Failure::from(format!("refused: {}", error.unwrap_or_default())))
}
