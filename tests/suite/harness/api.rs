//! A caller of the management API, and what people hold beside a password: an authenticator app, a mailbox.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use super::{PASSWORD, Person, Provider};

/// What callers name themselves.
pub const AGENT: &str = "api-caller/1.0";

/// Somebody who speaks to the management API, with a token or without.
#[derive(Debug, Clone)]
pub struct Api {
    pub base: String,
    pub token: Option<String>,
    pub refresh: Option<String>,
    /// What a proxy in front says of where the caller is.
    pub from: Option<String>,
    http: reqwest::Client,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Provider {
    /// A caller without a token.
    pub fn api(&self) -> Api {
        let http = reqwest::Client::builder().user_agent(AGENT).redirect(reqwest::redirect::Policy::none());
        Api { base: self.base.clone(), token: None, refresh: None, from: None, http: http.build().unwrap() }
    }

    /// A caller who is signed in to their home company.
    pub async fn api_of(&self, person: &Person) -> Api {
        self.api().login(person).await
    }
}

impl Api {
    /// The same caller with this token.
    pub fn with(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same caller at another address.
    pub fn at(&self, address: &str) -> Self {
        Self { from: Some(address.to_owned()), ..self.clone() }
    }

    /// Asks to sign in, whatever comes of it.
    pub async fn try_login(&self, email: &str, password: &str) -> Answer {
        self.post("/api/auth/login", json!({ "email": email, "password": password })).await
    }

    /// Signs in.
    pub async fn login(&self, person: &Person) -> Self {
        self.holding(&self.try_login(&person.email, &person.password).await)
    }

    /// Signs in to act for this company.
    pub async fn login_to(&self, person: &Person, company: &str) -> Self {
        let sent = json!({ "email": person.email, "password": person.password, "company": company });
        self.holding(&self.post("/api/auth/login", sent).await)
    }

    /// The caller who got these tokens.
    pub fn holding(&self, answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let text = |name: &str| answer.body[name].as_str().map(str::to_owned);
        let token = text("access_token").unwrap_or_else(|| panic!("no tokens: {}", answer.text));
        Self { token: Some(token), refresh: text("refresh_token"), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Any request; the body is JSON where there is one.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| ("application/json".to_owned(), body.to_string().into_bytes()));
        self.raw(method, path, body).await
    }

    /// Any request with any body, each with its content type.
    pub async fn raw(&self, method: Method, path: &str, body: Option<(String, Vec<u8>)>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(from) = &self.from {
            request = request.header("x-forwarded-for", from);
        }
        if let Some((kind, bytes)) = body {
            request = request.header(CONTENT_TYPE, kind).body(bytes);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, body }
    }
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A text member.
    #[track_caller]
    pub fn text_of(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.text)).to_owned()
    }

    /// The fields that were refused, in the order of the answer.
    pub fn flaws(&self) -> Vec<&str> {
        self.body["errors"].as_array().unwrap().iter().map(|flaw| flaw["field"].as_str().unwrap()).collect()
    }

    /// What the items of a list have under this name.
    pub fn each(&self, name: &str) -> Vec<&str> {
        self.body["items"].as_array().unwrap().iter().map(|item| item[name].as_str().unwrap_or_default()).collect()
    }
}

/// A person as registered by somebody else, with everybody's password.
pub fn known(id: &Value, email: &str) -> Person {
    Person { id: id.as_str().unwrap().parse().unwrap(), email: email.to_owned(), password: PASSWORD.to_owned() }
}
