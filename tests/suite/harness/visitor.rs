//! A person at a browser without JavaScript: keeps cookies, follows our redirects, fills forms and presses buttons.

use std::sync::Arc;

use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::header::{HeaderMap, LOCATION};
use scraper::{Html, Selector};
use url::Url;

use super::Person;

pub struct Visitor {
    pub jar: Arc<Jar>,
    pub client: reqwest::Client,
    base: Url,
}

/// What the browser shows, or the address of somebody else that it was sent to.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub url: Url,
    pub headers: HeaderMap,
    pub html: String,
}

/// A form as the person has filled it.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: Url,
    pub fields: Vec<(String, String)>,
}

impl Visitor {
    pub fn new(base: &str) -> Self {
        let jar = Arc::new(Jar::default());
        let client = reqwest::Client::builder()
            .cookie_provider(Arc::clone(&jar))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0")
            .build()
            .unwrap();
        Self { jar, client, base: base.parse().unwrap() }
    }

    /// Opens a path of ours or a whole URL.
    pub async fn get(&self, target: &str) -> Page {
        let url = self.base.join(target).unwrap();
        let request = self.client.get(url);
        self.follow(request).await
    }

    /// Sends a form and follows where it leads.
    pub async fn send(&self, form: &Form) -> Page {
        let request = self.client.post(form.action.clone()).form(&form.fields);
        self.follow(request).await
    }

    /// One answer, no redirect followed.
    pub async fn send_once(&self, form: &Form) -> Page {
        page(self.client.post(form.action.clone()).form(&form.fields).send().await.unwrap()).await
    }

    /// Opens `/login` and signs in with the password. Where this leads is up to the person.
    pub async fn sign_in(&self, person: &Person) -> Page {
        let login = self.get("/login").await;
        self.enter_password(&login, person).await
    }

    /// Fills the sign-in page that is open.
    pub async fn enter_password(&self, login: &Page, person: &Person) -> Page {
        let form = login.form("#login").fill("email", &person.email).fill("password", &person.password);
        self.send(&form).await
    }

    /// The value of our session cookie.
    pub fn cookie(&self) -> Option<String> {
        self.jar.cookies(&self.base).map(|value| value.to_str().unwrap().to_owned())
    }

    async fn follow(&self, request: reqwest::RequestBuilder) -> Page {
        let mut page = page(request.send().await.unwrap()).await;
        for _ in 0..12 {
            let Some(location) = page.location() else {
                return page;
            };
            let next = page.url.join(&location).unwrap();
            if next.origin() != self.base.origin() {
                page.url = next;
                return page;
            }
            page = self::page(self.client.get(next).send().await.unwrap()).await;
        }
        panic!("redirected for ever, last to {}", page.url);
    }
}

async fn page(response: reqwest::Response) -> Page {
    Page {
        status: response.status().as_u16(),
        url: response.url().clone(),
        headers: response.headers().clone(),
        html: response.text().await.unwrap(),
    }
}

impl Page {
    pub fn location(&self) -> Option<String> {
        self.headers.get(LOCATION).map(|value| value.to_str().unwrap().to_owned())
    }

    /// The path that the browser shows.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// A parameter of the address that the browser shows.
    pub fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    pub fn has(&self, selector: &str) -> bool {
        Html::parse_document(&self.html).select(&Selector::parse(selector).unwrap()).next().is_some()
    }

    /// The visible text, white space folded.
    pub fn text(&self) -> String {
        let html = Html::parse_document(&self.html);
        let body = Selector::parse("body").unwrap();
        let words: Vec<&str> =
            html.select(&body).flat_map(|body| body.text()).flat_map(str::split_whitespace).collect();
        words.join(" ")
    }

    /// The text of one element.
    pub fn text_of(&self, selector: &str) -> String {
        let html = Html::parse_document(&self.html);
        let selector = Selector::parse(selector).unwrap();
        let found =
            html.select(&selector).next().unwrap_or_else(|| panic!("no {selector:?} on {}: {}", self.url, self.html));
        found.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The form around the button (or field, or the form itself) that the selector names, as it stands on the page.
    pub fn form(&self, selector: &str) -> Form {
        let html = Html::parse_document(&self.html);
        let chosen = Selector::parse(selector).unwrap();
        let button = html
            .select(&chosen)
            .next()
            .unwrap_or_else(|| panic!("no {selector} on {} ({}): {}", self.url, self.status, self.html));
        let form = std::iter::once(*button)
            .chain(button.ancestors())
            .filter_map(scraper::ElementRef::wrap)
            .find(|element| element.value().name() == "form")
            .unwrap_or_else(|| panic!("{selector} stands in no form"));
        let mut fields = Vec::new();
        for input in form.select(&Selector::parse("input, select, textarea").unwrap()) {
            let value = input.value();
            let kind = value.attr("type").unwrap_or("text");
            let Some(name) = value.attr("name") else {
                continue;
            };
            if matches!(kind, "submit" | "button")
                || (matches!(kind, "checkbox" | "radio") && value.attr("checked").is_none())
            {
                continue;
            }
            let text = match value.name() {
                "select" => {
                    let options = Selector::parse("option").unwrap();
                    let all: Vec<_> = input.select(&options).collect();
                    let chosen = all.iter().find(|option| option.value().attr("selected").is_some()).or(all.first());
                    chosen.and_then(|option| option.value().attr("value")).unwrap_or_default().to_owned()
                }
                "textarea" => input.text().collect(),
                _ => value.attr("value").unwrap_or_default().to_owned(),
            };
            fields.push((name.to_owned(), text));
        }
        if let (Some(name), Some(value)) = (button.value().attr("name"), button.value().attr("value"))
            && button.value().name() == "button"
        {
            fields.push((name.to_owned(), value.to_owned()));
        }
        let action = form.value().attr("action").unwrap_or_default();
        Form { action: self.url.join(action).unwrap(), fields }
    }
}

impl Form {
    /// Types into a field.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(found, _)| found != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(found, _)| found != name);
        self
    }
}
